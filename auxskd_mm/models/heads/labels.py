"""Functions that collect the pretext labels of a batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...errors import InputError


def batch_labels(
    data_samples: Sequence[Any],
    key: str,
    device: torch.device,
    count: int | None = None,
    num_classes: int | None = None,
) -> Tensor:
    """Labels of a batch, sample after sample and view after view: int64 (B * V,).

    Args:
        data_samples: B data samples with a field ``key``, int64 (V,), which ``PackActionInputs(algorithm_keys=[key])``
            writes.
        key: Name of the label, for instance ``'pace_label'``.
        device: Device of the result.
        count: Required number of labels. None allows any number.
        num_classes: Labels must be in [0, num_classes). None allows any label. The function checks this, because a GPU
            answers a label out of range with an assertion that ends the process.

    Raises:
        InputError: If a sample has no such label (the sampler belongs to another task, or ``algorithm_keys`` lacks the
            key), or if the number or range of the labels is wrong.
    """
    require_field(data_samples, key, 'use the sampler that draws it')
    labels = [np.asarray(torch.as_tensor(sample.get(key)).cpu()).reshape(-1) for sample in data_samples]
    flat = np.concatenate(labels).astype(np.int64)  # (B * V,)
    if count is not None and len(flat) != count:
        raise InputError(
            f"{count} predictions for {len(flat)} '{key}'s of {len(labels)} samples: sampler and head disagree on the "
            'clips of a sample, or BlendFrames is missing behind DecodeClips'
        )
    if num_classes is not None and len(flat) and not 0 <= flat.min() <= flat.max() < num_classes:
        raise InputError(
            f"'{key}' runs from {flat.min()} to {flat.max()}, but the head has {num_classes} classes: give sampler "
            'and head the same number'
        )
    return torch.from_numpy(flat).to(device, non_blocking=True)


def require_field(data_samples: Sequence[Any] | None, key: str, advice: str) -> None:
    """Refuse data samples without a field, with advice on where it comes from.

    Raises:
        InputError: If there are no samples, or one lacks the field.
    """
    if not data_samples or not all(key in sample for sample in data_samples):
        raise InputError(
            f"the data samples carry no '{key}': {advice} and name it in PackActionInputs(algorithm_keys=...)"
        )


def video_groups(data_samples: Sequence[Any], views: int, device: torch.device) -> Tensor:
    """Video number of each clip, int64 (B * V,), of B samples with V clips each. Clips of one video have the same
    number.

    Samples with the same ``filename`` in their metainfo belong to one video, because a repeated list may put a video
    into a batch twice. A sample without this key counts as a video of its own.
    """
    names = [sample.get('filename', place) for place, sample in enumerate(data_samples)]
    numbers = {name: number for number, name in enumerate(dict.fromkeys(names))}
    groups: np.ndarray = np.repeat(np.asarray([numbers[name] for name in names], dtype=np.int64), views)
    return torch.from_numpy(groups).to(device, non_blocking=True)
