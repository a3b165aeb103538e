"""Describes the phases of a recipe in words."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config

from ..errors import InputError
from .explain_training import starting_weights
from .load import load_config
from .loading.merge import merge


def describe_recipe(recipe: Config, folder: Path) -> list[str]:
    """Describe a recipe: one line per phase, one line per override of a phase, and the comparison at the end.

    Args:
        recipe: Config with ``phases``, ``inits`` and ``evaluations``. Each of them may be missing.
        folder: Folder that the recipe's config paths are relative to.

    Raises:
        InputError: If an entry has no name, or its config is missing.
    """
    lines = []
    for number, phase in enumerate(recipe.get('phases') or [], 1):
        config = _config_of('phase', phase, folder)
        if phase.get('init_from'):
            start = f"the backbone of '{phase['init_from']}'"
        else:
            loaded = load_config(str(folder / config))
            options = phase.get('options') or {}
            merge(loaded, {k: v for k, v in options.items() if k.split('.')[0] in ('load_from', 'model')})
            start = starting_weights(loaded)
        tested = ', tested at its end' if phase.get('test') else ''
        lines.append(f'{number}. {phase["name"]}: {config}, from {start}{tested}')
        lines += [f'   {key} = {value}' for key, value in (phase.get('options') or {}).items()]
    starts = [str(init.get('title') or init.get('name')) for init in recipe.get('inits') or []]
    for evaluation in recipe.get('evaluations') or []:
        config = _config_of('evaluation', evaluation, folder)
        lines.append(f'then {evaluation["name"]}: {config}, for each of: {"; ".join(starts) or "the last phase"}')
    return lines


def _config_of(kind: str, entry: Mapping[str, Any], folder: Path) -> str:
    if 'name' not in entry or 'config' not in entry:
        raise InputError(f'{kind} {dict(entry)}: needs a name and a config')
    path = folder / entry['config']
    if not path.is_file():
        raise InputError(f'{kind} {entry["name"]!r}: no config {path}')
    return str(entry['config'])
