"""Resolves loader settings that contradict each other."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any, TypeVar

_Loader = TypeVar('_Loader', bound=MutableMapping[str, Any])


def mend_loader(loader: _Loader) -> _Loader:
    """Remove, in place, the settings that only worker processes can have from the config of a loader without workers.

    torch refuses ``persistent_workers`` and ``prefetch_factor`` with ``num_workers=0``. Without this function, every
    config of this package would fail when a user overrides only the number of workers.
    """
    if loader.get('num_workers', 0) == 0:
        for key in ('persistent_workers', 'prefetch_factor', 'timeout', 'multiprocessing_context'):
            loader.pop(key, None)
    return loader
