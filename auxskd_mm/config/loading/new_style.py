"""MMEngine's new-style configs (``read_base()``, types as classes), turned into configs with types as text."""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any

import mmengine.registry
from mmengine.config import Config
from mmengine.config.lazy import LazyAttr, LazyObject
from mmengine.registry import Registry

from ...errors import InputError

_LAZY = (LazyAttr, LazyObject)


def name_types(config: Config) -> Config:
    """Replace each type of a config by its registered name, such as ``'auxskd_mm.VSPPHead'``. A config of names alone
    is returned itself.

    Then all readers of a config see one form. A checkpoint also keeps a name that a registry finds. MMEngine would write
    ``auxskd_mm.models.VSPPHead``, which no registry finds. Classes that are not registered do not change.

    Raises:
        InputError: If a class cannot be imported.
    """
    content = config._cfg_dict
    if not _holds_classes(content):
        return config
    imported = getattr(config, '_imported_names', None) or set()
    own = {
        key: value
        for key, value in dict.items(content)
        if key not in imported and not isinstance(value, (*_LAZY, types.FunctionType, types.ModuleType))
    }
    try:
        built = _map(own, lambda value: value.build() if isinstance(value, _LAZY) else value)
    except ImportError as error:
        raise InputError(f'{config.filename}: {" ".join(str(error).split())[:300]}') from None
    names = _registered_names()
    plain = _map(built, lambda value: names.get(id(value), value) if callable(value) else value)
    return Config(plain, cfg_text=config.text, filename=config.filename)


def _holds_classes(value: object) -> bool:
    if isinstance(value, dict):
        return any(_holds_classes(item) for item in dict.values(value))
    if isinstance(value, (list, tuple)):
        return any(_holds_classes(item) for item in value)
    return isinstance(value, (*_LAZY, type))


def _map(value: object, change: Callable[[Any], Any]) -> Any:
    if isinstance(value, dict):
        return {key: _map(item, change) for key, item in dict.items(value)}
    if isinstance(value, (list, tuple)):
        return type(value)(_map(item, change) for item in value)
    return change(value)


def _registered_names() -> dict[int, str]:
    """Names of all registered classes and functions by their id; MMEngine's own without scope where no other has them."""
    entries: list[tuple[str, str, Any]] = []
    waiting = [value for value in vars(mmengine.registry).values() if isinstance(value, Registry)]
    while waiting:
        registry = waiting.pop()
        waiting += registry.children.values()
        entries += [(str(registry.scope), name, kind) for name, kind in registry.module_dict.items()]
    kinds: dict[str, set[int]] = {}
    for _, name, kind in entries:
        kinds.setdefault(name, set()).add(id(kind))
    return {
        id(kind): name if scope == 'mmengine' and len(kinds[name]) == 1 else f'{scope}.{name}'
        for scope, name, kind in entries
    }
