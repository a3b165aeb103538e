"""Stores of other pixels: values survive from the array to the clip, and what would change them is refused."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import write_video
from mmengine.dataset import Compose

from auxskd_mm.datasets.packing import pack_videos
from auxskd_mm.datasets.packing.estimate import estimate_layouts
from auxskd_mm.datasets.stores import SourceVideo, StoreSettings, open_store, unreadable_videos
from auxskd_mm.datasets.video_list import UnlabeledVideoDataset
from auxskd_mm.errors import InputError

RAW = StoreSettings('raw', short_side=64)


def save(folder, dtype='uint16', channels=1, count=2):
    """Stacks of random numbers, and their names in a store."""
    arrays, videos = [], []
    for i in range(count):
        values = np.random.RandomState(i).randint(0, 256 if dtype == 'uint8' else 30000, (9, 20, 30, channels))
        arrays.append(values.astype(dtype))
        np.save(folder / f'v{i}.npy', arrays[-1][..., 0] if channels == 1 else arrays[-1])
        videos.append(SourceVideo(str(folder / f'v{i}.npy'), f'v{i}.npy', i))
    return arrays, videos


@pytest.mark.parametrize('channels', [1, 3, 5])
@pytest.mark.parametrize('dtype', ['uint8', 'uint16', 'int16', 'float32', 'float64'])
def test_values_survive_from_array_to_store_to_clip(tmp_path, dtype, channels):
    arrays, videos = save(tmp_path, dtype, channels)
    store = pack_videos(tmp_path / 'store', videos, RAW)
    assert (store.settings.dtype, store.settings.channels) == (dtype, channels)
    assert not list(store.damaged_videos()) + list(unreadable_videos(store))
    pipeline = Compose(
        [
            dict(type='auxskd_mm.OpenVideo', channel_order='bgr'),
            dict(type='auxskd_mm.TimedSampleFrames', clip_len=4, frame_interval=2, num_clips=1, test_mode=True),
            dict(type='auxskd_mm.DecodeClips'),
            dict(type='FormatShape', input_format='NCTHW'),
        ]
    )
    for array, info in zip(arrays, UnlabeledVideoDataset(str(tmp_path / 'store')).load_data_list()):
        sample = pipeline(dict(info))
        expected = array[sample['frame_inds']]
        expected = expected[..., ::-1] if channels == 3 else expected
        assert sample['imgs'].dtype == dtype
        np.testing.assert_array_equal(sample['imgs'][0], expected.transpose(3, 0, 1, 2))
    assert pack_videos(tmp_path / 'store', videos, RAW) is open_store(str(tmp_path / 'store'))


@pytest.mark.parametrize('layout', ['mp4', 'jpg'])
def test_layouts_that_would_change_the_values_are_refused(tmp_path, layout):
    _, videos = save(tmp_path)
    says = f"layout='{layout}': holds uint8 pixels of 3 channels, and the videos have uint16 pixels of 1 channel"
    for work in (
        lambda: pack_videos(tmp_path / 'store', videos, StoreSettings(layout)),
        lambda: estimate_layouts(videos, StoreSettings(layout)),
    ):
        with pytest.raises(InputError, match=says) as error:
            work()
        assert '\n' not in str(error.value)
    assert not (tmp_path / 'store').exists()


def test_estimate_is_of_the_layout_that_holds_the_pixels(tmp_path):
    _, videos = save(tmp_path)
    assert [one.layout for one in estimate_layouts(videos, RAW)] == ['raw']


def test_video_of_another_kind_is_left_out(tmp_path):
    _, videos = save(tmp_path)
    write_video(tmp_path / 'colour.mp4', num_frames=5)
    store = pack_videos(tmp_path / 'store', [*videos, SourceVideo(str(tmp_path / 'colour.mp4'), 'colour.mp4')], RAW)
    assert len(store) == 2
    ((path, reason),) = store.left_out
    assert path.endswith('colour.mp4')
    assert (
        reason
        == 'has uint8 pixels of 3 channels, and the store holds uint16 pixels of 1 channel; pack it into a store of its own'
    )


def test_larger_frames_are_scaled_with_all_their_channels(tmp_path):
    _, videos = save(tmp_path, 'uint16', 5)
    store = pack_videos(tmp_path / 'store', videos, StoreSettings('raw', size=(16, 16)))
    assert store.index.rows['height'].tolist() == [16, 16]
    assert not list(unreadable_videos(store))
    _, gray = save(tmp_path, 'uint16', 1)
    assert not list(unreadable_videos(pack_videos(tmp_path / 'gray', gray, StoreSettings('raw', size=(16, 16)))))


def test_stores_of_colours_have_the_settings_they_had(tmp_path):
    assert StoreSettings('raw').relevant() == dict(layout='raw', short_side=128)
    assert StoreSettings('raw', dtype='uint16', channels=1).relevant() == dict(
        layout='raw', short_side=128, dtype='uint16', channels=1
    )
    for settings, says in (
        (StoreSettings('raw', dtype='int32'), "dtype='int32'"),
        (RAW._replace(channels=0), 'channels=0'),
    ):
        with pytest.raises(InputError, match=says):
            settings.check()
