"""Class scores over the time of a recording."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import numpy as np

from ...workers import progress_bar
from ..inference import batches, check_question, inference_pipeline, predict_batch
from .one_pass import OnePass
from .windows import plan_windows

if TYPE_CHECKING:
    from ...typing import VideoModel


@dataclass(frozen=True)
class Timeline:
    """Class scores of the windows of a recording.

    Attributes:
        recording: Path of the recording.
        duration: Its duration in seconds.
        task: Name of the task, such as 'class' or 'pace'.
        names: Names of the K classes.
        starts: Start of each of the N windows in seconds, float64 (N,), ascending.
        ends: End of each window.
        scores: Probabilities (N, K).
        num_frames: Frames of the recording. Each was decoded once.
        kept_frames: Largest number of frames that were in memory at a time.
        took: Seconds from opening the recording to the last answer.
    """

    recording: str
    duration: float
    task: str
    names: tuple[str, ...]
    starts: np.ndarray
    ends: np.ndarray
    scores: np.ndarray
    num_frames: int = 0
    kept_frames: int = 0
    took: float = 0.0

    @property
    def spans(self) -> tuple[np.ndarray, np.ndarray]:
        """Part of the recording that each window speaks for: starts and ends in seconds, each float64 (N,).

        A part reaches half-way to the centres of the windows before and after it. The first part begins at 0, and the
        last one ends with the recording.
        """
        centres = (self.starts + self.ends) / 2
        borders = (centres[1:] + centres[:-1]) / 2
        return np.concatenate([[0.0], borders]), np.concatenate([borders, [self.duration]])

    @property
    def speed(self) -> float:
        """Multiple of real time: seconds of the recording per second of work."""
        return self.duration / self.took if self.took else float('inf')

    def describe(self) -> str:
        """One line about what was done, and how fast."""
        apart = f', {self.starts[1] - self.starts[0]:g} s apart' if len(self.starts) > 1 else ''
        length = self.ends[0] - self.starts[0]
        return (
            f'{self.recording}: {self.duration:.1f} s in {self.took:.1f} s, {self.speed:.1f} times real time; '
            f'{len(self.starts)} windows of {length:g} s{apart}; {self.num_frames} frames decoded once each, at most '
            f'{self.kept_frames} in memory'
        )


def predict_timeline(
    model: VideoModel,
    recording: str | Path,
    *,
    window: float = 2.0,
    stride: float = 0.5,
    num_clips: int = 1,
    batch_size: int = 8,
    task: str | None = None,
    check: Callable[[tuple[str, ...], float], object] | None = None,
    progress: TextIO | None = None,
) -> Timeline:
    """Predict on windows of a recording, in one pass of decoding.

    Each window is sampled, resized and cropped as :func:`predict` does it for a video of that length. Each frame is
    decoded once and resized once. The memory does not depend on the length of the recording.

    Args:
        model: Model of :func:`init_model` whose head writes probabilities.
        recording: Video file, frame folder, or ``<store>/<name>``.
        window: Length of a window in seconds.
        stride: Distance of the starts of two windows in seconds.
        num_clips: Evenly spread clips per window, whose probabilities are averaged. One clip lies in the centre.
        batch_size: Windows per batch.
        task: Which answer to keep of a model with several. None takes the first.
        check: Called with the names of the classes and the duration in seconds after the first batch. It may raise, so
            that a mistaken setting is found before the work.
        progress: Stream for a bar with the time left. None shows no bar.

    Raises:
        InputError: If the recording has no frame rate, is shorter than a window, or the model does not answer.
        VideoReadError: If the recording cannot be read.
    """
    check_question(model, 'as_is')
    steps = inference_pipeline(model.cfg, 'as_is', num_clips).transforms
    began = time.perf_counter()
    # The pipeline's own opener, so that its channel order, backend and frame rate of frame folders hold here too.
    with steps[0](dict(filename=str(recording)))['video_reader'] as reader:
        windows, duration = plan_windows(reader, window, stride)
        with progress_bar(reader.num_frames, progress, 'frame') as bar:
            samples = OnePass(steps, reader, windows, bar.update)
            rows: list[np.ndarray] = []
            for batch in batches(samples, batch_size):
                for answer in predict_batch(model, batch):
                    task = next(iter(answer.tasks)) if task is None else task
                    rows.append(answer[str(task)].probabilities)
                if len(rows) == len(batch) and check is not None:
                    check(answer[str(task)].names, duration)
    return Timeline(
        str(recording), duration, str(task), answer[str(task)].names, np.array([one.start for one in windows]),
        np.array([one.end for one in windows]), np.stack(rows), reader.num_frames, samples.kept,
        time.perf_counter() - began,
    )  # fmt: skip
