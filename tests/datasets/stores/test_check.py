"""Videos of a store that cannot be read by number, in each layout, and only those."""

import pytest
from conftest import write_video
from feature_stores import CHANNELS, GRID, made_up_maps

from auxskd_mm.datasets.packing import pack_videos
from auxskd_mm.datasets.stores import (
    LAYOUTS,
    FeatureSettings,
    SourceVideo,
    StoreSettings,
    open_store,
    unreadable_videos,
)
from auxskd_mm.datasets.stores.store import forget_store

SETTINGS = {layout: StoreSettings(layout, short_side=32) for layout in LAYOUTS if layout != 'features'}
SETTINGS['features'] = FeatureSettings('0' * 16, {}, {}, CHANNELS, GRID)


@pytest.mark.parametrize('layout', SETTINGS)
def test_a_member_that_is_another_one_is_named(layout, tmp_path):
    videos = [SourceVideo(write_video(tmp_path / f'{name}.mp4', 20), f'{name}.mp4') for name in ('one', 'two')]
    extract = made_up_maps if layout == 'features' else None
    store = pack_videos(tmp_path / 'store', videos, SETTINGS[layout], extract=extract)
    assert list(unreadable_videos(store)) == []
    shard = store.shards[store.index.rows['shard'][1]]
    with open(shard, 'r+b') as file:  # the header of the second video
        file.seek(int(store.index.rows['offset'][1]) - 512)
        file.write(b'x')
    forget_store(str(tmp_path / 'store'))
    assert list(unreadable_videos(open_store(str(tmp_path / 'store')))) == ['two.mp4']
