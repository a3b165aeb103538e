"""MMEngine's averaging of buffers across ranks, without the queues."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mmengine.dist import all_reduce_params
from mmengine.hooks import SyncBuffersHook
from mmengine.logging import print_log

from ..models.modules.feature_queue import named_rank_buffers
from ..registry import HOOKS

if TYPE_CHECKING:
    from mmengine.runner import Runner


@HOOKS.register_module()
class SyncBuffersExceptQueuesHook(SyncBuffersHook):
    """Average the BatchNorm statistics of all ranks, and leave every :class:`FeatureQueue` unchanged.

    A queue is already the same on all ranks, and an average would change it by rounding. Call points are those of
    MMEngine's ``SyncBuffersHook``: after each training epoch, and before a validation without a training epoch.
    """

    called_in_train: bool

    def before_val_epoch(self, runner: Runner) -> None:
        """Average before a validation, unless the training epoch before it has just done so."""
        if self.distributed and not self.called_in_train:
            _average(runner)
        self.called_in_train = False

    def after_train_epoch(self, runner: Runner) -> None:
        """Average at the end of each epoch."""
        if self.distributed:
            _average(runner)
            self.called_in_train = True


def _average(runner: Runner) -> None:
    all_reduce_params([buffer for _, buffer in named_rank_buffers(runner.model)], op='mean')


def protect_queues(runner: Runner) -> None:
    """Replace each plain ``SyncBuffersHook`` of a runner, for configs that inherit it from a stock config."""
    for place, hook in enumerate(runner.hooks):
        if type(hook) is SyncBuffersHook:
            ours = SyncBuffersExceptQueuesHook()
            ours.priority, ours.called_in_train = hook.priority, hook.called_in_train
            runner.hooks[place] = ours
            print_log(
                'SyncBuffersHook: replaced by SyncBuffersExceptQueuesHook, which averages no queue', logger='current'
            )
