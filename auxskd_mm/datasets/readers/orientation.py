"""Turning a decoded frame as its display matrix says, the way ffmpeg does.

Phones store pictures in the orientation of the sensor, with a matrix for display. It turns the pictures, and mirrors
those of the front camera. FFmpeg's libraries do not apply the matrix; the caller has to.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from av import VideoFrame


class _Matrix(NamedTuple):
    """The linear part of a display matrix, in 16.16 fixed point: x' = a x + c y, y' = b x + d y."""

    a: int
    b: int
    c: int
    d: int

    @property
    def angle(self) -> int | None:
        """Degrees clockwise in [0, 360) as ffmpeg computes them; None if the matrix has no inverse."""
        scales = math.hypot(self.a, self.c), math.hypot(self.b, self.d)
        if not all(scales):
            return None
        return round(math.degrees(math.atan2(self.b / scales[1], self.a / scales[0]))) % 360


def upright(frame: VideoFrame, to_array: Callable[[Any], np.ndarray]) -> np.ndarray:
    """Array (H, W, C) of a PyAV frame, turned and mirrored for display.

    The cases are those of ``configure_input_video_filter`` in fftools/ffmpeg_filter.c.

    Args:
        frame: Frame of a video stream.
        to_array: Function from a frame to its array (H, W, C) as stored.
    """
    matrix = _matrix(frame)
    angle = None if matrix is None else matrix.angle
    if matrix is None or angle is None or angle == 1:  # ffmpeg takes a single degree for an error of rounding
        return to_array(frame)
    quarter = _right_angle(angle)
    if quarter is None:
        return to_array(filtered(frame, 'rotate', f'{angle}*PI/180'))
    array = to_array(frame)
    if quarter == 0:
        array = array[::-1] if matrix.d < 0 else array
    elif quarter == 2:
        array = array[:, ::-1] if matrix.a < 0 else array
        array = array[::-1] if matrix.d < 0 else array
    elif quarter == 1:
        array = array.swapaxes(0, 1) if matrix.c > 0 else np.rot90(array, -1)
    else:
        array = np.rot90(array, -1)[::-1] if matrix.c < 0 else np.rot90(array)
    return np.ascontiguousarray(array)


def upright_size(frame: VideoFrame) -> tuple[int, int]:
    """(width, height) of a PyAV frame in the orientation for display."""
    matrix = _matrix(frame)
    on_its_side = matrix is not None and matrix.angle is not None and _right_angle(matrix.angle) in (1, 3)
    return (frame.height, frame.width) if on_its_side else (frame.width, frame.height)


def is_turned_at_most(frame: VideoFrame) -> bool:
    """Whether a PyAV frame is shown as stored or turned by right angles. OpenCV and decord support no other case."""
    matrix = _matrix(frame)
    if matrix is None or matrix.angle is None:
        return True
    return matrix.a * matrix.d - matrix.b * matrix.c > 0 and _right_angle(matrix.angle) is not None


def _matrix(frame: VideoFrame) -> _Matrix | None:
    from av.sidedata.sidedata import Type

    data = frame.side_data.get(Type.DISPLAYMATRIX)  # type: ignore[call-overload]  # not in the stub
    if data is None:
        return None
    values = np.frombuffer(bytes(data), np.int32)
    return _Matrix(*(int(values[i]) for i in (0, 1, 3, 4)))


def _right_angle(angle: int) -> int | None:
    """Number of quarter turns of an angle in whole degrees. None if the angle is not a multiple of 90."""
    return angle // 90 if angle % 90 == 0 else None


def filtered(frame: VideoFrame, name: str, options: str) -> Any:
    """A frame of a video stream after one of FFmpeg's filters, with one thread. The options are those of the ffmpeg
    program.
    """
    from av.filter import Graph

    graph = Graph()
    if hasattr(graph, 'threads'):  # missing in old releases
        graph.threads = 1
    source = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=Fraction(1, 25))
    step, sink = graph.add(name, options), graph.add('buffersink')
    source.link_to(step)
    step.link_to(sink)
    graph.configure()
    graph.push(frame)
    return graph.pull()
