"""Reading a few frames of each video of a store, as a check of its index."""

from __future__ import annotations

from collections.abc import Iterator

from ...errors import VideoReadError
from .feature_settings import FEATURES
from .features import StoredFeatureReader
from .read import READERS, StoredVideoReader
from .store import Store


def unreadable_videos(store: Store) -> Iterator[str]:
    """Names of the videos with undecodable frames. It reads a few frames of each video by number.

    If the bytes of such a video are unchanged, the index or the settings were changed by hand.
    """
    for number, name in enumerate(store.index.names):
        last = int(store.index.rows['frames'][number]) - 1
        path = f'{store.path.rstrip("/")}/{name}'
        try:
            reader: StoredVideoReader
            if store.layout == FEATURES:
                reader = StoredFeatureReader(store, number, path)
            else:
                reader = READERS[store.layout](store, number, path)
            # The start of the second group shows whether the groups are as long as the settings say.
            for frames in (sorted({0, min(store.gop, last)}), [last]):
                reader.read(frames)
        except VideoReadError:
            yield name
