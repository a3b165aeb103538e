"""The base class of the samplers.

A sampler runs once the number of frames is known (after :class:`OpenVideo`) and writes ``frame_inds`` (int64, flat,
0-based), ``clip_len``, ``num_clips`` (views) and its labels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform

from ...errors import InputError
from ...functional.tasks import Task, drawn_tasks
from .captions import ShownClip
from .shown_settings import ShowsSettings
from .time_true import TimeTrue


class PretextSampler(ShowsSettings, TimeTrue, BaseTransform):
    """Base of the samplers: random numbers, labels and the description of a sampler.

    A subclass writes ``transform`` and sets ``tasks`` to the labels that it draws. It may also describe itself
    (:meth:`describe`) and mark the frames at another pace (:meth:`paced_positions`).

    Args:
        clip_len: Frames per clip.
        seed: None draws from NumPy's global generator, which MMEngine seeds in every worker. With an integer, the draws
            of a sample depend on (seed, sample index) alone. Every evaluation then sees the same clips.
        fps: Frame rate at which clips are drawn, by the presentation times of the video. A speed of 2 is then twice as
            fast whatever the rate of the file. All other settings count frames at this rate; see :class:`TimeTrue`.
            None counts the frames of the file, as the papers do.

    Raises:
        InputError: If ``clip_len`` is no whole number of at least 1, or ``fps`` is not above 0.
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

    @staticmethod
    def write_speeds(results: dict[str, Any], speeds: Sequence[float]) -> None:
        """Write ``clip_speed``, and with several views of different speeds ``fastest_label``, for speed ranking."""
        results['clip_speed'] = np.asarray(speeds, dtype=np.float32)
        if len(speeds) > 1:
            results['fastest_label'] = np.asarray([np.argmax(speeds)], dtype=np.int64)

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
        """Mark the frames of a view that do not play at the video's own pace: bool (length,). The sample holds the
        labels of ``tasks``, drawn or predicted.
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
        """Describe the clips of a sample as the model takes them, of ``length`` frames per view. Pictures of samples
        use this.
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


def goes_round(numbers: np.ndarray) -> bool:
    """Whether the frame numbers of one clip, int (clip_len,), jump back in the video."""
    return bool((np.diff(numbers) < 0).any())
