"""The sampler of VideoPace, and the blending of frames for smooth slow motion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np
from mmcv.transforms import BaseTransform

from ...errors import InputError, check_choice, check_whole
from ...functional.pace import neighbour_frames, pace_names, pace_positions, pace_span
from ...functional.tasks import Task
from ...registry import TRANSFORMS
from .sampling import PretextSampler, goes_round
from .shown_settings import ShowsSettings


@TRANSFORMS.register_module()
class PaceSample(PretextSampler):
    """Clips played at a random pace: the sampler of VideoPace.

    Required keys: ``total_frames``. Added keys: ``frame_inds`` int64 (num_views * clip_len,), ``clip_len``,
    ``num_clips`` (= num_views), ``frame_interval`` and ``pace_label`` int64 (num_views,), the index of the view's pace
    in ``paces``, and ``clip_speed`` float32 (num_views,), the pace itself. Several views also have ``fastest_label``
    int64 (1,), the view with the highest pace. Interpolated slow motion adds ``blend_weight`` and requests twice as
    many frames. :class:`BlendFrames` must then follow decoding.

    Several views of a video have different paces and independent starts.

    Args:
        clip_len: Frames per clip.
        paces: Frames of the video per frame of the clip. Each pace is one class. All are different and above 0.
            VideoPace's code has (1, 2, 3, 4). A pace below 1 is slow motion. Any other fraction works as well. Without 1
            the unchanged video is left out.
        num_views: Clips per video. Pace prediction alone needs 1. The contrastive branch needs 2 for ``'same_context'``
            and takes any number for ``'same_pace'``. Speed ranking needs at least 2.
        mode: ``'faithful'`` draws the start uniformly over all frames of the video. A clip that starts near the end
            wraps to the first frame. ``'fit'`` draws the start where the clip fits. No clip then wraps if the video is
            long enough.
        slow_motion: For a position between two frames, ``'repeat'`` shows the earlier frame and ``'interpolate'`` shows
            a blend of both.
        seed: See :class:`PretextSampler`.
        fps: See :class:`PretextSampler`. Slow motion repeats or blends frames at this rate, even if the file has frames
            between them. Clips then look the same at every rate of the file.

    Both modes accept videos of any length.

    Raises:
        InputError: For settings that cannot be met, such as a single pace.

    Example:
        >>> from auxskd_mm.datasets.transforms import PaceSample
        >>> sample = PaceSample(clip_len=4, paces=(1, 2, 4), mode='fit', seed=0)
        >>> results = sample(dict(total_frames=40, sample_idx=3))
        >>> results['frame_inds'].tolist(), results['pace_label'].tolist()  # pace 4 is class 2
        ([21, 25, 29, 33], [2])

    Source: loader of laura-wang/video-pace @ cc1e561. The draw order is pace, start. Slow motion is described only in
    public notes on the paper.
    """

    span_settings = ('clip_len', 'paces')

    def __init__(
        self,
        clip_len: int = 16,
        paces: Sequence[float] = (1, 2, 3, 4),
        num_views: int = 1,
        mode: str = 'faithful',
        slow_motion: str = 'repeat',
        seed: int | None = None,
        fps: float | None = None,
    ) -> None:
        super().__init__(clip_len, seed, fps)
        name = type(self).__name__
        self.paces = tuple(paces)
        if len(self.paces) < 2:
            raise InputError(f'{name}.paces={list(self.paces)}: expected at least two to tell apart, e.g. [1, 2, 3, 4]')
        if not all(pace > 0 for pace in self.paces) or len(set(self.paces)) < len(self.paces):
            raise InputError(f'{name}.paces={list(self.paces)}: expected different numbers above 0')
        check_whole(name, num_views=num_views)
        if not 1 <= num_views <= len(self.paces):
            raise InputError(
                f'{name}.num_views={num_views}: expected 1 to {len(self.paces)}, the views of a video differ in pace'
            )
        check_choice(f'{name}.mode', mode, ('faithful', 'fit'))
        check_choice(f'{name}.slow_motion', slow_motion, ('repeat', 'interpolate'))
        self.num_views = num_views
        self.mode = mode
        self.slow_motion = slow_motion
        self.tasks = (Task('pace', pace_names(self.paces)),)

    def describe(self) -> str:
        """See :class:`PretextSampler`."""
        paces = ', '.join(f'{pace:g}' for pace in self.paces)
        wrap = 'it starts where it fits' if self.mode == 'fit' else 'near the end it wraps to the first frame'
        which = 'at one' if self.num_views == 1 else 'each at another one'
        return f'{self._clips_in_words(self.num_views)} {which} of the paces {paces}; {wrap}{self._seeded()}'

    def paced_positions(self, results: Mapping[str, Any], view: int, length: int) -> np.ndarray:
        """See :class:`PretextSampler`."""
        return np.full(length, self.paces[int(results['pace_label'][view])] != 1)

    def caption(self, results: Mapping[str, Any], view: int, views: int) -> str:
        """See :class:`PretextSampler`."""
        who = '' if self.num_views == 1 else f'view {view + 1} of {self.num_views}: '
        return f'{who}pace {self.paces[int(results["pace_label"][view])]:g}x'

    def frames_needed(self) -> int:
        """See :class:`PretextSampler`. The longest clip has the highest pace."""
        return pace_span(self.clip_len, max(self.paces))

    def _alike(self, positions: np.ndarray, num_frames: int) -> list[tuple[int, ...]]:
        """Labels of all paces whose clips show the same frames; positions float64 (clip_len,)."""
        start = int(positions[0])
        shown = self._shown(positions, num_frames)
        return [
            (label,)
            for label, pace in enumerate(self.paces)
            if start < self._free(num_frames, pace)
            and np.array_equal(self._shown(pace_positions(num_frames, self.clip_len, pace, start), num_frames), shown)
        ]

    def _shown(self, positions: np.ndarray, num_frames: int) -> np.ndarray:
        low, high, weight = neighbour_frames(positions, num_frames)
        return low if self.slow_motion == 'repeat' else np.stack([low, high, weight])

    def _free(self, num_frames: int, pace: float) -> int:
        return num_frames if self.mode == 'faithful' else max(num_frames - pace_span(self.clip_len, pace) + 1, 1)

    def _positions(self, rng: np.random.RandomState, num_frames: int, pace: float) -> np.ndarray:
        """Positions of one view, float64 (clip_len,)."""
        return pace_positions(num_frames, self.clip_len, pace, int(rng.randint(0, self._free(num_frames, pace))))

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Draw pace and start of every view."""
        num_frames = self.num_frames(results)
        rng = self.generator(results)
        left = list(range(len(self.paces)))
        labels = [left.pop(int(rng.randint(0, len(left)))) for _ in range(self.num_views)]
        views = [self._positions(rng, num_frames, self.paces[label]) for label in labels]
        positions = np.concatenate(views)
        low, high, weight = neighbour_frames(positions, num_frames)
        self.write_clips(results, np.split(low, self.num_views))
        results['pace_label'] = np.asarray(labels, dtype=np.int64)
        self.write_speeds(results, [self.paces[label] for label in labels])
        if results.get('test_mode') and (num_frames < self.frames_needed() or any(map(goes_round, views))):
            self.note_alike(results, [self._alike(view, num_frames) for view in views])
        if self.slow_motion == 'interpolate' and any(pace != int(pace) for pace in self.paces):
            later = self.file_frames(dict(results), high)  # a copy, which keeps the times of the earlier frames
            results['frame_inds'] = np.concatenate([results['frame_inds'], later])
            results['blend_weight'] = weight
        return results


