"""Decodes every video once, in parallel, and reports bad, short and duplicate ones.

For each video it also reads a sample of frames by number, as training does, and compares them with the decoded ones.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor, as_completed
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from pathlib import Path
from typing import NamedTuple, TextIO

import numpy as np

from ...errors import InputError, VideoReadError, check_least
from ...functional import evenly_spread
from ...functional.frame_times import steps_of_video
from ...functional.pixels import PixelKind
from ...texts import write_table, write_text
from ...workers import progress_bar, worker_pool
from ..readers import PyAVReader, Reader, open_reader
from ..readers.base import TOLERATED_AT_END, require_regular
from ..readers.frame_names import find_frames
from ..readers.limits import MAX_PIXELS, reason
from ..readers.orientation import upright_size
from ..readers.window import WindowReader
from ..recordings.names import recording_of
from ..stores.store import find_store, state_of
from .frame_rates import frame_rate

STATUSES = ('ok', 'bad', 'short', 'duplicate')
# At most so many frames of each video are read a second time, by number.
COMPARED = 8


class VideoReport(NamedTuple):
    """The results of the check of one video.

    Attributes:
        path: Path as given.
        status: 'ok', or the gravest of 'bad', 'short' and 'duplicate'. 'bad' means that the video cannot be decoded to
            its end, or that reading by number gives other frames than reading in order.
        reason: The fault. For 'ok' a remark, such as missing frame numbers, or ''.
        frames: Number of decoded frames.
        fps: Frames per second, None if unknown.
        width: In pixels, 0 if nothing could be decoded.
        height: In pixels.
        size: In bytes. For a frame folder, the sum over its images.
        digest: Hash of the content, '' if it could not be read.
        pixels: Type and channels, such as 'uint16 pixels of 1 channel'. '' if nothing could be decoded.
        varies: Whether the distance of the frames varies, by the time stamps.
    """

    path: str
    status: str
    reason: str = ''
    frames: int = 0
    fps: float | None = None
    width: int = 0
    height: int = 0
    size: int = 0
    digest: str = ''
    pixels: str = ''
    varies: bool = False


def check_video(path: str, min_frames: int = 1, max_pixels: int = MAX_PIXELS, fps: float | None = None) -> VideoReport:
    """Decode one video to its end, and compare a sample of its frames with the same frames read by number.

    Args:
        path: Video file, frame folder, or a window of one (:mod:`auxskd_mm.datasets.recordings`).
        min_frames: A video with fewer frames is 'short'.
        max_pixels: A video with more pixels per frame is 'bad'.
        fps: Rate at which ``min_frames`` counts. None counts the frames of the file. Videos without a rate are counted
            by their frames.

    Returns:
        The report. A video that cannot be read also gives a report, never an exception.
    """
    report = VideoReport(path, 'bad')
    try:
        size, digest = content_of(path)
        report = report._replace(size=size, digest=digest)
        with open_reader(path, max_pixels=max_pixels) as reader:
            kind = PixelKind()
            if isinstance(reader, WindowReader):
                frames, width, height = _decode_window(reader)
            elif isinstance(reader, PyAVReader):
                frames, width, height = _decode_video(reader)
            else:
                frames, width, height, kind = _decode_images(reader)
        report = report._replace(
            frames=frames,
            fps=reader.fps,
            width=width,
            height=height,
            pixels=str(kind),
            varies=frame_rate(reader).varies,
        )
        times = None if fps is None else reader.times()
        if frames < reader.num_frames - TOLERATED_AT_END:
            return report._replace(reason=f'only {frames} of {reader.num_frames} frames can be decoded')
    except VideoReadError as error:
        inside = '' if error.path == path else f'{os.path.basename(error.path)}: '  # one image of a folder
        return report._replace(reason=inside + error.reason)
    except Exception as error:  # whatever a file brings about is said of that file
        return report._replace(reason=_one_line(error))
    at_rate = ''
    if fps is not None and times is not None:
        frames, at_rate = steps_of_video(times, fps, reader.fps), f' at {fps:g} per second'
    if frames < min_frames:
        return report._replace(status='short', reason=f'{frames} frames{at_rate}, fewer than {min_frames}')
    return report._replace(status='ok', reason=getattr(reader, 'note', '') or _counted(reader))


def check_videos(
    paths: Sequence[str],
    *,
    min_frames: int = 1,
    max_pixels: int = MAX_PIXELS,
    fps: float | None = None,
    workers: int | None = None,
    progress: TextIO | None = sys.stderr,
) -> list[VideoReport]:
    """Check many videos or frame folders by :func:`check_video` in worker processes (None: one per core), with a
    progress bar (None: no bar) and the time left.

    The reports are in the order of the paths. Among several videos with the same content, the first is not a duplicate.

    If the decoder crashes on a video, that video is reported as bad, and the check of the others continues.

    Raises:
        InputError: If there are no paths, one is in a store, or an argument is below 1.
    """
    paths = [os.fspath(path) for path in paths]
    if not paths:
        raise InputError('there are no videos to check')
    for path in paths:
        found = None if os.path.exists(path) else find_store(path)
        if found is not None:
            store = found[0].path
            raise InputError(
                f'{path}: is in a store; run tools/data/pack_videos.py --check {store}, or check its source'
            )
    check_least('', min_frames=min_frames, max_pixels=max_pixels, workers=workers)
    workers = min(workers or os.cpu_count() or 1, len(paths))
    check = partial(check_video, min_frames=min_frames, max_pixels=max_pixels, fps=fps)
    reports: dict[int, VideoReport] = {}
    with progress_bar(len(paths), progress) as bar:
        with worker_pool(workers) as pool:
            _collect(pool, paths, range(len(paths)), check, reports, bar.update)
        # A crash takes every task of the pool with it, so what is left runs one process for each video.
        for i in range(len(paths)):
            if i not in reports:
                with worker_pool(1) as pool:
                    _collect(pool, paths, [i], check, reports, bar.update)
                if i not in reports:
                    reports[i] = VideoReport(paths[i], 'bad', 'the decoder crashes on it')
                    bar.update()
    return _mark_duplicates([reports[i] for i in range(len(paths))])


def summarize(reports: Iterable[VideoReport]) -> dict[str, int]:
    """Number of videos per status."""
    counts = Counter(report.status for report in reports)
    return {status: counts[status] for status in STATUSES}


def write_report(path: str | Path, reports: Sequence[VideoReport]) -> None:
    """Write a report of all videos.

    Args:
        path: ``.csv`` (one row per video) or ``.json`` (``summary`` and ``videos``).
        reports: Reports to write.

    Raises:
        InputError: For another suffix.
    """
    path = Path(path)
    if path.suffix not in ('.csv', '.json'):
        raise InputError(f'{path}: expected a report file that ends in .csv or .json')
    if path.suffix == '.json':
        content = dict(summary=summarize(reports), videos=[report._asdict() for report in reports])
        write_text(path, json.dumps(content, indent=1))
        return
    write_table(path, [VideoReport._fields, *reports])


def _collect(
    pool: Executor,
    paths: Sequence[str],
    indices: Iterable[int],
    check: Callable[[str], VideoReport],
    reports: dict[int, VideoReport],
    tick: Callable[[], object],
) -> None:
    """Run the tasks until all are done or the pool breaks."""
    try:
        tasks = {pool.submit(check, paths[i]): i for i in indices}
        for task in as_completed(tasks):
            reports[tasks[task]] = task.result()
            tick()
    except BrokenProcessPool:
        return


def _decode_video(reader: PyAVReader) -> tuple[int, int, int]:
    """Number of frames, width and height. It keeps no frame, so a film needs no more memory than a clip.

    Training reads clips by number, with a seek. So this function also reads a sample of the frames, in pairs of
    neighbours, by number.
    """
    spread = np.linspace(0, max(reader.num_frames - 2, 0), COMPARED // 2).astype(int)
    numbers = np.unique([spread, np.minimum(spread + 1, reader.num_frames - 1)]).tolist()
    in_order: dict[int, bytes] = {}
    frames = damaged = width = height = 0
    for i, frame in reader.frames():
        frames += 1
        damaged += bool(frame.is_corrupt)
        width, height = (width, height) if width else upright_size(frame)
        if i in numbers:
            in_order[i] = _digest(reader.array(frame))
    if damaged:
        raise VideoReadError(reader.path, f'{damaged} of {frames} frames are damaged')
    # Where frames are counted from the start, a read for each would decode the video as many times.
    reads = [[i] for i in in_order] if reader.index.order is not None else [list(in_order)]
    by_number = {i: _digest(frame) for numbers in reads for i, frame in zip(numbers, reader.read(numbers))}
    different = [i for i in in_order if by_number[i] != in_order[i]]
    if different:
        raise VideoReadError(
            reader.path,
            f'frame {different[0]} read by number is not frame {different[0]} read in order ({len(different)} of '
            f'{len(in_order)} compared); convert it, for instance with `ffmpeg -i in.avi -c:v libx264 out.mp4`',
        )
    return frames, width, height


def _decode_window(reader: WindowReader) -> tuple[int, int, int]:
    """Number of frames, width and height of a window. Some frames are read again by number, as in :func:`_decode_video`."""
    numbers = evenly_spread(reader.num_frames, COMPARED)
    frames, in_order, shape = 0, {}, (0, 0)
    for i, frame in enumerate(reader.stream()):
        frames, shape = i + 1, frame.shape[:2]
        if i in numbers:
            in_order[i] = _digest(frame)
    for i, frame in zip(in_order, reader.read(list(in_order))):
        if _digest(frame) != in_order[i]:
            raise VideoReadError(reader.path, f'frame {i} read by number is not frame {i} read in order')
    return frames, shape[1], shape[0]


def _counted(reader: Reader) -> str:
    """A remark on a file whose frames have no time stamps of their own. '' for others."""
    index = getattr(reader, 'index', None)
    why = '' if index is None else index.counted
    if not why:
        return ''
    return f'its frames are counted from the start ({why}), so reading is slow and its times come from its frame rate'


def _one_line(error: Exception) -> str:
    """The error in one line. The type of the error is left out where the message is clear without it."""
    known = isinstance(error, (InputError, OSError))
    return reason(error) if known else f'{type(error).__name__}: {reason(error)}'


def _digest(frame: np.ndarray) -> bytes:
    return hashlib.blake2b(frame.tobytes(), digest_size=16).digest()


def _decode_images(reader: Reader) -> tuple[int, int, int, PixelKind]:
    """Number of frames, width, height and kind of the pixels of a frame folder, a stack or a video in a store."""
    shape, kind = (0, 0), PixelKind()
    for i in range(reader.num_frames):
        frame = reader.read([i])[0]
        shape, kind = frame.shape[:2], PixelKind.of(frame)
    return reader.num_frames, shape[1], shape[0], kind


def content_of(path: str) -> tuple[int, str]:
    """Size in bytes, and hash of the content. For a window, hash of its name and the state of its recording."""
    if recording_of(path) != path:
        state = state_of(path)
        text = f'{os.path.abspath(path)} {state}'.encode('utf-8', 'surrogateescape')
        return max(state.size, 0), hashlib.blake2b(text, digest_size=16).hexdigest()
    if os.path.isdir(path):
        files = [os.path.join(path, name) for name in find_frames(path).frames]
    else:
        if '\0' in os.fspath(path) or os.path.exists(path):
            require_regular(path)
        files = [path] if os.stat(path).st_size else []  # such as /proc/kmsg, which makes its reader wait
    digest, size = hashlib.blake2b(digest_size=16), 0
    for file in files:
        with open(file, 'rb') as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
                size += len(block)
    return size, digest.hexdigest()


def _mark_duplicates(reports: Sequence[VideoReport]) -> list[VideoReport]:
    first: dict[str, str] = {}
    marked = []
    for report in reports:
        original = first.setdefault(report.digest, report.path) if report.size else report.path
        if original != report.path and report.status == 'ok':
            report = report._replace(status='duplicate', reason=f'same content as {original}')
        marked.append(report)
    return marked
