"""Packing videos into a store, in parallel and restartable. An unfinished store never counts as a whole one."""

from __future__ import annotations

import json
import math
import os
import zlib
from collections.abc import Sequence
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any, TextIO

from ...errors import FULL_DISK, InputError, check_least
from ...files import write_whole
from ...workers import as_done, progress_bar
from ..readers.frame_index import NUMBERING
from ..stores.feature_settings import FeatureSettings
from ..stores.index import StoreIndex
from ..stores.schema import check_names, read_json
from ..stores.settings import FORMAT, INDEX_FILE, MARKER_FILE, SETTINGS_FILE, VERSION, StoreSettings
from ..stores.sources import SourceVideo
from ..stores.store import Store, forget_store, open_store, state_of
from .encode import require_encoder
from .pixel_kind import with_pixel_kind
from .shard import FrameExtractor, ShardJob, shard_content, write_shard

# Enough shards that every core has work and that an interruption costs little; few enough files for any file system.
_FEWEST_SHARDS = 64
_MOST_VIDEOS = 64


def pack_videos(
    out: str | Path,
    videos: Sequence[SourceVideo],
    settings: StoreSettings | FeatureSettings | None = None,
    *,
    workers: int = 1,
    max_bad_share: float = 0.1,
    progress: TextIO | None = None,
    max_frames: int = 0,
    extract: FrameExtractor | None = None,
) -> Store:
    """Write a store, or only the shards that are missing or whose sources have changed.

    Args:
        out: Output folder. It is created if it does not exist.
        videos: Videos to pack, in the order of the store.
        settings: Settings of the store; the default is H.264.
        workers: Number of processes. 1 packs in this process.
        max_bad_share: Largest share of unreadable videos. These are left out and listed in ``Store.left_out``.
        progress: Stream for a bar with the time left. None shows no bar.
        max_frames: Largest number of frames per video, for estimates. 0 packs all frames.
        extract: Trunk of a store of feature maps, with :class:`FeatureSettings` alone. It must survive pickling.

    Returns:
        The store.

    A store of images holds pixels of one kind, that of the first readable video. Videos of another kind are left out.

    Raises:
        InputError: If there is nothing to pack, or the layout would change the values of the pixels. If the folder
            holds something else, the disk is full, or too many videos are unreadable. Whole shards stay, and the next
            call continues from them.
    """
    out, settings = Path(out), (settings or StoreSettings()).check()
    require_encoder(settings.layout)
    _check_names(videos)
    if isinstance(settings, StoreSettings):
        settings = with_pixel_kind(settings, videos)
    check_least('', workers=workers)
    _claim(out, settings)
    jobs = [job._replace(extract=extract) for job in _jobs(out, videos, settings, max_frames)]
    if all(shard_content(job) is not None for job in jobs) and (out / MARKER_FILE).exists():
        store = open_store(str(out))
        if len(store) + len(store.left_out) == len(videos):
            return store
    (out / MARKER_FILE).unlink(missing_ok=True)  # from here on the store is not whole
    forget_store(str(out))
    try:
        shards = _run(jobs, min(workers, len(jobs)), progress)
    except OSError as error:
        raise InputError(
            f'{out}: {FULL_DISK.get(error.errno or 0, error.strerror or error)} while packing; nothing half written is left: '
            'make room and run the same command again, it goes on where it stopped'
        ) from None
    except BrokenProcessPool:
        raise InputError(
            f'{out}: a packing process died, perhaps of a damaged video or for want of memory; run '
            'tools/data/check_videos.py over the videos, or pack with fewer --workers'
        ) from None
    return _finish(out, settings, shards, max_bad_share)


def _check_names(videos: Sequence[SourceVideo]) -> None:
    if not videos:
        raise InputError('there are no videos to pack')
    seen: dict[str, str] = {}
    for video in videos:
        other = seen.setdefault(video.name, video.path)
        if other != video.path:
            raise InputError(f'{video.path} and {other} would both be {video.name} in the store; pack them apart')
        try:
            check_names([video.name])
            if '\n' in video.path or '\0' in video.path:
                raise ValueError('its path has a line break or zero byte in it')
        except ValueError as error:
            raise InputError(f'{video.path!r}: cannot be in a store ({error}); rename it') from None
    if len(seen) < len(videos):
        raise InputError(f'{len(videos) - len(seen)} videos are listed twice; list each once')


