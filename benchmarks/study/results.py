"""The numbers of all cells in one file, from which tables and pictures are made."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from auxskd_mm.errors import InputError
from auxskd_mm.files import write_whole
from auxskd_mm.recipes.step_records import STATE, read_state


class Results:
    """Numbers by cell name ``table/row/seed/step``."""

    def __init__(self, cells: dict[str, dict[str, float]], made: dict[str, Any]) -> None:
        self.cells = cells
        self.made = made

    @classmethod
    def collect(cls, root: Path) -> Results:
        """Read every finished cell below a study's folder.

        Raises:
            InputError: If there is none.
        """
        cells: dict[str, dict[str, float]] = {}
        made: dict[str, Any] = {}
        for path in sorted(root.glob(f'**/cells/*/*/*/*/{STATE}')):
            content = read_state(path.parent)
            if not content.get('finished'):
                continue  # a cell that was cut off
            found = {key: value for key, value in content.get('test', {}).items() if isinstance(value, (int, float))}
            numbers = {key: round(value, 4) for key, value in found.items()}
            kept = ('anchor_agreement', 'teacher_entropy', 'student_entropy', 'loss')
            numbers.update({f'train/{k}': round(v, 4) for k, v in content.get('train', {}).items() if k in kept})
            cells[content['name']] = {**numbers, 'seconds': content['seconds']}
            if protocol := content.get('protocol'):
                made = {key: protocol[key] for key in ('git', 'versions', 'date')}
        if not cells:
            raise InputError(f'{root}: no finished cell; run benchmarks/study/run.py first')
        return cls(cells, made)

    @classmethod
    def load(cls, path: Path) -> Results:
        """Read a file of :meth:`save`.

        Raises:
            InputError: If the file is missing.
        """
        if not path.is_file():
            raise InputError(f'{path}: no such results; run benchmarks/study/report.py --collect')
        content = json.loads(path.read_text())
        return cls(content['cells'], content['made'])

    def save(self, path: Path) -> None:
        """Write a JSON with one cell per line."""
        rows = ',\n'.join(f'  {json.dumps(name)}: {json.dumps(row)}' for name, row in sorted(self.cells.items()))
        write_whole(path, f'{{"made": {json.dumps(self.made)},\n "cells": {{\n{rows}\n }}}}\n')

    def values(self, table: str, row: str, step: str, key: str) -> dict[int, float]:
        """A number by seed."""
        return {seed: numbers[key] for name, seed, numbers in self._of(table, row) if name == step and key in numbers}

    def _of(self, table: str, row: str) -> Iterator[tuple[str, int, dict[str, float]]]:
        for name, numbers in self.cells.items():
            own_table, own_row, seed, step = name.split('/')
            if (own_table, own_row) == (table, row):
                yield step, int(seed), numbers
