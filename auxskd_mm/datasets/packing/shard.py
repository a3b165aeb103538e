"""Writing one shard, a tar file, whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import tarfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import cv2
import numpy as np

from ...errors import VideoReadError
from ...files import WholeFile
from ...functional.pixels import PixelKind, any_channels
from ..readers import Reader, open_reader
from ..readers.frame_index import NUMBERING
from ..stores.feature_settings import FeatureSettings
from ..stores.index import StoreIndex
from ..stores.schema import check_left_out, check_shard_list, read_json
from ..stores.settings import MEMBER_SUFFIX, VERSION, StoreSettings, member_stem
from ..stores.sources import SourceState, SourceVideo
from .encode import Recipe, encode

if TYPE_CHECKING:
    from typing import BinaryIO

_BLOCK = 512
# Half of what is forgiven where a window begins.
_SAME_TIME = 5e-7
_resize = any_channels(cv2.resize)
# Feature maps float16 (V, C, h, w) of frames uint8 (H, W, 3) RGB of the video of this name.
FrameExtractor = Callable[[Iterator[np.ndarray], str, FeatureSettings], Iterator[np.ndarray]]
# What a shard's file says of each video.
_KINDS: dict[str, type] = {
    **dict.fromkeys(('name', 'source', 'extradata'), str),
    **dict.fromkeys(
        (
            'label', 'offset', 'size', 'table', 'frames', 'height', 'width', 'checksum', 'source_size', 'source_mtime',
        ),
        int,
    ),
    'fps': float,
    'times': list,
}  # fmt: skip


class ShardJob(NamedTuple):
    """A shard to write.

    Attributes:
        folder: Folder of the store.
        number: Number of the shard.
        settings: Settings of the store.
        videos: Videos of the shard.
        states: States of the sources at the time of planning.
        max_frames: Largest number of frames per video, for estimates. 0 packs all frames.
        extract: Trunk of a store of feature maps.
    """

    folder: Path
    number: int
    settings: StoreSettings | FeatureSettings
    videos: Sequence[SourceVideo]
    states: Sequence[SourceState]
    max_frames: int = 0
    extract: FrameExtractor | None = None

    @property
    def stem(self) -> str:
        """Name without suffix. Another source, order or setting gives another name, so shards never mix."""
        content = [
            VERSION,
            NUMBERING,
            self.settings.relevant(),
            self.max_frames,
            [list(v) for v in self.videos],
            [list(s) for s in self.states],
        ]
        return f'shard-{self.number:05d}-{hashlib.blake2b(json.dumps(content).encode(), digest_size=5).hexdigest()}'


def shard_content(job: ShardJob) -> dict[str, Any] | None:
    """Content of the shard if it exists and is whole, else None."""
    try:
        content = read_json(job.folder / f'{job.stem}.json')
        return content if _is_content(job, content) else None
    except (OSError, ValueError, KeyError, TypeError, OverflowError):
        return None


def _is_content(job: ShardJob, content: dict[str, Any]) -> bool:
    """Whether a shard and its content file are equal to what the job would write."""
    size, left_out, videos = content['size'], content['left_out'], content['videos']
    check_shard_list([[content['file'], size]])
    check_left_out(left_out)
    if content['file'] != f'{job.stem}.tar' or os.path.getsize(job.folder / content['file']) != size:
        return False
    if not all(
        isinstance(video, dict) and type(video[key]) is kind for video in videos for key, kind in _KINDS.items()
    ):
        return False
    skipped = {path for path, _ in left_out}
    expected = [video for video in job.videos if video.path not in skipped]
    found = [(video['name'], video['source'], video['label']) for video in videos]
    if found != [(video.name, os.path.abspath(video.path), video.label) for video in expected]:
        return False
    if len(videos) + len(left_out) != len(job.videos):
        return False
    if videos:
        StoreIndex.of_shards([content]).check([size], job.settings)
    return True


def write_shard(job: ShardJob) -> dict[str, Any]:
    """Write a shard, unless it exists whole.

    Returns:
        ``dict(file, size, videos=[...], left_out=[...])``: one row per video, and path and reason of each unreadable
        video.

    Raises:
        OSError: If the disk is full or fails. Only the hidden partial file was written, and it is removed.
    """
    content = shard_content(job)
    if content is not None:
        return content
    file = f'{job.stem}.tar'
    rows: list[dict[str, Any]] = []
    left_out: list[list[str]] = []
    with WholeFile(job.folder / file) as whole:
        for video, state in zip(job.videos, job.states):
            start = whole.file.tell()
            try:
                rows.append(_add_video(whole.file, job, video, state))
            except VideoReadError as error:
                whole.file.seek(start)
                whole.file.truncate()
                left_out.append([video.path, error.reason])
        whole.file.write(b'\0' * 2 * _BLOCK)
        size = whole.file.tell()
    content = dict(file=file, size=size, videos=rows, left_out=left_out)
    with WholeFile(job.folder / f'{job.stem}.json') as whole:
        whole.file.write(json.dumps(content).encode())
    return content


def _add_video(file: BinaryIO, job: ShardJob, video: SourceVideo, state: SourceState) -> dict[str, Any]:
    with open_reader(video.path) as reader:
        count = min(reader.num_frames, job.max_frames or reader.num_frames)
        recipe = Recipe(job.settings, count, reader.fps)
        shape: list[int] = []
        chunks = encode(_prepared(reader.stream(), count, job, video.name, shape), recipe)
        stem = member_stem(video.name)
        name = stem + MEMBER_SUFFIX[job.settings.layout]
        offset, size, checksum = add_member(file, name, chunks, max(state.mtime, 0) // 10**9)
    if recipe.positions and (len(recipe.positions) != count + 1 or recipe.positions[-1] >= 2**32):
        raise VideoReadError(
            video.path, f'{len(recipe.positions) - 1} frames were packed, not {count}; split the video'
        )
    table = -1
    if recipe.positions:
        positions = np.asarray(recipe.positions, dtype='<u4').tobytes()
        table, _, checksum = add_member(file, f'{stem}.positions', [positions], 0, checksum)
    return dict(
        name=video.name, label=video.label, offset=offset, size=size, table=table, frames=count, fps=reader.fps or 0.0,
        height=shape[0], width=shape[1], checksum=checksum, source=os.path.abspath(video.path), source_size=state.size,
        source_mtime=state.mtime, extradata=recipe.extradata.hex(), times=_uneven_times(reader, count),
    )  # fmt: skip


def _uneven_times(reader: Reader, count: int) -> list[int]:
    """Times of the first ``count`` frames in nanoseconds, empty if the frame rate in the store gives them."""
    times, even = reader.times(), Reader.times(reader)
    if times is None:
        return []
    if even is not None and np.array_equal(times, even):
        # The store keeps the rate with 24 bits, which in a long video moves its last frames.
        kept = np.arange(count) / float(np.float32(reader.fps))
        if np.abs(times[:count] - kept).max() < _SAME_TIME:
            return []
    return np.round(times[:count] * 1e9).astype(np.int64).tolist()


def _prepared(
    frames: Iterator[np.ndarray], count: int, job: ShardJob, name: str, shape: list[int]
) -> Iterator[np.ndarray]:
    """Yield the first ``count`` frames as the store holds them: scaled, or their feature maps."""
    if isinstance(job.settings, StoreSettings):
        yield from _scaled(frames, count, job.settings, shape)
        return
    assert job.extract is not None
    shape.extend(job.settings.grid)
    yield from job.extract(islice(frames, count), name, job.settings)


def _scaled(
    frames: Iterator[np.ndarray], count: int, settings: StoreSettings, shape: list[int]
) -> Iterator[np.ndarray]:
    """Yield the first ``count`` frames in the size of the store, and write that size into ``shape``."""
    for i, frame in enumerate(frames):
        if i == count:
            return
        if PixelKind.of(frame) != settings.kind:
            raise VideoReadError(
                '', f'has {PixelKind.of(frame)}, and the store holds {settings.kind}; pack it into a store of its own'
            )
        if not shape:
            shape.extend(settings.frame_size(*frame.shape[:2]))
        if frame.shape[:2] != tuple(shape):
            shrinks = frame.shape[0] > shape[0]
            method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
            frame = _resize(frame, (shape[1], shape[0]), interpolation=method)
        yield frame


def add_member(
    file: BinaryIO, name: str, chunks: Iterable[bytes], mtime: int, checksum: int = 0
) -> tuple[int, int, int]:
    """Append a member of unknown size to a tar file. Its header is filled in after its last byte.

    Returns:
        Start of its bytes, their number, and their CRC-32 on top of ``checksum``.
    """
    entry = tarfile.TarInfo(name)
    entry.mtime = mtime
    start = file.tell()
    entry.size = 0
    header = entry.tobuf(tarfile.PAX_FORMAT)
    file.write(header)
    size = 0
    for chunk in chunks:
        file.write(chunk)
        checksum = zlib.crc32(chunk, checksum)
        size += len(chunk)
    file.write(b'\0' * (-size % _BLOCK))
    end = file.tell()
    entry.size = size
    final = entry.tobuf(tarfile.GNU_FORMAT if len(header) == _BLOCK else tarfile.PAX_FORMAT)
    assert len(final) == len(header)
    file.seek(start)
    file.write(final)
    file.seek(end)
    return start + len(header), size, checksum
