"""Opening and decoding: a video once per sample, whatever the number of views, and only the frames asked for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform

from ...errors import InputError
from ...registry import TRANSFORMS
from ..readers import CHANNEL_ORDERS, READERS, open_reader


def own_frames(frames: Iterable[np.ndarray]) -> list[np.ndarray]:
    """The frames, a copy in place of each one that was there before: MMAction2's Flip writes into its frames."""
    seen: set[int] = set()
    own = []
    for frame in frames:
        own.append(frame.copy() if id(frame) in seen else frame)
        seen.add(id(frame))
    return own


@TRANSFORMS.register_module()
class OpenVideo(BaseTransform):
    """Open a video file or frame folder and count its frames.

    Required keys: ``filename``. Added keys: ``video_reader``, ``total_frames``, ``avg_fps`` (None for frame folders). A
    frame count that a list gives is replaced by what the file holds.

    Args:
        backend: 'pyav', 'decord' or 'opencv' for video files.
        channel_order: 'rgb', or 'bgr' as in the original loaders of the VideoPace family.

    Raises:
        InputError: For an unknown backend or channel order.
        VideoReadError: If the video cannot be used; :class:`UnlabeledVideoDataset` then takes another.
    """

    def __init__(self, backend: str = 'pyav', channel_order: str = 'rgb') -> None:
        if backend not in READERS:
            raise InputError(f"OpenVideo.backend='{backend}': expected one of {', '.join(map(repr, READERS))}")
        if channel_order not in CHANNEL_ORDERS:
            raise InputError(f"OpenVideo.channel_order='{channel_order}': expected 'rgb' or 'bgr'")
        self.backend = backend
        self.channel_order = channel_order

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Open ``results['filename']``."""
        reader = open_reader(results['filename'], backend=self.backend, channel_order=self.channel_order)
        results['video_reader'] = reader
        results['total_frames'] = reader.num_frames
        results['avg_fps'] = reader.fps
        results.setdefault('modality', 'RGB')  # MMAction2's Flip asks, in whatever channel order
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(backend={self.backend!r}, channel_order={self.channel_order!r})'


@TRANSFORMS.register_module()
class DecodeClips(BaseTransform):
    """Decode the frames named by ``frame_inds`` and close the video.

    Required keys: ``video_reader``, ``frame_inds`` int (N,). Added keys: ``imgs``, a list of N uint8 (H, W, 3) arrays
    in the order of ``frame_inds`` (a frame that several positions ask for is decoded once), ``original_shape`` and
    ``img_shape`` (H, W).
    """

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Decode every distinct frame once."""
        reader = results.pop('video_reader')
        frame_inds = np.asarray(results['frame_inds']).reshape(-1)
        distinct, position = np.unique(frame_inds, return_inverse=True)
        try:
            frames = reader.read(distinct.tolist())
        finally:
            reader.close()
        results['imgs'] = own_frames([frames[i] for i in position.reshape(-1).tolist()])
        results['original_shape'] = results['img_shape'] = frames[0].shape[:2]
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}()'
