"""A backbone from a config, with adapters and a frozen base."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm, _NormBase

from ...errors import InputError, check_choice, examples
from ...functional.adapter_state import BANK, is_adapter_key
from ...registry import MODELS
from ..backbones.frames import build_backbone
from ..modules.evaluating import in_mode
from .add_adapters import add_adapters, match_names

NORMS = ('batch', 'frozen')


@MODELS.register_module(name='AdaptedBackbone')
def adapted_backbone(
    backbone: dict[str, Any],
    adapters: dict[str, Any] | Sequence[dict[str, Any]],
    trainable: str | Sequence[str] = (),
    norm: str | None = None,
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
            running statistics move, as in PECoP. 'frozen': they use their running statistics, which stay. None: as
            'batch', except those that ``frozen_stages`` or ``norm_eval`` of the base keep frozen.
        clip: See :func:`add_adapters`.

    Returns:
        The backbone.

    Raises:
        InputError: If an option is wrong, or contradicts the base's own ``frozen_stages`` or ``norm_eval``. See also
            :func:`add_adapters`.
    """
    if norm is not None:
        check_choice('AdaptedBackbone.norm', norm, NORMS)
    configs = [adapters] if isinstance(adapters, dict) else adapters
    if not isinstance(configs, Sequence) or not configs or not all(isinstance(config, dict) for config in configs):
        raise InputError(
            f"AdaptedBackbone.adapters={adapters!r}: expected dict(patterns=..., type='auxskd_mm.ConvAdapter') or a list of "
            'them; for none, take the backbone alone'
        )
    if not all('patterns' in config for config in configs):
        raise InputError('AdaptedBackbone.adapters: needs patterns, the names of the modules that adapters follow')
    built = build_backbone(backbone)
    for config in configs:
        options = dict(config)
        patterns, zero_init = options.pop('patterns'), options.pop('zero_init', True)
        add_adapters(built, patterns, options, zero_init, clip)
    freeze_base(built, trainable, norm)
    return built


def freeze_base(backbone: nn.Module, trainable: str | Sequence[str] = (), norm: str | None = None) -> None:
    """Freeze all of a backbone except its adapters, as :func:`adapted_backbone` says. Call it before the optimizer and
    DDP are built.

    Raises:
        InputError: If settings of the base undo ``trainable`` or ``norm='batch'``, or a pattern matches nothing.
    """
    trainable = [trainable] if isinstance(trainable, str) else trainable or ()
    if not isinstance(trainable, Sequence) or not all(isinstance(pattern, str) for pattern in trainable):
        raise InputError(f"AdaptedBackbone.trainable={trainable!r}: expected names of modules, e.g. 'layer4'")
    for name, parameter in backbone.named_parameters():
        parameter.requires_grad_(is_adapter_key(name))
    names = match_names(backbone, trainable) if trainable else []
    for name in names:
        backbone.get_submodule(name).requires_grad_(True)
    bank = backbone.get_submodule(BANK)
    inside = tuple(f'{name}.' for name in names)  # a BatchNorm without weights shows by its place alone
    frozen = [
        name
        for name, module in backbone.named_modules()
        if isinstance(module, _NormBase)
        and not any(p.requires_grad for p in module.parameters())
        and not f'{name}.'.startswith(inside)
    ]
    bank.keep_norms(backbone, frozen if norm == 'frozen' else [])  # type: ignore[operator]  # an AdapterBank
    backbone.train(backbone.training)
    norms = norms_in_training(backbone)
    # A base with frozen stages freezes them whenever its mode is set. One that freezes only its BatchNorm trains the rest.
    asked = {name: list(backbone.get_submodule(name).parameters()) for name in names}
    trained = [name for name, own in asked.items() if own and not any(parameter.requires_grad for parameter in own)]
    moved = [name for name, moves in norms.items() if norm == 'batch' and not moves]
    for key, lost in (('trainable', trained), ('norm', moved)):
        if lost:
            raise InputError(
                f'AdaptedBackbone.{key}: settings of {type(backbone).__name__} itself, such as frozen_stages, norm_eval or '
                f'partial_bn, freeze {examples(lost)} again; leave them out of its config'
            )


def norms_in_training(backbone: nn.Module) -> dict[str, bool]:
    """The BatchNorm layers of the base by name, and whether each uses the statistics of the batch in training."""
    with in_mode(backbone, True):
        return {
            name: module.training or module.running_mean is None
            for name, module in backbone.named_modules()
            if isinstance(module, _BatchNorm) and name.split('.')[0] != BANK
        }
