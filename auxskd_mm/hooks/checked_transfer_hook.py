"""Checks of the weights that are passed from one phase to the next."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.runner import BaseLoop
from torch import Tensor

from ..config.input_convention import describe_convention, input_convention, same_convention
from ..config.pipelines import find_pipeline
from ..errors import InputError
from ..functional.public_weights import weights_in
from ..functional.public_weights.left_over import removed_tensors
from ..functional.transfer import check_copied, check_finite, check_tensors, plan_transfer
from ..records.provenance import training_of
from ..registry import HOOKS
from ..unwrap import unwrap

if TYPE_CHECKING:
    from mmengine.runner import Runner

    from ..typing import ConfigLike, DataBatch


@HOOKS.register_module()
class CheckedTransferHook(Hook):
    """Stop when ``load_from`` does not bring the backbone, and when weights or answers are not finite.

    Call points:

    - ``after_load_checkpoint``, before the tensors are copied. In training the checkpoint must cover the parts in
      ``prefixes``. In testing it must cover the whole model, since a random head gives meaningless accuracy.
    - ``before_train``, ``before_val`` and ``before_test`` compare the model with the checkpoint, and log the copied
      parts. They also refuse any model whose weights are not finite.
    - ``after_val_iter`` and ``after_test_iter`` refuse features and scores that are not finite.

    The names in the file may be those of a public checkpoint (torchvision, VideoMAE ...): see
    :mod:`auxskd_mm.functional.public_weights`. The hook then gives the tensors the names of the model's backbone.

    The hook warns when the checkpoint was trained with another input convention (order of the channels, mean, std) than
    that of this config, if the checkpoint records it. Such a mismatch lowers accuracy silently.

    Args:
        prefixes: Parts of the model that a checkpoint must cover in training.
        strict: Stop where parts are missing. With False the hook only warns. Our tools add it so to configs without it.

    Raises:
        InputError: See :func:`plan_transfer`, :func:`check_copied` and :func:`check_finite`.
    """

    priority = 'VERY_HIGH'

    def __init__(self, prefixes: Sequence[str] = ('backbone.',), strict: bool = True) -> None:
        self.prefixes = tuple(prefixes)
        self.strict = strict
        self._loaded: tuple[dict, str, str] | None = None  # the checkpoint, its name, and the line about it
        self._looked = False

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Compare the key sets; see :func:`plan_transfer`."""
        training = isinstance(runner._train_loop, BaseLoop)
        name = str(getattr(runner, '_load_from', None) or 'the checkpoint')
        prefixes = self.prefixes if training else ('',)
        model = unwrap(runner.model)
        own, removed = model.state_dict(), removed_tensors(model)
        if self.strict:
            state, message = plan_transfer(own, checkpoint, prefixes, name, removed=removed)
            _replace_weights(checkpoint, state)
        else:
            message = self._say_what_comes(own, checkpoint, name, removed)
        self._loaded = checkpoint, name, message
        warning = input_mismatch(checkpoint.get('meta'), runner.cfg, 'train' if training else 'test')
        if warning is not None:
            print_log(f'{name} {warning}', logger='current', level=logging.WARNING)

    def _say_what_comes(self, own: Mapping[str, Any], checkpoint: dict, name: str, removed: Collection[str]) -> str:
        """Take what fits, and say in a line what is missing. Weights of a public naming must fit all the same."""
        part = 'backbone.' if any(key.startswith('backbone.') for key in own) else ''
        try:
            state, message = plan_transfer(own, checkpoint, ('',), name, removed=removed)
        except InputError as error:
            message = f'warning: {error}'
            state = weights_in(checkpoint, name)
            if not any(key in own for key in state):
                state, message = plan_transfer(own, checkpoint, (part,), name, removed=removed)
        common = {key: value for key, value in state.items() if key in own}
        check_tensors(common, name, own)
        check_finite(common, name, own)
        _replace_weights(checkpoint, state)
        return message

    def before_train(self, runner: Runner) -> None:
        """Compare the model with the checkpoint, and check that the weights are finite."""
        self._look(runner)

    def before_val(self, runner: Runner) -> None:
        """See :meth:`before_train`. It acts in runs without training."""
        self._look(runner)

    def before_test(self, runner: Runner) -> None:
        """See :meth:`before_val`."""
        self._look(runner)

    def after_val_iter(
        self, runner: Runner, batch_idx: int, data_batch: DataBatch = None, outputs: Sequence[Any] | None = None
    ) -> None:
        """Refuse features and scores that are not finite."""
        check_answers(outputs or ())

    def after_test_iter(
        self, runner: Runner, batch_idx: int, data_batch: DataBatch = None, outputs: Sequence[Any] | None = None
    ) -> None:
        """See :meth:`after_val_iter`."""
        check_answers(outputs or ())

    def _look(self, runner: Runner) -> None:
        if self._looked and self._loaded is None:
            return
        loaded, self._loaded, self._looked = self._loaded, None, True
        state = unwrap(runner.model).state_dict()
        if loaded is None:
            check_finite(state, 'the model')
            return
        checkpoint, name, message = loaded
        check_copied(state, checkpoint.get('state_dict', checkpoint), name)
        check_finite(state, f'the model with {name}', state)
        print_log(message, logger='current')


def _replace_weights(checkpoint: dict, state: dict[str, Any]) -> None:
    """Let MMEngine load these tensors. It takes ``state_dict``, and without that the whole dict."""
    if 'state_dict' not in checkpoint:
        checkpoint.clear()
    checkpoint['state_dict'] = state


def check_answers(samples: Sequence[Any]) -> None:
    """Refuse features and scores that are NaN or infinite.

    Args:
        samples: Data samples with the outputs of a model.

    Raises:
        InputError: If a value is not finite. The message names the video and the field.
    """
    for sample in samples:
        for field, value in sample.items() if hasattr(sample, 'items') else ():
            if isinstance(value, Tensor) and value.is_floating_point() and not value.isfinite().all():
                video = sample.get('filename', 'a video')
                raise InputError(
                    f"{video}: the model answers with '{field}' that is NaN or infinite, so no number can be made of it; "
                    'check the weights and the values of the video'
                )


def input_mismatch(meta: object, config: ConfigLike, part: str) -> str | None:
    """Compare the input convention of a checkpoint with that of a config.

    Args:
        meta: ``meta`` of the checkpoint.
        config: Config that loads the checkpoint.
        part: 'train' or 'test', the data loader that feeds it.

    Returns:
        The difference, as the rest of a sentence that begins with the checkpoint's name. None if both agree or one is
        unknown.
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
