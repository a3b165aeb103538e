"""The samplers' base, and the sampler of VSPP and auxSKD: draw the random numbers, write ``frame_inds`` and the labels.

A sampler runs once the number of frames is known (after :class:`OpenVideo`) and writes ``frame_inds`` (int64, flat,
0-based), ``clip_len``, ``num_clips`` (views) and its labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform

from ...errors import InputError, VideoReadError
from ...functional.clip_indices import paced_offsets, segment_pace_indices, wrap_indices
from ...registry import TRANSFORMS


class PretextSampler(BaseTransform):
    """Base of the samplers: where the random numbers come from.

    Args:
        clip_len: Frames in a clip.
        seed: None draws from NumPy's global generator, which MMEngine seeds in every worker. An integer makes the draws
            of a sample a function of (seed, sample index) alone, so that every evaluation sees the same clips.
    """

    def __init__(self, clip_len: int, seed: int | None = None) -> None:
        if clip_len < 1:
            raise InputError(f'{type(self).__name__}.clip_len={clip_len}: expected at least 1 frame')
        self.clip_len = clip_len
        self.seed = seed

    def generator(self, results: dict[str, Any]) -> Any:
        """Generator for one sample: anything with NumPy's ``randint(low, high)``, high excluded."""
        if self.seed is None:
            return np.random
        return np.random.RandomState([self.seed % 2**32, int(results.get('sample_idx', 0))])

    @staticmethod
    def num_frames(results: dict[str, Any]) -> int:
        """Frames of the opened video.

        Raises:
            VideoReadError: If the video holds none.
        """
        total = int(results['total_frames'])
        if total < 1:
            raise VideoReadError(str(results.get('filename', '?')), 'holds no frames; remove it from the list')
        return total

    @staticmethod
    def write_clips(results: dict[str, Any], clips: Sequence[np.ndarray]) -> None:
        """Write what decoding and formatting need of clips of one length, each an int array (clip_len,)."""
        results['frame_inds'] = np.concatenate(clips)
        results['clip_len'] = len(clips[0])
        results['num_clips'] = len(clips)
        results['frame_interval'] = 1


def _draw_other(rng: Any, count: int, taken: int) -> int:
    """Uniform integer in [0, count) without ``taken``; one draw, where the originals redraw until it differs."""
    value = int(rng.randint(0, count - 1))
    return value + (value >= taken)


