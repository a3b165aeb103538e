"""Training stores: videos transcoded once into a form that reads many times faster.

A store is a folder::

    store.json                   version, settings, shards with their sizes; written last, so its presence means a whole store
    index.npz                    position, length and label of each video, size and time of its source
    shard-<number>-<hash>.tar    the videos; plain tar files of plain members: .mp4, .mjpeg (JPGs one after another) or .npy
    shard-<number>-<hash>.json   content of the shard; an interrupted packing continues from it

The layouts 'mp4', 'jpg' and 'raw' hold images. The layout 'features' holds the feature maps of a frozen image network.

A video in it is named ``<store>/<name>``, which :func:`~auxskd_mm.datasets.readers.open_reader` opens like a file.
:mod:`auxskd_mm.datasets.packing` writes stores.
"""

from .check import unreadable_videos
from .feature_settings import FEATURES, FeatureSettings
from .features import StoredFeatureReader, open_stored_features
from .read import open_stored_video
from .settings import LAYOUTS, StoreSettings
from .sources import SourceVideo
from .store import Store, find_store, is_store, open_store, packed_from, stored_video_exists

__all__ = [
    'FEATURES',
    'LAYOUTS',
    'FeatureSettings',
    'SourceVideo',
    'Store',
    'StoreSettings',
    'StoredFeatureReader',
    'find_store',
    'is_store',
    'open_store',
    'open_stored_features',
    'open_stored_video',
    'packed_from',
    'stored_video_exists',
    'unreadable_videos',
]
