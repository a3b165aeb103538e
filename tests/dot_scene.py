"""One scene at many frame rates: a dot moves to the right at a constant speed, so that its place tells the time."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

SECONDS = 4
WIDTH, HEIGHT = 128, 32
_START, _SPEED = 14.0, 25.0
# Of all time stamps. 24, 30 and 60 frames per second are whole in it.
_UNIT = Fraction(1, 600)


def dot_frame(moment: float) -> np.ndarray:
    """The scene at a moment in seconds, uint8 (H, W, 3)."""
    across = np.arange(WIDTH)[None] - (_START + _SPEED * moment)
    down = np.arange(HEIGHT)[:, None] - HEIGHT / 2
    grey = 16 + 220 * np.exp(-(across**2 + down**2) / (2 * 4.0**2))
    return np.repeat(np.round(grey).astype(np.uint8)[..., None], 3, 2)


def read_moment(frame: np.ndarray) -> float:
    """The moment that a frame shows, in seconds."""
    weight = np.clip(frame[..., 0].astype(float) - 40, 0, None).sum(0)
    return float(((weight * np.arange(frame.shape[1])).sum() / weight.sum() - _START) / _SPEED)


def constant(rate: int) -> list[int]:
    """Ticks of the frames of a constant rate."""
    return list(range(0, SECONDS * 600, 600 // rate))


def varying(seed: int = 0) -> list[int]:
    """Ticks of frames that lie 1/60, 1/30 or 1/20 s apart; the last one as long before the end as the median."""
    generator, ticks, end = np.random.RandomState(seed), [0], SECONDS * 600 - 20
    while end - ticks[-1] > 30:
        ticks.append(ticks[-1] + int(generator.choice([10, 20, 30], p=[0.2, 0.6, 0.2])))
    return [*(tick for tick in ticks if tick < end - 5), end]


SOURCES = {'24': constant(24), '30': constant(30), '60': constant(60), 'varying': varying()}


def write_scene(path: Path, ticks: list[int], late: int = 0, codec: str = 'libx264') -> str:
    """Write the scene with frames at the given ticks, with B-frames. The first time stamp is ``late`` ticks."""
    with av.open(str(path), 'w') as container:
        stream = container.add_stream(codec, rate=60)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, 'yuv420p'
        stream.time_base = stream.codec_context.time_base = _UNIT
        if codec == 'libx264':
            stream.options = dict(crf='6', bf='2', g='24', preset='veryfast')
        for tick in ticks:
            frame = av.VideoFrame.from_ndarray(dot_frame(float(tick * _UNIT)), format='rgb24')
            frame.pts, frame.time_base = tick + late, _UNIT
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return str(path)
