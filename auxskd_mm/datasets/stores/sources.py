"""Source videos of a store, and whether they have changed."""

from __future__ import annotations

import os
from typing import NamedTuple

from ...errors import VideoReadError
from ...files import file_state
from ..readers.frame_names import find_frames
from ..recordings.names import recording_of


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
        mtime: Time of the last change in nanoseconds.
    """

    size: int
    mtime: int


def source_state(path: str) -> SourceState:
    """Current state of a video file or frame folder. The state of a window is that of its recording."""
    path = recording_of(path)
    state = SourceState(*file_state(path))
    try:
        return state._replace(size=len(find_frames(path).frames)) if os.path.isdir(path) else state
    except (OSError, VideoReadError):
        return SourceState(-1, -1)
