"""The hand-off of weights between phases, checked."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.model import is_model_wrapper
from mmengine.runner import BaseLoop

from ..config.input_convention import describe_convention, find_pipeline, input_convention, same_convention
from ..functional.transfer import check_transfer
from ..records.provenance import training_of
from ..registry import HOOKS


@HOOKS.register_module()
class CheckedTransferHook(Hook):
    """Stop when ``load_from`` does not bring the backbone, instead of training from scratch in silence.

    Call point: ``after_load_checkpoint``, before the tensors are copied. In training the parts in ``prefixes`` must be
    covered whole; in testing the whole model must, since a head left at random gives a number that means nothing.

    Warns when the checkpoint was trained on another input convention (order of the channels, mean, std) than this config
    feeds, as far as the checkpoint tells: that costs accuracy and says nothing.

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
        warning = input_mismatch(checkpoint.get('meta'), runner.cfg, 'train' if training else 'test')
        if warning is not None:
            print_log(f'{name} {warning}', logger='current', level=logging.WARNING)


def input_mismatch(meta: Any, config: Mapping[str, Any], part: str) -> str | None:
    """What a checkpoint was trained on and a config feeds, if these are known and differ.

    Args:
        meta: The checkpoint's.
        config: Config that loads it.
        part: 'train' or 'test', the data loader that feeds it.

    Returns:
        Rest of a sentence that begins with the checkpoint's name; None if there is nothing to say.
    """
    training = training_of(meta)
    if training is None:
        return None
    taught = training['input']
    fed = input_convention(
        (config.get('model') or {}).get('data_preprocessor'), find_pipeline(config, (f'{part}_dataloader',))
    )
    if taught is None or fed is None or same_convention(taught, fed):
        return None
    return (
        f'was trained on {describe_convention(taught)}; this config feeds {describe_convention(fed)}: set '
        'model.data_preprocessor to what it was trained with, or accuracy is lost without a word'
    )
