"""Input convention of a network: channel order, mean and standard deviation."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from ..datasets.transforms.decoding import OPENERS, OWN_OPENERS
from ..registry import MODELS, TRANSFORMS, is_a, registered, type_name
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


def _is_known(kind: object) -> bool:
    """Whether a preprocessor normalises as MMAction2's or this package's. A subclass does if it takes over their methods. A
    type that is not registered here, as in the config of a checkpoint, goes by its name.
    """
    built: Any = registered(MODELS, kind)
    base = next((one for one in built.__mro__ if type_name(one) in _PREPROCESSORS), None) if built else None
    if base is None:
        return type_name(kind) in _PREPROCESSORS
    return built.forward is base.forward and built.preprocess is base.preprocess


def _decoded_order(pipeline: Sequence[Mapping[str, Any]]) -> str | None:
    """The order of the last step that opens a video; a subclass of one of ours has its option."""
    order = None
    for step in all_steps(pipeline):
        kind = step.get('type')
        if is_a(TRANSFORMS, kind, *OWN_OPENERS):
            order = str(step.get('channel_order', 'rgb'))
        elif is_a(TRANSFORMS, kind, *OPENERS, 'RawFrameDecode'):  # MMAction2's give RGB
            order = 'rgb'
        elif is_a(TRANSFORMS, kind, 'Normalize'):
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
