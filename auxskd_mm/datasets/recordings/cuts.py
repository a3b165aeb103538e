"""Cuts between the scenes of a recording, found by PySceneDetect and kept beside the index."""

from __future__ import annotations

import json
import os
from typing import Any

import cv2
import numpy as np

from ...errors import InputError
from ...functional import evenly_spread
from ...functional.pixels.value_range import ValueRange, as_pictures
from ..readers.base import Reader
from ..readers.open import open_recording
from ..stores.store import state_of
from .index_file import keep_beside, places_beside
from .reader import usable_times

# Their detector for footage with fast motion. It takes a frame for a cut that changes twice as much as its neighbours do;
# three times, which is its default, misses cuts between scenes that move. A cut may follow another one at once.
_SETTINGS = dict(detector='AdaptiveDetector', adaptive_threshold=2.0, min_content_val=15.0, window_width=2, width=256)
_SUFFIX = '.cuts.json'
_RANGE_FRAMES = 16


def find_cuts(path: str, source_fps: float | None = None) -> list[float]:
    """Times of the hard cuts of a recording: the first frame of each scene but the first, in seconds.

    The first call decodes the whole recording and keeps the result beside its index. Fades are no hard cuts.

    Args:
        path: Recording: a video file, a stack, a frame folder or a video in a store.
        source_fps: Frame rate of a recording that has none.

    Raises:
        InputError: If PySceneDetect is not installed.
        VideoReadError: If the recording cannot be decoded, or has no times.
    """
    size, mtime = state_of(path)
    state = dict(size=size, mtime=mtime, settings=_SETTINGS, source_fps=source_fps)
    for place in places_beside(path, _SUFFIX):
        cuts = _load(place, state)
        if cuts is not None:
            return cuts
    with open_recording(path, channel_order='bgr') as reader:
        reader.fps = reader.fps or source_fps
        times = usable_times(reader)
        if isinstance(times, str):
            raise InputError(f'{path}: {times}')
        cuts = [round(float(times[i]), 6) for i in _cut_frames(reader)]
    keep_beside(path, _SUFFIX, json.dumps(dict(state, cuts=cuts)).encode())
    return cuts


def _cut_frames(reader: Reader) -> list[int]:
    """Numbers of the frames that begin a scene."""
    try:
        from scenedetect import AdaptiveDetector, FrameTimecode
    except ImportError:
        raise InputError(
            "cuts are found by PySceneDetect, which is not installed: pip install 'auxskd_mm[cuts]', or leave out "
            'split_at_cuts'
        ) from None
    detector = AdaptiveDetector(
        adaptive_threshold=_SETTINGS['adaptive_threshold'], min_scene_len=1,
        window_width=_SETTINGS['window_width'], min_content_val=_SETTINGS['min_content_val'],
    )  # fmt: skip
    found: list[Any] = []
    value_range = _value_range(reader)
    for i, frame in enumerate(reader.stream()):
        # Frames are numbered as the readers do. The rate that the detector asks for has no effect on numbers.
        found += detector.process_frame(FrameTimecode(i, fps=25.0), _small(as_pictures(frame, value_range)))
    return sorted({cut.frame_num for cut in found})


def _value_range(reader: Reader) -> ValueRange | None:
    """Smallest and largest value of some frames, one scale for the whole recording; None for frames of 8 bits."""
    if reader.read([0])[0].dtype == np.uint8:
        return None
    some = reader.read(evenly_spread(reader.num_frames, _RANGE_FRAMES))
    values = np.stack([[frame.min(), frame.max()] for frame in some])
    low, high = float(values[:, 0].min()), float(values[:, 1].max())
    return ValueRange((low,), (high if high > low else low + 1,))


def _small(frame: np.ndarray) -> np.ndarray:
    """The frame in the width to which PySceneDetect's own manager reduces it."""
    width = int(str(_SETTINGS['width']))
    if frame.shape[1] <= width:
        return frame
    return cv2.resize(frame, (width, max(1, round(frame.shape[0] * width / frame.shape[1]))))


def _load(place: os.PathLike, state: dict[str, Any]) -> list[float] | None:
    """Cuts in a file. None if it is missing, damaged, or of another state or other settings."""
    try:
        with open(place, 'rb') as file:
            content = json.load(file)
        if {key: content[key] for key in state} == state:
            return [float(cut) for cut in content['cuts']]
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return None
