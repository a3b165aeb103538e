"""Statements of a config file: what they assign and change, and their copies with an override after them."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from .merge import Path, put_if_fits
from .source import source_of


def touched(node: ast.stmt) -> set[str]:
    """Names that a statement at the top of a config assigns or changes, also within an ``if``, ``for``, ``with`` or ``try``."""
    return (targets(node) | _called(node)).union(*(touched(inner) for body in _bodies(node) for inner in body))


def targets(node: ast.stmt) -> set[str]:
    """Names that a statement assigns itself: of ``a, b[0] = 1, 2`` it is ``a`` and ``b``."""
    found: Iterable[ast.expr] = getattr(node, 'targets', None) or [getattr(node, 'target', None)]
    return {part.id for target in found if target for part in ast.walk(target) if isinstance(part, ast.Name)}


def _called(node: ast.stmt) -> set[str]:
    """The name of which a statement calls a method, which may change it: ``steps`` of ``steps[0].append(1)``."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and isinstance(node.value.func, ast.Attribute):
        return {root for root in (_root(node.value.func),) if root}
    return set()


def _root(node: ast.expr) -> str:
    while isinstance(node, (ast.Attribute, ast.Subscript)):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ''


def _bodies(node: ast.AST) -> Iterator[list[ast.stmt]]:
    """The lists of statements within a statement that run where it stands."""
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return
    yield from (getattr(node, name) for name in ('body', 'orelse', 'finalbody') if getattr(node, name, None))
    for part in (*getattr(node, 'handlers', ()), *getattr(node, 'cases', ())):
        yield part.body


def _only_changes(node: ast.stmt, name: str) -> bool:
    """Whether all that a statement does is to change the value of a name in place."""
    if isinstance(node, ast.AugAssign):
        return _root(node.target) == name
    if isinstance(node, (ast.Assign, ast.Delete)):
        return all(isinstance(one, (ast.Attribute, ast.Subscript)) and _root(one) == name for one in node.targets)
    return name in _called(node)


def keeps_places(node: ast.stmt, name: str) -> bool:
    """Whether the entries of a list keep their places in a statement: assignments, ``append``, ``extend`` and ``+``."""
    inner = [one for body in _bodies(node) for one in body]
    if inner:
        return all(keeps_places(one, name) for one in inner)
    if isinstance(node, ast.Expr):
        called = getattr(getattr(node.value, 'func', None), 'attr', '')
        return name not in _called(node) or called in ('append', 'extend', 'update', 'setdefault')
    if isinstance(node, ast.AugAssign):
        return True
    if isinstance(node, ast.Delete):
        return name not in targets(node)
    value = getattr(node, 'value', None)
    if name not in targets(node) or value is None or not any(_is(part, name) for part in ast.walk(value)):
        return True
    first = value.left if isinstance(value, ast.BinOp) else value.elts[0] if isinstance(value, ast.List) else value
    return _is(first.value if isinstance(first, ast.Starred) else first, name)


def _is(node: ast.AST, name: str) -> bool:
    """Whether an expression is a variable, or that of the base (``_base_.name``)."""
    if isinstance(node, ast.Attribute) and node.attr == name:
        return isinstance(node.value, ast.Name) and node.value.id == '_base_'
    return isinstance(node, ast.Name) and node.id == name


def overridden(body: list[ast.stmt], overrides: Mapping[Path, Any]) -> ast.Module:
    """Statements with an assignment of each override after each statement that touches its variable.

    A statement that only changes a variable is left out where the override is the whole variable. What was made of the
    variable before may be the same object, and would change with it.

    Args:
        body: Statements. They are changed.
        overrides: Values by path.

    Raises:
        InputError: If a value cannot be written as Python.
    """
    made: list[ast.stmt] = []
    for node in body:
        for inner in _bodies(node):
            inner[:] = overridden(inner, overrides).body
        if any(len(keys) == 1 and _only_changes(node, keys[0]) for keys in overrides):
            made.append(ast.Pass())
            continue
        names = targets(node) | _called(node)
        own = [
            _assignment(keys, value, _only_changes(node, keys[0]))
            for keys, value in overrides.items()
            if keys[0] in names
        ]
        made += [node, *ast.parse('\n'.join(own)).body]
    return ast.fix_missing_locations(ast.Module(made, []))


def _assignment(keys: Path, value: object, in_place: bool) -> str:
    """A statement: ``split = 2``, or a call of :func:`auxskd_mm.config.loading.merge.put_if_fits`."""
    name, source = keys[0], source_of(value, '--cfg-options ' + '.'.join(map(str, keys)))
    if len(keys) == 1:
        return f'{name} = {source}'
    # An import statement would be a type to MMEngine's new-style configs.
    function = f"__import__({put_if_fits.__module__!r}, fromlist=['merge']).{put_if_fits.__name__}"
    return f'{name} = {function}({name}, {source_of(keys[1:], name)}, {source}, {in_place})'
