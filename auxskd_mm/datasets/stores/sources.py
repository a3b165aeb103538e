"""Source videos of a store, and whether they have changed."""

from __future__ import annotations

import os
from typing import NamedTuple

from ...errors import VideoReadError
from ...files import file_state
from ...functional import evenly_spread
from ..readers.frame_names import find_frames
from ..recordings.names import recording_of

# An extraction writes all frames of a folder. To ask each one takes minutes for large folders on a network.
_FRAMES_LOOKED_AT = 16


class SourceVideo(NamedTuple):
    """A video to pack.

    Attributes:
        path: Video file or frame folder.
        name: Name in the store, with ``/`` as separator.
        label: Class, -1 for none.
    """

    path: str
    name: str
    label: int = -1


class SourceState(NamedTuple):
    """The state of a source. It differs if the source has changed.

    Attributes:
        size: Bytes of a file, or frames of a frame folder. -1 if the source does not exist.
        mtime: Time of the last change in nanoseconds. For a frame folder, that of the folder or of its newest frame:
            writing over a frame does not change the folder.
    """

    size: int
    mtime: int


def source_state(path: str) -> SourceState:
    """Current state of a video file or frame folder. The state of a window is that of its recording."""
    path = recording_of(path)
    state = SourceState(*file_state(path))
    if not os.path.isdir(path):
        return state
    try:
        frames = find_frames(path).frames
    except (OSError, VideoReadError):
        return SourceState(-1, -1)
    looked_at = (frames[i] for i in evenly_spread(len(frames), _FRAMES_LOOKED_AT))
    newest = max(file_state(os.path.join(path, frame))[1] for frame in looked_at)
    return SourceState(len(frames), max(state.mtime, newest))
