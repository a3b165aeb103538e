"""The phases of a recipe as a table: ``summary.json`` and ``summary.md``."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..files import write_whole
from .tables.learned import result_of


def write_summary(root: Path, recipe: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write the states of the steps so far."""
    write_whole(root / 'summary.json', json.dumps(dict(recipe=str(recipe), phases=list(rows)), indent=2))
    lines = [
        f'# {recipe.stem}',
        '',
        '| phase | starts from | minutes | last training values | test | learned |',
        '|---|---|---|---|---|---|',
    ]
    for row in rows:
        train = ', '.join(f'{key} {value:.4g}' for key, value in row['train'].items() if _shown(key))
        test = ', '.join(f'{key} {value:.4g}' for key, value in row.get('test', {}).items() if _tested(key, value))
        start = (
            f'`{Path(row["init"]).parent.name}/{Path(row["init"]).name}`' if row['init'] else 'what its config names'
        )
        lines.append(
            f'| {row["name"]} | {start} | {row["seconds"] / 60:.1f} | {train or "-"} | {test or "-"} | {_learned(row)} |'
        )
    write_whole(root / 'summary.md', '\n'.join(lines) + '\n')


def _shown(key: str) -> bool:
    return key == 'loss' or key.endswith(('_acc', '_entropy', '_agreement'))


def _tested(key: str, value: object) -> bool:
    return isinstance(value, (int, float)) and (key.endswith(('_acc', '_chance', '/top1')) or '/R@' in key)


def _learned(row: Mapping[str, Any]) -> str:
    verdict = result_of(row)
    return '-' if verdict is None else 'yes' if verdict.learned else '**not learned**'
