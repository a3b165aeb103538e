"""Checks of the content of a store: types, ranges, and positions inside the shards.

A store may come from an untrusted source. So everything in it is checked when it is opened, and again when a packing
continues it. The functions raise :class:`ValueError` with a few words. The caller adds the name of the file.
"""

from __future__ import annotations

import io
import json
import os
import re
import stat
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...errors import InputError
from .feature_settings import FEATURES, FeatureSettings, feature_settings_of
from .settings import FORMAT, NPY_HEADER, StoreSettings

TAR_BLOCK = 512
SHARD_NAME = re.compile(r'shard-[0-9]{5,9}-[0-9a-f]{10}\.tar')
# Far more than a store of ten million videos takes.
_MOST_JSON, MOST_INDEX = 2**30, 2**32
_MOST_FRAMES, _MOST_SIDE, _MOST_FPS = 2**31 - 2, 2**16, 1e6
_MOST_EXTRADATA = 2**16
# A component of a path that is empty (also before a leading slash), '.' or '..'.
_BAD_COMPONENT = re.compile(r'(?:^|/)\.{0,2}(?:/|$)', re.MULTILINE)


def read_regular(path: str | os.PathLike, most: int) -> bytes:
    """Bytes of a regular file of at most ``most`` bytes.

    Raises:
        OSError: If the file does not exist or cannot be read.
        ValueError: If it is a pipe or a device, or larger than ``most``.
    """
    status = os.stat(path)
    if not stat.S_ISREG(status.st_mode):
        raise ValueError('it is no regular file')
    if status.st_size > most:
        raise ValueError(f'it has {status.st_size} bytes, more than the {most} that are allowed')
    with open(path, 'rb') as file:
        return file.read(status.st_size)


def read_json(path: str | os.PathLike) -> dict[str, Any]:
    """The object in a JSON file.

    Raises:
        OSError: If the file does not exist or cannot be read.
        ValueError: If it does not hold a JSON object.
    """
    try:
        content = json.loads(read_regular(path, _MOST_JSON))
    except RecursionError:
        raise ValueError('it is nested too deeply') from None
    if not isinstance(content, dict):
        raise ValueError(f'it holds a {type(content).__name__} and no object')
    return content


def check_marker(marker: Mapping[str, Any]) -> StoreSettings | FeatureSettings:
    """Check a marker of this version, and return its settings."""
    if marker.get('format') != FORMAT:
        raise ValueError(f'its format is {marker.get("format")!r:.50}')
    settings = settings_of(marker.get('settings'))
    for key, low, high in (('videos', 1, 2**31), ('frames', 1, 2**62), ('index_checksum', 0, 2**32)):
        _whole_number(key, marker.get(key), low, high)
    check_shard_list(marker.get('shards'))
    check_left_out(marker.get('left_out'))
    return settings


def settings_of(content: object) -> StoreSettings | FeatureSettings:
    """Settings as :meth:`StoreSettings.relevant` or :meth:`FeatureSettings.relevant` writes them."""
    if not isinstance(content, dict):
        raise ValueError('it has no settings')
    if content.get('layout') == FEATURES:
        return feature_settings_of(content)
    values = dict(content)
    unknown = set(values) - set(StoreSettings._fields)
    if unknown:
        raise ValueError(f'settings {sorted(unknown)[:3]} are unknown')
    if 'size' in values:
        if not isinstance(values['size'], list) or len(values['size']) != 2:
            raise ValueError(f'size={values["size"]!r:.50}, expected width and height')
        values['size'] = tuple(values['size'])
    numbers = [(key, value) for key, value in values.items() if key not in ('layout', 'size', 'dtype')]
    for key, value in [*numbers, *(('size', side) for side in values.get('size', ()))]:
        if type(value) is not int:
            raise ValueError(f'{key}={value!r:.50}, expected a whole number')
    for key in ('layout', *(['dtype'] if 'dtype' in values else [])):
        if not isinstance(values.get(key), str):
            raise ValueError(f'{key}={values.get(key)!r:.50}, expected a name')
    try:
        settings = StoreSettings(**values).check()
    except (InputError, TypeError) as error:
        raise ValueError(str(error)[:200]) from None
    if settings.relevant() != content:
        raise ValueError(f'its settings are not those of layout {settings.layout}: {sorted(content)}'[:200])
    return settings


