"""Overrides of a config's variables: top-level names, such as ``split = 1``, that other values use."""

from __future__ import annotations

import ast
import copy
import logging
import os
import re
import tempfile
from collections.abc import Container, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.logging import print_log

from ...errors import InputError
from .copied_variables import used_in

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
    evaluates copies of the config's files again. The copies assign the override after every assignment of the name.
    Bases get the override too, so values from a base (``_base_.split``) follow it. Bases of another package
    (``mmaction::...``) and new-style configs (``read_base()``) are not evaluated again, see :func:`merge_variables`.

    Args:
        config: Result of ``Config.fromfile(path)``.
        path: Config file.
        overrides: New values by variable. A key may also be a dotted entry of a variable that is a dict or a list
            (``'sample.mode'``).
        given: Overrides of the user. Nothing is said of another one that changes nothing. None means all.

    Returns:
        A config with the file name and text of the given one.

    Raises:
        InputError: If a split is not in 1 to 3, the config fails with a value, or nothing in the config depends on a
            variable.
    """
    flat = dict(pair for key, value in overrides.items() for pair in _flat(key, value))
    if not path.endswith('.py') or not flat or _is_new_style(path):
        return config
    for name, allowed in _RANGES.items():
        known = name in flat and isinstance(config.get(name), int)
        if known and (isinstance(flat[name], bool) or flat[name] not in allowed):
            raise InputError(f'{name}={flat[name]!r}: expected one of {", ".join(map(str, allowed))}')
    sources: _Sources = {}
    made = _evaluate(path, flat, sources)
    for key in flat:
        name = key.split('.')[0]
        if given is not None and name not in given:
            continue
        others = {one: value for one, value in flat.items() if one != key}
        try:
            without = _evaluate(path, others, sources) if others else {one: config[one] for one in config}
        except InputError:  # the other overrides need this one
            continue
        # A variable of another package's config is not even assigned, so nothing differs.
        if {one for one in made if one not in without or made[one] != without[one]} != {name}:
            continue
        says = f'--cfg-options {key}: nothing in this config depends on {name}, so it changes nothing'
        if used_in(config.text, name):
            raise InputError(says)
        # No file reads it. A hook or a tool may, as it may look into the config.
        print_log(f'{says} of the config', 'current', logging.WARNING)
    return Config(made, cfg_text=config.text, filename=config.filename, env_variables=config.env_variables)


def warn_of_late_variables(config: Config, path: str, ignored: Container[str]) -> None:
    """Warn of ``epochs = 2`` in a config whose base has used its own ``epochs`` when it was read, before this line.

    Args:
        config: Result of ``Config.fromfile(path)``.
        path: Config file.
        ignored: Names that are not variables, and those that an override sets.
    """
    if not path.endswith('.py') or _is_new_style(path) or 'phases' in config or 'evaluations' in config:
        return
    own = Path(path).read_text(encoding='utf-8')
    for node in _parse(Path(path)).body:
        for name in sorted(_targets(node)):
            value = config.get(name)
            if name in ignored or name not in config or isinstance(value, (dict, list)) or used_in(own, name):
                continue
            assigned = re.compile(rf'^{name}\s*=(?!=)', re.MULTILINE)
            in_base = len(assigned.findall(config.text)) > len(assigned.findall(own))
            if in_base and used_in(config.text, name):
                text = (
                    f'{path}: {name} = {value!r} changes nothing of what its base has made of {name}, since a base is read '
                    f'first; give --cfg-options {name}={value}, or set the keys themselves'
                )
                print_log(text, 'current', logging.WARNING)


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


def _evaluate(path: str, overrides: Mapping[str, Any], sources: _Sources) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        try:
            copy = _copy(Path(path), overrides, Path(folder), sources)
            config = Config.fromfile(copy, lazy_import=False)  # known; MMEngine would look again in each file
        except InputError:
            raise
        except Exception as error:  # a config is code: anything may go wrong with a value that it does not expect
            said = f'{type(error).__name__}: {str(error)[:200]}'
            raise InputError(f'--cfg-options {", ".join(overrides)}: {path} cannot be made with it ({said})') from None
    return {key: config[key] for key in config}


def _copy(file: Path, overrides: Mapping[str, Any], folder: Path, sources: _Sources) -> str:
    """Write a config that has the overrides, its bases too, into a folder; returns the file's path."""
    if file not in sources:
        sources[file] = [
            (node, _assigned(node), ast.unparse(ast.fix_missing_locations(node))) for node in _parse(file).body
        ]
    lines: list[str] = []
    for node, names, text in sources[file]:
        if '_base_' in names and isinstance(node, ast.Assign):
            bases = ast.literal_eval(node.value)
            copied = [
                _copy_base(base, file, overrides, folder, sources)
                for base in ([bases] if isinstance(bases, str) else bases)
            ]
            lines.append(f'_base_ = {copied!r}')
            continue
        own = {key: value for key, value in overrides.items() if key.split('.')[0] in names}
        for key in own:
            _check_place(key, getattr(node, 'value', None))
        lines.append(ast.unparse(_overridden([copy.deepcopy(node)], own)) if own else text)
    made = folder / f'{len(list(folder.iterdir()))}_{file.name}'
    made.write_text('\n'.join(lines), encoding='utf-8')
    return str(made)


