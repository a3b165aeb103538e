"""Checks of a training with adapters, and checkpoints of the adapters alone."""

from __future__ import annotations

import io
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.logging import print_log
from torch import nn

from ..errors import InputError, examples
from ..files import write_atomically
from ..functional.adapter_state import BANK, BASE_DIGEST, is_adapter_key
from ..functional.transfer import TRAINING_PARTS
from ..models.adapters import AdapterBank
from ..models.adapters.adapted_backbone import norms_in_training
from ..models.wrappers import full_state, is_sharded
from ..plain_data import to_plain
from ..records.provenance import training_meta
from ..registry import HOOKS
from ..unwrap import built_optim_wrapper, unwrap, weights_of_checkpoints
from ..weight_hash import hex_digits, weight_hash

if TYPE_CHECKING:
    from mmengine.runner import Runner

    from ..typing import DataBatch


@HOOKS.register_module()
class AdapterHook(Hook):
    """Check that a training with adapters trains them alone, and write them beside each checkpoint.

    The adapters come from the backbone's config (``type='auxskd_mm.AdaptedBackbone'``), which also freezes the base and
    sets the mode of its BatchNorm layers. A hook would be too late: the Runner has wrapped the model for DDP and built
    the optimizer when it calls hooks.

    Call points:

    - ``before_train`` checks the optimizer, computes the digest of the base and logs the share of parameters that are
      trained.
    - After each save of the checkpoint hook, and at the end, ``adapters.pth`` is written into the same folder (at the
      end into the work dir, which is all where checkpoints go to an address such as ``s3://``). It holds
      the adapters and what else is trained, without the parts that only the training needs (projectors of teachers,
      queues). It also holds the buffers of the backbone (the BatchNorm statistics) and the SHA-256 of the frozen
      weights. ``load_from`` takes it on top of the same base and refuses another one. With MMEngine's ``EMAHook`` the file
      has the averaged weights, as the checkpoint beside it.

    Args:
        filename: Name of the file.
        save: Whether to write it.

    Raises:
        InputError: If the model has no adapters, the optimizer does not have them, or nothing of the base is frozen.
    """

    priority = 'LOWEST'  # behind the checkpoint hook

    def __init__(self, filename: str = 'adapters.pth', save: bool = True) -> None:
        self.filename = filename
        self.save = save
        self._digest: torch.Tensor | None = None
        self._written: Any = None

    def before_train(self, runner: Runner) -> None:
        """Check the optimizer and log what is trained."""
        model = unwrap(runner.model)
        _check_optimizer(runner, model)
        state = _state(runner)
        base = base_keys(model)
        self._digest = weight_hash(state, base)
        self._written = runner.message_hub.runtime_info.get('last_ckpt')
        trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
        all_of = trained + sum(state[key].numel() for key in base)
        banks = _banks(model)
        print_log(
            f'{sum(map(len, banks.values()))} adapters: {trained:,} of {all_of:,} parameters are trained '
            f'({100 * trained / all_of:.1f}%), {_mode_of_norms(model)}; base {hex_digits(self._digest)}',
            logger='current',
        )

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: DataBatch = None, outputs: dict | None = None
    ) -> None:
        """Write the adapters if a checkpoint has just been written."""
        self._write_beside(runner)

    def after_train_epoch(self, runner: Runner) -> None:
        """See :meth:`after_train_iter`."""
        self._write_beside(runner)

    def after_train(self, runner: Runner) -> None:
        """Write the adapters of the end."""
        self._write(runner, Path(runner.work_dir))

    def _write_beside(self, runner: Runner) -> None:
        newest = runner.message_hub.runtime_info.get('last_ckpt')
        if newest is not None and newest != self._written:
            self._written = newest
            if '://' not in str(newest):  # in a Path it would be one slash
                self._write(runner, Path(str(newest)).parent)

    def _write(self, runner: Runner, folder: Path) -> None:
        if not self.save:
            return
        state = _state(runner)  # of shards, every rank takes part
        left_out = base_keys(unwrap(runner.model))
        assert self._digest is not None  # set before training
        # Not of averaged weights, in which a weight of -0.0 is 0.0.
        if is_main_process() and not torch.equal(weight_hash(state, left_out), self._digest):
            raise InputError(
                'AdapterHook: frozen weights of the base have changed in training; is there an optimizer or a hook that '
                'writes to them?'
            )
        with weights_of_checkpoints(
            runner
        ) as averaged:  # until the file is there, since the state has the model's own tensors
            state = _state(runner) if averaged else state
            if is_main_process():
                parts = {k: v for k, v in state.items() if k not in left_out and not k.startswith(TRAINING_PARTS)}
                self._write_file(runner, folder, {**parts, BASE_DIGEST: self._digest})

    def _write_file(self, runner: Runner, folder: Path, parts: dict[str, torch.Tensor]) -> None:
        meta = dict(epoch=runner.epoch, iter=runner.iter, seed=runner.seed)
        with suppress(AttributeError, TypeError):  # a Runner made of objects has no config
            meta.update(training_meta(runner.cfg.to_dict()))
        buffer = io.BytesIO()
        torch.save(to_plain(dict(meta=meta, state_dict={key: value.cpu() for key, value in parts.items()})), buffer)
        write_atomically(folder / self.filename, buffer.getvalue())


