"""A cell of the study: a step of the recipe engine, by a config of the repository and options."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmengine.config import Config

from auxskd_mm.errors import InputError
from auxskd_mm.recipes.runs import Run, Step
from auxskd_mm.recipes.step_records import known_state, last_checkpoint

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
# Same results but for rounding, on the CPU a third faster.
HOOKS = (dict(type='auxskd_mm.FastStepHook'),)


@dataclass(frozen=True)
class Cell:
    """One entry of a table.

    Attributes:
        name: Folder below the study's folder, such as ``motion/vspp/0/pretrain``.
        config: Path of the config below ``configs/``.
        options: Overrides of the config.
        seed: Seed of weights, batches and draws.
        steps: Number of training steps. 0 trains nothing.
        init: Name of the cell whose weights this cell starts from or measures. None means random weights.
        still: Whether every clip repeats one frame.
        labels: Lists of labelled training clips, by the number of labels per class. Features are measured with each.
    """

    name: str
    config: str
    options: dict[str, Any] = field(default_factory=dict)
    seed: int = 0
    steps: int = 0
    init: str | None = None
    still: bool = False
    labels: dict[int, str] = field(default_factory=dict)

    def folder(self, root: Path) -> Path:
        """Return the work dir of the cell."""
        return root / 'cells' / self.name

    def step(self, root: Path) -> Step:
        """The cell as a step of the engine.

        Weights of a cell of another table are its checkpoint.
        """
        path = CONFIGS / self.config
        options = {**self.options, **({'still': True} if self.still else {})}
        if self.labels:
            few = dict(type='auxskd_mm.FewLabelsMetric', lists=dict(self.labels), seed=self.seed)
            options['test_evaluator'] = [{**few, 'save_to': str(self.folder(root) / 'features')}]
        return Step(
            label=self.name,
            kind=self.name.rsplit('/', 1)[-1],
            folder=self.folder(root),
            config=path,
            options=options,
            seed=self.seed,
            init=None if self.init is None else root / 'cells' / self.init,
            trains=self.steps > 0,
            tests=Config.fromfile(str(path)).get('test_dataloader') is not None,
            run=Run(str(self.seed), self.seed, None),
            steps=self.steps or None,
            hooks=HOOKS,
        )

    def result(self, root: Path) -> dict[str, Any] | None:
        """Return the state of the cell. None if the cell has not been run.

        Raises:
            InputError: If the cell was run with other options.
        """
        return known_state(self.name, self.folder(root), self.step(root).fingerprint(root)) or None


def steps_of(cells: Sequence[Cell], root: Path) -> list[Step]:
    """The steps of a table, in order.

    Raises:
        InputError: If a cell waits for a cell that is neither part of the table nor finished.
    """
    names = {cell.name for cell in cells}
    for cell in cells:
        if cell.init and cell.init not in names and last_checkpoint(root / 'cells' / cell.init) is None:
            raise InputError(f'{cell.name}: needs {cell.init}; run the table {cell.init.split("/")[0]!r} first')
    return [cell.step(root) for cell in cells]
