"""Inputs of inference as samples: files, folders, globs, lists, arrays, webcams and addresses."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from ..compat import opencv_logging
from ..errors import InputError, VideoReadError, check_least
from ..functional.pixels import check_finite, exact, ordered, stack_shape
from ..registry import type_name
from .list_names import exists
from .readers import Reader
from .readers.limits import library_errors
from .transforms import OpenVideo
from .transforms.decoding import DECODERS, OPENERS, OWN_OPENERS
from .video_list import UnlabeledVideoDataset

if TYPE_CHECKING:
    from ..typing import VideoInput

_OPEN_TIMEOUT_MS = 15_000
# Of addresses that OpenCV opens. Others, such as concat:// or file://, name local files.
_SCHEMES = (
    'http', 'https', 'rtsp', 'rtsps', 'rtmp', 'rtmps', 'rtmpt', 'rtp', 'srt', 'srtp', 'tcp', 'udp', 'mms', 'mmsh',
    'mmst',
)  # fmt: skip


class ArrayReader(Reader):
    """Frames that are in memory already.

    Args:
        frames: (T, H, W, C) of a kept type. Three channels are RGB.
        channel_order: 'rgb' or 'bgr', the order that :meth:`read` returns.
        name: Name of the frames in messages.
    """

    def __init__(self, frames: np.ndarray, channel_order: str = 'rgb', name: str = 'array') -> None:
        super().__init__(name, channel_order)
        self._frames = frames
        self.num_frames = len(frames)

    def read(self, indices: Sequence[int]) -> list[np.ndarray]:
        """See :class:`Reader`. It returns copies, since transforms write into their frames."""
        frames = self._frames[np.asarray(indices, dtype=np.int64)]
        return [ordered(frame, 'rgb', self.channel_order) for frame in np.ascontiguousarray(frames)]


class OpenInput(OpenVideo):
    """:class:`OpenVideo` that also takes a sample with ``frames`` (T, H, W, C), such as uint8 RGB, instead of a file."""

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Open ``results['frames']``, or else ``results['filename']``."""
        frames = results.pop('frames', None)
        if frames is None:
            return super().transform(results)
        return self.note(results, ArrayReader(frames, self.channel_order, str(results.get('filename', 'array'))))


def input_pipeline(steps: Sequence[Mapping[str, Any]]) -> list[Any]:
    """A pipeline whose opening and decoding steps accept files and arrays. The other steps are unchanged.

    Args:
        steps: Transform configs of this package or of MMAction2, for video files or frame folders.

    Raises:
        InputError: If the pipeline decodes no video (skeletons, audio, features).
    """
    names = [type_name(step['type']) for step in steps]
    if not any(name in DECODERS for name in names):
        raise InputError(f'the pipeline decodes no frames (its steps: {", ".join(names)}): it is not one for videos')
    openers = [step for step, name in zip(steps, names) if name in OWN_OPENERS]
    settings = {key: value for step in openers for key, value in step.items() if key != 'type'}
    result: list[Any] = [OpenInput(**settings)]
    for step, name in zip(steps, names):
        if name in DECODERS:
            result.append(dict(type='auxskd_mm.DecodeClips'))
        elif name not in OPENERS:
            result.append(dict(step))
    return result


def as_samples(inputs: VideoInput, *, stream_frames: int = 64, windows: int = 1) -> Iterator[dict[str, Any]]:
    """Samples from any kind of input: ``dict(filename=...)``, with ``frames`` where there is no file.

    Args:
        inputs: A video file or stack, a folder of frames or of videos, a glob or a list file. Or uint8 RGB frames
            (T, H, W, 3), frames (T, H, W[, C]) of another type, or a list of (H, W, C). Or a webcam's number
            (``0``, ``'webcam:0'``), or an address that OpenCV opens (``'https://...'``, ``'rtsp://...'``). A list may
            hold several of these.
        stream_frames: Frames per sample of a webcam or an address.
        windows: Consecutive samples per webcam or address. 0 continues until the source ends.

    Raises:
        InputError: If an input is none of these, is missing, or cannot be opened.
    """
    if isinstance(inputs, (list, tuple)) and not _is_frames(inputs):
        if not inputs:
            raise InputError('no inputs: give a video, a folder, an array, a webcam or an address')
        for one in inputs:
            yield from as_samples(one, stream_frames=stream_frames, windows=windows)
        return
    stream = stream_of(inputs)
    if stream is not None:
        for i, frames in enumerate(read_windows(stream, stream_frames, windows)):
            yield dict(filename=f'{inputs}#{i}' if windows != 1 else str(inputs), frames=frames)
    elif isinstance(inputs, (str, os.PathLike)):
        yield from _from_path(os.fspath(inputs))
    else:
        yield dict(filename='array', frames=check_frames(inputs))


