"""What a blending of a batch needs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...errors import InputError


def check_labels(data_samples: Sequence[Any] | None) -> None:
    """Refuse to blend the B data samples of a batch without classes, as those of a pretraining are.

    Raises:
        InputError: If a sample has no ``gt_label``.
    """
    if not data_samples or not all('gt_label' in sample for sample in data_samples):
        raise InputError(
            'model.data_preprocessor.blending mixes the labels of action classes, and the samples have no gt_label; leave '
            'blending out of a pretraining, or take a data set with labels'
        )
