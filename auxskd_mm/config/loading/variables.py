"""Overrides of a config's variables: top-level names, such as ``split = 1``, that other values use."""

from __future__ import annotations

import ast
import copy
import itertools
import logging
import os
import re
import tempfile
from collections.abc import Container, Iterator, Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.fileio import dump
from mmengine.logging import print_log

from ...errors import InputError
from .copied_variables import used_in
from .files import data_of, imported_bases, named_bases, statements_of, without_quotes
from .merge import Path as KeyPath
from .merge import at, flat, put, put_if_fits, same, with_lists
from .new_style import name_types
from .statements import keeps_places, overridden, targets, touched
from .yaml_nodes import override_yaml

# The statements of each file of a config, the names that they assign and their text. A config is evaluated once for
# each override and once more, from the same files.
_Sources = dict[Path, list[tuple[ast.stmt, set[str], str]]]
# Variables with a known range: the official splits of UCF101 and HMDB51.
_RANGES = dict(split=(1, 2, 3))


def set_variables(
    config: Config, path: str, overrides: Mapping[str, Any], given: Container[str] | None = None
) -> Config:
    """Evaluate a config again with other values of its variables.

    A config is Python code. With ``split = 1`` and ``ann_file=f'train_split{split}.txt'``, the list depends on the
    split. MMEngine merges an override into the finished config, when such values are already computed. So this function
    evaluates copies of the config's files again. The copies assign the override after every statement that assigns or
    changes the name (``steps.append(...)``), so the override is the value of the name at all times. A place of a list may
    also be one that comes later. YAML and JSON configs get their overrides as data, see :func:`override_yaml`.
    Bases get the override too, so values from a base (``_base_.split``, ``read_base()``) follow it. Bases of another
    package (``mmaction::...``) are not evaluated again, see :func:`merge_variables`.

    Args:
        config: Result of ``Config.fromfile(path)``.
        path: Config file.
        overrides: New values by variable. A key may also be a dotted entry of a variable that is a dict or a list
            (``'sample.mode'``).
        given: Overrides of the user. Nothing is said of another one that changes nothing. None means all.

    Returns:
        A config with the file name and text of the given one.

    Raises:
        InputError: If a split is not in 1 to 3, a value cannot be written as Python or fits no place, the config fails
            with it, or nothing in the config depends on a variable. Also if the config changes the variable in a way that
            undoes the override, or moves the entries of a list after the override went to one.
    """
    values = dict(flat(config, overrides))
    if not values:
        return config
    for name, allowed in _RANGES.items():
        known = (name,) in values and isinstance(config.get(name), int)
        if known and (isinstance(values[name,], bool) or values[name,] not in allowed):
            raise InputError(f'{name}={values[name,]!r}: expected one of {", ".join(map(str, allowed))}')
    sources: _Sources = {}
    made = _evaluate(path, values, sources)
    for keys, value in values.items():
        name, key = keys[0], '.'.join(map(str, keys))
        if given is not None and name not in given:
            continue
        _check_whole(made, keys, values, sources)
        others = {one: value for one, value in values.items() if one != keys}
        try:
            without = _evaluate(path, others, sources) if others else {one: config[one] for one in config}
        except InputError:  # the other overrides need this one
            continue
        if _went_astray(made, without, keys, sources):
            raise _undone(key, name)
        # A variable of another package's config is not even assigned, so nothing differs.
        if {one for one in made if one not in without or not same(made[one], without[one])} != {name}:
            continue
        says = f'--cfg-options {key}: nothing in this config depends on {name}, so it changes nothing'
        if any(used_in(text, name) for file in sources.values() for _, _, text in file):
            raise InputError(says)
        # No file reads it. A hook or a tool may, as it may look into the config.
        print_log(f'{says} of the config', 'current', logging.WARNING)
    return Config(made, cfg_text=config.text, filename=config.filename, env_variables=config.env_variables)


def _check_whole(made: Mapping[str, Any], keys: KeyPath, values: Mapping[KeyPath, Any], sources: _Sources) -> None:
    """Check that the evaluated config holds an override.

    Raises:
        InputError: If it holds something else. The message says what there is, or that the config undoes the override.
    """
    name, key = keys[0], '.'.join(map(str, keys))
    later = list(values)[list(values).index(keys) + 1 :]
    try:
        expected = values[keys]
        for other in later:
            if len(other) > len(keys) and other[: len(keys)] == keys:
                expected = put(expected, other[len(keys) :], values[other], keys)
        if same(with_lists(at(made, keys)), with_lists(expected)) or not _assigns(sources, name):
            return
        for file in sources.values():
            for node, names, _ in file:
                if name in names:
                    _check_place(keys, getattr(node, 'value', None))
        put(at(made, (name,)), keys[1:], expected, (name,))
    except (KeyError, TypeError) as error:
        raise InputError(f'--cfg-options {key}: {error.args[0]}') from None
    raise _undone(key, name)


