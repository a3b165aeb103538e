"""Windows of recordings as samples of a data set."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from mmengine.logging import print_log

from ...errors import InputError, VideoReadError
from ...files import file_state
from ..readers.open import open_recording
from ..readers.window import duration_of
from ..stores.store import stored_state, stored_video_exists
from .index_file import remember_folder
from .names import OVERSHOOT, Window, split_window, window_path
from .reader import frames_within, usable_times

# Forgives the rounding of durations.
_FORGIVEN = 1e-3


class Windows(NamedTuple):
    """How recordings are divided.

    Attributes:
        seconds: Length of each window. None leaves recordings whole.
        stride: Distance of the starts of two windows.
        at_cuts: Whether windows never cross a cut of the scene; see :func:`find_cuts`.
    """

    seconds: float | None = None
    stride: float | None = None
    at_cuts: bool = False

    def check(self, owner: str) -> Windows:
        """Return the settings, with the stride filled in.

        Args:
            owner: Name of whose settings they are, for messages.

        Raises:
            InputError: If a setting is no length, or needs another one.
        """
        for key, value in (('window', self.seconds), ('stride', self.stride)):
            known = isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < float('inf')
            if value is not None and not known:
                raise InputError(f'{owner}.{key}={value}: expected seconds above 0')
        if self.seconds is None and (self.stride is not None or self.at_cuts):
            raise InputError(f'{owner}: stride and split_at_cuts divide recordings into windows; give window, too')
        return self._replace(stride=self.stride or self.seconds)

    @property
    def of_data_set(self) -> dict[str, Any]:
        """The same as arguments of :class:`UnlabeledVideoDataset`."""
        return dict(window=self.seconds, stride=self.stride, split_at_cuts=self.at_cuts)

    def divide(self, span: Window) -> list[Window]:
        """The windows in a span without cuts. Empty if the span is shorter than a window."""
        assert self.seconds is not None
        assert self.stride is not None
        count = int((span.end - span.start - self.seconds + _FORGIVEN) // self.stride) + 1
        starts = [round(span.start + i * self.stride, 6) for i in range(max(count, 0))]
        return [Window(start, round(min(start + self.seconds, span.end), 6)) for start in starts]


WHOLE = Windows()


class _Length(NamedTuple):
    """Times of a recording's frames and its duration, or why seconds name no frames of it."""

    times: np.ndarray | None
    seconds: float
    fault: str


class _WrongWindow(Exception):
    """What is wrong with a window. ``short`` tells that it is longer than its recording."""

    def __init__(self, text: str, short: bool = False) -> None:
        super().__init__(text)
        self.short = short


def expand(
    samples: Sequence[dict[str, Any]],
    source: str,
    windows: Windows,
    *,
    folder: str,
    source_fps: float | None = None,
    line_of: Callable[[int], int] | None = None,
) -> tuple[list[dict[str, Any]], list[int]]:
    """Divide recordings into windows, and check the windows that a list names.

    A recording that cannot be read, or not to its end where cuts are wanted, stays as it is. The data set counts it when
    it reads it. One that is shorter than a window stays whole, too; at cuts it has no shot that is long enough.

    Args:
        samples: Samples with ``filename``, a path or a virtual path.
        source: List, folder or glob of the samples, for messages.
        windows: Settings that :meth:`Windows.check` has accepted.
        folder: Folder beside which indexes are kept.
        source_fps: Frame rate of recordings that have none.
        line_of: Function from the index of a sample to its line in the list. None if there is no list.

    Returns:
        Samples, each a window or a whole video, and the index in ``samples`` that each comes from.

    Raises:
        InputError: If a window passes the end of its recording or holds no frame, or all recordings are shorter than one.
    """
    if not samples or (windows.seconds is None and not any('#t=' in sample['filename'] for sample in samples)):
        return list(samples), list(range(len(samples)))
    remember_folder(folder)
    found: list[dict[str, Any]] = []
    origins: list[int] = []
    short: list[tuple[int, _WrongWindow]] = []
    for i, sample in enumerate(samples):
        try:
            paths = _paths(sample['filename'], windows, source_fps)
        except _WrongWindow as error:
            if not error.short:
                raise InputError(f'{_where(source, line_of, i)}{error}') from None
            short.append((i, error))
            paths = [] if windows.at_cuts else [sample['filename']]
        # A list counts the frames of the whole recording.
        found += [sample if path == sample['filename'] else _part(sample, path) for path in paths]
        origins += [i] * len(paths)
    if len(short) == len(samples):
        raise InputError(
            f'{_where(source, line_of, short[0][0])}{short[0][1]}, less than window={windows.seconds:g} (all '
            f'{len(samples)} are shorter); lower window'
        )
    if not found:
        raise InputError(f'{source}: no shot between two cuts is as long as window={windows.seconds:g} s; lower window')
    if windows.seconds is not None:
        none = len(samples) - len(set(origins))  # of which no shot is long enough
        left = f', {none} of which have none' if none else ''
        left += f', {len(short)} of which are shorter and stay whole' if short and not windows.at_cuts else ''
        print_log(f'{source}: {len(found)} windows of {len(samples)} recordings{left}', logger='current')
    return found, origins


