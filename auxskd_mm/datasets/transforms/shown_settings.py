"""The text of a transform: its class and its settings."""

from __future__ import annotations

import inspect


class ShowsSettings:
    """Mixin for transforms: ``Name(key=value, ...)`` with the attributes that are named like arguments of the constructor."""

    def __repr__(self) -> str:
        keys = [key for key in inspect.signature(type(self)).parameters if hasattr(self, key)]
        return f'{type(self).__name__}({", ".join(f"{key}={getattr(self, key)!r}" for key in keys)})'

    def describe(self) -> str | None:
        """One phrase for ``tools/analysis/check_config.py``. With '' the tool lists the settings; None leaves the step out."""
        return ''
