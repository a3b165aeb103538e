"""A cell of the study: one training, or one measurement of a checkpoint, by a config of the repository and options."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from auxskd_mm.recipes.step_records import digest, known_state

STATE = 'result.json'
CONFIGS = Path(__file__).resolve().parents[2] / 'configs'


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

    def fingerprint(self) -> str:
        """Digest of all inputs of the cell's number, except the code."""
        what = [self.config, self.options, self.seed, self.steps, self.init, self.still, self.labels]
        return digest(what)

    def folder(self, root: Path) -> Path:
        """Return the work dir of the cell."""
        return root / 'cells' / self.name

    def result(self, root: Path) -> dict[str, Any] | None:
        """Return the measured values. None if the cell has not been run.

        Raises:
            InputError: If the cell was run with other options.
        """
        return known_state(self.name, self.folder(root), self.fingerprint(), STATE) or None
