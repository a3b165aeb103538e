"""Opens a store and checks that it is whole, of this version, and that its sources have not changed."""

from __future__ import annotations

import os
import zlib
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ...errors import InputError, VideoReadError
from ...functional import evenly_spread
from ..readers.frame_index import NUMBERING
from ..recordings.names import recording_of
from .feature_settings import FEATURES, FEATURES_VERSION, FeatureSettings
from .index import StoreIndex
from .schema import MOST_INDEX, check_marker, read_json, read_regular
from .settings import FORMAT, INDEX_FILE, MARKER_FILE, SETTINGS_FILE, VERSION, StoreSettings
from .sources import SourceState, source_state

_MOST_STORES = 8
_BLOCK = 2**20
_OPEN: OrderedDict[str, Store] = OrderedDict()


class Store:
    """A store whose marker, index and shard sizes are checked and unchanged.

    Args:
        path: Folder of the store.

    Raises:
        InputError: If the store is incomplete, of another version, or damaged.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        marker, settings = _read_marker(path)
        self.settings = settings
        self.layout, self.gop = settings.layout, settings.gop
        self.checked: set[int] = set()  # rows whose headers in the shards were compared
        self._maps: dict[int, np.ndarray] = {}
        self.left_out: list[list[str]] = marker['left_out']
        self.shards = [os.path.join(path, file) for file, _ in marker['shards']]
        for file, (_, size) in zip(self.shards, marker['shards']):
            found = os.path.getsize(file) if os.path.isfile(file) else 0
            if found != size:
                raise InputError(
                    f'{file}: {found} bytes of {size}, the store is cut off; copy it again, or delete the file and run '
                    'tools/data/pack_videos.py again, which packs what is missing'
                )
        self.index = _read_index(path, marker, settings)

    def __len__(self) -> int:
        return len(self.index)

    def samples(self) -> list[dict[str, Any]]:
        """One dict per video: ``filename``, ``total_frames``, and ``label`` where its list gave one."""
        prefix = self.path.rstrip('/')
        frames, labels = self.index.rows['frames'].tolist(), self.index.rows['label'].tolist()
        samples: list[dict[str, Any]] = []
        for name, count, label in zip(self.index.names, frames, labels):
            sample = dict(filename=f'{prefix}/{name}', total_frames=count)
            samples.append(sample if label < 0 else dict(sample, label=label))
        return samples

    def mapped(self, shard: int) -> np.ndarray:
        """The bytes of a shard, uint8 (N,), read-only and mapped into memory. Loader workers share the mapping."""
        if shard not in self._maps:
            self._maps[shard] = np.asarray(np.memmap(self.shards[shard], np.uint8, mode='r'))
        return self._maps[shard]

    def changed_sources(self, most: int | None = None) -> list[str]:
        """Paths of sources whose size or time has changed since the packing. A deleted source is not a change.

        Args:
            most: Largest number of sources to check, evenly spread. None checks all.
        """
        changed = []
        for i in evenly_spread(len(self), len(self) if most is None else most):
            path, state = self.index.source(i)
            try:
                now = state_of(path)
            except InputError:  # a store that is being packed, or that is damaged
                continue
            if now.size >= 0 and now != state:
                changed.append(path)
        return changed

    def damaged_videos(self) -> Iterable[str]:
        """Names of the videos whose bytes have changed since the packing. It reads the whole store."""
        for name, row in zip(self.index.names, self.index.rows):
            spans = [(int(row['offset']), int(row['size']))]
            spans += [(int(row['table']), 4 * (int(row['frames']) + 1))] if row['table'] >= 0 else []
            try:
                checksum = _checksum(self.shards[row['shard']], spans)
            except OSError:
                checksum = None
            if checksum != row['checksum']:
                yield name


def _checksum(path: str, spans: Sequence[tuple[int, int]]) -> int:
    """CRC-32 of parts of a file, (start, size), a block at a time."""
    checksum = 0
    with open(path, 'rb') as file:
        for start, size in spans:
            file.seek(start)
            for at in range(0, size, _BLOCK):
                checksum = zlib.crc32(file.read(min(_BLOCK, size - at)), checksum)
    return checksum


def is_store(path: str) -> bool:
    """Whether a folder is a store, or a store in the process of packing."""
    return any(os.path.exists(os.path.join(path, file)) for file in (MARKER_FILE, SETTINGS_FILE))


def open_store(path: str) -> Store:
    """The store in a folder. A process caches the last few stores."""
    path = path.rstrip('/')
    store = _OPEN.get(path)
    if store is None:
        store = _OPEN[path] = Store(path)
        if len(_OPEN) > _MOST_STORES:
            _OPEN.popitem(last=False)
    return store


def forget_store(path: str) -> None:
    """Drop a store from the cache. Call it after writing to the store."""
    _OPEN.pop(path.rstrip('/'), None)


def find_store(path: str) -> tuple[Store, str] | None:
    """Store and name of ``<store>/<name>``. None if no parent folder is a store."""
    folder, _, name = path.rpartition('/')
    while folder:
        if folder in _OPEN or is_store(folder):
            return open_store(folder), name
        folder, _, last = folder.rpartition('/')
        name = f'{last}/{name}'
    return None


def require_row(store: Store, name: str, path: str) -> int:
    """Row of a video in a store's index.

    Raises:
        VideoReadError: If the store does not hold it.
    """
    number = store.index.number(name)
    if number is None:
        raise VideoReadError(path, f'no such video among the {len(store)} of the store {store.path}')
    return number


def stored_video_exists(path: str) -> bool:
    """Whether ``<store>/<name>`` is in a store."""
    found = find_store(path)
    return found is not None and found[0].index.number(found[1]) is not None


def packed_from(path: str) -> str | None:
    """Path of the video that ``<store>/<name>`` was packed from. None if it is in no store."""
    found = find_store(path)
    number = None if found is None else found[0].index.number(found[1])
    return None if found is None or number is None else found[0].index.source(number)[0]


def stored_state(path: str) -> SourceState | None:
    """State of the video ``<store>/<name>``: its bytes and their checksum. None if it is in no store.

    A video that was packed anew has another state, so what is made of it is made again.
    """
    found = find_store(path)
    number = None if found is None else found[0].index.number(found[1])
    if found is None or number is None:
        return None
    row = found[0].index.rows[number]
    return SourceState(int(row['size']), int(row['checksum']))


def state_of(path: str) -> SourceState:
    """State of a video file, a frame folder, a video in a store, or a window of any of these. It differs if that has changed.

    Raises:
        InputError: If the store cannot be used.
    """
    state = source_state(path)
    if state.size >= 0:
        return state
    return stored_state(path) or stored_state(recording_of(path)) or state


def _read_marker(path: str) -> tuple[dict[str, Any], StoreSettings | FeatureSettings]:
    file = os.path.join(path, MARKER_FILE)
    if not is_store(path):
        kind = 'a folder without' if os.path.isdir(path) else 'no folder with'
        raise InputError(
            f'{path}: no training store ({kind} {MARKER_FILE}); give the folder that tools/data/pack_videos.py wrote'
        )
    if not os.path.exists(file):
        raise InputError(
            f'{path}: this store was never finished (no {MARKER_FILE}); run tools/data/pack_videos.py again with the '
            'same arguments, it goes on where it stopped'
        )
    try:
        marker = read_json(file)
        if marker.get('format') != FORMAT:
            raise ValueError(f'its format is {marker.get("format")!r:.50}')
    except (ValueError, OSError) as error:
        raise InputError(
            f'{file}: not the marker of a training store, or damaged; pack the videos again ({_line(error)})'
        ) from None
    content = marker.get('settings')
    content = content if isinstance(content, dict) and content.get('layout') == FEATURES else {}
    for what, found, known in (
        ('a store', marker.get('version'), VERSION),
        ('feature maps', content.get('features_version', FEATURES_VERSION), FEATURES_VERSION),
    ):
        if found != known:
            raise InputError(
                f'{file}: {what} of version {found!r:.20}, this package reads version {known}; pack the videos again into '
                'another folder, or use the package that wrote it'
            )
    if marker.get('numbering') != NUMBERING:
        raise InputError(
            f'{file}: packed by a version that numbered the frames of some videos wrongly (numbering '
            f'{marker.get("numbering", 1)!r:.20}, not {NUMBERING}); run tools/data/pack_videos.py again with the same '
            'arguments, it packs all videos again into this folder'
        )
    try:
        settings = check_marker(marker)
        _compare_settings(path, settings)
    except (ValueError, OSError) as error:
        raise InputError(
            f'{file}: damaged or changed by hand: {_line(error)}; run tools/data/pack_videos.py again'
        ) from None
    return marker, settings


def _compare_settings(path: str, settings: StoreSettings | FeatureSettings) -> None:
    """Compare the settings with the record of the packing, if that record still exists."""
    file = os.path.join(path, SETTINGS_FILE)
    if os.path.exists(file):
        theirs, ours = read_json(file), settings.relevant()
        for key, value in ours.items():
            if theirs.get(key) != value:
                raise ValueError(f'{key}={value} here, {theirs.get(key)!r:.50} in {SETTINGS_FILE}')


def _read_index(path: str, marker: dict[str, Any], settings: StoreSettings | FeatureSettings) -> StoreIndex:
    file = os.path.join(path, INDEX_FILE)
    try:
        data = read_regular(file, MOST_INDEX)
        if zlib.crc32(data) != marker['index_checksum']:
            raise ValueError('its checksum is wrong')
        index = StoreIndex.from_bytes(data).check([size for _, size in marker['shards']], settings)
        counts = len(index), int(index.rows['frames'].sum(dtype=np.int64))
        if counts != (marker['videos'], marker['frames']):
            raise ValueError(
                f'{counts[0]} videos with {counts[1]} frames, not {marker["videos"]} with {marker["frames"]}'
            )
        return index
    except (OSError, ValueError) as error:
        raise InputError(f'{file}: missing or damaged ({_line(error)}); run tools/data/pack_videos.py again') from None


def _line(error: Exception) -> str:
    return str(getattr(error, 'strerror', None) or error).partition('\n')[0][:200]
