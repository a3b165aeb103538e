"""The sampler of VSPP, auxSKD and PECoP."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...errors import InputError, check_whole, is_whole
from ...functional.clip_indices import (
    PECOP_LEFT_OUT,
    paced_offsets,
    pecop_indices,
    segment_pace_indices,
    segment_window,
    wrap_indices,
)
from ...functional.pace import pace_names
from ...functional.tasks import Task, segment_names
from ...registry import TRANSFORMS
from .sampling import PretextSampler, goes_round

# Frames of a video in which no clip reaches the end.
_ENDLESS = 10**9


def _draw_other(rng: np.random.RandomState, choices: Sequence[int], taken: Sequence[int]) -> int:
    """Uniform choice without ``taken``; one draw, where the originals redraw until it differs."""
    left = [choice for choice in choices if choice not in taken]
    return left[int(rng.randint(0, len(left)))]


@TRANSFORMS.register_module()
class SegmentPaceSample(PretextSampler):
    """Clips with one random segment at another speed: the sampler of VSPP, PECoP (one view) and auxSKD (two views).

    Required keys: ``total_frames``. Added keys: ``frame_inds`` int64 (num_views * clip_len,), ``clip_len``,
    ``num_clips`` (= num_views), ``pace_label`` and ``segment_label`` int64 (num_views,), 0-based (pace 0 is speed 1),
    ``clip_speed`` float32 (num_views,), the speed of the paced segment divided by that of the rest, and
    ``frame_interval``. Several views also have ``fastest_label`` int64 (1,), the view with the highest speed.

    With two views, segment and pace always differ between the views and the starts are independent, as in auxSKD. The
    class refuses impossible settings; the original code would loop forever. For speed ranking see
    ``distinct_segments``.

    Args:
        clip_len: Frames per clip.
        num_segments: Number S of segments per clip.
        num_speeds: The speeds are 1 .. num_speeds, as in the papers.
        speeds: Other speeds instead, ascending from 1, for instance (1, 2, 4, 8). These are further apart, and a small
            network learns them much sooner. ``pace_label`` is the index into ``speeds``.
        num_views: 1 (VSPP) or 2 (auxSKD: student first, teacher second). Speed ranking takes up to one view per speed.
        mode: ``'faithful'`` draws the start as the original code does: uniform over [0, num_frames - clip_len), for
            every pace. A clip may then run past the end and wrap to the first frame. ``'fit'`` draws the start where
            the paced clip fits. No clip then wraps if the video is long enough. ``'pecop'`` follows PECoP's loader: it
            leaves out the last three frames, draws the start from [0, num_frames - 3 - clip_len) and takes the frames
            of :func:`pecop_indices`. It never draws ``base_step``.
        lookahead: End-of-video look-ahead of :func:`segment_pace_indices`: 1 (VSPP) or 3 (auxSKD wraps early). Only
            'faithful' uses it.
        disjoint: True makes segments that share no position. In the original code neighbouring segments share one
            position, and the last segment is one frame shorter than the others. 'pecop' cannot do it.
        base_step: Speed of the clip outside the segment: 1 (VSPP, auxSKD), 3 (PECoP for gait) or any other. The labels
            still index ``speeds``.
        unchanged_speed: False never draws the speed that equals ``base_step``, because at this speed all segments give
            the same frames. Its label remains, but does not occur.
        distinct_segments: True draws another segment for the second view, as auxSKD does. False draws the segment of
            each view by itself, for :class:`SpeedRankHead`. Any number of segments and up to one view per speed are
            then possible. The speeds of the views always differ.
        seed: See :class:`PretextSampler`.
        fps: See :class:`PretextSampler`.

    All modes accept videos that are shorter than the clip. The clip then starts at frame 0 and wraps.

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

    Source: loaders of Plrbear/auxSKD @ 79e99b8 and Plrbear/PECoP @ af79e55. The draw order is speed, segment, start.
    """

    span_settings = ('clip_len', 'speeds')

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
        base_step: int = 1,
        unchanged_speed: bool = True,
        distinct_segments: bool = True,
        fps: float | None = None,
    ) -> None:
        super().__init__(clip_len, seed, fps)
        name = type(self).__name__
        if mode not in ('faithful', 'fit', 'pecop'):
            raise InputError(f"{name}.mode='{mode}': expected 'faithful', 'fit' or 'pecop'")
        if mode == 'pecop' and (disjoint or lookahead != 1):
            raise InputError(
                f"{name}.mode='pecop' has its own windows and look-ahead: leave out disjoint and lookahead"
            )
        if num_views not in (1, 2) and (distinct_segments or num_views < 1):
            raise InputError(
                f'{name}.num_views={num_views}: expected 1 (VSPP) or 2 (auxSKD), or distinct_segments=False for more'
            )
        if speeds is not None:
            # Speed 1 is what the others are told apart from, and what the metrics take label 0 for.
            whole = all(map(is_whole, speeds))
            if list(speeds) != sorted(set(speeds)) or not speeds or speeds[0] != 1 or not whole:
                raise InputError(f'{name}.speeds={tuple(speeds)}: expected whole numbers ascending from 1')
            num_speeds = len(speeds)
        least = dict(num_segments=num_views if distinct_segments else 1, num_speeds=num_views, lookahead=1, base_step=1)
        for key, value in zip(least, (num_segments, num_speeds, lookahead, base_step)):
            check_whole(name, **{key: value})
            if value < least[key]:
                raise InputError(f'{name}.{key}={value}: {num_views} view(s) need at least {least[key]}')
        if num_segments > clip_len:
            raise InputError(f'{name}.num_segments={num_segments}: expected at most clip_len={clip_len}')
        self.num_segments = num_segments
        self.speeds = tuple(speeds) if speeds is not None else tuple(range(1, num_speeds + 1))
        self.num_views = num_views
        self.mode = mode
        self.lookahead = lookahead
        self.disjoint = disjoint
        self.distinct_segments = distinct_segments
        self.base_step = base_step
        self.unchanged_speed = unchanged_speed and mode != 'pecop'
        # Labels of the speeds that are drawn.
        self._drawn = [i for i, speed in enumerate(self.speeds) if self.unchanged_speed or speed != base_step]
        if len(self._drawn) < num_views:
            raise InputError(
                f'{name}: without base_step={base_step} {len(self._drawn)} of the speeds {self.speeds} remain, and '
                f'{num_views} view(s) need at least {num_views}; raise num_speeds'
            )
        self._needed: int | None = None
        unchanged = next((i for i in self._drawn if self.speeds[i] == base_step), None)
        self.tasks = (
            Task('pace', pace_names(self.speeds)),
            Task('segment', segment_names(num_segments), given='pace', unanswerable=unchanged),
        )

    def describe(self) -> str:
        """See :class:`PretextSampler`."""
        what = f'one of its {self.num_segments} segments' if self.num_segments > 1 else 'the whole of it'
        drawn = [self.speeds[i] for i in self._drawn]
        every = drawn == list(range(drawn[0], drawn[-1] + 1)) and len(drawn) > 1
        listed = ', '.join(map(str, drawn[:-1])) + f' or {drawn[-1]}'
        speeds = f'{drawn[0]} to {drawn[-1]}' if every else listed.removeprefix(' or ')
        text = f'{self._clips_in_words(self.num_views)} with {what} '
        # At another base step a segment may also be slower than the rest.
        text += f'sped up {speeds} times' if self.base_step == 1 else f'at speed {speeds}, the rest at {self.base_step}'
        text += ', segments that share no frame' if self.disjoint else ''
        if self.num_views > 1:
            differ = 'segment and speed never the same in both' if self.distinct_segments else 'all at different speeds'
            text += f', {differ}'
        if self.mode == 'fit':
            return f'{text}; it starts where it fits{self._seeded()}'
        early = f' (early: {self.lookahead} steps ahead)' if self.lookahead > 1 else ''
        early = f' (the last {PECOP_LEFT_OUT} frames are left out)' if self.mode == 'pecop' else early
        return f'{text}; near the end it wraps to the first frame{early}{self._seeded()}'

    def paced_positions(self, results: Mapping[str, Any], view: int, length: int) -> np.ndarray:
        """See :class:`PretextSampler`."""
        pace, segment = (int(results[key][view]) for key in ('pace_label', 'segment_label'))
        first, last = segment_window(length, self.num_segments, segment, self.disjoint)
        within = np.arange(length)
        return (within >= first) & (within <= last) & (self.speeds[pace] != self.base_step)

    def caption(self, results: Mapping[str, Any], view: int, views: int) -> str:
        """See :class:`PretextSampler`."""
        pace, segment = (int(results[key][view]) for key in ('pace_label', 'segment_label'))
        who = '' if self.num_views == 1 else f'view {view + 1} of {self.num_views}: '
        if self.num_views == 2 and self.distinct_segments:
            who = ('student view: ', 'teacher view: ')[view]
        rest = '' if self.base_step == 1 else f', the rest {self.base_step}x'
        return f'{who}speed {self.speeds[pace]}x, segment {segment + 1} of {self.num_segments}{rest}'

    def _offsets(self, segment: int, speed: int) -> np.ndarray:
        return paced_offsets(
            self.clip_len, self.num_segments, segment, speed, disjoint=self.disjoint, base_step=self.base_step
        )

    def frames_needed(self) -> int:
        """See :class:`PretextSampler`. The longest clip has the highest speed. The modes that wrap look further ahead."""
        if self._needed is None:
            self._needed = self._frames_needed()
        return self._needed

    def _frames_needed(self) -> int:
        segments, highest = range(self.num_segments), self.speeds[self._drawn[-1]]
        found = max(int(self._frames(_ENDLESS, segment, highest, 0)[-1]) for segment in segments) + 1
        if self.mode == 'fit':
            return found
        while any(goes_round(self._frames(found, segment, highest, 0)) for segment in segments):
            found += 1
        return found

    def _free(self, num_frames: int, segment: int, speed: int) -> int:
        """Number of possible starts, at least 1."""
        if self.mode == 'fit':
            return max(num_frames - int(self._offsets(segment, speed)[-1]), 1)
        # The original's upper bound leaves out the last start at which a clip of speed 1 fits.
        left_out = PECOP_LEFT_OUT if self.mode == 'pecop' else 0
        return max(num_frames - left_out - self.clip_len, 1)

    def _clip(self, rng: np.random.RandomState, num_frames: int, segment: int, speed: int) -> np.ndarray:
        """Frame indices of one view, int64 (clip_len,)."""
        free = self._free(num_frames, segment, speed)
        start = int(rng.randint(0, free)) if free > 1 or self.mode != 'fit' else 0
        return self._frames(num_frames, segment, speed, start)

    def _alike(self, frames: np.ndarray, num_frames: int) -> list[tuple[int, ...]]:
        """Pairs (pace, segment) that give these frames of a video, int64 (clip_len,)."""
        start = int(frames[0])
        return [
            (pace, segment)
            for pace, speed in ((pace, self.speeds[pace]) for pace in self._drawn)
            for segment in range(self.num_segments)
            if start < self._free(num_frames, segment, speed)
            and np.array_equal(self._frames(num_frames, segment, speed, start), frames)
        ]

    def _frames(self, num_frames: int, segment: int, speed: int, start: int) -> np.ndarray:
        if self.mode == 'fit':
            return wrap_indices(self._offsets(segment, speed), start, num_frames)
        if self.mode == 'pecop':
            return pecop_indices(num_frames, self.clip_len, self.num_segments, segment, speed, self.base_step, start)
        return segment_pace_indices(
            num_frames,
            self.clip_len,
            self.num_segments,
            segment,
            speed,
            start,
            lookahead=self.lookahead,
            disjoint=self.disjoint,
            base_step=self.base_step,
        )

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Draw pace, segment and start of every view."""
        num_frames = self.num_frames(results)
        rng = self.generator(results)
        paces: list[int] = []
        segments: list[int] = []
        for _ in range(self.num_views):
            paces.append(_draw_other(rng, self._drawn, paces))
            segments.append(_draw_other(rng, range(self.num_segments), segments if self.distinct_segments else ()))
        clips = [self._clip(rng, num_frames, s, self.speeds[p]) for p, s in zip(paces, segments)]
        self.write_clips(results, clips)
        results['pace_label'] = np.asarray(paces, dtype=np.int64)
        results['segment_label'] = np.asarray(segments, dtype=np.int64)
        self.write_speeds(results, [self.speeds[pace] / self.base_step for pace in paces])
        if results.get('test_mode') and (num_frames < self.frames_needed() or any(map(goes_round, clips))):
            self.note_alike(results, [self._alike(clip, num_frames) for clip in clips])
        return results