def _claim(out: Path, settings: StoreSettings | FeatureSettings) -> None:
    """Make sure that the folder is new, or a store with these settings or the beginning of one.

    A store with another numbering of frames is claimed too. Its marker is deleted, and its shards have other names.
    """
    file, ours = out / SETTINGS_FILE, dict(settings.relevant(), format=FORMAT, version=VERSION, numbering=NUMBERING)
    if not file.exists():
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise InputError(f'{out}: exists and is not a training store (no {SETTINGS_FILE}); give a new folder')
        write_whole(file, json.dumps(ours, indent=1))
        return
    try:
        theirs = read_json(file)
        different = [key for key in {**ours, **theirs} if key != 'numbering' and theirs.get(key) != ours.get(key)]
    except (ValueError, OSError):
        different = ['format']
    if 'format' in different:
        raise InputError(f'{file}: not the settings of a training store; give another folder')
    if different:
        words = '; '.join(f'{key} {theirs.get(key)!s:.80}, not {ours.get(key)!s:.80}' for key in different)
        raise InputError(f'{out}: holds a store with other settings ({words}); remove it or give another folder')
    if theirs.get('numbering') != NUMBERING:
        (out / MARKER_FILE).unlink(missing_ok=True)
        forget_store(str(out))
        write_whole(file, json.dumps(ours, indent=1))


def _jobs(
    out: Path, videos: Sequence[SourceVideo], settings: StoreSettings | FeatureSettings, max_frames: int
) -> list[ShardJob]:
    share = max(1, min(_MOST_VIDEOS, math.ceil(len(videos) / _FEWEST_SHARDS)))
    parts = [videos[i : i + share] for i in range(0, len(videos), share)]
    return [
        ShardJob(out, number, settings, part, [state_of(video.path) for video in part], max_frames)
        for number, part in enumerate(parts)
    ]


def _run(jobs: Sequence[ShardJob], workers: int, progress: TextIO | None) -> list[dict[str, Any]]:
    """Contents of all shards, in order."""
    contents: dict[int, dict[str, Any]] = {}
    with progress_bar(sum(len(job.videos) for job in jobs), progress) as bar:
        for number, content in as_done(write_shard, jobs, workers):
            contents[number] = content
            bar.update(len(jobs[number].videos))
    return [contents[number] for number in range(len(jobs))]


def _finish(
    out: Path, settings: StoreSettings | FeatureSettings, shards: Sequence[dict[str, Any]], max_bad_share: float
) -> Store:
    """Write index and marker, then remove files of earlier packings."""
    left_out = [entry for shard in shards for entry in shard['left_out']]
    index = StoreIndex.of_shards(shards)
    total = len(index) + len(left_out)
    if not len(index) or len(left_out) > max(1.0, max_bad_share * total):
        raise InputError(
            f'{len(left_out)} of {total} videos cannot be read, more than max_bad_share={max_bad_share} allows; first: '
            f'{left_out[0][0]}: {left_out[0][1]}'
        )
    data = index.to_bytes()
    marker = dict(
        format=FORMAT,
        version=VERSION,
        numbering=NUMBERING,
        settings=settings.relevant(),
        videos=len(index),
        frames=int(index.rows['frames'].sum()),
        shards=[[shard['file'], shard['size']] for shard in shards],
        index_checksum=zlib.crc32(data),
        left_out=left_out,
    )
    write_whole(out / INDEX_FILE, data)
    write_whole(out / MARKER_FILE, json.dumps(marker, indent=1))
    keep = {shard['file'].removesuffix('.tar') for shard in shards}
    for path in out.iterdir():
        stale = path.name.startswith('shard-') and path.stem not in keep
        if stale or path.name.startswith('.shard-'):
            path.unlink(missing_ok=True)
    return open_store(str(out))


def default_workers() -> int:
    """Number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count() or 1