def check_shard_list(shards: object) -> None:
    """Check the names and sizes of shards. Each is a file in the store's own folder, listed once."""
    if not isinstance(shards, list) or not shards:
        raise ValueError('it lists no shards')
    for shard in shards:
        if not isinstance(shard, list) or len(shard) != 2:
            raise ValueError(f'{shard!r:.60} is no name and size of a shard')
        if not isinstance(shard[0], str) or not SHARD_NAME.fullmatch(shard[0]):
            raise ValueError(f'{shard[0]!r:.60} is no name of a shard')
        _whole_number('size of a shard', shard[1], 0, 2**62)
    if len({name for name, _ in shards}) < len(shards):
        raise ValueError('it lists a shard twice')


def check_left_out(left_out: object) -> None:
    """Check the paths and reasons of the left-out videos."""
    if not isinstance(left_out, list) or not all(
        isinstance(entry, list) and len(entry) == 2 and all(isinstance(text, str) for text in entry)
        for entry in left_out
    ):
        raise ValueError('left_out is no list of paths and reasons')


def check_names(names: Sequence[str]) -> None:
    """Check the names of videos. Each is a relative path inside the store, listed once."""
    text = '\n'.join(names)
    if text.count('\n') != len(names) - 1 or '\0' in text:
        raise ValueError('a name of a video has a line break or zero byte in it')
    bad = _BAD_COMPONENT.search(text)
    if bad:
        name = names[text.count('\n', 0, bad.start() + (text[bad.start() : bad.start() + 1] == '\n'))]
        raise ValueError(f'{name!r:.80} is no name of a video in a store (a relative path without . and ..)')
    if len(set(names)) < len(names):
        raise ValueError('two videos have the same name')


def check_rows(
    rows: np.ndarray, sizes: Sequence[int], num_extradata: int, settings: StoreSettings | FeatureSettings
) -> None:
    """Check the numbers of the index.

    Args:
        rows: The rows of :class:`~auxskd_mm.datasets.stores.index.StoreIndex`, a structured array (N,).
        sizes: Size of each shard in bytes.
        num_extradata: Number of decoder set-ups.
        settings: Settings of the store.
    """
    ranges = dict(
        shard=(0, len(sizes) - 1), frames=(1, _MOST_FRAMES), fps=(0, _MOST_FPS), height=(1, _MOST_SIDE),
        width=(1, _MOST_SIDE), label=(-1, 2**62), extradata=(0, num_extradata - 1), offset=(TAR_BLOCK, 2**62),
        size=(1, 2**62),
    )  # fmt: skip
    for key, (low, high) in ranges.items():
        # Not a number is not in the range either.
        _refuse_rows(~((rows[key] >= low) & (rows[key] <= high)), rows, key, f'{low} to {high}')
    if isinstance(settings, FeatureSettings):
        for key, side in zip(('height', 'width'), settings.grid):
            _refuse_rows(rows[key] != side, rows, key, f'{side}, the grid of the store')
    space = np.asarray(sizes, dtype=np.int64)[rows['shard']]
    spans = [('offset', rows['offset'], rows['size'])]
    if settings.layout in ('raw', FEATURES):
        _refuse_rows(rows['table'] != -1, rows, 'table', '-1')
        # As floats, which do not overflow; equal numbers are equal as floats too.
        expected = NPY_HEADER + float(settings.place_bytes) * rows['frames'] * rows['height'] * rows['width']
        _refuse_rows(
            rows['size'] != expected,
            rows,
            'size',
            f'frames x height x width x {settings.place_bytes} bytes and a header',
        )
    else:
        spans.append(('table', rows['table'], 4 * (rows['frames'].astype(np.int64) + 1)))
        _refuse_rows(rows['size'] < rows['frames'], rows, 'size', 'a byte for each frame at least')
    for key, start, length in spans:
        fits = (start >= TAR_BLOCK) & (start % TAR_BLOCK == 0) & (start <= space) & (length <= space - start)
        _refuse_rows(~fits, rows, key, 'a place of a member inside the shard')
    _refuse_overlaps(rows['shard'], spans)


