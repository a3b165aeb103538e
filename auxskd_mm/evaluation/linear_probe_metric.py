"""Linear probe as a metric: train on the gallery's features, test on the queries'."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

from mmengine.logging import print_log

from ..datasets.recordings.names import without_window
from ..errors import InputError, check_choice
from ..functional.group_division import group_named, group_pattern
from ..records.predictions import write_answers
from ..registry import METRICS
from ..texts import ERRORS, read_table, require_columns
from .feature_bank import FeatureBank, entries_of
from .feature_metric import FeatureMetric
from .linear_probe import SOLVERS, ProbeSettings, sweep_probe
from .scores import scores_of


@METRICS.register_module()
class LinearProbeMetric(FeatureMetric):
    """Accuracy of a linear classifier on frozen features; see :func:`sweep_probe` and :class:`FeatureMetric`.

    The settings are chosen on a part of the gallery. The queries are used once, at the end.

    Args:
        solver: 'lbfgs' or 'sgd'.
        weight_decays: Values to try.
        learning_rates: Values to try, for 'sgd'.
        epochs: Epochs of 'sgd'.
        val_share: Share of the gallery for the choice.
        group_pattern: Regular expression with one bracket, searched in the file names. Videos with the same match form
            a group that is held out whole, for instance ``r'_(g\\d+)_'`` for UCF101. A name that it does not match is
            its own group.
        group_file: CSV with the columns path and group, as ``prepare_folder`` writes it, instead of a pattern. A video
            in a store has the group of the video that it was packed from.
        seed: Seed of the choice.
        kwargs: See :class:`FeatureMetric`; ``save_to`` also gets ``predictions.json``, see :mod:`auxskd_mm.records.predictions`.

    Raises:
        InputError: For an unknown solver, a pattern without one bracket, or an invalid group file.
    """

    default_prefix = 'linear'
    measures = 'linear probe'

    def __init__(
        self,
        solver: str = 'lbfgs',
        weight_decays: Sequence[float] = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0),
        learning_rates: Sequence[float] = (1.0, 0.3, 0.1, 0.03),
        epochs: int = 100,
        val_share: float = 0.2,
        group_pattern: str | None = None,
        group_file: str | None = None,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_choice('LinearProbeMetric.solver', solver, SOLVERS)
        rates = learning_rates if solver == 'sgd' else learning_rates[:1]
        self.candidates = [ProbeSettings(solver, wd, lr, epochs) for wd, lr in product(weight_decays, rates)]
        self.val_share, self.seed = val_share, seed
        self.groups = GroupSource(group_pattern, group_file, type(self).__name__)

    def measure(self, gallery: FeatureBank, queries: FeatureBank) -> dict[str, Any]:
        """``top1``, ``mean_class`` (its mean over the classes), ``val_top1`` of the choice, and the chosen settings."""
        probe, rows = sweep_probe(
            gallery.features,
            gallery.labels,
            self.candidates,
            val_share=self.val_share,
            groups=self.groups.of(gallery.names),
            seed=self.seed,
            num_classes=int(max(gallery.labels.max(), queries.labels.max())) + 1,
            device=self.device,
        )
        print_log('\n'.join(['linear probe, on the validation part:', *map(_row, rows)]), logger='current')
        answers = probe.scores(queries.features).argmax(1).cpu().numpy()
        if self.save_to is not None:
            write_answers(self.save_to, queries.names, queries.labels.tolist(), answers.tolist())
        chosen = probe.settings
        rate = f', learning rate {chosen.learning_rate:g}' if chosen.solver == 'sgd' else ''
        scores = scores_of(queries.labels, answers)
        return dict(
            top1=scores.top1,
            mean_class=scores.mean_class,
            val_top1=max(row['val_acc'] for row in rows),
            settings=f'{chosen.solver}, weight decay {chosen.weight_decay:g}{rate}, chosen among {len(rows)}',
        )


class GroupSource:
    """Groups of videos, from a pattern of their names or from a file; see :class:`LinearProbeMetric`.

    Args:
        pattern: Regular expression with one bracket, or None.
        file: CSV with the columns path and group, or None.
        owner: Name of the metric, for messages.

    Raises:
        InputError: For both, a pattern without one bracket, or an invalid file.
    """

    def __init__(self, pattern: str | None, file: str | None, owner: str) -> None:
        if pattern is not None and file is not None:
            raise InputError(f'{owner}: give group_pattern or group_file, not both')
        self.owner = owner
        self.known = None if file is None else read_groups(file)
        self.pattern = None if pattern is None else group_pattern(pattern, f"{owner}.group_pattern='{pattern}'")

    def of(self, names: Sequence[str]) -> list[str] | None:
        """The group of each video; None if no groups are known. Windows of a recording are a group without being told.

        Raises:
            InputError: If the file of groups lacks a video.
        """
        if self.known is not None:
            entries = entries_of(self.known, names)
            lost = [name for name in names if name not in entries]
            if lost:
                raise InputError(f'{self.owner}.group_file: {len(lost)} videos are not in it, e.g. {lost[0]}')
            return [self.known[entries[name]] for name in names]
        recordings = [without_window(name) for name in names]
        if self.pattern is not None:
            return [group_named(self.pattern, name) or name for name in recordings]
        return recordings if recordings != list(names) else None


def read_groups(path: str | Path) -> dict[str, str]:
    """Group of each path, from a CSV with these two columns.

    Raises:
        InputError: If the file is missing or has no such columns.
    """
    if not Path(path).is_file():
        raise InputError(f'{path}: no such group file')
    # Names of files that are no UTF-8 stand in it byte for byte, as prepare_folder writes them.
    table = read_table(path, errors=ERRORS)
    require_columns(path, table, ('path', 'group'))
    return {row['path']: row['group'] for _, row in table.rows}


def _row(row: dict[str, Any]) -> str:
    rate = f', learning rate {row["learning_rate"]:g}' if row['solver'] == 'sgd' else ''
    return f'  weight decay {row["weight_decay"]:g}{rate}: {100 * row["val_acc"]:.1f}%'
