"""Settings of a store, and the names of its files."""

from __future__ import annotations

import os
from typing import Any, NamedTuple

from ...errors import InputError
from ...functional.pixels.kinds import KEPT, PixelKind
from ..suffixes import VIDEO_SUFFIXES

FORMAT = 'auxskd_mm training store'
VERSION = 1
MARKER_FILE = 'store.json'
INDEX_FILE = 'index.npz'
SETTINGS_FILE = 'packing.json'
# Of images. The layout 'features' has settings of its own (feature_settings.py).
LAYOUTS = ('mp4', 'jpg', 'raw')
# A member's suffix in the tar tells any other program what it is.
MEMBER_SUFFIX = dict(mp4='.mp4', jpg='.mjpeg', raw='.npy', features='.npy')


def member_stem(name: str) -> str:
    """Name of a video's member in the tar, without suffix."""
    return os.path.splitext(name)[0] if name.lower().endswith(VIDEO_SUFFIXES) else name


class StoreSettings(NamedTuple):
    """How videos are transcoded.

    Attributes:
        layout: 'mp4' (H.264, small), 'jpg' (larger, faster) or 'raw' (largest, fastest, any pixels).
        short_side: Length of the short side. Larger frames are scaled down to it and keep their aspect ratio. Smaller
            frames are unchanged.
        size: (width, height) of all frames, for any aspect ratio. None uses ``short_side``.
        gop: Frames from key frame to key frame, 'mp4'.
        crf: Rate factor of x264, 'mp4': lower is better and larger.
        quality: JPG quality in [1, 100], 'jpg'.
        dtype: Type of the pixels, 'raw'. The other layouts hold uint8 alone.
        channels: Number of channels, 'raw'. The other layouts hold 3. :func:`pack_videos` takes type and number from the
            videos.
    """

    layout: str = 'mp4'
    short_side: int = 128
    size: tuple[int, int] | None = None
    gop: int = 8
    crf: int = 20
    quality: int = 85
    dtype: str = 'uint8'
    channels: int = 3

    @property
    def kind(self) -> PixelKind:
        """The pixels of the store."""
        return PixelKind(self.dtype, self.channels)

    @property
    def place_bytes(self) -> int:
        """Bytes per pixel, 'raw'."""
        return self.kind.place_bytes

    def check(self) -> StoreSettings:
        """Return the settings after a check.

        Raises:
            InputError: For a setting out of its range.
        """
        if self.layout not in LAYOUTS:
            raise InputError(f"layout='{self.layout}': expected one of {', '.join(map(repr, LAYOUTS))}")
        ranges = dict(short_side=(16, 4096), gop=(1, 1000), crf=(0, 51), quality=(1, 100))
        for key, (low, high) in ranges.items():
            if not low <= getattr(self, key) <= high:
                raise InputError(f'{key}={getattr(self, key)}: expected {low} to {high}')
        if self.dtype not in KEPT or not 1 <= self.channels <= _MOST_CHANNELS:
            raise InputError(
                f'dtype={self.dtype!r}, channels={self.channels}: expected one of {", ".join(KEPT)}, and 1 to '
                f'{_MOST_CHANNELS} channels'
            )
        if self.layout != 'raw' and self.kind != PixelKind():
            raise InputError(
                f"layout='{self.layout}': holds {PixelKind()}, and the videos have {self.kind}, which it would change; take "
                "layout='raw', which keeps every value"
            )
        if self.size is not None and not all(16 <= side <= 4096 for side in self.size):
            raise InputError(f'size={self.size}: expected width and height of 16 to 4096 pixels')
        return self

    def relevant(self) -> dict[str, Any]:
        """The settings that affect the bytes: not those of other layouts, and not ``short_side`` beside ``size``."""
        keys = ['layout', 'short_side' if self.size is None else 'size']
        keys += dict(mp4=['gop', 'crf'], jpg=['quality'], raw=[])[self.layout]
        keys += [] if self.kind == PixelKind() else ['dtype', 'channels']
        return {key: list(value) if isinstance(value := getattr(self, key), tuple) else value for key in keys}

    def frame_size(self, height: int, width: int) -> tuple[int, int]:
        """Size (height, width) in the store, for source frames of size (height, width)."""
        if self.size is not None:
            return self.size[1], self.size[0]
        scale = min(1.0, self.short_side / min(height, width))
        return round(height * scale), round(width * scale)


_MOST_CHANNELS = 512  # of OpenCV, which scales the frames
# Any shape fits: NumPy pads headers of version 1 to a multiple of 64 bytes.
NPY_HEADER = 128
