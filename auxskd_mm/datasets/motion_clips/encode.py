"""Writing H.264 files that decode fast and whose artefacts do not depend on the motion."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from pathlib import Path

import av
import numpy as np

from ...files import WholeFile


def write_h264(path: str | Path, frames: Iterable[np.ndarray], *, fps: int, gop: int, qp: int) -> None:
    """Write an mp4, whole or not at all.

    The encoder uses a constant quantiser, no B-frames, no adaptive quantisation and no macroblock tree. The rate
    control of x264 would remove detail from fast objects, and a classifier could infer the motion from a single frame.
    With ``gop=1`` a decoded frame depends on the written frame alone. With one thread the bytes do not depend on the
    machine's cores.

    Args:
        path: File to write. Its folder must exist.
        frames: At least one frame uint8 (H, W, 3) RGB, H and W even. An iterator needs memory for one frame only.
        fps: Frames per second.
        gop: Frames from key frame to key frame.
        qp: Quantiser in [0, 51].
    """
    path = Path(path)
    following = iter(frames)
    first = next(following)
    # Hidden and without a video's suffix, so that an interrupted run leaves nothing that a folder search would find.
    with WholeFile(path) as whole, av.open(whole.file, 'w', format='mp4') as container:
        stream = container.add_stream('libx264', rate=fps)
        stream.height, stream.width = first.shape[:2]
        stream.pix_fmt = 'yuv420p'
        stream.codec_context.thread_count = 1
        stream.options = {
            'preset': 'veryfast',
            'qp': str(qp),
            'g': str(gop),
            'bf': '0',
            'sc_threshold': '0',
            'x264-params': 'mbtree=0:aq-mode=0:weightp=0',
        }
        for frame in chain([first], following):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format='rgb24')))
        container.mux(stream.encode(None))
