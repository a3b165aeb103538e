"""Stops or skips when a loss is NaN or infinite."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import torch
from mmengine.device import get_device
from mmengine.dist import all_reduce, all_reduce_params, get_rank, get_world_size
from mmengine.hooks import Hook
from mmengine.logging import print_log
from torch import Tensor

from ..errors import InputError, check_choice
from ..models.wrappers import is_sharded
from ..registry import HOOKS
from ..unwrap import built_optim_wrapper

if TYPE_CHECKING:
    from mmengine.runner import Runner

    from ..typing import DataBatch


@HOOKS.register_module()
class NonFiniteLossHook(Hook):
    """Check the loss before it changes any weight.

    Call points: ``before_train`` puts the check in front of the optimizer wrapper's ``update_params``,
    ``before_train_iter`` records the batch, ``after_train`` removes the check.

    Args:
        action: ``'stop'`` ends the run and prints the batch's file names. The last checkpoint is from before this
            batch. ``'skip'`` leaves the batch out on all ranks: there is no step, and BatchNorm statistics and queue
            are restored. That costs a copy of them per iteration. The file names are logged. With accumulated gradients,
            the step is made by the other batches alone.
        max_skips: Largest number of consecutive batches to skip.
        most: Largest number of file names to print.

    Attributes:
        stepless: Whether the current iteration leaves the weights as they are because its batch was left out.

    Raises:
        InputError: For an unknown action, and for a loss that stops the run.
    """

    priority = 'VERY_HIGH'

    def __init__(self, action: str = 'stop', max_skips: int = 10, most: int = 32) -> None:
        check_choice('NonFiniteLossHook.action', action, ('stop', 'skip'))
        self.action, self.max_skips, self.most = action, max_skips, most
        self.skipped = self._in_a_row = 0
        self.stepless = False
        self._batch: Any = None
        self._state: list[tuple[Tensor, Tensor]] = []
        self._update: Any = None

    def before_train(self, runner: Runner) -> None:
        """Guard ``update_params``."""
        self._update = built_optim_wrapper(runner).update_params

        def guarded(loss: Tensor, *args: Any, **kwargs: Any) -> None:
            if self._finite(loss):
                self._in_a_row = 0
                self._update(loss, *args, **kwargs)
            else:
                self._refuse(runner, loss)

        built_optim_wrapper(runner).update_params = guarded  # type: ignore[method-assign]  # until after_train

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: DataBatch = None) -> None:
        """Record the batch. With 'skip', also copy the state that a forward pass changes."""
        self._batch, self.stepless = data_batch, False
        if self.action == 'skip':
            self._state = [(tensor, tensor.clone()) for tensor in runner.model.buffers()]

    def after_train(self, runner: Runner) -> None:
        """Remove the guard."""
        vars(built_optim_wrapper(runner)).pop('update_params', None)
        self._batch, self._state = None, []
        if self.skipped:
            print_log(f'{self.skipped} batches with a loss that is not finite were skipped', 'current', logging.WARNING)

    def _finite(self, loss: Tensor) -> bool:
        finite = torch.isfinite(loss.detach()).all()
        if self.action == 'skip' and get_world_size() > 1:  # all ranks step or none does
            flag = finite.float().to(get_device())
            all_reduce(flag, op='min')
            return bool(flag)
        return bool(finite)

    def _refuse(self, runner: Runner, loss: Tensor) -> None:
        names = file_names(self._batch)
        shown = ', '.join(map(repr, names[: self.most])) + (
            f' and {len(names) - self.most} more' if len(names) > self.most else ''
        )
        value = float(loss.detach().float().mean())
        line = (
            f'the loss is {value} at iteration {runner.iter + 1} on rank {get_rank()}; its batch: '
            f'{shown or "no file names known"}'
        )
        self._in_a_row += 1
        if self.action == 'stop' or self._in_a_row > self.max_skips:
            again = 'resume from the last checkpoint with a lower learning rate, or leave such batches out by '
            raise InputError(f'{line}; {again}default_hooks.non_finite.action=skip')
        self.skipped += 1
        for tensor, value_before in self._state:
            tensor.copy_(value_before)
        # The count of accumulated batches goes on, so that all ranks step together.
        built_optim_wrapper(runner)._inner_count += 1
        self.stepless = not _step_without(runner)
        print_log(f'skipped: {line}', 'current', logging.WARNING)


def _step_without(runner: Runner) -> bool:
    """Make the step that the batch left out would have made, by the gradients of the batches before it. Otherwise those
    would come on top of the next step.

    Returns:
        Whether there was a step.
    """
    wrapper = built_optim_wrapper(runner)
    if wrapper._accumulative_counts == 1 or not wrapper.should_update() or is_sharded(runner.model):
        return False  # gradients of shards are put together in the backward pass alone
    parameters = [parameter for group in wrapper.param_groups for parameter in group['params']]
    used = torch.tensor([parameter.grad is not None for parameter in parameters], dtype=torch.float32)
    if get_world_size() > 1:  # DDP averages the gradients in the last backward pass, which was left out
        used = used.to(get_device())
        all_reduce(used, op='max')
        for parameter, has in zip(parameters, used.tolist()):
            if has and parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        all_reduce_params([p.grad for p in parameters if p.grad is not None], op='mean')
    if not used.any():
        return False
    wrapper.step()
    wrapper.zero_grad()
    return True


def file_names(batch: DataBatch) -> list[str]:
    """The videos of a batch, as its data samples name them."""
    samples = batch.get('data_samples', []) if isinstance(batch, dict) else []
    return [str(name) for name in (getattr(sample, 'filename', None) for sample in samples) if name is not None]