def _undone(key: str, name: str) -> InputError:
    return InputError(
        f'--cfg-options {key}: the config changes {name} after its assignment ({name}.insert(...), '
        f'{name}.update(...)), which undoes the override; override what is made of {name}, or change the file'
    )


def _went_astray(made: Mapping[str, Any], without: Mapping[str, Any], keys: KeyPath, sources: _Sources) -> bool:
    """Whether an override of a place in a list also went to an entry that had the place before the config moved it."""
    name = keys[0]
    if all(keeps_places(node, name) for file in sources.values() for node, names, _ in file if name in names):
        return False
    for depth, place in enumerate(keys):
        items = at(made, keys[:depth])
        for other in range(len(items)) if isinstance(place, int) and isinstance(items, (list, tuple)) else ():
            there = (*keys[:depth], other, *keys[depth + 1 :])
            if (
                other != place
                and same(at(made, there), at(made, keys))
                and not same(at(made, there), at(without, there))
            ):
                return True
    return False


def warn_of_late_variables(config: Config, path: str, ignored: Container[str]) -> None:
    """Warn of ``epochs = 2`` in a config whose base has used its own ``epochs`` when it was read, before this line.

    Args:
        config: Result of ``Config.fromfile(path)``.
        path: Config file.
        ignored: Names that are not variables, and those that an override sets.
    """
    if not path.endswith('.py') or 'phases' in config or 'evaluations' in config:
        return
    own = Path(path).read_text(encoding='utf-8')
    names = [name for node in statements_of(Path(path)) for name in sorted(targets(node))]
    names = [
        name
        for name in names
        if name in config and name not in ignored and not isinstance(config[name], (dict, list))
        if not used_in(own, name)
    ]
    if not names:
        return
    bases = _bases(path)
    for name in names:
        assigned = any(name in touches for _, touches, _ in bases)
        if assigned and any(used_in(text, name) for _, _, text in bases) and matters(config, path, name, config[name]):
            text = (
                f'{path}: {name} = {config[name]!r} changes nothing of what its base has made of {name}, since a base is '
                f'read first; give --cfg-options {name}={config[name]}, or set the keys themselves'
            )
            print_log(text, 'current', logging.WARNING)


def _bases(path: str) -> list[tuple[ast.stmt, set[str], str]]:
    """The statements of all bases of a config, of either style. ``Config.text`` has none of ``read_base()``."""
    sources: _Sources = {}
    file = Path(os.path.abspath(path))
    with tempfile.TemporaryDirectory() as folder:
        _copy(file, {}, Path(folder), sources)
    return [statement for base in sources if base != file for statement in sources[base]]


def matters(config: Config, path: str, name: str, value: object) -> bool:
    """Whether a value of a variable would change anything beside itself if the config and all its bases had it.

    Args:
        config: Result of ``Config.fromfile(path)``.
        path: Config file.
        name: The variable.
        value: The value.
    """
    try:
        made = _evaluate(path, {(name,): value}, {})
    except InputError:
        return True
    return any(key not in config or not same(made[key], config[key]) for key in made if key != name)


def refuse_old_places(config: Config, path: str) -> None:
    """Refuse ``'{split}'`` in a string, which earlier versions filled with the variable ``split``.

    A recipe is not refused: the recipe engine fills such places of its phases and evaluations.

    Raises:
        InputError: If a string holds it. The message gives the right form.
    """
    if 'phases' in config or 'evaluations' in config:
        return
    variables = {key for key, value in config.items() if isinstance(value, (str, int, float, type(None)))}
    for text in _strings(dict(config.items())):
        name = next((name for name in re.findall(r'\{(\w+)\}', text) if name in variables), None)
        if name is not None:
            new = name if text == f'{{{name}}}' else f'f{text!r}'
            raise InputError(f"{path}: '{text}' is not filled any more: write {new} there (plain Python)")


