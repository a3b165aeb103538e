"""Settings of a MotionClips set. A clip depends only on them, its split, class and number."""

from __future__ import annotations

import dataclasses

from ...errors import InputError
from .motions import MOTIONS

# Raised whenever the same settings would give other clips, so that a folder never mixes two.
VERSION = 1
_LEAST_SIDE = 32


@dataclasses.dataclass(frozen=True)
class MotionClipsSettings:
    """Settings of the clips to make.

    Args:
        train: Clips per class in the training split.
        val: Clips per class in the validation split.
        test: Clips per class in the test split.
        width: Width of a frame in pixels, even.
        height: Height of a frame in pixels, even.
        frames: Frames per clip. 64 hold 16 frames at a pace of 4.
        fps: Frames per second; motions are defined in seconds.
        seed: Seed of the set; 0 or larger.
        classes: Motions to make. Their order gives the labels, but does not change the clips.
        gop: Frames from key frame to key frame. 1 codes each frame by itself, so its artefacts reveal nothing about the
            motion. 10 halves the size of the files, but lets a network infer a little of the class from single frames.
        qp: H.264 quantiser in [0, 51], constant.
        slowing: Ratio of all speeds in the first frame to those in the last frame, 1 or larger. With 1 the speeds are
            steady. A clip is then as likely as its reverse, and no network can tell which of two parts came first. See
            :func:`scene_time`.

    Attributes:
        version: Version of the generator, recorded with the set.

    Raises:
        InputError: If a value is out of its range. The message names the setting.
    """

    train: int = 100
    val: int = 20
    test: int = 20
    width: int = 96
    height: int = 72
    frames: int = 64
    fps: int = 25
    seed: int = 0
    classes: tuple[str, ...] = tuple(MOTIONS)
    gop: int = 1
    qp: int = 26
    slowing: float = 1.0
    version: int = dataclasses.field(default=VERSION, init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, 'classes', tuple(self.classes))
        least = dict(
            train=0, val=0, test=0, width=_LEAST_SIDE, height=_LEAST_SIDE, frames=1, fps=1, seed=0, gop=1, qp=0
        )
        for name, bound in least.items():
            if getattr(self, name) < bound:
                raise InputError(f'MotionClips {name}={getattr(self, name)}: expected at least {bound}')
        if not 1 <= self.slowing < float('inf'):
            raise InputError(f'MotionClips slowing={self.slowing}: expected a number of at least 1 (1 is steady)')
        for name in ('width', 'height'):
            if getattr(self, name) % 2:
                raise InputError(f'MotionClips {name}={getattr(self, name)}: expected an even number (H.264 4:2:0)')
        if self.qp > 51:
            raise InputError(f'MotionClips qp={self.qp}: expected at most 51')
        unknown = [name for name in self.classes if name not in MOTIONS]
        if unknown or not self.classes or len(set(self.classes)) < len(self.classes):
            raise InputError(
                f'MotionClips classes={" ".join(self.classes)}: expected different ones of {" ".join(MOTIONS)}'
            )
        if not self.train + self.val + self.test:
            raise InputError('MotionClips train=0 val=0 test=0: expected at least one clip per class in one split')

    def clips(self, split: str) -> int:
        """Clips per class in a split."""
        return int(getattr(self, split))
