"""The model, its averaged weights and the optimizer wrapper behind MMEngine's wide types."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

from mmengine.hooks import EMAHook
from mmengine.model import is_model_wrapper
from torch import nn

if TYPE_CHECKING:
    from mmengine.optim import OptimWrapper
    from mmengine.runner import Runner

    from .typing import VideoModel


def unwrap(model: nn.Module) -> VideoModel:
    """Return the model inside a wrapper such as DDP.

    Args:
        model: A model, or MMEngine's wrapper around one.

    Returns:
        The wrapped model. A model without a wrapper, or a wrapper without ``module``, is returned unchanged.
    """
    return cast('VideoModel', getattr(model, 'module', model) if is_model_wrapper(model) else model)


def built_optim_wrapper(runner: Runner) -> OptimWrapper:
    """Return the optimizer wrapper of a Runner. Before the training it is a config or None."""
    return cast('OptimWrapper', runner.optim_wrapper)


@contextmanager
def weights_of_checkpoints(runner: Runner) -> Iterator[bool]:
    """Let the model have the weights that its checkpoints hold and its validation measures: with MMEngine's ``EMAHook``
    the averaged ones. Afterwards it has its own again, to the bit.

    Before the first step there is no average. The hook's copy of the model is older than the initial weights then.

    Yields:
        Whether there is an ``EMAHook``, so that the weights may be others than those in training.
    """
    averages = [hook for hook in runner.hooks if isinstance(hook, EMAHook)] if runner.iter > 0 else []
    for hook in averages:
        hook.before_val_epoch(runner)
    try:
        yield bool(averages)
    finally:
        for hook in averages:
            hook.after_val_epoch(runner)
