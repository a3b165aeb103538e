"""Cuts between the scenes of a recording, found by PySceneDetect and kept beside the index."""

from __future__ import annotations

import json
import os
from typing import Any

import cv2
import numpy as np

from ...errors import InputError
from ..readers.base import Reader
from .index_file import keep_beside, places_beside
from .reader import open_recording, usable_times

# Their detector for cuts that also meets fast motion; its own thresholds. A cut may follow another one at once.
_SETTINGS = dict(detector='AdaptiveDetector', adaptive_threshold=3.0, min_content_val=15.0, window_width=2, width=256)
_SUFFIX = '.cuts.json'


def find_cuts(path: str) -> list[float]:
    """Times of the hard cuts of a recording: the first frame of each scene but the first, in seconds.

    The first call decodes the whole recording and keeps the result beside its index. Fades are no hard cuts.

    Args:
        path: Recording: a file, a frame folder or a video in a store.

    Raises:
        InputError: If PySceneDetect is not installed.
        VideoReadError: If the recording cannot be decoded, or has no times.
    """
    state = _state(path)
    for place in places_beside(path, _SUFFIX):
        cuts = _load(place, state)
        if cuts is not None:
            return cuts
    reader = open_recording(path, channel_order='bgr')
    try:
        times = usable_times(reader)
        if isinstance(times, str):
            raise InputError(f'{path}: {times}')
        cuts = [round(float(times[i]), 6) for i in _cut_frames(reader)]
    finally:
        reader.close()
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
    for i, frame in enumerate(reader.stream()):
        # Frames are numbered as the readers do. The rate that the detector asks for has no effect on numbers.
        found += detector.process_frame(FrameTimecode(i, fps=25.0), _small(frame))
    return sorted({cut.frame_num for cut in found})


def _small(frame: np.ndarray) -> np.ndarray:
    """The frame in the width to which PySceneDetect's own manager reduces it."""
    width = int(str(_SETTINGS['width']))
    if frame.shape[1] <= width:
        return frame
    return cv2.resize(frame, (width, max(1, round(frame.shape[0] * width / frame.shape[1]))))


def _state(path: str) -> dict[str, Any]:
    status = os.stat(path) if os.path.exists(path) else None
    size, mtime = (status.st_size, status.st_mtime_ns) if status else (-1, -1)
    return dict(size=size, mtime=mtime, settings=_SETTINGS)


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
