"""The base class of the samplers, and the sampler of VSPP, auxSKD and PECoP.

A sampler runs once the number of frames is known (after :class:`OpenVideo`) and writes ``frame_inds`` (int64, flat,
0-based), ``clip_len``, ``num_clips`` (views) and its labels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform

from ...errors import InputError
from ...functional.clip_indices import (
    PECOP_LEFT_OUT,
    paced_offsets,
    pecop_indices,
    segment_pace_indices,
    segment_window,
    wrap_indices,
)
from ...functional.pace import pace_names
from ...functional.tasks import Task, drawn_tasks, segment_names
from ...registry import TRANSFORMS
from .captions import ShownClip
from .time_true import TimeTrue


class PretextSampler(TimeTrue, BaseTransform):
    """Base of the samplers: random numbers, labels and the description of a sampler.

    A subclass writes :meth:`transform` and sets ``tasks`` to the labels that it draws. It may also describe itself
    (:meth:`describe`) and mark the frames at another pace (:meth:`paced_positions`).

    Args:
        clip_len: Frames per clip.
        seed: None draws from NumPy's global generator, which MMEngine seeds in every worker. With an integer, the draws
            of a sample depend on (seed, sample index) alone. Every evaluation then sees the same clips.
        fps: Frame rate at which clips are drawn, by the presentation times of the video. A speed of 2 is then twice as
            fast whatever the rate of the file. All other settings count frames at this rate; see :class:`TimeTrue`.
            None counts the frames of the file, as the papers do.
    """

    tasks: tuple[Task, ...] = ()
    # What to lower where videos are shorter than a clip spans.
    span_settings: tuple[str, ...] = ('clip_len',)

    def __init__(self, clip_len: int, seed: int | None = None, fps: float | None = None) -> None:
        if not isinstance(clip_len, int) or clip_len < 1:
            raise InputError(f'{type(self).__name__}.clip_len={clip_len!r}: expected a number of frames, at least 1')
        self.clip_len = clip_len
        self.seed = seed
        self.set_fps(fps)

    def generator(self, results: dict[str, Any]) -> Any:
        """Random generator for one sample. It has NumPy's ``randint(low, high)``, which excludes high."""
        if self.seed is None:
            return np.random
        return np.random.RandomState([self.seed % 2**32, int(results.get('sample_idx', 0))])

    def write_clips(self, results: dict[str, Any], clips: Sequence[np.ndarray]) -> None:
        """Write ``frame_inds``, ``clip_len`` and ``num_clips`` from clips of equal length, each int (clip_len,)."""
        results['frame_inds'] = self.file_frames(results, np.concatenate(clips))
        results['clip_len'] = len(clips[0])
        results['num_clips'] = len(clips)
        results['frame_interval'] = 1

    def frames_needed(self) -> int:
        """Fewest frames (with ``fps``: steps) of a video from which no drawn clip wraps to the first frame."""
        return self.clip_len

    def note_alike(self, results: dict[str, Any], alike: Sequence[Sequence[tuple[int, ...]]]) -> None:
        """Write which labels would have given the same frames. Metrics compute their ceiling from them.

        A clip that wraps in a short video may show the same frames at two paces. No model can then predict its label.

        Args:
            results: The sample. The method adds ``alike`` to it if a view has more than one possible label.
            alike: For each view, all label tuples (one label per task) that give its frames. Its own labels are
                included.
        """
        if any(len(labels) > 1 for labels in alike):
            results['alike'] = [sorted(labels) for labels in alike]

    def describe(self) -> str:
        """One phrase for ``tools/analysis/check_config.py``. With '' the tool lists the settings instead."""
        return ''

    def paced_positions(self, results: Mapping[str, Any], view: int, length: int) -> np.ndarray:
        """Mark the frames of a view that do not play at the video's own pace.

        Args:
            results: Sample that holds the labels of ``tasks``, drawn or predicted.
            view: Index of the view.
            length: Frames per view.

        Returns:
            bool (length,), True where the pace differs.
        """
        return np.zeros(length, dtype=bool)

    def caption(self, results: Mapping[str, Any], view: int, views: int) -> str:
        """The labels of a view in words. The arguments are those of :meth:`shown_clips`."""
        words = []
        for task in self.tasks or drawn_tasks(results):
            labels = np.asarray(results[task.label_key]).reshape(-1)
            words.append(f'{task.name} {task.class_name(int(labels[min(view, len(labels) - 1)]))}')
        who = f'clip {view + 1} of {views}'
        return ': '.join([who] * (views > 1 or not words) + [', '.join(words)] * bool(words))

    def shown_clips(self, results: Mapping[str, Any], views: int, length: int) -> list[ShownClip]:
        """Describe the clips of a sample as the model takes them. Pictures of samples use this.

        Args:
            results: The sample with the sampler's labels.
            views: Views per sample.
            length: Frames per view.
        """
        return [
            ShownClip(
                view,
                np.arange(length),
                self.paced_positions(results, view, length),
                self.caption(results, view, views),
            )
            for view in range(views)
        ]

    def _clips_in_words(self, views: int) -> str:
        clips = f'a clip of {self.clip_len} frames' if views == 1 else f'{views} clips of {self.clip_len} frames'
        return clips + self._at_rate(self.clip_len)

    def _seeded(self) -> str:
        return '' if self.seed is None else f' (the same draws every time, seed {self.seed})'


