"""Collecting the pretext labels of a batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...errors import InputError


def batch_labels(data_samples: Sequence[Any], key: str, device: torch.device) -> Tensor:
    """Labels of a batch, sample after sample and view after view: int64 (B * V,).

    Args:
        data_samples: Data samples that carry ``key`` with V labels each, as ``PackActionInputs(algorithm_keys=[key])`` leaves them.
        key: Name of the label, for instance ``'pace_label'``.
        device: Where the labels are needed.

    Raises:
        InputError: If a sample has no such label: the sampler of another task, or ``algorithm_keys`` without it.
    """
    if data_samples is None or not all(key in sample for sample in data_samples):
        raise InputError(
            f"the data samples carry no '{key}': use the sampler that draws it and name it in PackActionInputs(algorithm_keys=...)"
        )
    labels = [np.asarray(torch.as_tensor(sample.get(key)).cpu()).reshape(-1) for sample in data_samples]
    return torch.from_numpy(np.concatenate(labels).astype(np.int64)).to(device, non_blocking=True)
