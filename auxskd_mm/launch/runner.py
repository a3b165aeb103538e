"""From a config to the Runner that trains or tests it."""

from __future__ import annotations

import logging

from mmengine.config import Config
from mmengine.device import get_device
from mmengine.logging import print_log
from mmengine.registry import OPTIMIZERS
from mmengine.runner import Runner

from ..compat import leave_out_device_ids
from ..errors import InputError
from ..files import accept_any_name, check_checkpoint
from .training_defaults import compile_backbones, make_safe, pin_loaders, take_compile_options


def build_runner(config: Config) -> Runner:
    """Runner of a config, or the one it names in ``runner_type``.

    Raises:
        InputError: If ``load_from`` is no checkpoint, or the optimizer's type is unknown.
    """
    from mmaction.registry import RUNNERS

    from ..models.wrappers import FullyShardedModel

    check_checkpoint(config.get('load_from'))
    _check_optimizer(config)
    if _wants_amp(config) and get_device() == 'cpu':
        # MMEngine's AMP wrapper refuses to start without an accelerator; the arithmetic is only faster, not another.
        print_log(
            'no accelerator: training in float32 instead of mixed precision', logger='current', level=logging.WARNING
        )
        for key in ('dtype', 'loss_scale', 'use_fp64'):
            config.optim_wrapper.pop(key, None)
        config.optim_wrapper.type = 'OptimWrapper'
    leave_out_device_ids(config)
    make_safe(config)
    pin_loaders(config)
    compiling = take_compile_options(config)
    runner = RUNNERS.build(config) if 'runner_type' in config else Runner.from_cfg(config)
    for handler in runner.logger.handlers:
        accept_any_name(getattr(handler, 'stream', None))  # the log names videos
    if isinstance(runner.model, FullyShardedModel):
        runner._init_model_weights = lambda: None  # done, before there were shards
    if compiling is not None:
        compile_backbones(runner.model, compiling)
    return runner


def _check_optimizer(config: Config) -> None:
    """MMEngine looks the optimizer up without noticing that there is none of its name."""
    optimizer = (config.get('optim_wrapper') or {}).get('optimizer')
    kind = optimizer.get('type') if isinstance(optimizer, dict) else None
    if not isinstance(kind, str):
        return
    with OPTIMIZERS.switch_scope_and_registry(config.get('default_scope')) as registry:
        if registry.get(kind) is None:
            raise InputError(f"optim_wrapper.optimizer.type='{kind}': unknown; expected one such as 'SGD' or 'AdamW'")


def _wants_amp(config: Config) -> bool:
    wrapper = config.get('optim_wrapper') or {}
    return wrapper.get('type') == 'AmpOptimWrapper' and config.get('train_cfg') is not None
