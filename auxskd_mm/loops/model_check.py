"""Checks, before the first step, that a model fits its training set."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import torch
from mmengine.config import Config
from mmengine.dist import get_world_size
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from ..config.sample_shape import sample_shape
from ..errors import InputError
from ..unwrap import unwrap

if TYPE_CHECKING:
    from torch.utils.data import DataLoader, Dataset


def check_batch_norm(model: nn.Module, loader: DataLoader, config: Config) -> None:
    """Refuse a training batch of one sample where BatchNorm would get a single value for each channel. The model may be
    wrapped.

    torch raises an error then. If the last batch is the small one, it does so only at the end of the epoch. With several
    ranks it is the batch of each rank that counts, except for ``SyncBatchNorm``.

    Raises:
        InputError: If there is such a layer. The message names it.
    """
    try:
        samples = len(loader.sampler)  # type: ignore[arg-type]  # see the except
    except TypeError:  # loaders of iterable datasets
        return
    size = loader.batch_size or 0
    last = size if loader.drop_last or not size or samples % size == 0 else samples % size
    if min(size, last) != 1:
        return
    try:
        shape = sample_shape(config, 'train')
    except Exception:  # a pipeline of another kind; only this check depends on it
        return
    layer = _lonely_layer(unwrap(model), shape)
    if layer is None:
        return
    why = (
        'train_dataloader.batch_size=1 gives batches of one sample'
        if size == 1
        else f'the last batch of an epoch has one sample ({samples} samples in batches of {size})'
    )
    ranks = '' if get_world_size() == 1 else ' on each rank'
    mend = 'raise it' if size == 1 else 'set train_dataloader.drop_last=True or another train_dataloader.batch_size'
    raise InputError(f'{why}{ranks}, of which BatchNorm ({layer}) cannot take statistics; {mend}')


def _lonely_layer(model: nn.Module, shape: tuple[int, ...]) -> str | None:
    """Name of a BatchNorm layer in training mode that one sample (V, C, T, H, W) gives a single value for each channel."""
    mode = model.training
    training = [
        (name, layer)
        for name, layer in model.train().named_modules()
        if isinstance(layer, _BatchNorm)
        and layer.training
        and not (isinstance(layer, nn.SyncBatchNorm) and get_world_size() > 1)  # it has the values of all ranks
    ]
    model.train(mode)
    clips = 1 if hasattr(model, 'views') else shape[0]  # pretext models embed each view by itself
    flat = [name for name, layer in training if isinstance(layer, nn.BatchNorm1d)]
    if clips > 1 or not training:
        return None
    if flat:
        return flat[0]
    values: dict[str, int] = {}
    hooks = [
        layer.register_forward_pre_hook(lambda _, x, name=name: values.update({name: x[0].numel() // x[0].shape[1]}))
        for name, layer in training
    ]
    backbone: Any = getattr(model, 'backbone', nn.Identity())
    try:
        with torch.no_grad():
            backbone.eval()(torch.zeros((clips, *shape[1:]), device=next(model.parameters()).device))
    except (RuntimeError, ValueError, TypeError):
        return None  # a backbone whose input is not a clip
    finally:
        for hook in hooks:
            hook.remove()
        model.train(mode)
    return next((name for name, count in values.items() if count == 1), None)


def check_classes(model: nn.Module, dataset: Dataset) -> None:
    """Refuse a head with another number of classes than its sampler draws. Of several samplers, as joined data sets have,
    the one with the most classes counts: short videos may take fewer speeds than others.

    A head with fewer classes fails in its loss. A head with more classes trains, but its surplus classes lower every
    probability and make chance look better than it is.

    Raises:
        InputError: If the numbers differ. The message names the task and both numbers.
    """
    head = getattr(unwrap(model), 'cls_head', None)
    answered = {task.name: task for task in getattr(head, 'tasks', ())}
    drawn: dict[str, tuple[Sequence[str], str]] = {}  # the most classes of each task, and the sampler that draws them
    for sampler in _steps(dataset):
        for task in getattr(sampler, 'tasks', ()):
            if len(task.class_names) > len(drawn.get(task.name, ((), ''))[0]):
                drawn[task.name] = task.class_names, type(sampler).__name__
    for name, (classes, owner) in drawn.items():
        mine = answered.get(name)
        if mine is not None and mine.class_names and len(mine.class_names) != len(classes):
            raise InputError(
                f"{owner} draws {len(classes)} classes of '{name}' ({', '.join(classes)}), but model.cls_head "
                f'({type(head).__name__}) has {len(mine.class_names)}; give sampler and head the same number'
            )


def _steps(dataset: Any) -> Iterator[Any]:
    """Transforms of a data set, nested ones and those of wrapped data sets included."""
    if not hasattr(dataset, 'pipeline'):
        for one in [dataset.dataset] if hasattr(dataset, 'dataset') else getattr(dataset, 'datasets', []):
            yield from _steps(one)
        return
    waiting = list(getattr(getattr(dataset, 'pipeline', None), 'transforms', None) or [])
    while waiting:
        step = waiting.pop(0)
        yield step
        inner = getattr(step, 'transforms', None)
        waiting += list(getattr(inner, 'transforms', inner) or []) if inner is not None else []
