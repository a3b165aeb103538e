"""Variables that a config puts in after the overrides: ``'{split}'`` in any of its strings."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from mmengine.config import Config

from ..errors import InputError
from .class_count import count_classes

_PLACE = re.compile(r'\{(\w+)\}')
_SCALARS = (str, int, float, bool, type(None))
# Variables with a known range: the official splits of UCF101 and HMDB51.
_RANGES = dict(split=(1, 2, 3))


def fill_variables(config: Config, overridden: Mapping[str, Any] | None = None) -> Config:
    """Replace ``'{name}'`` in the strings of a config by its top-level variable of that name.

    MMEngine fills ``{{_base_.name}}`` while it reads the file, so an override of the variable comes too late. These are
    filled after it: with ``split = 1`` and ``ann_file='train_split{split}.txt'``, ``--cfg-options split=2`` is enough.
    A string that is nothing but ``'{name}'`` takes the variable with its type. Braces around anything else stay.
    ``num_classes = None`` is counted; see :func:`count_classes`.

    Args:
        config: Changed in place.
        overridden: The overrides that were merged.

    Returns:
        The config.

    Raises:
        InputError: For a split out of 1 to 3, or one that no string of the config asks for.
    """
    variables = {key: value for key, value in dict.items(config._cfg_dict) if isinstance(value, _SCALARS)}
    for name, count in count_classes(variables).items():
        variables[name] = count
        dict.__setitem__(config._cfg_dict, name, count)
    used: set[str] = set()
    for key, value in list(dict.items(config._cfg_dict)):
        if key not in variables:
            dict.__setitem__(config._cfg_dict, key, _fill(value, variables, used))
    for name, allowed in _RANGES.items():
        if name in used and (isinstance(variables[name], bool) or variables[name] not in allowed):
            raise InputError(f'{name}={variables[name]!r}: expected one of {", ".join(map(str, allowed))}')
        if name in (overridden or {}) and name not in used:
            raise InputError(f"--cfg-options {name}: no path of this config holds '{{{name}}}', so it changes nothing")
    return config


def fill_value(value: Any, variables: Mapping[str, Any]) -> Any:
    """A value with ``'{name}'`` replaced in its strings; see :func:`fill_variables`. Dicts are changed in place."""
    return _fill(value, variables, set())


def _fill(value: Any, variables: Mapping[str, Any], used: set[str]) -> Any:
    if isinstance(value, str):
        return _fill_text(value, variables, used)
    if isinstance(value, dict):
        for key, item in list(dict.items(value)):
            dict.__setitem__(value, key, _fill(item, variables, used))
    elif type(value) in (list, tuple):
        return type(value)(_fill(item, variables, used) for item in value)
    return value


def _fill_text(text: str, variables: Mapping[str, Any], used: set[str]) -> Any:
    names = [name for name in _PLACE.findall(text) if name in variables]
    used.update(names)
    if len(names) == 1 and text == f'{{{names[0]}}}':
        return variables[names[0]]
    for name in names:
        text = text.replace(f'{{{name}}}', str(variables[name]))
    return text
