"""The number of frames in a clip, known to all temporal layers of one network."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass
class ClipLength:
    """The number of frames T in each clip of the current pass.

    An image network sees B * T frames in a row. Its temporal layers read here where a clip ends. All temporal layers of
    one network share one object, and a deep copy of the network shares its own copy.

    Attributes:
        frames: T.
    """

    frames: int = 1

    @contextlib.contextmanager
    def of(self, frames: int) -> Iterator[None]:
        """Set T for a block. A recomputed stage needs this: another pass may have run since."""
        before, self.frames = self.frames, frames
        try:
            yield
        finally:
            self.frames = before
