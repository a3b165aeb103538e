"""Finds test clips that look like training clips: cuts of one recording, copies, other encodings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np

from ...errors import InputError
from ...functional import evenly_spread
from ...functional.pixels import as_pictures
from ..readers import open_reader

_PLACES = (0.25, 0.5, 0.75)
_SIDE = 8
# Bits of a frame's hash in which two pictures of one content differ at most, after another encoding.
_MOST_BITS = 4
# Grey levels; frames of less contrast (black, white, fog) look alike without being copies.
_LEAST_CONTRAST = 8.0


class NearDuplicates(NamedTuple):
    """The result of a search for near duplicates.

    Attributes:
        pairs: (test path, training path) of each test clip that looks like a training clip.
        looked_at: Number of compared test clips.
        compared_with: Number of compared training clips.
    """

    pairs: list[tuple[str, str]]
    looked_at: int
    compared_with: int


def near_duplicates(train: Sequence[str], test: Sequence[str], most: int = 1000) -> NearDuplicates:
    """Test clips with three frames that look like those of a training clip.

    A frame is described by a difference hash: whether each of 8 x 8 areas is brighter than its right neighbour (as in
    the ImageHash library's ``dhash``). The frames lie at a quarter, half and three quarters of the clip. A training clip that
    was cut elsewhere from the same recording is found only if the camera and the scene hardly move.

    Args:
        train: Paths of training clips. Those that cannot be read are left out.
        test: Paths of test clips. Those that cannot be read are left out.
        most: Largest number of clips to read in all. Of more clips, evenly spread ones are read.

    Returns:
        The pairs, in the order of ``test``, and the number of compared clips.
    """
    share = min(1.0, most / max(1, len(train) + len(test)))
    sides = []
    for paths in (train, test):
        chosen = [paths[i] for i in evenly_spread(len(paths), int(np.ceil(share * len(paths))))]
        sides.append([(path, bits) for path in chosen if (bits := clip_hash(path)) is not None])
    known, asked = sides
    pairs = []
    if known:
        table = np.stack([bits for _, bits in known])  # (N, 3, 64)
        for path, bits in asked:
            distance = (table != bits).sum(2).max(1)
            nearest = int(distance.argmin())
            if distance[nearest] <= _MOST_BITS:
                pairs.append((path, known[nearest][0]))
    return NearDuplicates(pairs, len(asked), len(known))


def clip_hash(path: str) -> np.ndarray | None:
    """Difference hashes of three frames, bool (3, 64); None if the clip cannot be read or is blank."""
    try:
        with open_reader(path) as reader:
            numbers = [int(place * (reader.num_frames - 1)) for place in _PLACES]
            frames = [as_pictures(frame) for frame in reader.read(numbers)]
    except (InputError, OSError, cv2.error):
        return None
    grey = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in frames]
    small = [cv2.resize(frame, (_SIDE + 1, _SIDE), interpolation=cv2.INTER_AREA).astype(int) for frame in grey]
    if min(picture.std() for picture in small) < _LEAST_CONTRAST:
        return None
    return np.stack([(picture[:, 1:] > picture[:, :-1]).reshape(-1) for picture in small])
