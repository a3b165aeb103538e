"""The hand-off of weights between phases, checked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.model import is_model_wrapper
from mmengine.runner import BaseLoop

from ..functional.transfer import check_transfer
from ..registry import HOOKS


@HOOKS.register_module()
class CheckedTransferHook(Hook):
    """Stop when ``load_from`` does not bring the backbone, instead of training from scratch in silence.

    Call point: ``after_load_checkpoint``, before the tensors are copied. In training the parts in ``prefixes`` must be
    covered whole; in testing the whole model must, since a head left at random gives a number that means nothing.

    Args:
        prefixes: Parts of the model a checkpoint must cover in training.

    Raises:
        InputError: See :func:`check_transfer`.
    """

    priority = 'VERY_HIGH'

    def __init__(self, prefixes: Sequence[str] = ('backbone.',)) -> None:
        self.prefixes = tuple(prefixes)

    def after_load_checkpoint(self, runner: Any, checkpoint: dict) -> None:
        """Compare key sets; see :func:`check_transfer`."""
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        state = checkpoint.get('state_dict', checkpoint)
        training = isinstance(runner._train_loop, BaseLoop)
        name = str(getattr(runner, '_load_from', None) or 'the checkpoint')
        message = check_transfer(model.state_dict(), state, self.prefixes if training else ('',), name)
        print_log(message, logger='current')
