"""Settings that do not go together with a model in shards, checked before a run starts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmengine.config import Config

from ..errors import InputError
from ..registry import type_name

_FUSED = ('Adam', 'AdamW')  # DTensor has no rule for the fused kernels of others (torch 2.14: NotImplementedError)


def check_shards(config: Config) -> None:
    """Refuse settings of the optimizer and of the hooks that ``model_wrapper_cfg.type='auxskd_mm.FullyShardedModel'`` cannot have.

    Raises:
        InputError: With the key and the reason.
    """
    wrapper = config.get('model_wrapper_cfg')
    if not isinstance(wrapper, dict) or type_name(wrapper.get('type')) != 'FullyShardedModel':
        return
    optim: Mapping[str, Any] = config.get('optim_wrapper') or {}
    optimizer: Any = optim.get('optimizer')
    if isinstance(optimizer, dict) and type_name(optimizer.get('type')) == 'ZeroRedundancyOptimizer':
        raise InputError(
            'optim_wrapper.optimizer.type=ZeroRedundancyOptimizer: FullyShardedModel shards the optimizer already; name '
            f"the optimizer itself, such as '{optimizer.get('optimizer_type', 'SGD')}', or leave out model_wrapper_cfg"
        )
    kind = type_name(optimizer.get('type')) if isinstance(optimizer, dict) else ''
    if isinstance(optimizer, dict) and optimizer.get('fused') and kind not in _FUSED:
        raise InputError(
            f'optim_wrapper.optimizer.fused=True: torch has no fused {kind} for weights in shards (FullyShardedModel), '
            f'only {" and ".join(_FUSED)}; leave fused out'
        )
    if optim.get('use_fsdp'):
        raise InputError(
            'optim_wrapper.use_fsdp=True: it is for FSDP1, and FullyShardedModel is FSDP2, whose ranks share overflows '
            'without it; leave it out'
        )
    if optim.get('accumulative_counts', 1) > 1 and any(map(_skips, _hooks(config))):
        raise InputError(
            "NonFiniteLossHook.action='skip' with optim_wrapper.accumulative_counts="
            f'{optim["accumulative_counts"]}: shards of gradients are put together in the backward pass that a skipped '
            "batch lacks, so they would come on top of the next step; take action='stop', or accumulative_counts=1"
        )


def _hooks(config: Config) -> list[Any]:
    named = config.get('default_hooks') or {}
    added = {'type': 'NonFiniteLossHook', **(named.get('non_finite') or {})}  # the start gives it its type
    return [added, *named.values(), *(config.get('custom_hooks') or [])]


def _skips(hook: object) -> bool:
    return (
        isinstance(hook, dict) and type_name(hook.get('type')) == 'NonFiniteLossHook' and hook.get('action') == 'skip'
    )