@TRANSFORMS.register_module()
class BlendFrames(ShowsSettings, BaseTransform):
    """Blend the two frames around each position of interpolated slow motion. Put it right after :class:`DecodeClips`.

    Required keys: ``imgs``, N uint8 frames (H, W, 3). Where the sampler interpolates, it adds ``blend_weight`` float
    (N,). ``imgs`` and ``frame_inds`` then have length 2N: first the N earlier frames, then the N later ones. Without
    ``blend_weight`` the transform does nothing, so one pipeline serves every pace list. Modified keys: ``imgs`` (N),
    ``frame_inds`` (N,), the earlier frames. Removed key: ``blend_weight``.

    A blend is ``(1 - weight) * earlier + weight * later`` in floating point, rounded once. The data type stays.
    """

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Blend 2N frames (H, W, 3) into N."""
        if 'blend_weight' not in results:
            return results
        weights = results.pop('blend_weight')
        imgs = results['imgs']
        earlier, later = imgs[: len(weights)], imgs[len(weights) :]
        results['imgs'] = [
            cv2.addWeighted(first, 1 - weight, second, weight, 0) if weight > 0 else first
            for first, second, weight in zip(earlier, later, weights.tolist())
        ]
        results['frame_inds'] = results['frame_inds'][: len(weights)]
        return results

    def describe(self) -> str:
        """See :class:`ShowsSettings`."""
        return 'blend the two frames around each position of slow motion'
