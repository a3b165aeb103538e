"""Which rows of a recipe start from a phase that learned nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...evaluation.pretext.learned import PretextResult, pretext_result
from ..entries import Init
from ..plan import Step
from .columns import States


@dataclass
class RowVerdict:
    """What the tests of a row's phases say.

    Attributes:
        phases: Results by phase and run, from the first phase to the last. None for a phase without a test.
    """

    phases: dict[str, dict[str, PretextResult | None]] = field(default_factory=dict)

    @property
    def learned(self) -> bool | None:
        """Whether every tested phase learned its task in every run. None if no phase was tested."""
        found = [result.learned for runs in self.phases.values() for result in runs.values() if result is not None]
        return all(found) if found else None

    @property
    def mark(self) -> str:
        """Text behind the title of the row, such as `` (not learned: vspp in 2 of 5 runs)``; empty if all is well."""
        words = []
        for phase, runs in self.phases.items():
            tested = [result for result in runs.values() if result is not None]
            failed = sum(not result.learned for result in tested)
            if failed:
                words.append(phase if failed == len(tested) else f'{phase} in {failed} of {len(tested)} runs')
        return f' (not learned: {", ".join(words)})' if words else ''

    def record(self) -> dict[str, Any]:
        """The verdict as JSON types."""
        phases = {
            phase: {run: result and result.record() for run, result in runs.items()}
            for phase, runs in self.phases.items()
        }
        return dict(learned=self.learned, mark=self.mark.strip(), phases=phases)


def result_of(row: Mapping[str, Any]) -> PretextResult | None:
    """The verdict in the state of a step; None if it has no test of a pretext task."""
    return pretext_result(row.get('test') or {})


def row_verdicts(inits: Sequence[Init], states: States) -> dict[str, RowVerdict]:
    """The verdicts of all rows by their names.

    Args:
        inits: Rows of the recipe.
        states: Steps with their states. Phases that are not finished are left out.
    """
    phases = {(step.kind, step.run.name): (step, row) for step, row in states if step.row is None}
    by_folder = {step.folder: step for step, _ in phases.values()}
    verdicts = {init.name: RowVerdict() for init in inits}
    for init in inits:
        for run in dict.fromkeys(run for _, run in phases):
            last = phases.get((init.init_from or '', run))
            for step in [] if last is None else reversed([*_chain(last[0], by_folder)]):
                row = phases[step.kind, run][1]
                if row.get('finished', True):
                    verdicts[init.name].phases.setdefault(step.kind, {})[run] = result_of(row)
    return verdicts


def _chain(step: Step | None, by_folder: Mapping[Any, Step]) -> Iterator[Step]:
    """A phase and those that it started from, the last one first."""
    while step is not None:
        yield step
        step = by_folder.get(step.init)


def untested_phases(verdicts: Mapping[str, RowVerdict]) -> list[str]:
    """Phases of the rows that have no test on held-out clips."""
    found = {
        phase: None
        for verdict in verdicts.values()
        for phase, runs in verdict.phases.items()
        if all(result is None for result in runs.values())
    }
    return list(found)
