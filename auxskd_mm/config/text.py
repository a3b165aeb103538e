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
            values[statement.targets[0].id] = read_source(statement.value)
        return values
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):
        return None
