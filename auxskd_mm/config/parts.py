"""Parts of a config as tools take them: one entry or several, a loader, the settings of the model."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from mmengine.config import Config

from ..choices import WEIGHTS_PACKAGE
from ..errors import InputError
from ..models.backbones.image_networks import PackagedWeights
from ..registry import WEIGHT_INITIALIZERS, registered, use_scope
from .input_files import check_lists


def as_list(value: Any) -> list[Any]:
    """A setting that takes one entry or several, as a list. None and an empty dict have no entries."""
    return list(value) if isinstance(value, (list, tuple)) else [value] if value else []


def loader_of(config: Config, split: str, use: str = '') -> dict[str, Any]:
    """Settings of the loader of a split ('train', 'val' or 'test') whose data are there, with the scope of the config
    set for building it. ``use`` are words after the message, such as ' to ask the model about'.

    Raises:
        InputError: If the config has no such loader, or its lists are missing.
    """
    loader = config.get(f'{split}_dataloader')
    if loader is None:
        raise InputError(f'the config has no {split}_dataloader{use}')
    check_lists(config, [split])
    use_scope(config)
    return loader


def weights_package(init: object) -> str | None:
    """Name of the package whose weights an ``init_cfg`` takes (:class:`PackagedWeights`). None for any other."""
    if not isinstance(init, Mapping):
        return None
    kind = registered(WEIGHT_INITIALIZERS, init.get('type'))
    if kind is None or not issubclass(kind, PackagedWeights):
        return None
    default = inspect.signature(kind).parameters.get('package')
    return str(init.get('package', default.default if default else WEIGHTS_PACKAGE))


def model_settings(config: Config, pretrained: bool = False) -> dict[str, Any]:
    """A copy of the settings of a config's model.

    Args:
        config: Any config.
        pretrained: Keep ``backbone.pretrained``, for which MMAction2's backbones download a file.

    Raises:
        InputError: If the config has no model.
    """
    if config.get('model') is None:
        raise InputError('the config has no model')
    settings = config.model.to_dict() if hasattr(config.model, 'to_dict') else dict(config.model)
    backbone = settings.get('backbone')
    if isinstance(backbone, dict) and backbone.get('pretrained') and not pretrained:
        backbone['pretrained'] = None
    return settings
