"""Values of overrides as Python source, and back. ``repr`` alone is no source for ``inf``, ``nan`` and numpy's values."""

from __future__ import annotations

import ast
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...errors import InputError


def without_numpy(value: object) -> Any:
    """A number in the place of a numpy scalar, and a list in that of an array. Other values are returned themselves.

    A config is text in the end: MMEngine writes it beside a run and into checkpoints.
    """
    return value.tolist() if isinstance(value, (np.generic, np.ndarray)) else value


def source_of(value: object, key: str) -> str:
    """Write a value as a Python expression that makes it again, exact to the bit.

    Args:
        value: Numbers, strings, bytes, None, ranges and slices, also within lists, tuples, sets and dicts.
        key: Key of the override, for the message.

    Raises:
        InputError: If a part of the value is something else.
    """
    try:
        return _source(value)
    except TypeError as error:
        said = ' '.join(repr(value).split())[:80]
        raise InputError(
            f'{key}={said}: an override must be made of numbers, strings, lists, tuples and dicts, not of {error}'
        ) from None


def _source(value: Any) -> str:
    value = without_numpy(value)
    kind = type(value)
    if value is None or kind in (bool, bytes, range, type(...)):
        return repr(value)
    # A member of an enumeration that is a number or a string counts as that, as for whoever reads the config.
    if isinstance(value, float):
        return float.__repr__(value) if math.isfinite(value) else f'float({float.__repr__(value)!r})'
    for plain in (int, str):
        if isinstance(value, plain):
            return plain.__repr__(value)
    if kind is complex:
        return f'complex({_source(value.real)}, {_source(value.imag)})'
    if kind is slice:
        return f'slice({_source(value.start)}, {_source(value.stop)}, {_source(value.step)})'
    if isinstance(value, Mapping):
        return '{' + ', '.join(f'{_source(key)}: {_source(item)}' for key, item in value.items()) + '}'
    if kind is list:
        return f'[{", ".join(map(_source, value))}]'
    if kind is tuple:
        return f'({", ".join(map(_source, value))}{"," * (len(value) == 1)})'
    if kind is set and value:
        return '{' + ', '.join(map(_source, value)) + '}'
    if kind in (set, frozenset):
        return f'{kind.__name__}({_source(list(value)) if value else ""})'
    raise TypeError(kind.__qualname__)


class _Literals(ast.NodeTransformer):
    """Puts a literal in the place of ``dict(a=1)``, of ``float('inf')``, and of ``inf`` and ``nan``, which ``repr`` writes."""

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        name = node.func.id if isinstance(node.func, ast.Name) else ''
        if name == 'dict' and not node.args and all(word.arg is not None for word in node.keywords):
            return ast.Dict([ast.Constant(word.arg) for word in node.keywords], [word.value for word in node.keywords])
        if name == 'dict' and len(node.args) == 1 and isinstance(node.args[0], ast.Dict) and not node.keywords:
            return node.args[0]  # keys that are no names are written as dict({...})
        words = [word.value for word in node.args if isinstance(word, ast.Constant)]
        return ast.Constant(float(words[0])) if name == 'float' and words in (['inf'], ['-inf'], ['nan']) else node  # type: ignore[arg-type]

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return ast.Constant(float(node.id)) if node.id in ('inf', 'nan') else node


def read_source(source: str | ast.expr) -> Any:
    """Read a Python literal, in which ``dict(a=1)``, ``inf``, ``nan`` and ``float('inf')`` may stand. Nothing is run.

    Raises:
        ValueError, SyntaxError, MemoryError, RecursionError: For another text, as ``ast.literal_eval``.
    """
    node = ast.parse(source.strip(), mode='eval').body if isinstance(source, str) else source
    return ast.literal_eval(_Literals().visit(node))
