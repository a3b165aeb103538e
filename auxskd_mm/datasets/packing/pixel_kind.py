"""Which pixels the videos of a store have."""

from __future__ import annotations

import os
from collections.abc import Sequence

from ...errors import VideoReadError
from ...functional.pixels import PixelKind
from ..readers import open_reader
from ..stores.settings import StoreSettings
from ..stores.sources import SourceVideo
from ..suffixes import STACK_READERS, VIDEO_SUFFIXES


def with_pixel_kind(settings: StoreSettings, videos: Sequence[SourceVideo]) -> StoreSettings:
    """Settings with the pixels of the first readable video. The network of a store takes one kind.

    Args:
        settings: Settings with other pixels than 8-bit colours stay as they are.
        videos: Videos to pack.

    Raises:
        InputError: If the layout would change the values of these pixels.
    """
    if settings.kind != PixelKind():
        return settings.check()
    for video in videos:
        try:
            kind = pixel_kind(video.path)
        except (VideoReadError, OSError):
            continue
        return settings._replace(dtype=kind.dtype, channels=kind.channels).check()
    return settings.check()


def pixel_kind(path: str) -> PixelKind:
    """Pixels of a video. A video file is not opened, since all of them give 8-bit colours.

    Raises:
        VideoReadError: If it cannot be read.
    """
    suffix = os.path.splitext(path)[1].lower()
    if suffix in VIDEO_SUFFIXES and suffix not in STACK_READERS and os.path.isfile(path):
        return PixelKind()
    with open_reader(path) as reader:
        return PixelKind.of(reader.read([0])[0])