def _where(source: str, line_of: Callable[[int], int] | None, i: int) -> str:
    """List and line of a sample for messages. '' without a list. It reads the list, so only errors call it."""
    return f'{source}: line {line_of(i)}: ' if line_of else ''


def _part(sample: dict[str, Any], path: str) -> dict[str, Any]:
    return {key: value for key, value in dict(sample, filename=path).items() if key != 'total_frames'}


def _paths(filename: str, windows: Windows, source_fps: float | None) -> list[str]:
    """Paths of the samples that a sample becomes.

    Raises:
        _WrongWindow: If its window is wrong, or it is shorter than a window.
    """
    packed = '#t=' in filename and stored_video_exists(filename)
    recording, named = (filename, None) if packed else split_window(filename)
    length = _length(recording, source_fps) if named or windows.seconds is not None else None
    if length is None:
        return [filename]
    if length.times is None:
        raise _WrongWindow(f'{recording}: {length.fault}')
    span = _check_span(length, named, recording) if named else Window(0.0, length.seconds)
    if windows.seconds is None:
        return [filename]
    if span.end - span.start < windows.seconds - _FORGIVEN:
        raise _WrongWindow(f'{filename} lasts {span.end - span.start:.6g} s', short=True)
    try:
        shots = _shots(recording, span, source_fps) if windows.at_cuts else [span]
    except VideoReadError as error:  # its index is whole, and its frames are not
        print_log(f'not divided at cuts: {error}', logger='current', level=logging.WARNING)
        return [filename]
    found = [window for shot in shots for window in windows.divide(shot)]
    # In a gap of a variable rate a window has no time stamp.
    return [window_path(recording, window) for window in found if _shows(length.times, window)]


def _check_span(length: _Length, span: Window, what: str) -> Window:
    """The window that a list names, no longer than its recording.

    Raises:
        _WrongWindow: If it passes the end by more than :data:`OVERSHOOT`, or holds no frame.
    """
    assert length.times is not None
    if span.end > length.seconds + OVERSHOOT:
        raise _WrongWindow(f'{what} lasts {length.seconds:.6g} s, but the window ends at {span.end:g}; mend the window')
    if not _shows(length.times, span):
        raise _WrongWindow(f'{what}: no frame is shown from {span.start:g} to {span.end:g} s; mend the window')
    return Window(span.start, min(span.end, length.seconds))


def _shows(times: np.ndarray, window: Window) -> bool:
    """Whether a frame is shown in a window, of frames at the ascending times float64 (N,)."""
    first, last = frames_within(times, window)
    return first < last


def _shots(recording: str, span: Window, source_fps: float | None) -> list[Window]:
    """The parts of a span between two cuts."""
    from .cuts import find_cuts

    inside = [cut for cut in find_cuts(recording, source_fps) if span.start < cut < span.end]
    edges = [span.start, *inside, span.end]
    return [Window(start, end) for start, end in zip(edges, edges[1:])]


def _length(recording: str, source_fps: float | None) -> _Length | None:
    """Length of a recording. None if it cannot be read."""
    state = file_state(recording)
    if state[0] < 0:
        state = stored_state(recording) or state
    return _length_of_state(recording, source_fps, state)


@lru_cache(maxsize=8)
def _length_of_state(recording: str, source_fps: float | None, state: tuple[int, int]) -> _Length | None:
    """Length of a recording in a state. Windows of one recording usually follow one another in a list."""
    try:
        with open_recording(recording) as reader:
            reader.fps = reader.fps or source_fps
            times = usable_times(reader)
    except VideoReadError:
        return None
    if isinstance(times, str):
        return _Length(None, 0.0, times)
    return _Length(times, duration_of(times, reader.fps), '')
