"""Estimates the size, packing time and reading time of a store from a few videos."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import cv2
import numpy as np

from ...errors import InputError, VideoReadError
from ...files import size_text
from ...functional import evenly_spread
from ...functional.pixels import PixelKind
from ..readers import READERS, Reader, open_reader
from ..stores.feature_settings import FeatureSettings
from ..stores.features import open_stored_features
from ..stores.read import open_stored_video
from ..stores.settings import LAYOUTS, StoreSettings
from ..stores.sources import SourceVideo
from ..suffixes import STACK_READERS
from .pack import pack_videos
from .pixel_kind import with_pixel_kind
from .shard import FrameExtractor

_CLIP = 16
_FRAMES = 64
_FEATURE_FRAMES = 8
_ROUNDS = 5


class Estimate(NamedTuple):
    """Cost of a way to read videos: from a store, or directly.

    Attributes:
        layout: Name of the layout, or 'video, <backend>'.
        gigabytes: Size of the store of all videos, or of the videos.
        hours: Time to pack the store.
        clip_ms: CPU time to read 16 neighbouring frames, in the size of the store. Mean over places in the videos.
    """

    layout: str
    gigabytes: float
    hours: float
    clip_ms: float


def estimate_layouts(
    videos: Sequence[SourceVideo], settings: StoreSettings, *, workers: int = 1, sample: int = 6
) -> list[Estimate]:
    """Estimates of every layout, from the first frames of a few videos spread over the list.

    Args:
        videos: Videos to pack.
        settings: Settings of the store. Its layout matters only for other pixels than 8-bit colours, which it must hold.
        workers: Number of processes for the packing.
        sample: Number of videos to try.

    Raises:
        InputError: If none of the tried videos can be read.
    """
    tried, total = _sample(videos, sample)
    settings = with_pixel_kind(settings, tried)
    # The other layouts hold no other pixels.
    layouts = LAYOUTS if settings.kind == PixelKind() else (settings.layout,)
    with tempfile.TemporaryDirectory() as folder:
        return [
            _measure(os.path.join(folder, layout), tried, settings._replace(layout=layout), total, workers, _FRAMES)
            for layout in layouts
        ]


def estimate_videos(videos: Sequence[SourceVideo], settings: StoreSettings, *, sample: int = 6) -> list[Estimate]:
    """Estimates of reading the videos themselves with each backend that can be used, and reducing their frames as a
    store would. ``sample`` videos are tried.

    Raises:
        InputError: If none of the tried videos can be read.
    """
    tried, _ = _sample(videos, sample)
    files = [path for path in (video.path for video in tried) if os.path.isfile(path)]
    files = [path for path in files if os.path.splitext(path)[1].lower() not in STACK_READERS]
    if not files:  # folders, stacks and windows are not read by these backends
        return []
    size = float(np.mean([os.path.getsize(path) for path in files])) * len(videos) / 1e9
    found = []
    for backend in (name for name, reader in READERS.items() if not reader.missing()):

        def read(path: str, share: float, backend: str = backend) -> None:
            with open_reader(path, backend=backend) as reader:
                frames = _read_clip(reader, share)
            height, width = settings.frame_size(*frames[0].shape[:2])
            for frame in frames:
                cv2.resize(frame, (width, height))

        found.append(Estimate(f'video, {backend}', size, 0.0, _clip_ms(files, read)))
    return found


def not_measured() -> list[str]:
    """One line for each backend that cannot be used here, with the reason, since :func:`estimate_videos` leaves it out."""
    reasons = {name: reader.missing() for name, reader in READERS.items()}
    return [f'not measured: {name}: {reason}' for name, reason in reasons.items() if reason]


def advice(estimates: Sequence[Estimate], clips: int, workers: int, free: float) -> str:
    """Which way takes the least time until many clips are read, packing included.

    Args:
        estimates: Estimates of all ways.
        clips: Number of clips of 16 frames that the trainings will read.
        workers: Number of processes that pack and read.
        free: Free space for the store in gigabytes.
    """
    # A store may not fill the disk.
    possible = [one for one in estimates if not one.hours or one.gigabytes < free]
    if not possible:
        return f'no store fits into the free {size_text(1e9 * free)}'
    hours = {one.layout: one.hours + one.clip_ms * clips / 3.6e6 / workers for one in possible}
    best = min(possible, key=lambda one: hours[one.layout])
    direct = [one for one in possible if not one.hours]
    text = f'best for {clips} clips with {workers} process(es): {best.layout} ({_duration(hours[best.layout])} in all)'
    if best.hours and direct:
        video = min(direct, key=lambda one: one.clip_ms)
        pays = best.hours * 3.6e6 * workers / max(video.clip_ms - best.clip_ms, 1e-9)
        text += f'; {video.layout} takes {_duration(hours[video.layout])}, packing pays after {pays:.0f} clips'
    return text


def estimate_features(
    videos: Sequence[SourceVideo],
    settings: FeatureSettings,
    extract: FrameExtractor,
    *,
    workers: int = 1,
    sample: int = 6,
) -> Estimate:
    """Estimate of a store of feature maps, from a few frames of ``sample`` videos, for a packing by ``workers``
    processes.

    Raises:
        InputError: If none of the tried videos can be read.
    """
    tried, total = _sample(videos, sample)
    with tempfile.TemporaryDirectory() as folder:
        store = os.path.join(folder, settings.layout)
        return _measure(store, tried, settings, total, workers, _FEATURE_FRAMES, extract)


def estimate_table(estimates: Sequence[Estimate], chosen: str) -> str:
    """Lines to print, with a mark at the chosen layout."""
    width = max(8, *(len(one.layout) for one in estimates))
    lines = [f'  {"layout":{width}} {"size":>10} {"packing":>10} {"16 frames":>10}']
    for layout, gigabytes, hours, clip_ms in estimates:
        duration, size = _duration(hours) if hours else 'none', size_text(1e9 * gigabytes)
        lines.append(
            f'{">" if layout == chosen else " "} {layout:{width}} {size:>10} {duration:>10} {clip_ms:>7.2f} ms'
        )
    return '\n'.join(lines)


def free_gigabytes(path: str) -> float:
    """Free space on the disk of a folder, which need not exist yet."""
    place = os.path.abspath(path)
    while not os.path.exists(place):
        place = os.path.dirname(place)
    return shutil.disk_usage(place).free / 1e9


def _duration(hours: float) -> str:
    return f'{hours:.1f} h' if hours >= 1 else f'{60 * hours:.1f} min'


def _sample(videos: Sequence[SourceVideo], sample: int) -> tuple[list[SourceVideo], float]:
    """Readable videos spread over the list, and the likely number of frames of all videos."""
    tried: list[SourceVideo] = []
    frames: list[int] = []
    problem = ''
    for i in evenly_spread(len(videos), sample):
        try:
            with open_reader(videos[i].path) as reader:
                next(reader.stream())
        except (VideoReadError, OSError) as error:
            problem = str(error)
            continue
        tried.append(videos[i])
        frames.append(reader.num_frames)
    if not tried:
        raise InputError(f'none of the videos tried can be read; {problem}')
    return tried, float(np.mean(frames)) * len(videos)


def _measure(
    folder: str,
    videos: Sequence[SourceVideo],
    settings: StoreSettings | FeatureSettings,
    total_frames: float,
    workers: int,
    max_frames: int,
    extract: FrameExtractor | None = None,
) -> Estimate:
    # A trunk's time is that of the clock, with all that runs beside it; decoding is too short for that.
    clock = time.process_time if extract is None else time.perf_counter
    start = clock()
    store = pack_videos(folder, videos, settings, max_bad_share=1.0, max_frames=max_frames, extract=extract)
    seconds = clock() - start
    frames = int(store.index.rows['frames'].sum())
    size = int(store.index.rows['size'].sum())

    def read(path: str, share: float) -> None:
        reader = open_stored_video(path) if extract is None else open_stored_features(path)
        assert reader is not None
        _read_clip(reader, share)

    clip_ms = _clip_ms([sample['filename'] for sample in store.samples()], read)
    return Estimate(
        settings.layout, size / frames * total_frames / 1e9, seconds / frames * total_frames / workers / 3600, clip_ms
    )


def _read_clip(reader: Reader, share: float) -> list[np.ndarray]:
    """16 neighbouring frames at a share of the way through a video."""
    first = int(share * max(reader.num_frames - _CLIP, 0))
    return reader.read(range(first, min(first + _CLIP, reader.num_frames)))


def _clip_ms(paths: Sequence[str], read: Callable[[str, float], None]) -> float:
    """CPU milliseconds of a clip: mean over videos and over places in them, each the shorter of two times."""
    total = 0.0
    for path in paths:
        for share in np.linspace(0, 1, _ROUNDS).tolist():
            times = []
            for _ in range(2):
                start = time.process_time()
                read(path, share)
                times.append(time.process_time() - start)
            total += min(times)
    return 1000 * total / (len(paths) * _ROUNDS)
