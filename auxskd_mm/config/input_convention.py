"""Input convention of a network: channel order, mean and standard deviation."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from ..datasets.transforms.decoding import DECODERS, OPENERS, OWN_OPENERS
from ..registry import MODELS, type_name
from .pipelines import all_steps

_PREPROCESSORS = ('ActionDataPreprocessor', 'ClipDataPreprocessor')


def input_convention(
    preprocessor: Mapping[str, Any] | None, pipeline: Sequence[Mapping[str, Any]]
) -> dict[str, Any] | None:
    """Find the input convention of a model with a pipeline, from their configs.

    Args:
        preprocessor: Config of ``model.data_preprocessor``.
        pipeline: Steps before the preprocessor.

    Returns:
        ``channel_order`` ('rgb' or 'bgr'), and ``mean`` and ``std`` per channel in that order, for pixel values from 0
        to 255. The result is None if the preprocessor or the channel order is unknown.
    """
    order = _decoded_order(pipeline)
    if preprocessor is None or order is None or not _is_known(preprocessor.get('type')):
        return None
    if preprocessor.get('to_rgb', False):  # reverses the channels, in either order
        order = 'rgb' if order == 'bgr' else 'bgr'
    mean, std = preprocessor.get('mean'), preprocessor.get('std')
    if mean is None or std is None:
        mean, std = (0.0,) * 3, (1.0,) * 3
    return dict(channel_order=order, mean=[float(value) for value in mean], std=[float(value) for value in std])


def _is_known(kind: str | type | None) -> bool:
    """Whether a preprocessor normalises as MMAction2's or this package's, also in a subclass. A type that is not registered
    here, as in the config of a checkpoint, goes by its name.
    """
    built = kind if isinstance(kind, type) else MODELS.get(kind) if kind else None
    return any(type_name(one) in _PREPROCESSORS for one in (built.__mro__ if built else [kind]))


def _decoded_order(pipeline: Sequence[Mapping[str, Any]]) -> str | None:
    order = None
    for step in all_steps(pipeline):
        name = type_name(step.get('type'))
        if name in OWN_OPENERS:
            order = str(step.get('channel_order', 'rgb'))
        elif name in OPENERS or (order is None and name in DECODERS):
            order = 'rgb'
        elif name == 'Normalize':
            return None
    return order


def same_convention(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two conventions feed the same numbers, up to the rounding that published means differ by."""
    if one['channel_order'] != other['channel_order']:
        return False
    return all(
        len(one[key]) == len(other[key])
        and all(math.isclose(a, b, rel_tol=0.01, abs_tol=0.5) for a, b in zip(one[key], other[key]))
        for key in ('mean', 'std')
    )


def describe_convention(convention: Mapping[str, Any]) -> str:
    """Such as ``BGR, mean 0, std 1``."""

    def short(values: Sequence[float]) -> str:
        texts = [f'{value:g}' for value in values]
        return texts[0] if len(set(texts)) == 1 else '(' + ', '.join(texts) + ')'

    order = str(convention['channel_order']).upper()
    return f'{order}, mean {short(convention["mean"])}, std {short(convention["std"])}'
