"""Overrides of a config's variables: top-level names, such as ``split = 1``, that other values use."""

from __future__ import annotations

import ast
import copy
import io
import logging
import os
import re
import tempfile
from collections.abc import Container, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.fileio import dump, load
from mmengine.logging import print_log

from ...errors import InputError
from .copied_variables import used_in
from .merge import Path as KeyPath
from .merge import at, flat, put
from .new_style import name_types

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
        InputError: If a split is not in 1 to 3, the config fails with a value, or nothing in the config depends on a
            variable. Also if the config changes the variable in a way that undoes the override.
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
        if at(made, keys) != value == value and _assigns(sources, name):
            raise InputError(
                f'--cfg-options {key}: the config changes {name} after its assignment ({name}.insert(...), '
                f'{name}.update(...)), which undoes the override; override what is made of {name}, or change the file'
            )
        others = {one: value for one, value in values.items() if one != keys}
        try:
            without = _evaluate(path, others, sources) if others else {one: config[one] for one in config}
        except InputError:  # the other overrides need this one
            continue
        # A variable of another package's config is not even assigned, so nothing differs.
        if {one for one in made if one not in without or made[one] != without[one]} != {name}:
            continue
        says = f'--cfg-options {key}: nothing in this config depends on {name}, so it changes nothing'
        if any(used_in(text, name) for file in sources.values() for _, _, text in file):
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
    if not path.endswith('.py') or Config._is_lazy_import(path) or 'phases' in config or 'evaluations' in config:
        return
    own = Path(path).read_text(encoding='utf-8')
    for node in _parse(Path(path)).body:
        for name in sorted(_targets(node)):
            value = config.get(name)
            if name in ignored or name not in config or isinstance(value, (dict, list)) or used_in(own, name):
                continue
            assigned = re.compile(rf'^{name}\s*=(?!=)', re.MULTILINE)
            in_base = len(assigned.findall(config.text)) > len(assigned.findall(own))
            if in_base and used_in(config.text, name) and _matters(config, path, name):
                text = (
                    f'{path}: {name} = {value!r} changes nothing of what its base has made of {name}, since a base is read '
                    f'first; give --cfg-options {name}={value}, or set the keys themselves'
                )
                print_log(text, 'current', logging.WARNING)


def _matters(config: Config, path: str, name: str) -> bool:
    """Whether the value of a variable would change anything beside itself if the bases had it, too."""
    try:
        made = _evaluate(path, {(name,): config[name]}, {})
    except InputError:
        return True
    return any(key not in config or made[key] != config[key] for key in made if key != name)


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
            said = f'{type(error).__name__}: {str(error)[:200]}'
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
            (node, _assigned(node), ast.unparse(ast.fix_missing_locations(node))) for node in _parse(file).body
        ]
    lines: list[str] = []
    for node, names, text in sources[file]:
        if '_base_' in names and isinstance(node, ast.Assign):
            bases = eval(compile(ast.Expression(node.value), str(file), 'eval'))  # as MMEngine does
            lines.append(f'_base_ = {_copy_bases(bases, file, overrides, folder, sources)!r}')
            continue
        for inner in node.body if isinstance(node, ast.With) else ():  # read_base()
            if isinstance(inner, ast.ImportFrom) and inner.level:
                base = file.parent.joinpath(*['..'] * (inner.level - 1), *(inner.module or '').split('.'))
                _copy(Path(os.path.abspath(f'{base}.py')), overrides, folder, sources)
        own = {keys: value for keys, value in overrides.items() if keys[0] in names}
        for keys in own:
            _check_place(keys, getattr(node, 'value', None))
        lines.append(ast.unparse(_overridden([copy.deepcopy(node)], own)) if own else text)
    made.write_text('\n'.join(lines), encoding='utf-8')
    return str(made)