def _draw_other(rng: np.random.RandomState, count: int, taken: int) -> int:
    """Uniform integer in [0, count) without ``taken``; one draw, where the originals redraw until it differs."""
    value = int(rng.randint(0, count - 1))
    return value + (value >= taken)


def goes_round(numbers: np.ndarray) -> bool:
    """Whether the frame numbers of one clip, int (clip_len,), jump back in the video."""
    return bool((np.diff(numbers) < 0).any())


# Frames of a video in which no clip reaches the end.
_ENDLESS = 10**9


@TRANSFORMS.register_module()
class SegmentPaceSample(PretextSampler):
    """Clips with one random segment at another speed: the sampler of VSPP, PECoP (one view) and auxSKD (two views).

    Required keys: ``total_frames``. Added keys: ``frame_inds`` int64 (num_views * clip_len,), ``clip_len``,
    ``num_clips`` (= num_views), ``pace_label`` and ``segment_label`` int64 (num_views,), 0-based (pace 0 is speed 1),
    and ``frame_interval``.

    With two views, segment and pace always differ between the views and the starts are independent, as in auxSKD. The
    class refuses impossible settings; the original code would loop forever.

    Args:
        clip_len: Frames per clip.
        num_segments: Number S of segments per clip.
        num_speeds: The speeds are 1 .. num_speeds, as in the papers.
        speeds: Other speeds instead, ascending from 1, for instance (1, 2, 4, 8). These are further apart, and a small
            network learns them much sooner. ``pace_label`` is the index into ``speeds``.
        num_views: 1 (VSPP) or 2 (auxSKD: student first, teacher second).
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
        if num_views not in (1, 2):
            raise InputError(f'{name}.num_views={num_views}: expected 1 (VSPP) or 2 (auxSKD)')
        if speeds is not None:
            # Speed 1 is what the others are told apart from, and what the metrics take label 0 for.
            if list(speeds) != sorted(set(speeds)) or not speeds or speeds[0] != 1:
                raise InputError(f'{name}.speeds={tuple(speeds)}: expected whole numbers ascending from 1')
            num_speeds = len(speeds)
        least = dict(num_segments=num_views, num_speeds=num_views, lookahead=1, base_step=1)
        for key, value in zip(least, (num_segments, num_speeds, lookahead, base_step)):
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
        every = drawn == list(range(1, len(drawn) + 1)) and len(drawn) > 1
        listed = ', '.join(map(str, drawn[:-1])) + f' or {drawn[-1]}'
        speeds = f'1 to {drawn[-1]}' if every else listed.removeprefix(' or ')
        text = f'{self._clips_in_words(self.num_views)} with {what} '
        # At another base step a segment may also be slower than the rest.
        text += f'sped up {speeds} times' if self.base_step == 1 else f'at speed {speeds}, the rest at {self.base_step}'
        text += ', segments that share no frame' if self.disjoint else ''
        text += ', segment and speed never the same in both' if self.num_views == 2 else ''
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
        who = '' if self.num_views == 1 else ('student view: ', 'teacher view: ')[view]
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
        drawn = [int(rng.randint(0, len(self._drawn)))]
        segments = [int(rng.randint(0, self.num_segments))]
        if self.num_views == 2:
            drawn.append(_draw_other(rng, len(self._drawn), drawn[0]))
            segments.append(_draw_other(rng, self.num_segments, segments[0]))
        paces = [self._drawn[i] for i in drawn]
        clips = [self._clip(rng, num_frames, s, self.speeds[p]) for p, s in zip(paces, segments)]
        self.write_clips(results, clips)
        results['pace_label'] = np.asarray(paces, dtype=np.int64)
        results['segment_label'] = np.asarray(segments, dtype=np.int64)
        if results.get('test_mode') and (num_frames < self.frames_needed() or any(map(goes_round, clips))):
            self.note_alike(results, [self._alike(clip, num_frames) for clip in clips])
        return results

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(clip_len={self.clip_len}, fps={self.fps}, num_segments={self.num_segments}, '
            f'speeds={self.speeds}, num_views={self.num_views}, mode={self.mode!r}, '
            f'lookahead={self.lookahead}, disjoint={self.disjoint}, base_step={self.base_step}, '
            f'unchanged_speed={self.unchanged_speed}, seed={self.seed})'
        )