def _evaluate(path: str, overrides: Mapping[KeyPath, Any], sources: _Sources) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        try:
            copy = _copy(Path(os.path.abspath(path)), overrides, Path(folder), sources)
            # MMEngine would look in each file for its style.
            config = name_types(Config.fromfile(copy, lazy_import=Config._is_lazy_import(path)))
        except InputError:
            raise
        except Exception as error:  # a config is code: anything may go wrong with a value that it does not expect
            said = f'{type(error).__name__}: {" ".join(str(error).split())[:200]}'
            keys = ', '.join('.'.join(map(str, keys)) for keys in overrides)
            raise InputError(f'--cfg-options {keys}: {path} cannot be made with it ({said})') from None
    imported = getattr(config, '_imported_names', ())
    return {key: config[key] for key in config if key not in imported}


def _copy(file: Path, overrides: Mapping[KeyPath, Any], folder: Path, sources: _Sources) -> str:
    """Write a config that has the overrides, its bases too, into a folder; returns the file's path.

    The folder holds a copy of the file's path, so that ``from ..folder.base import *`` finds the copy of its base.
    """
    made = folder / file.relative_to(file.anchor)
    made.parent.mkdir(parents=True, exist_ok=True)
    if file.suffix != '.py':
        _copy_data(file, made, overrides, folder, sources)
        return str(made)
    if file not in sources:
        sources[file] = [
            (node, touched(node), ast.unparse(ast.fix_missing_locations(node))) for node in statements_of(file)
        ]
    lines = [f'__file__ = {str(file)!r}']  # a new-style config may look beside itself
    for node, names, text in sources[file]:
        if '_base_' in names and isinstance(node, ast.Assign):
            lines.append(f'_base_ = {_copy_bases(node.value, file, overrides, folder, sources)!r}')
            continue
        for package, base in imported_bases(node, file):
            if not package:
                _copy(base, overrides, folder, sources)
        own = {keys: value for keys, value in overrides.items() if keys[0] in names}
        lines.append(ast.unparse(overridden([copy.deepcopy(node)], own)) if own else text)
    made.write_text('\n'.join(lines), encoding='utf-8')
    return str(made)


def _copy_data(file: Path, made: Path, overrides: Mapping[KeyPath, Any], folder: Path, sources: _Sources) -> None:
    """Write the copy of a YAML or JSON config: its bases may be Python."""
    text, content = data_of(file)
    changes: dict[KeyPath, Any] = {keys: value for keys, value in overrides.items() if keys[0] in content}
    if '_base_' in content:
        changes['_base_',] = _copy_bases(content['_base_'], file, overrides, folder, sources)
    if file.suffix == '.json':
        for keys, value in changes.items():
            content = put_if_fits(content, keys, value, in_place=True)
        text = dump(content, file_format='json')
    else:
        text = override_yaml(text, changes)
    made.write_text(without_quotes(text), encoding='utf-8')


def _check_place(keys: KeyPath, value: ast.expr | None) -> None:
    """Refuse an entry of what MMEngine fills in later: ``{{_base_.trunk}}`` is a string while the config is read."""
    parts = list(keys[1:])
    while parts and value is not None:
        if isinstance(value, ast.Set) and isinstance(value.elts[0], ast.Set):
            source = ast.unparse(value.elts[0].elts[0]).removeprefix('_base_.')
            key, instead = ('.'.join(map(str, path)) for path in (keys, (source, *parts)))
            raise InputError(
                f'--cfg-options {key}: the config takes this part from {source}; override {instead} instead'
            )
        value = dict(_entries(value)).get(parts.pop(0))


def _entries(value: ast.expr) -> Iterator[tuple[Any, ast.expr]]:
    """Keys and places with a value that stands in the source of a dict or a list."""
    if isinstance(value, ast.Call):
        yield from ((one.arg, one.value) for one in value.keywords)
    elif isinstance(value, ast.Dict):
        yield from ((key.value, one) for key, one in zip(value.keys, value.values) if isinstance(key, ast.Constant))
    elif isinstance(value, (ast.List, ast.Tuple)):
        known = itertools.takewhile(lambda one: not isinstance(one, ast.Starred), value.elts)
        yield from enumerate(known)


def _copy_bases(
    bases: object, file: Path, overrides: Mapping[KeyPath, Any], folder: Path, sources: _Sources
) -> list[str]:
    copied = []
    for base in named_bases(bases):
        package = base.partition('::')[0] if '::' in base else None
        if package in (None, 'auxskd_mm'):
            found = Path(os.path.abspath(Config._get_cfg_path(base, str(file))[0]))
            base = _copy(found, overrides, folder, sources)
        copied.append(base)
    return copied


def _assigns(sources: _Sources, name: str) -> bool:
    return any(name in names for file in sources.values() for _, names, _ in file)


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (Mapping, list, tuple)):
        for item in value.values() if isinstance(value, Mapping) else value:
            yield from _strings(item)