def stream_of(source: VideoInput) -> int | str | None:
    """A webcam's number or an address for OpenCV. None if the input is a path or an array.

    Raises:
        InputError: If the input is True or False, or an address of an unknown kind.
    """
    if isinstance(source, bool):
        raise InputError(f'{source}: not a video; give a path, an array, a webcam number or an address')
    if isinstance(source, int):
        return source
    if not isinstance(source, str):
        return None
    number = source.removeprefix('webcam:')
    if number.isdecimal() and not Path(source).exists():
        return int(number)
    scheme, separator, _ = source.partition('://')
    if not separator or Path(source).exists():
        return None
    if scheme.lower() not in _SCHEMES:
        raise InputError(f'{source}: expected a path, or an address that starts with {", ".join(_SCHEMES[:3])} ...')
    return source


def read_windows(source: int | str, num_frames: int, windows: int = 1) -> Iterator[np.ndarray]:
    """Yield windows of consecutive frames of a webcam or an address, each uint8 RGB (num_frames, H, W, 3).

    The last window may be shorter.

    Args:
        source: Webcam number or address for ``cv2.VideoCapture``.
        num_frames: Frames per window.
        windows: Number of windows. 0 continues until the source ends.

    Raises:
        InputError: If the source cannot be opened, or yields no frame.
    """
    check_least('', stream_frames=num_frames)
    capture = _open_stream(source)
    try:
        done = 0
        while windows == 0 or done < windows:
            frames: list[np.ndarray] = []
            while len(frames) < num_frames:
                with library_errors(lambda: _stream_name(source)):
                    ok, frame = capture.read()
                if not ok:
                    break
                frames.append(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB))
            if not frames:
                if done == 0:
                    raise VideoReadError(_stream_name(source), 'was opened, but yields no frames')
                return
            yield np.stack(frames)
            done += 1
    finally:
        capture.release()


def check_frames(frames: Any) -> np.ndarray:
    """Check frames and return them as one array (T, H, W, C) of a kept type. Their values do not change.

    Raises:
        InputError: For a shape that is not (T, H, W) or (T, H, W, C), another type, or values that are not finite.
    """
    array = np.stack([np.asarray(frame) for frame in frames]) if _is_frames(frames) else np.asarray(frames)
    try:
        shape = stack_shape(array.shape)
        array = array if array.dtype == np.uint8 else exact(array)
        check_finite(array)
    except ValueError as error:
        raise InputError(
            f'an array of shape {array.shape} and type {array.dtype} {error}; such as uint8 RGB frames (T, H, W, 3)'
        ) from None
    return array.reshape(shape)


def _is_frames(inputs: VideoInput) -> bool:
    """Whether this is a list of frames of one size."""
    if not isinstance(inputs, (list, tuple)) or not inputs or not all(isinstance(f, np.ndarray) for f in inputs):
        return False
    return {f.ndim for f in inputs} == {3} and len({f.shape for f in inputs}) == 1


def _from_path(path: str) -> Iterator[dict[str, Any]]:
    if not exists(path) and not glob.has_magic(path):
        raise InputError(f'{path}: no such file or folder')
    dataset = UnlabeledVideoDataset(path, test_mode=True)
    for i in range(len(dataset)):
        yield dict(filename=dataset.get_data_info(i)['filename'])


def _open_stream(source: int | str) -> cv2.VideoCapture:
    logs = opencv_logging()
    level = logs.getLogLevel()
    logs.setLogLevel(0)  # silent; each backend that fails would print a line
    try:
        if isinstance(source, int):
            capture = cv2.VideoCapture(source)
        else:
            capture = cv2.VideoCapture(source, cv2.CAP_ANY, [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, _OPEN_TIMEOUT_MS])
            if not capture.isOpened():  # backends that do not know the time limit refuse it
                capture = cv2.VideoCapture(source)
    finally:
        logs.setLogLevel(level)
    if not capture.isOpened():
        what = 'is it there, and free?' if isinstance(source, int) else 'is the address right, and reachable?'
        raise VideoReadError(_stream_name(source), f'OpenCV cannot open it; {what}')
    return capture


def _stream_name(source: int | str) -> str:
    return f'webcam {source}' if isinstance(source, int) else source
