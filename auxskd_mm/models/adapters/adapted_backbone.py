"""A backbone from a config, with adapters and a frozen base."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import nn
from torch.nn.modules.batchnorm import _NormBase

from ...errors import InputError, check_choice
from ...functional.adapter_state import BANK, is_adapter_key
from ...registry import MODELS
from ..backbones.frames import build_backbone
from .add_adapters import add_adapters, match_names

NORMS = ('batch', 'frozen')


@MODELS.register_module(name='AdaptedBackbone')
def adapted_backbone(
    backbone: dict[str, Any],
    adapters: dict[str, Any] | Sequence[dict[str, Any]],
    trainable: str | Sequence[str] = (),
    norm: str = 'batch',
    clip: Sequence[int] | None = None,
) -> nn.Module:
    """Build a backbone, add adapters and freeze the rest. The result is the backbone itself, with its own names.

    The base is frozen here and not by a hook: MMEngine's Runner wraps the model for several processes in its
    constructor and builds the optimizer before it calls hooks. Weights of the base come through its ``init_cfg`` or
    ``load_from``, as for the backbone alone.

    Args:
        backbone: Config of the base, see :func:`build_backbone`.
        adapters: ``dict(patterns=..., type='auxskd_mm.ConvAdapter', ...)``: the arguments of :func:`add_adapters` and
            the options of the adapter. A list of such dicts adds several kinds.
        trainable: Patterns of modules of the base that are trained too.
        norm: What BatchNorm layers of the frozen base do in training. 'batch': they normalise with the batch and their
            running statistics move, as in PECoP. 'frozen': they use their running statistics, which stay.
        clip: See :func:`add_adapters`.

    Returns:
        The backbone.

    Raises:
        InputError: If an option is wrong. See also :func:`add_adapters`.
    """
    check_choice('AdaptedBackbone.norm', norm, NORMS)
    built = build_backbone(backbone)
    for config in [adapters] if isinstance(adapters, dict) else adapters:
        options = dict(config)
        if 'patterns' not in options:
            raise InputError('AdaptedBackbone.adapters: needs patterns, the names of the modules that adapters follow')
        patterns, zero_init = options.pop('patterns'), options.pop('zero_init', True)
        add_adapters(built, patterns, options, zero_init, clip)
    freeze_base(built, [trainable] if isinstance(trainable, str) else trainable, norm)
    return built


def freeze_base(backbone: nn.Module, trainable: Sequence[str] = (), norm: str = 'batch') -> None:
    """Freeze all of a backbone except its adapters, as :func:`adapted_backbone` says. Call it before the optimizer and
    DDP are built.
    """
    for name, parameter in backbone.named_parameters():
        parameter.requires_grad_(is_adapter_key(name))
    for name in match_names(backbone, trainable) if trainable else ():
        backbone.get_submodule(name).requires_grad_(True)
    bank = backbone.get_submodule(BANK)
    frozen = [
        name
        for name, module in backbone.named_modules()
        if isinstance(module, _NormBase) and not any(p.requires_grad for p in module.parameters())
    ]
    bank.keep_norms(backbone, frozen if norm == 'frozen' else [])  # type: ignore[operator]  # an AdapterBank
    backbone.train(backbone.training)