def _copy_data(file: Path, made: Path, overrides: Mapping[KeyPath, Any], folder: Path, sources: _Sources) -> None:
    """Write the copy of a YAML or JSON config: its bases may be Python."""
    # MMEngine takes {{ _base_.name }} without quotes, and YAML and JSON with them.
    kind, place = file.suffix[1:], r'\{\{\s*_base_\.[\w.]+\s*\}\}'
    text = re.sub(place, r'"\g<0>"', _text(file))
    content = load(io.StringIO(text), file_format=kind)
    if '_base_' in content:
        content['_base_'] = _copy_bases(content['_base_'], file, overrides, folder, sources)
    for keys, value in overrides.items():
        if keys[0] in content:
            old = content[keys[0]]
            content[keys[0]] = put(old, keys[1:], value)
            if isinstance(old, (dict, list)):
                _swap(content, old, content[keys[0]])
    made.write_text(re.sub(rf'([\'"])({place})\1', r'\2', dump(content, file_format=kind)), encoding='utf-8')


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
        entries = {one.arg: one.value for one in value.keywords} if isinstance(value, ast.Call) else {}
        value = entries.get(parts.pop(0))


def _swap(value: object, old: object, new: object) -> None:
    """Put another object in the place of one, wherever a tree holds it: ``*name`` of YAML is the object of ``&name``."""
    places: Iterable[tuple[Any, Any]] = (
        list(value.items()) if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for key, item in places:
        if item is old:
            value[key] = new  # type: ignore[index]
        else:
            _swap(item, old, new)


def _copy_bases(
    bases: str | list[str], file: Path, overrides: Mapping[KeyPath, Any], folder: Path, sources: _Sources
) -> list[str]:
    copied = []
    for base in [bases] if isinstance(bases, str) else bases:
        package = base.partition('::')[0] if '::' in base else None
        if package in (None, 'auxskd_mm'):
            found = Path(os.path.abspath(Config._get_cfg_path(base, str(file))[0]))
            base = _copy(found, overrides, folder, sources)
        copied.append(base)
    return copied


def _text(file: Path) -> str:
    """Text of a config whose ``{{ fileDirname }}`` and similar MMEngine variables refer to the file, not to its copy."""
    text = file.read_text(encoding='utf-8')
    values = dict(
        fileDirname=os.path.dirname(os.path.abspath(file)),
        fileBasename=file.name,
        fileBasenameNoExtension=file.stem,
        fileExtname=file.suffix,
    )
    for name, value in values.items():
        text = re.sub(rf'\{{\{{\s*{name}\s*\}}\}}', value.replace('\\', '/'), text)
    return text


def _parse(file: Path) -> ast.Module:
    try:
        return ast.parse(_text(file))
    except SyntaxError as error:
        raise InputError(
            f'{file}: line {error.lineno} is not Python ({error.msg}), so no variable can be set'
        ) from None


def _assigns(sources: _Sources, name: str) -> bool:
    return any(name in names for file in sources.values() for _, names, _ in file)


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


def _overridden(body: list[ast.stmt], overrides: Mapping[KeyPath, Any]) -> ast.Module:
    """Statements with an assignment of each override after each assignment of its variable. Changes the given ones."""
    made: list[ast.stmt] = []
    for node in body:
        for inner in _bodies(node):
            inner[:] = _overridden(inner, overrides).body
        names = _targets(node)
        own = [_assignment(keys, value) for keys, value in overrides.items() if keys[0] in names]
        made += [node, *ast.parse('\n'.join(own)).body]
    return ast.fix_missing_locations(ast.Module(made, []))


def _assignment(keys: KeyPath, value: object) -> str:
    """A statement: ``split = 2`` or ``sample.setdefault('a', {})['b'] = 2``."""
    name, *parts = keys
    for part in parts[:-1]:
        name += f'[{part}]' if isinstance(part, int) else f'.setdefault({part!r}, {{}})'
    return f'{name}{f"[{parts[-1]!r}]" if parts else ""} = {value!r}'


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (Mapping, list, tuple)):
        for item in value.values() if isinstance(value, Mapping) else value:
            yield from _strings(item)
