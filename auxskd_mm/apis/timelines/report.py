"""Events of a timeline, and its files: CSV, JSON and a picture."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...errors import InputError
from ...evaluation.events import Event, PerClass, event_f1, find_events
from ...evaluation.events.f1 import THRESHOLDS
from ...evaluation.events.find import check_known
from ...texts import write_table, write_text
from ...visualization.timeline_picture import draw_timeline
from .predict_timeline import Timeline

# Defaults of the settings, also of tools/predict.py.
THRESHOLD, MERGE_GAP, MIN_LENGTH = 0.5, 0.5, 0.5
SUFFIXES = ('.csv', '.json', '.png')


@dataclass(frozen=True)
class EventRules:
    """How events are made of scores; see :func:`find_events`."""

    threshold: PerClass = field(default_factory=lambda: PerClass(THRESHOLD))
    merge_gap: PerClass = field(default_factory=lambda: PerClass(MERGE_GAP))
    min_length: PerClass = field(default_factory=lambda: PerClass(MIN_LENGTH))
    background: Collection[str] = ()

    def check(self, names: Sequence[str]) -> None:
        """Refuse rules for unknown classes.

        Raises:
            InputError: If a rule names one.
        """
        for key in ('threshold', 'merge_gap', 'min_length'):
            check_known(getattr(self, key).values, names, f'--{key.replace("_", "-")}')
        check_known(self.background, names, '--background')

    def asked(self, truth: Sequence[Event]) -> list[Event]:
        """The true events that :meth:`events` could find: those of the background are none, as in Lea et al."""
        return [event for event in truth if event.label not in self.background]

    def events(self, timeline: Timeline) -> list[Event]:
        """Events of a timeline.

        Raises:
            InputError: If a rule names an unknown class.
        """
        return find_events(
            timeline.scores,
            timeline.spans,
            timeline.names,
            threshold=self.threshold,
            merge_gap=self.merge_gap,
            min_length=self.min_length,
            background=self.background,
        )


def timeline_files(out: str | Path) -> list[Path]:
    """Files that :func:`write_timeline` writes: the scores as CSV, the events as CSV, everything as JSON, the picture.

    Args:
        out: One of the files, whose suffix is .csv, .json or .png.

    Raises:
        InputError: For another suffix.
    """
    path = Path(out)
    if path.suffix not in SUFFIXES:
        raise InputError(f'{out}: expected a file that ends in {", ".join(SUFFIXES)}; a timeline writes all three')
    return [
        path.with_suffix('.csv'),
        path.with_suffix('.events.csv'),
        path.with_suffix('.json'),
        path.with_suffix('.png'),
    ]


def write_timeline(
    out: str | Path,
    timeline: Timeline,
    rules: EventRules,
    truth: Sequence[Event] | None = None,
    iou: float = 0.5,
) -> list[Path]:
    """Write the files of :func:`timeline_files`, where ``out`` is one of them, and return their paths.

    True events, if they are known, are compared with those that the rules make, by a temporal IoU of at least ``iou``.
    Those of the background are written and drawn, and not compared.
    """
    scores, events, everything, picture = timeline_files(out)
    found = rules.events(timeline)
    write_table(
        scores,
        [
            ['start', 'end', *timeline.names],
            *(
                [f'{start:.3f}', f'{end:.3f}', *(f'{value:.6f}' for value in row)]
                for start, end, row in zip(timeline.starts, timeline.ends, timeline.scores)
            ),
        ],
    )
    rows = [[f'{e.start:.3f}', f'{e.end:.3f}', e.label, f'{e.score:.6f}'] for e in found]
    write_table(events, [['start', 'end', 'label', 'score'], *rows])
    write_text(everything, json.dumps(_as_dict(timeline, rules, found, truth, iou), indent=1) + '\n')
    draw_timeline(
        picture,
        timeline.scores,
        timeline.spans,
        timeline.names,
        found,
        truth,
        [rules.threshold.of(name) for name in timeline.names],
        f'{Path(timeline.recording).name}: {timeline.task}, windows of {timeline.ends[0] - timeline.starts[0]:g} s',
    )
    return [scores, events, everything, picture]


def _as_dict(
    timeline: Timeline, rules: EventRules, found: Sequence[Event], truth: Sequence[Event] | None, iou: float
) -> dict[str, Any]:
    """Plain values, for JSON."""
    known = {} if truth is None else dict(
        truth=[event._asdict() for event in truth],
        f1={f'{one:g}': round(event_f1(found, rules.asked(truth), one).f1, 6) for one in sorted({*THRESHOLDS, iou})},
    )  # fmt: skip
    return dict(
        recording=timeline.recording,
        seconds=round(timeline.duration, 3),
        task=timeline.task,
        classes=list(timeline.names),
        starts=timeline.starts.round(3).tolist(),
        ends=timeline.ends.round(3).tolist(),
        scores=timeline.scores.astype(float).round(6).tolist(),
        rules=dict(
            threshold=_plain(rules.threshold),
            merge_gap=_plain(rules.merge_gap),
            min_length=_plain(rules.min_length),
            background=list(rules.background),
        ),
        events=[event._asdict() for event in found],
        **known,
    )


def _plain(setting: PerClass) -> Any:
    return {'default': setting.default, **setting.values} if setting.values else setting.default