def check_times(timed: np.ndarray, times: np.ndarray, frames: np.ndarray) -> None:
    """Check the times of the videos with uneven frames.

    Args:
        timed: Rows of these videos, int64 (K,).
        times: Nanoseconds after the first frame, one video after another, int64 (M,).
        frames: Number of frames of every row, (N,).
    """
    if len(timed) and not (timed[0] >= 0 and timed[-1] < len(frames) and (np.diff(timed) > 0).all()):
        raise ValueError('the rows of its time stamps are no rows in order')
    ends = np.cumsum(frames[timed], dtype=np.int64)
    if (int(ends[-1]) if len(ends) else 0) != len(times):
        raise ValueError(f'it has {len(times)} time stamps, which is not the number of frames of their videos')
    firsts = np.zeros(len(times), dtype=bool)
    firsts[ends - frames[timed]] = True
    rises = np.diff(times, prepend=0) > 0
    if (times[firsts] != 0).any() or (times < 0).any() or not rises[~firsts].all():
        raise ValueError('time stamps of a video do not ascend from 0')


def _refuse_rows(wrong: np.ndarray, rows: np.ndarray, key: str, expected: str) -> None:
    if wrong.any():
        i = int(np.argmax(wrong))
        raise ValueError(f'video {i} has {key}={rows[key][i]}, expected {expected}')


def _refuse_overlaps(shard: np.ndarray, spans: Sequence[tuple[str, np.ndarray, np.ndarray]]) -> None:
    """Refuse members that share bytes."""
    shards = np.concatenate([shard] * len(spans))
    starts = np.concatenate([start for _, start, _ in spans])
    ends = starts + np.concatenate([length for _, _, length in spans])
    order = np.lexsort((starts, shards))
    shards, starts, ends = shards[order], starts[order], ends[order]
    if ((shards[1:] == shards[:-1]) & (starts[1:] < ends[:-1])).any():
        raise ValueError('two of its videos share bytes of a shard')


def read_arrays(
    data: bytes, dtypes: Mapping[str, np.dtype], optional: Mapping[str, np.dtype] | None = None
) -> dict[str, np.ndarray]:
    """One-dimensional arrays (N,) of an ``.npz`` file. They take no more memory than the file has bytes.

    NumPy's own reader unpacks compressed arrays, and allocates any size that a header states.

    Args:
        data: Content of the file.
        dtypes: Name and type of each array.
        optional: The same of arrays of which the file has all or none.
    """
    arrays = {}
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        if optional and f'{next(iter(optional))}.npy' in file.namelist():
            dtypes = {**dtypes, **optional}
        if sorted(file.namelist()) != sorted(f'{name}.npy' for name in dtypes):
            raise ValueError(f'its arrays are {", ".join(sorted(file.namelist())[:5])}, not {", ".join(dtypes)}'[:200])
        for name, dtype in dtypes.items():
            if file.getinfo(f'{name}.npy').compress_type != zipfile.ZIP_STORED:
                raise ValueError(f'{name} is compressed')
            with file.open(f'{name}.npy') as member:
                if np.lib.format.read_magic(member) != (1, 0):
                    raise ValueError(f'{name} has another version')
                shape, _, found = np.lib.format.read_array_header_1_0(member)
                content = member.read(len(data))
            if found.hasobject or found != dtype or len(shape) != 1 or len(content) != shape[0] * dtype.itemsize:
                raise ValueError(f'{name} is of another kind')
            arrays[name] = np.frombuffer(content, dtype)
    return arrays


def check_extradata(extradata: Sequence[bytes], layout: str) -> None:
    """Check the decoder set-ups: at least one for 'mp4', an empty one for the other layouts."""
    if layout != 'mp4' and list(extradata) != [b'']:
        raise ValueError(f'layout {layout} has no decoder set-up, but the index has one')
    for data in extradata:
        if (layout == 'mp4' and not data) or len(data) > _MOST_EXTRADATA:
            raise ValueError(f'a decoder set-up has {len(data)} bytes')


def _whole_number(key: str, value: object, low: int, high: int) -> None:
    if type(value) is not int or not low <= value <= high:
        raise ValueError(f'{key} is {value!r:.50}, expected a whole number of at least {low}')
