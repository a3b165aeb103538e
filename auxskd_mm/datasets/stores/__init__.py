"""Training stores: videos transcoded once into a form that reads many times faster.

A store is a folder::

    store.json                   version, settings, shards with their sizes; written last, so its presence means a whole store
    index.npz                    position, length and label of each video, size and time of its source
    shard-<number>-<hash>.tar    the videos; plain tar files of plain members: .mp4, .mjpeg (JPGs one after another) or .npy
    shard-<number>-<hash>.json   content of the shard; an interrupted packing continues from it

A video in it is named ``<store>/<name>``, which :func:`~auxskd_mm.datasets.readers.open_reader` opens like a file.
:mod:`auxskd_mm.datasets.packing` writes stores.
"""

from .read import open_stored_video, unreadable_videos
from .settings import LAYOUTS, StoreSettings
from .sources import SourceVideo
from .store import Store, find_store, is_store, open_store, stored_video_exists

__all__ = [
    'LAYOUTS',
    'SourceVideo',
    'Store',
    'StoreSettings',
    'find_store',
    'is_store',
    'open_store',
    'open_stored_video',
    'stored_video_exists',
    'unreadable_videos',
]
