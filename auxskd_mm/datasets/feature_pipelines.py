"""Whether a pipeline fits the store that it reads: feature maps or images."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Sequence

from ..errors import InputError, VideoReadError
from .stores import FEATURES, FeatureSettings, find_store
from .transforms.decoding import DECODERS
from .transforms.features import DecodeFeatures, OpenFeatures

# Steps behind DecodeFeatures that leave the maps as they are. A class of yours says so by `takes_features = True`.
_HARMLESS = ('PackActionInputs', 'MarkSample')


def check_feature_pipeline(transforms: Sequence[Callable], filenames: Sequence[str]) -> FeatureSettings | None:
    """Check, before the first sample, that a built pipeline reads what its videos are. Return the settings of the
    feature maps, or None if the pipeline reads images or is empty.

    Raises:
        InputError: If the pipeline reads images out of a store of feature maps, or the other way round. If the store is
            of another trunk, width or grid than the pipeline names. If a step would change feature maps as images.
    """
    one_per_folder = {os.path.dirname(filename): filename for filename in filenames}.values()
    opener = next((step for step in transforms if isinstance(step, OpenFeatures)), None)
    if opener is None:
        if transforms:
            _refuse_stores(one_per_folder)
        return None
    names = [type(step).__name__ for step in transforms]
    if names.count('DecodeFeatures') != 1 or any(name in DECODERS for name in names):
        raise InputError(
            f'the pipeline opens feature maps, so it must read them with one DecodeFeatures (its steps: {", ".join(names)})'
        )
    at = next(i for i, step in enumerate(transforms) if isinstance(step, DecodeFeatures))
    for step, name in zip(transforms[at + 1 :], names[at + 1 :]):
        if name not in _HARMLESS and not getattr(step, 'takes_features', False):
            raise InputError(
                f'{name} follows DecodeFeatures, but it changes images and the store holds feature maps; leave it out: '
                'crops, flips and colours are variants of the store (tools/data/pack_videos.py --variants)'
            )
    found: dict[tuple, FeatureSettings] = {}
    for filename in one_per_folder:
        with contextlib.suppress(VideoReadError):  # a video that the store does not hold is left out later
            settings = opener.open(filename).settings
            found[settings.trunk, settings.channels, settings.grid] = settings
    if len(found) > 1:
        raise InputError(
            'the stores of one data set differ in trunk, channels or grid '
            f'({"; ".join(settings.describe() for settings in found.values())}); pack all videos with the same --trunk, '
            '--stage and --grid'
        )
    return next(iter(found.values()), None)


def _refuse_stores(filenames: Iterable[str]) -> None:
    """Refuse stores of feature maps for a pipeline that reads images."""
    for filename in filenames:
        found = None if os.path.exists(filename) else find_store(filename)
        if found is not None and found[0].layout == FEATURES:
            raise InputError(
                f'{found[0].path}: holds feature maps of a trunk, and the pipeline reads images (no OpenFeatures); give '
                'videos or a store of images, or a config for features such as configs/examples/vspp_features_small.py'
            )