@TRANSFORMS.register_module()
class SegmentPaceSample(PretextSampler):
    """Clips of which one random segment is sped up: the sampler of VSPP (one view) and auxSKD (two views).

    Required keys: ``total_frames``. Added keys: ``frame_inds`` int64 (num_views * clip_len,), ``clip_len``,
    ``num_clips`` (= num_views), ``pace_label`` and ``segment_label`` int64 (num_views,), 0-based (pace 0 is speed 1),
    and ``frame_interval``.

    With two views, segment and pace always differ between them and the starts are independent (auxSKD draws them so;
    impossible settings are refused instead of looping forever).

    Args:
        clip_len: Frames in a clip.
        num_segments: Segments S that a clip is divided into.
        num_speeds: Speeds are 1 .. num_speeds, the papers' choice.
        speeds: Other speeds instead, ascending from 1, for instance (1, 2, 4, 8): further apart, and learnt much sooner
            by a small network. ``pace_label`` is the index into them.
        num_views: 1 (VSPP) or 2 (auxSKD: student first, teacher second).
        mode: ``'faithful'`` draws the start as the original code does, uniform over [0, num_frames - clip_len),
            whatever the pace, so that a clip may run past the end and wrap to the first frame. ``'fit'`` draws it where
            the paced clip fits, so that no clip wraps when the video is long enough.
        lookahead: End-of-video look-ahead of :func:`segment_pace_indices`: 1 (VSPP) or 3 (auxSKD's early wrap). Only
            'faithful'.
        disjoint: Segments that share no position. The originals' share one, so the last is one frame shorter than the others.
        seed: See :class:`PretextSampler`.

    Both modes accept videos shorter than the clip: it then starts at frame 0 and goes round.

    Raises:
        InputError: For settings that cannot be met.

    Example:
        >>> from auxskd_mm.datasets.transforms import SegmentPaceSample
        >>> sample = SegmentPaceSample(clip_len=8, num_segments=2, speeds=(1, 4), mode='fit', seed=0)
        >>> results = sample(dict(total_frames=40, sample_idx=0))
        >>> results['frame_inds'].tolist()  # the second half at speed 4
        [5, 6, 7, 8, 12, 16, 20, 24]
        >>> results['pace_label'].tolist(), results['segment_label'].tolist()
        ([1], [1])

    Source: loaders of Plrbear/auxSKD @ 79e99b8, draw order speed, segment, start.
    """

    def __init__(
        self,
        clip_len: int = 16,
        num_segments: int = 4,
        num_speeds: int = 4,
        num_views: int = 1,
        mode: str = 'faithful',
        lookahead: int = 1,
        seed: int | None = None,
        speeds: Sequence[int] | None = None,
        disjoint: bool = False,
    ) -> None:
        super().__init__(clip_len, seed)
        name = type(self).__name__
        if mode not in ('faithful', 'fit'):
            raise InputError(f"{name}.mode='{mode}': expected 'faithful' or 'fit'")
        if num_views not in (1, 2):
            raise InputError(f'{name}.num_views={num_views}: expected 1 (VSPP) or 2 (auxSKD)')
        if speeds is not None:
            # Speed 1 is what the others are told apart from, and what the metrics take label 0 for.
            if list(speeds) != sorted(set(speeds)) or not speeds or speeds[0] != 1:
                raise InputError(f'{name}.speeds={tuple(speeds)}: expected whole numbers ascending from 1')
            num_speeds = len(speeds)
        least = num_views
        for key, value in (('num_segments', num_segments), ('num_speeds', num_speeds), ('lookahead', lookahead)):
            floor = 1 if key == 'lookahead' else least
            if value < floor:
                raise InputError(f'{name}.{key}={value}: {num_views} view(s) need at least {floor}')
        if num_segments > clip_len:
            raise InputError(f'{name}.num_segments={num_segments}: expected at most clip_len={clip_len}')
        self.num_segments = num_segments
        self.speeds = tuple(speeds) if speeds is not None else tuple(range(1, num_speeds + 1))
        self.num_views = num_views
        self.mode = mode
        self.lookahead = lookahead
        self.disjoint = disjoint

    def _clip(self, rng: Any, num_frames: int, segment: int, speed: int) -> np.ndarray:
        """Frame indices of one view, int64 (clip_len,)."""
        if self.mode == 'fit':
            offsets = paced_offsets(self.clip_len, self.num_segments, segment, speed, disjoint=self.disjoint)
            free = num_frames - int(offsets[-1])
            start = int(rng.randint(0, free)) if free > 1 else 0
            return wrap_indices(offsets, start, num_frames)
        # The original's upper bound leaves out the last start at which a clip of speed 1 fits.
        start = int(rng.randint(0, max(num_frames - self.clip_len, 1)))
        return segment_pace_indices(
            num_frames,
            self.clip_len,
            self.num_segments,
            segment,
            speed,
            start,
            lookahead=self.lookahead,
            disjoint=self.disjoint,
        )

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Draw pace, segment and start of every view."""
        num_frames = self.num_frames(results)
        rng = self.generator(results)
        paces = [int(rng.randint(0, len(self.speeds)))]
        segments = [int(rng.randint(0, self.num_segments))]
        if self.num_views == 2:
            paces.append(_draw_other(rng, len(self.speeds), paces[0]))
            segments.append(_draw_other(rng, self.num_segments, segments[0]))
        clips = [self._clip(rng, num_frames, s, self.speeds[p]) for p, s in zip(paces, segments)]
        self.write_clips(results, clips)
        results['pace_label'] = np.asarray(paces, dtype=np.int64)
        results['segment_label'] = np.asarray(segments, dtype=np.int64)
        return results

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(clip_len={self.clip_len}, num_segments={self.num_segments}, '
            f'speeds={self.speeds}, num_views={self.num_views}, mode={self.mode!r}, '
            f'lookahead={self.lookahead}, disjoint={self.disjoint}, seed={self.seed})'
        )