def base_keys(model: nn.Module) -> set[str]:
    """Names of the frozen parameters beside the adapters of a model, without those of the teacher."""
    prefixes = tuple(name.removesuffix(BANK) for name in _banks(model))
    return {
        name
        for name, parameter in model.named_parameters()
        if name.startswith(prefixes)
        and not parameter.requires_grad
        and not is_adapter_key(name)
        and not name.startswith(TRAINING_PARTS)
    }


def _banks(model: nn.Module) -> dict[str, AdapterBank]:
    banks = {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, AdapterBank) and not name.startswith(TRAINING_PARTS)
    }
    if not banks:
        raise InputError(
            'AdapterHook: the model has no adapters; give its config backbone=dict(type='
            "'auxskd_mm.AdaptedBackbone', backbone=..., adapters=...)"
        )
    return banks


def _mode_of_norms(model: nn.Module) -> str:
    """What the BatchNorm layers do in training. The base may freeze some by settings of its own."""
    bases = [model.get_submodule(name.removesuffix(BANK).removesuffix('.')) for name in _banks(model)]
    modes = [moves for base in bases for moves in norms_in_training(base).values()]
    if not modes:
        return 'the base has no BatchNorm'
    if any(modes) and not all(modes):
        return (
            f'{sum(modes)} of {len(modes)} BatchNorm layers of the base are on the statistics of the batch, the others '
            'are frozen'
        )
    return f'BatchNorm of the base is {"on the statistics of the batch" if all(modes) else "frozen"}'


def _state(runner: Runner) -> dict[str, torch.Tensor]:
    state = unwrap(runner.model).state_dict()
    return full_state(state) if is_sharded(runner.model) else state


def _check_optimizer(runner: Runner, model: nn.Module) -> None:
    optimizer = built_optim_wrapper(runner)
    groups = getattr(optimizer, 'param_groups', None)
    if not base_keys(model):
        raise InputError('AdapterHook: nothing of the base is frozen; leave the hook out, or freeze the base')
    if isinstance(groups, list):  # several optimizers have a dict of them
        known = {id(parameter) for group in groups for parameter in group['params']}
        lost = [
            name
            for name, parameter in model.named_parameters()
            if parameter.requires_grad and id(parameter) not in known
        ]
        if lost:
            raise InputError(
                f'AdapterHook: the optimizer does not have {examples(lost)}; add adapters through the config of the '
                'backbone, before the optimizer is built'
            )
