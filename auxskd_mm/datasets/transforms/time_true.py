"""Frames by presentation time, for every sampler, and MMAction2's SampleFrames with it."""

from __future__ import annotations

from typing import Any

import numpy as np
from mmaction.datasets.transforms import SampleFrames

from ...errors import InputError, VideoReadError, check_step
from ...functional.frame_times import frames_at_steps, steps_of_video
from ...functional.tasks import ordinal
from ...registry import TRANSFORMS

# A video of more steps has false time stamps: a year at 60 frames per second.
_MOST_STEPS = 2**31 - 1


class TimeTrue:
    """What a sampler needs to draw clips by time instead of by frames.

    With ``fps``, the sampler counts steps of 1/fps seconds wherever it would count frames of the file. :mod:`auxskd_mm.
    functional.frame_times` says how many steps a video has and which frame a step shows. Without ``fps``, both methods
    count the frames of the file.
    """

    fps: float | None = None

    def set_fps(self, fps: float | None) -> None:
        """Check ``fps`` and set it.

        Raises:
            InputError: If it is not a number above 0.
        """
        known = fps is None or (isinstance(fps, (int, float)) and not isinstance(fps, bool))
        if not known or (fps is not None and not 0 < fps < float('inf')):
            raise InputError(f'{type(self).__name__}.fps={fps}: expected a rate above 0, or None to count frames')
        self.fps = fps

    def num_frames(self, results: dict[str, Any]) -> int:
        """Frames of the opened video, or its steps of 1/fps seconds. The steps also go to ``steps_at_fps``.

        Raises:
            InputError: If no video is open, or ``fps`` is set and the source has neither time stamps nor a frame rate.
            VideoReadError: If the video has no frames, or is shorter than a step.
        """
        check_step(type(self).__name__, results, 'total_frames', 'OpenVideo')
        name, total = str(results.get('filename', '?')), int(results['total_frames'])
        if total < 1:
            raise VideoReadError(name, 'holds no frames; remove it from the list')
        if self.fps is None:
            return total
        steps = steps_of_video(self._times(results), self.fps, results.get('avg_fps'))
        if steps < 1:
            raise VideoReadError(name, f'nothing is left of its {total} frames at {self.fps:g} frames per second')
        if steps > _MOST_STEPS:
            raise VideoReadError(name, f'has {steps / self.fps:.3g} seconds by its time stamps, which must be false')
        results['steps_at_fps'] = steps
        return steps

    def file_frames(self, results: dict[str, Any], numbers: np.ndarray) -> np.ndarray:
        """Frames of the file that the drawn frames show.

        Args:
            results: The sample. With ``fps``, the method adds ``frame_seconds``: the time of each drawn frame in
                seconds after the start of the video, float64 (N,).
            numbers: Drawn frames, or steps, int (N,).

        Returns:
            int64 (N,).
        """
        if self.fps is None:
            return numbers
        results['frame_seconds'] = numbers / self.fps
        return frames_at_steps(self._times(results), self.fps, numbers)

    def _times(self, results: dict[str, Any]) -> np.ndarray:
        """Presentation times of the frames; see :meth:`Reader.times`."""
        times = getattr(results.get('video_reader'), 'times', None)
        # Of another reader, or without one, only the average rate is known.
        known = times() if callable(times) else None
        rate = results.get('avg_fps')
        if known is None and rate:
            known = np.arange(int(results['total_frames'])) / float(rate)
        if known is None:
            raise InputError(
                f'{results.get("filename", "?")}: has no frame rate, as every frame folder or array; state it by '
                f'OpenVideo.source_fps, or count frames by {type(self).__name__}.fps=None'
            )
        return known

    def _at_rate(self, frames: int) -> str:
        """The rate and the duration of so many frames in words, '' without a rate."""
        return '' if self.fps is None else f' at {self.fps:g} frames per second ({frames / self.fps:.3g} s at speed 1)'


def uniform_in_words(
    num_clips: int, clip_len: int, every: int = 1, test_mode: bool = False, fps: float | None = None
) -> str:
    """The clips of ``SampleFrames`` in words: their number, length, interval, rate and place."""
    where = 'evenly spread' if test_mode else 'at random'
    apart = '' if every == 1 else f', every {ordinal(every)}'
    seconds = '' if fps is None else f' at {fps:g} frames per second ({clip_len * every / fps:.3g} s)'
    return f'{num_clips} clip{"s" if num_clips > 1 else ""} of {clip_len} frames{apart}{seconds}, {where}'


@TRANSFORMS.register_module()
class TimedSampleFrames(TimeTrue, SampleFrames):
    """MMAction2's ``SampleFrames`` by presentation time: random clips, and in test mode evenly spread ones.

    Required keys: ``total_frames``. Added keys: ``frame_inds`` int (num_clips * clip_len,), ``clip_len``,
    ``frame_interval`` and ``num_clips``. With ``fps``, all frame numbers of ``SampleFrames`` count steps of 1/fps
    seconds. MMAction2's own ``target_fps`` multiplies frame numbers by the average rate, and is wrong where the rate
    varies.

    Args:
        clip_len: Frames per clip.
        fps: Frame rate of the clips. None counts the frames of the file and equals ``SampleFrames``.
        kwargs: Further arguments of ``SampleFrames``, such as ``frame_interval``, ``num_clips`` and ``test_mode``.

    Raises:
        InputError: For a wrong ``fps``, or together with ``target_fps``.

    Example:
        >>> from auxskd_mm.datasets.transforms import TimedSampleFrames
        >>> sample = TimedSampleFrames(clip_len=4, frame_interval=2, num_clips=2, test_mode=True, fps=12)
        >>> results = sample(dict(total_frames=60, avg_fps=30.0))
        >>> results['frame_inds'].reshape(2, 4).tolist()  # a sixth of a second, five frames, apart
        [[0, 5, 10, 15], [42, 47, 52, 57]]
    """

    def __init__(self, clip_len: int, *, fps: float | None = None, **kwargs: Any) -> None:
        super().__init__(clip_len=clip_len, **kwargs)
        self.set_fps(fps)
        if fps is not None and self.target_fps is not None:
            raise InputError(f'{type(self).__name__}: fps={fps} and target_fps={self.target_fps}: give fps alone')

    def frames_needed(self) -> int:
        """See :class:`PretextSampler`."""
        return int((self.clip_len - 1) * self.frame_interval + 1)

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Draw the clips in steps, and write the frames of the file."""
        check_step(type(self).__name__, results, 'total_frames', 'OpenVideo')
        total, start = results['total_frames'], int(results.get('start_index', 0))
        results.update(total_frames=self.num_frames(results), start_index=0)
        results = super().transform(results)
        results['total_frames'] = total
        frames = self.file_frames(results, results['frame_inds'])
        results['frame_inds'] = (frames + start).astype(np.int32)
        return results

    def describe(self) -> str:
        """See :class:`ShowsSettings`."""
        return uniform_in_words(self.num_clips, self.clip_len, self.frame_interval, self.test_mode, self.fps)

    def __repr__(self) -> str:
        return f'{super().__repr__()[:-1]}, fps={self.fps})'
