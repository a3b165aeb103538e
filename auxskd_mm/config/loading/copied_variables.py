"""Overrides of a config's own variables, which the file has copied into loaders and models while it was read."""

from __future__ import annotations

import copy
import re
from collections.abc import Collection, Mapping
from typing import Any

from mmengine.config import Config

from ...errors import InputError
from .merge import merge, same, with_lists


def merge_variables(config: Config, options: Mapping[str, Any], read: Collection[str]) -> None:
    """Apply an override of an entry of ``train_pipeline`` to every copy of the variable in the config.

    Args:
        config: Config, changed in place.
        options: Overrides. Overrides of other keys are ignored.
        read: Top-level keys that the Runner itself reads.

    Raises:
        InputError: If the file used the variable, but the config holds no copy of it. The override would do nothing.
    """
    names = {key.split('.')[0] for key in options} - set(read)
    for name in sorted(name for name in names if name in config):
        old = copy.deepcopy(config._cfg_dict[name])
        own = {key: value for key, value in options.items() if key.split('.')[0] == name}
        merge(config, own)
        if same(with_lists(old), with_lists(config._cfg_dict[name])):
            continue
        copies = 0
        if isinstance(old, (dict, list, tuple)) and old:
            others = [key for key in dict.keys(config._cfg_dict) if key != name]
            copies = sum(_replace(config._cfg_dict, key, old, config._cfg_dict[name]) for key in others)
        if not copies and used_in(config.text, name):
            raise InputError(
                f'--cfg-options {next(iter(own))}: would change nothing, since the config has used its variable '
                f'{name!r} while it was read; override {_where(config, name, old, read)} instead, or change the file'
            )


def _replace(owner: Any, key: Any, old: object, new: object) -> int:
    """Replace values equal to ``old`` in a tree; returns their number."""
    value = dict.__getitem__(owner, key) if isinstance(owner, dict) else owner[key]
    if type(value) is type(old) and same(value, old):
        changed = copy.deepcopy(new)
        dict.__setitem__(owner, key, changed) if isinstance(owner, dict) else owner.__setitem__(key, changed)
        return 1
    if isinstance(value, dict):
        return sum(_replace(value, name, old, new) for name in list(dict.keys(value)))
    if isinstance(value, list):
        return sum(_replace(value, place, old, new) for place in range(len(value)))
    return 0


def used_in(text: str, name: str) -> bool:
    """Whether the source of a config reads a name, beyond assigning it."""
    return any(
        re.search(rf'(?<![\w.\'"]){name}(?!\w|\s*=[^=])', line.partition('#')[0]) for line in text.split('\n')
    ) or bool(re.search(rf'_base_\.{name}\b', text))


def _where(config: Config, name: str, old: object, read: Collection[str]) -> str:
    """Keys that hold a copy of the variable's value."""
    places = [place for place in _places(config._cfg_dict, old, '') if place.split('.')[0] in read]
    same = [place for place in places if place.rpartition('.')[2] == name]
    return ' and '.join((same or places)[:3]) or 'the keys that it went into'


def _places(value: object, old: object, prefix: str) -> Any:
    if type(value) is type(old) and same(value, old):
        yield prefix[:-1]
    elif isinstance(value, dict):
        for key in dict.keys(value):
            yield from _places(dict.__getitem__(value, key), old, f'{prefix}{key}.')
    elif isinstance(value, (list, tuple)):
        for place, item in enumerate(value):
            yield from _places(item, old, f'{prefix}{place}.')
