"""Estimates the size, packing time and reading time of a store from a few videos."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ...errors import InputError, VideoReadError
from ..readers import open_reader
from ..stores.read import open_stored_video
from ..stores.settings import LAYOUTS, StoreSettings
from ..stores.sources import SourceVideo
from .pack import pack_videos

_CLIP = 16
_FRAMES = 64
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
        settings: Settings of the store. Its layout does not matter.
        workers: Number of processes for the packing.
        sample: Number of videos to try.

    Raises:
        InputError: If none of the tried videos can be read.
    """
    tried, frames = _sample(videos, sample)
    total = np.mean(frames) * len(videos)
    with tempfile.TemporaryDirectory() as folder:
        return [
            _measure(os.path.join(folder, layout), tried, settings._replace(layout=layout), total, workers)
            for layout in LAYOUTS
        ]


def estimate_table(estimates: Sequence[Estimate], chosen: str) -> str:
    """Lines to print, with a mark at the chosen layout."""
    lines = [f'  {"layout":8} {"size":>10} {"packing":>10} {"16 frames":>10}']
    for layout, gigabytes, hours, clip_ms in estimates:
        size = f'{gigabytes:.1f} GB' if gigabytes >= 1 else f'{1000 * gigabytes:.1f} MB'
        duration = f'{hours:.1f} h' if hours >= 1 else f'{60 * hours:.1f} min'
        lines.append(f'{">" if layout == chosen else " "} {layout:8} {size:>10} {duration:>10} {clip_ms:>7.2f} ms')
    return '\n'.join(lines)


def _sample(videos: Sequence[SourceVideo], sample: int) -> tuple[list[SourceVideo], list[int]]:
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
    return tried, frames


def _measure(
    folder: str, videos: Sequence[SourceVideo], settings: StoreSettings, total_frames: float, workers: int
) -> Estimate:
    start = time.process_time()
    store = pack_videos(folder, videos, settings, max_bad_share=1.0, max_frames=_FRAMES)
    seconds = time.process_time() - start
    frames = int(store.index.rows['frames'].sum())
    size = int(store.index.rows['size'].sum())
    clips: list[float] = []
    for _ in range(_ROUNDS):
        start = time.process_time()
        for sample in store.samples():
            reader = open_stored_video(sample['filename'])
            assert reader is not None
            reader.read(range(min(_CLIP, reader.num_frames)))
        clips.append((time.process_time() - start) / len(store))
    return Estimate(
        settings.layout, size / frames * total_frames / 1e9, seconds / frames * total_frames / workers / 3600,
        1000 * min(clips),
    )  # fmt: skip
