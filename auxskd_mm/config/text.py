"""The text of a config, as MMEngine leaves it in checkpoints, read as data."""

from __future__ import annotations

import ast
from typing import Any

from .loading.source import read_source


def read_config_text(text: str) -> dict[str, Any] | None:
    """Read the values of a config's text without running it.

    A config is code, and a checkpoint with its text may come from an untrusted source.

    Args:
        text: ``Config.pretty_text``, which assigns literals, with ``dict(a=1)`` among them.

    Returns:
        Values by name, or None if the text has any other statement.
    """
    try:
        values = {}
        for statement in ast.parse(text).body:
            if not (isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name)):
                return None
            values[statement.targets[0].id] = _value(statement.value)
        return values
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):
        return None


def _value(node: ast.expr) -> Any:
    if isinstance(node, ast.Call):
        if not (isinstance(node.func, ast.Name) and node.func.id == 'dict' and len(node.args) <= 1):
            raise ValueError('a call')
        if node.args:  # keys that are no names are written as dict({...})
            if node.keywords or not isinstance(node.args[0], ast.Dict):
                raise ValueError('a call')
            return _value(node.args[0])
        if any(keyword.arg is None for keyword in node.keywords):
            raise ValueError('an unpacked dict')
        return {str(keyword.arg): _value(keyword.value) for keyword in node.keywords}
    if isinstance(node, ast.Dict):
        return {ast.literal_eval(key): _value(value) for key, value in zip(node.keys, node.values) if key is not None}
    if isinstance(node, ast.List):
        return [_value(item) for item in node.elts]
    if isinstance(node, ast.Tuple):
        return tuple(_value(item) for item in node.elts)
    return read_source(node)
