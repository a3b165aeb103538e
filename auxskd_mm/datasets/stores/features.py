"""Reading feature maps out of a store. The shards are mapped into memory, and only the asked maps are touched."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...errors import InputError, VideoReadError
from .feature_settings import FEATURES, FeatureSettings
from .read import StoredVideoReader
from .settings import NPY_HEADER
from .store import Store, find_store, require_row


class StoredFeatureReader(StoredVideoReader):
    """The feature maps of a video in a store of layout 'features'.

    Args:
        store: The store.
        number: Row of the video in the store's index.
        path: ``<store>/<name>``.

    Attributes:
        num_frames: Number of frames.
        settings: Settings of the store.
        store_path: Folder of the store.
        maps: float16 (T, V, C, h, w) for V variants, read-only and mapped into memory.
    """

    settings: FeatureSettings

    def __init__(self, store: Store, number: int, path: str) -> None:
        super().__init__(store, number, path)
        assert isinstance(store.settings, FeatureSettings)
        self.settings = store.settings
        self.store_path = store.path
        shard = int(store.index.rows['shard'][number])
        if number not in store.checked:
            self._check_headers()
            store.checked.add(number)
        shape = self.num_frames, self.settings.variants, self.settings.channels, *self._shape
        start = self._offset + NPY_HEADER
        data = store.mapped(shard)[start : start + self._size - NPY_HEADER]
        self.maps: np.ndarray = data.view('<f2').reshape(shape)

    def _check_headers(self) -> None:
        shape = (self.num_frames, self.settings.variants, self.settings.channels, *self._shape)
        with self._opened() as descriptor:
            self._check_members(descriptor)
            self._check_array(descriptor, shape, '<f2')

    def read(self, indices: Sequence[int], variant: int = 0) -> Any:
        """Feature maps float16 (n, C, h, w) of the given frames, in any order, in one variant.

        Raises:
            VideoReadError: If a frame or the variant does not exist, or the shard was cut off.
        """
        numbers = np.asarray(indices, dtype=np.int64).reshape(-1)
        self.require(numbers, variant)
        self._require_whole()
        return self.maps[numbers, variant]

    def read_clips(self, numbers: np.ndarray, variants: Sequence[int]) -> np.ndarray:
        """Feature maps float16 (N, C, T, h, w) of clips of frames (N, T), each in its variant (N,).

        They are copied once, straight from the shard to their place. Errors are those of :meth:`read`.
        """
        self._require_whole()
        clips, length = numbers.shape
        out: np.ndarray = np.empty((clips, self.settings.channels, length, *self._shape), np.float16)
        for clip, frames, variant in zip(out, numbers.tolist(), variants):
            self.require(frames, variant)
            for t, frame in enumerate(frames):
                clip[:, t] = self.maps[frame, variant]
        return out

    def require(self, numbers: Any, variant: int) -> None:
        """Refuse frame numbers and variants that do not exist."""
        if len(numbers) == 0 or min(numbers) < 0 or max(numbers) >= self.num_frames:
            raise VideoReadError(self.path, f'has {self.num_frames} frames, asked for {list(numbers)[-1:]}')
        if not 0 <= variant < self.settings.variants:
            raise VideoReadError(self.path, f'has {self.settings.variants} variants from 0 on, asked for {variant}')

    def _require_whole(self) -> None:
        """Refuse a shard that was cut off while it is in use. The system ends a process that reads mapped bytes beyond it.

        The mapping of a deleted file stays whole.
        """
        try:
            size = os.stat(self._shard).st_size
        except OSError:
            return
        if size < self._offset + self._size:
            raise VideoReadError(self.path, f'its shard {self._shard} is cut off; pack or copy it again')


def open_stored_features(path: str) -> StoredFeatureReader:
    """Reader of ``<store>/<name>`` in a store of layout 'features'.

    Raises:
        InputError: If the path is not in such a store, or the store cannot be used.
        VideoReadError: If the store does not hold the video.
    """
    found = find_store(path)
    if found is None or found[0].layout != FEATURES:
        what = 'is in no store' if found is None else f'is in a store of images (layout {found[0].layout})'
        raise InputError(
            f'{path}: {what}, and the pipeline reads feature maps (OpenFeatures); give a store written with '
            'tools/data/pack_videos.py --layout features, as source or data_prefix of the data set'
        )
    store, name = found
    return StoredFeatureReader(store, require_row(store, name, path), path)
