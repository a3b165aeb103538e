"""Estimates the size, packing time and reading time of a store from a few videos."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ...errors import InputError, VideoReadError
from ...functional.pixels import PixelKind
from ..readers import open_reader
from ..stores.feature_settings import FeatureSettings
from ..stores.features import open_stored_features
from ..stores.read import open_stored_video
from ..stores.settings import LAYOUTS, StoreSettings
from ..stores.sources import SourceVideo
from .pack import pack_videos
from .pixel_kind import with_pixel_kind
from .shard import FrameExtractor

_CLIP = 16
_FRAMES = 64
_FEATURE_FRAMES = 8
_ROUNDS = 5


class Estimate(NamedTuple):
    """Cost of a layout.

    Attributes:
        layout: Name of the layout.
        gigabytes: Size of the store of all videos.
        hours: Time to pack the store.
        clip_ms: CPU time to read 16 neighbouring frames.
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


def estimate_features(
    videos: Sequence[SourceVideo],
    settings: FeatureSettings,
    extract: FrameExtractor,
    *,
    workers: int = 1,
    sample: int = 6,
) -> Estimate:
    """Estimate of a store of feature maps, from a few frames of a few videos.

    Args:
        videos: Videos to pack.
        settings: Settings of the store.
        extract: Trunk of the store.
        workers: Number of processes for the packing.
        sample: Number of videos to try.

    Raises:
        InputError: If none of the tried videos can be read.
    """
    tried, total = _sample(videos, sample)
    with tempfile.TemporaryDirectory() as folder:
        store = os.path.join(folder, settings.layout)
        return _measure(store, tried, settings, total, workers, _FEATURE_FRAMES, extract)


def estimate_table(estimates: Sequence[Estimate], chosen: str) -> str:
    """Lines to print, with a mark at the chosen layout."""
    lines = [f'  {"layout":8} {"size":>10} {"packing":>10} {"16 frames":>10}']
    for layout, gigabytes, hours, clip_ms in estimates:
        size = f'{gigabytes:.1f} GB' if gigabytes >= 1 else f'{1000 * gigabytes:.1f} MB'
        duration = f'{hours:.1f} h' if hours >= 1 else f'{60 * hours:.1f} min'
        lines.append(f'{">" if layout == chosen else " "} {layout:8} {size:>10} {duration:>10} {clip_ms:>7.2f} ms')
    return '\n'.join(lines)


def _sample(videos: Sequence[SourceVideo], sample: int) -> tuple[list[SourceVideo], float]:
    """Readable videos spread over the list, and the likely number of frames of all videos."""
    tried: list[SourceVideo] = []
    frames: list[int] = []
    problem = ''
    for i in np.unique(np.linspace(0, len(videos) - 1, min(sample, len(videos))).astype(int)).tolist():
        try:
            reader = open_reader(videos[i].path)
            next(reader.stream())
            reader.close()
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
    clips: list[float] = []
    for _ in range(_ROUNDS):
        start = time.process_time()
        for sample in store.samples():
            path = sample['filename']
            reader = open_stored_video(path) if extract is None else open_stored_features(path)
            assert reader is not None
            reader.read(range(min(_CLIP, reader.num_frames)))
        clips.append((time.process_time() - start) / len(store))
    return Estimate(
        settings.layout, size / frames * total_frames / 1e9, seconds / frames * total_frames / workers / 3600,
        1000 * min(clips),
    )  # fmt: skip
