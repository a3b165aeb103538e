"""The windows of a recording as model inputs, in one pass of decoding."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from ...datasets.readers import Reader
from ...datasets.recordings.names import Window
from ...datasets.recordings.reader import RecordedWindow
from ...datasets.transforms import DecodeClips
from ...errors import InputError
from ...registry import type_name
from .windows import open_window

# Steps that treat each frame alone, so that a frame of several windows goes through them once.
_PER_FRAME = ('Resize', 'CenterCrop', 'ThreeCrop', 'TenCrop')
# Steps that copy the frames before they write.
_COPYING = ('FormatShape', 'PackActionInputs')


class SplitPipeline(NamedTuple):
    """A pipeline in three parts.

    Attributes:
        sampling: Steps up to decoding. They run once per window and choose its frames.
        frame: Steps behind decoding that treat each frame alone. They run once per frame.
        window: All further steps. They run once per window.
    """

    sampling: list[Callable]
    frame: list[Callable]
    window: list[Callable]


def split_pipeline(steps: Sequence[Callable]) -> SplitPipeline:
    """Split the steps of :func:`auxskd_mm.apis.inference.inference_pipeline`.

    Raises:
        InputError: If the steps do not decode exactly once.
    """
    places = [i for i, step in enumerate(steps) if isinstance(step, DecodeClips)]
    if len(places) != 1:
        raise InputError(f'the pipeline decodes {len(places)} times; a timeline needs one step that decodes')
    after = list(steps[places[0] + 1 :])
    alone = next((i for i, step in enumerate(after) if not _is_per_frame(step)), len(after))
    return SplitPipeline(list(steps[: places[0]]), after[:alone], after[alone:])


def _is_per_frame(step: Callable) -> bool:
    return type_name(type(step)) in _PER_FRAME and not getattr(step, 'lazy', False)


class _Waiting(NamedTuple):
    """A window whose frames are not all decoded: its sample, and the numbers of its frames in the recording."""

    results: dict[str, Any]
    numbers: list[int]
    last: int


class OnePass:
    """Iterate over the model inputs of windows, decoding the recording once from its start to its end.

    A frame goes through the steps for single frames once, and is kept until the last window that shows it is complete.
    The memory therefore depends on the length of a window and not on that of the recording. Every window is equal to
    the one that the whole pipeline makes of it alone, by its virtual path (:mod:`auxskd_mm.datasets.recordings`).

    Args:
        steps: Steps of an inference pipeline.
        reader: The opened recording.
        windows: Windows in the order of their starts.
        seen: Called after each frame.

    Attributes:
        kept: Largest number of frames that were kept at a time.
    """

    def __init__(
        self,
        steps: Sequence[Callable],
        reader: Reader,
        windows: Sequence[Window],
        seen: Callable[[], object] = lambda: None,
    ) -> None:
        self._steps = split_pipeline(steps)
        self._reader, self._windows, self._seen = reader, windows, seen
        self._copy = any(type_name(type(step)) not in _COPYING for step in self._steps.window)
        self.kept = 0

    def __iter__(self) -> Iterator[dict[str, Any]]:
        waiting: deque[_Waiting] = deque()
        frames: dict[int, dict[str, Any]] = {}  # those that a waiting window shows
        users: Counter[int] = Counter()  # how many waiting windows show a frame
        views = (open_window(self._reader, window) for window in self._windows)
        view, index = next(views, None), 0
        for number, frame in enumerate(self._reader.stream()):
            while view is not None and view.first <= number:
                waiting.append(self._choose(view, index))
                users.update(set(waiting[-1].numbers))
                view, index = next(views, None), index + 1
            if users[number]:
                frames[number] = self._prepare(frame)
                self.kept = max(self.kept, len(frames))
            while waiting and waiting[0].last <= number:
                done = waiting.popleft()
                yield self._finish(done, frames)
                users.subtract(set(done.numbers))
                for shown in [n for n in set(done.numbers) if not users[n]]:
                    del frames[shown], users[shown]
            self._seen()

    def _choose(self, view: RecordedWindow, index: int) -> _Waiting:
        """Choose the frames of a window."""
        sample = dict(filename=self._reader.path, sample_idx=index, test_mode=True, video_reader=view)
        results = _run(self._steps.sampling, sample)
        del results['video_reader']
        numbers = (np.asarray(results['frame_inds']).reshape(-1) + view.first).tolist()
        return _Waiting(results, numbers, max(numbers))

    def _prepare(self, frame: np.ndarray) -> dict[str, Any]:
        shape = frame.shape[:2]
        return _run(self._steps.frame, dict(imgs=[frame], original_shape=shape, img_shape=shape, modality='RGB'))

    def _finish(self, window: _Waiting, frames: dict[int, dict[str, Any]]) -> dict[str, Any]:
        """Put the frames together and run the rest of the pipeline."""
        shown = [frames[number]['imgs'] for number in window.numbers]
        # Steps that make several crops of a frame order them crop by crop.
        imgs = [crops[i] for i in range(len(shown[0])) for crops in shown]
        imgs = [img.copy() for img in imgs] if self._copy else imgs
        results = {**window.results, **frames[window.numbers[0]], 'imgs': imgs}
        return _run(self._steps.window, results)


def _run(steps: Sequence[Callable], results: dict[str, Any]) -> dict[str, Any]:
    for step in steps:
        done = step(results)
        if done is None:
            raise InputError(f'{results.get("filename", "frame")}: {type(step).__name__} of the pipeline dropped it')
        results = done
    return results