def _check_place(key: str, value: ast.expr | None) -> None:
    """Refuse an entry of what MMEngine fills in later: ``{{_base_.trunk}}`` is a string while the config is read."""
    parts = key.split('.')[1:]
    while parts and value is not None:
        if isinstance(value, ast.Set) and isinstance(value.elts[0], ast.Set):
            source = ast.unparse(value.elts[0].elts[0]).removeprefix('_base_.')
            instead = '.'.join([source, *parts])
            raise InputError(
                f'--cfg-options {key}: the config takes this part from {source}; override {instead} instead'
            )
        entries = {one.arg: one.value for one in value.keywords} if isinstance(value, ast.Call) else {}
        value = entries.get(parts.pop(0))


def _copy_base(base: str, file: Path, overrides: Mapping[str, Any], folder: Path, sources: _Sources) -> str:
    package = base.partition('::')[0] if '::' in base else None
    if package not in (None, 'auxskd_mm'):
        return base
    found = Path(os.path.abspath(Config._get_cfg_path(base, str(file))[0]))
    return _copy(found, overrides, folder, sources) if found.suffix == '.py' else str(found)


def _parse(file: Path) -> ast.Module:
    """Make a config whose ``{{ fileDirname }}`` and similar MMEngine variables refer to the file, not to its copy."""
    text = file.read_text(encoding='utf-8')
    values = dict(
        fileDirname=os.path.dirname(os.path.abspath(file)),
        fileBasename=file.name,
        fileBasenameNoExtension=file.stem,
        fileExtname=file.suffix,
    )
    for name, value in values.items():
        text = re.sub(rf'\{{\{{\s*{name}\s*\}}\}}', value.replace('\\', '/'), text)
    try:
        return ast.parse(text)
    except SyntaxError as error:
        raise InputError(
            f'{file}: line {error.lineno} is not Python ({error.msg}), so no variable can be set'
        ) from None


def _assigned(node: ast.stmt) -> set[str]:
    """Names that a statement at the top of a config assigns, also within an ``if``, ``for``, ``with`` or ``try``."""
    return _targets(node).union(*(_assigned(inner) for body in _bodies(node) for inner in body))


def _targets(node: ast.stmt) -> set[str]:
    targets: Iterable[ast.expr] = getattr(node, 'targets', None) or [getattr(node, 'target', None)]
    return {part.id for target in targets if target for part in ast.walk(target) if isinstance(part, ast.Name)}


def _bodies(node: ast.AST) -> Iterator[list[ast.stmt]]:
    """The lists of statements within a statement that run where it stands."""
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return
    yield from (getattr(node, name) for name in ('body', 'orelse', 'finalbody') if getattr(node, name, None))
    for part in (*getattr(node, 'handlers', ()), *getattr(node, 'cases', ())):
        yield part.body


def _overridden(body: list[ast.stmt], overrides: Mapping[str, Any]) -> ast.Module:
    """Statements with an assignment of each override after each assignment of its variable. Changes the given ones."""
    made: list[ast.stmt] = []
    for node in body:
        for inner in _bodies(node):
            inner[:] = _overridden(inner, overrides).body
        names = _targets(node)
        own = [_assignment(key, value) for key, value in overrides.items() if key.split('.')[0] in names]
        made += [node, *ast.parse('\n'.join(own)).body]
    return ast.fix_missing_locations(ast.Module(made, []))


def _assignment(key: str, value: object) -> str:
    """A statement: ``split = 2`` or ``sample.setdefault('a', {})['b'] = 2``."""
    name, *parts = key.split('.')
    for part in parts[:-1]:
        name += f'[{part}]' if part.isdigit() else f'.setdefault({part!r}, {{}})'
    if parts:
        name += f'[{parts[-1]}]' if parts[-1].isdigit() else f'[{parts[-1]!r}]'
    return f'{name} = {value!r}'


def _is_new_style(path: str) -> bool:
    return any(isinstance(node, ast.With) for node in _parse(Path(path)).body)


def _flat(key: str, value: object) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield from _flat(f'{key}.{name}', item)
    else:
        yield key, os.fspath(value) if isinstance(value, os.PathLike) else value


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (Mapping, list, tuple)):
        for item in value.values() if isinstance(value, Mapping) else value:
            yield from _strings(item)
