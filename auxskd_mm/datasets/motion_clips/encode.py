"""Writing H.264 files that decode fast and whose artefacts do not depend on the motion."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np

from ...files import WholeFile


def write_h264(path: str | Path, frames: np.ndarray, *, fps: int, gop: int, qp: int) -> None:
    """Write an mp4, whole or not at all.

    The encoder uses a constant quantiser, no B-frames, no adaptive quantisation and no macroblock tree. The rate
    control of x264 would remove detail from fast objects, and a classifier could infer the motion from a single frame.
    With ``gop=1`` a decoded frame depends on the written frame alone. With one thread the bytes do not depend on the
    machine's cores.

    Args:
        path: File to write. Its folder must exist.
        frames: uint8 (T, H, W, 3) RGB, H and W even.
        fps: Frames per second.
        gop: Frames from key frame to key frame.
        qp: Quantiser in [0, 51].
    """
    path = Path(path)
    # Hidden and without a video's suffix, so that an interrupted run leaves nothing that a folder search would find.
    with WholeFile(path) as whole, av.open(whole.file, 'w', format='mp4') as container:
        stream = container.add_stream('libx264', rate=fps)
        stream.height, stream.width = frames.shape[1:3]
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
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format='rgb24')))
        container.mux(stream.encode(None))
