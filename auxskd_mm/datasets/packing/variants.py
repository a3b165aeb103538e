"""Variants of the frames of a video: crops, mirror images and colours, the same for all frames of the video."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np

from ...functional.jitter_params import JitterParams, draw_jitter, jitter_settings
from ...functional.photometric_cv import jitter_frames
from ..stores.feature_settings import FeatureSettings


class Variant(NamedTuple):
    """One variant.

    Attributes:
        box: Left, top, width and height of the crop, as shares of the frame.
        flip: Whether the frame is mirrored.
        jitter: Parameters of the colours for a list of one frame, or None.
    """

    box: tuple[float, float, float, float] = (0.0, 0.0, 1.0, 1.0)
    flip: bool = False
    jitter: JitterParams | None = None


def draw_variants(name: str, settings: FeatureSettings) -> list[Variant]:
    """The variants of a video. They depend on its name in the store and the settings alone, so a packing can be
    repeated.

    Variant 0 leaves the frame as it is. Those with odd numbers are mirrored if ``settings.flip``. Each but variant 0 has
    its own crop, of the frame's aspect ratio, and its own colours.
    """
    seed = hashlib.blake2b(name.encode('utf-8', 'surrogateescape'), digest_size=4).digest()
    rng = np.random.RandomState(int.from_bytes(seed, 'little'))
    jitter = jitter_settings(*settings.jitter, clip_consistent=True)
    variants = [Variant()]
    for number in range(1, settings.variants):
        side, left, top = rng.uniform(settings.crop, 1), rng.uniform(), rng.uniform()
        params = draw_jitter(jitter, 1, 1, rng)
        variants.append(
            Variant(
                ((1 - side) * left, (1 - side) * top, side, side),
                settings.flip and number % 2 == 1,
                params if any(settings.jitter) else None,
            )
        )
    return variants


def apply_variant(frames: Sequence[np.ndarray], variant: Variant) -> list[np.ndarray]:
    """Crop, mirror and colour frames uint8 (H, W, 3) RGB. The result is new frames, or the frames themselves where
    nothing changes.
    """
    done = []
    for frame in frames:
        height, width = frame.shape[:2]
        left, top, wide, high = (
            round(share * side) for share, side in zip(variant.box, (width, height, width, height))
        )
        frame = frame[top : top + max(1, high), left : left + max(1, wide)]
        if variant.flip:
            frame = cv2.flip(frame, 1)
        done.append(
            frame if variant.jitter is None else jitter_frames([np.ascontiguousarray(frame)], variant.jitter)[0]
        )
    return done
