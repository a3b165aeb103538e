"""A device without memory for a training step: how many samples fit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import torch
from mmengine.dist import get_world_size
from torch import Tensor

from ..unwrap import built_optim_wrapper, unwrap

if TYPE_CHECKING:
    from mmengine.runner import Runner


def largest_batch(fits: Callable[[int], bool], low: int, high: int, tolerance: float = 0.0) -> int:
    """Largest number of samples that fits, by halving the range in each trial.

    Args:
        fits: Whether a step of this many samples runs. A smaller batch than one that fits must fit, too.
        low: A number that fits, or 0.
        high: A number that does not fit.
        tolerance: The search stops where the range is this share of the result. 0 finds the exact number.
    """
    while high - low > max(1, int(tolerance * low)):
        middle = (low + high) // 2
        if fits(middle):
            low = middle
        else:
            high = middle
    return low


def no_memory(runner: Runner, batch: object, size: int | None, reason: str) -> str:
    """The line about a training step that ran out of memory.

    In a single process it tries smaller parts of the same batch. This changes the weights, so the training must end.

    Args:
        runner: Runner in training.
        batch: The batch that did not fit.
        size: ``batch_size`` of the loader.
        reason: First line of the error.
    """
    device = next(unwrap(runner.model).parameters()).device
    where = f'{torch.cuda.get_device_name(device)} ({device})' if device.type == 'cuda' else f'the device {device}'
    line = f'train_dataloader.batch_size={size}: {where} has no memory for a step of this batch'
    count = _length(batch)
    if get_world_size() > 1 or not size or not count:  # a rank alone would wait for the others
        return f'{line} ({reason}); lower it'
    fit = largest_batch(lambda samples: _fits(runner, first_samples(batch, samples)), 0, count)
    if fit == 0:
        return f'{line}, nor for one sample of it ({reason}); take shorter or smaller clips, or a smaller network'
    line += f'; the largest that fits is {fit}: set train_dataloader.batch_size={fit}'
    part = max(number for number in range(1, fit + 1) if size % number == 0)
    if part == 1:
        return line
    before = int(getattr(built_optim_wrapper(runner), '_accumulative_counts', 1))
    counts = before * size // part
    return f'{line}, or {part} with optim_wrapper.accumulative_counts={counts} for gradients of {before * size} samples'


def first_samples(batch: Any, count: int) -> Any:
    """The first samples of a collated batch: of each tensor and list in it."""
    if isinstance(batch, Mapping):
        return {key: first_samples(value, count) for key, value in batch.items()}
    return batch[:count] if isinstance(batch, (Tensor, list, tuple)) else batch


def _length(batch: object) -> int:
    if isinstance(batch, Mapping):
        return max((_length(value) for value in batch.values()), default=0)
    return len(batch) if isinstance(batch, (Tensor, list, tuple)) else 0


def _fits(runner: Runner, batch: object) -> bool:
    wrapper = built_optim_wrapper(runner)
    model: Any = runner.model  # DDP's or the model's own step
    try:
        model.train_step(batch, optim_wrapper=wrapper)
        return True
    except Exception:  # such as cuDNN's own errors, or BatchNorm with one sample
        return False
    finally:
        wrapper.zero_grad(set_to_none=True)
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
