"""Puts overrides into a config, by the rules of ``Config.merge_from_dict``, and into any list and any dict."""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator, Mapping
from typing import Any

from mmengine.config import Config

from ...typing import ConfigLike
from .source import without_numpy

# Keys from the top of a config down to a value: names, keys of dicts (with dots in them or not) and places in lists.
Path = tuple[Any, ...]
MISSING = object()


def at(value: Any, path: Path) -> Any:
    """Value at the end of a path, ``MISSING`` if there is none."""
    value = value._cfg_dict if isinstance(value, Config) else value
    for key in path:
        if isinstance(value, dict) and dict.__contains__(value, key):
            value = dict.__getitem__(value, key)
        elif isinstance(value, (list, tuple)) and isinstance(key, int) and -1 < key < len(value):
            value = value[key]
        else:
            return MISSING
    return value


def path_of(config: ConfigLike, key: str) -> Path:
    """Path of a dotted key. A number is a place where the config has a list, a key where a dict has it, and else a name.

    Keys of the config may have dots themselves: the longest one that a dict has is taken.
    """
    path: list[Any] = []
    value: Any = config
    names = key.split('.')
    while names:
        value = value._cfg_dict if isinstance(value, Config) else value
        count = 1
        if isinstance(value, dict):
            joined = ((i, '.'.join(names[:i])) for i in range(len(names), 1, -1))
            count = next((i for i, name in joined if dict.__contains__(value, name)), 1)
        name: Any = '.'.join(names[:count])
        if name.isdecimal() and (isinstance(value, (list, tuple)) or _has_number(value, name)):
            name = int(name)
        path.append(name)
        value = at(value, (name,))
        names = names[count:]
    return tuple(path)


def _has_number(value: object, name: str) -> bool:
    """Whether a dict has a number as a key, and not its text."""
    return isinstance(value, dict) and not dict.__contains__(value, name) and dict.__contains__(value, int(name))


def flat(config: ConfigLike, overrides: Mapping[str, Any]) -> Iterator[tuple[Path, Any]]:
    """Split overrides into single values.

    A dict is split where a dict or a list takes its entries. Elsewhere, or with ``_delete_=True``, it is one value.

    Args:
        config: Config before the overrides.
        overrides: Values by dotted key.

    Yields:
        Path and value.

    Raises:
        TypeError: If a dict without ``_delete_`` meets a value that is no dict and no list.
    """
    for key, value in overrides.items():
        path = path_of(config, key)
        yield from _flat(path, value, at(config, path))


def _flat(path: Path, value: Any, replaced: object) -> Iterator[tuple[Path, Any]]:
    takes = isinstance(value, Mapping) and not value.get('_delete_') and isinstance(replaced, (dict, list))
    if isinstance(value, Mapping) and not value.get('_delete_') and not takes and replaced is not MISSING:
        raise TypeError(
            f'{".".join(map(str, path))}: a dict cannot be merged into {replaced!r}; set _delete_=True in it'
        )
    if not takes:
        yield path, _plain(value)
        return
    for key, item in value.items():
        key = int(key) if isinstance(replaced, list) and str(key).isdecimal() else key
        yield from _flat((*path, key), item, at(replaced, (key,)))


def _plain(value: Any) -> Any:
    """A value without ``_delete_`` and without objects of paths and of numpy."""
    value = without_numpy(value)
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items() if key != '_delete_'}
    if type(value) in (list, tuple):
        return type(value)(map(_plain, value))
    return os.fspath(value) if isinstance(value, os.PathLike) else value


def put(old: Any, path: Path, value: object, above: Path = ()) -> Any:
    """Return a value in which the end of a path is another one. What lies on the path is copied.

    Args:
        old: Value.
        path: Path in it.
        value: What stands at the end.
        above: Path to ``old``, for messages.

    Raises:
        KeyError: If a place lies beyond a list.
        TypeError: If a key lies below a value that is no dict and no list.
    """
    if not path:
        return value
    key, rest = path[0], path[1:]
    if isinstance(old, (list, tuple)):
        if at(old, (key,)) is MISSING:
            raise KeyError(f'{key} is no place in a list of {len(old)}')
        return type(old)([*old[:key], put(old[key], rest, value, (*above, key)), *old[key + 1 :]])
    if not isinstance(old, dict) and old is not MISSING:
        here = '.'.join(map(str, above)) or 'it'
        said = ' '.join(repr(old).split())[:80]
        raise TypeError(
            f'{here} is {said}, which has no entries; write {here}:={ ({"_delete_": True, **put({}, path, value)})!r} instead'
        )
    made = copy.copy(old) if isinstance(old, dict) else {}
    made[key] = put(dict.get(made, key, MISSING), rest, value, (*above, key))
    return made


def put_if_fits(old: object, path: Path, value: object, in_place: bool) -> Any:
    """Put a value at the end of a path, for a config that is being evaluated.

    A path that fits no place changes nothing: the place may come later, by an ``append``.

    Args:
        old: Value of a variable.
        path: Path in it.
        value: What stands at the end.
        in_place: Change the variable's own dict or list, as somebody may hold it. What lies below is copied: an entry may
            be the object of another variable, which keeps its value.

    Returns:
        The new value of the variable.
    """
    if in_place and repr(at(old, path)) == repr(value):  # so whoever holds what lies on the path goes on to hold it
        return old
    try:
        made = put(old, path, value)
    except (KeyError, TypeError):
        return old
    if in_place and isinstance(old, (dict, list)):
        old[path[0]] = made[path[0]]
        return old
    return made


def same(one: object, other: object) -> bool:
    """Whether two values of a config are equal. ``nan`` equals itself, and arrays and tensors are compared as a whole."""
    if isinstance(one, dict) and isinstance(other, dict):
        return dict.keys(one) == dict.keys(other) and all(
            same(dict.__getitem__(one, key), dict.__getitem__(other, key)) for key in dict.keys(one)
        )
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)) and type(one) is type(other):
        return len(one) == len(other) and all(map(same, one, other))
    if getattr(one, 'shape', None) != getattr(other, 'shape', None):
        return False
    equal: Any = one == other
    if hasattr(equal, 'all'):
        return bool(equal.all())
    numbers = isinstance(one, (float, complex)) and isinstance(other, (float, complex))
    return bool(equal) or (numbers and one != one and other != other)


def with_lists(value: object) -> object:
    """A value with lists in the place of tuples, which JSON has not."""
    if isinstance(value, dict):
        return {key: with_lists(item) for key, item in dict.items(value)}
    return [with_lists(item) for item in value] if isinstance(value, (list, tuple)) else value


def merge(config: Config, overrides: Mapping[str, Any]) -> None:
    """Put overrides into a config, in place, one after the other.

    Raises:
        KeyError, TypeError: If an override fits no place of the config, see :func:`put` and :func:`flat`.
    """
    for key, value in overrides.items():
        for path, item in flat(config, {key: value}):
            try:
                config[path[0]] = put(at(config, path[:1]), path[1:], item, path[:1])
            except (KeyError, TypeError) as error:
                raise type(error)(f'{key}: {error.args[0]}') from None
