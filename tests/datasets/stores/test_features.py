"""Feature maps out of a store: the right frame in the right variant, and stores and pipelines that do not fit."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import write_video
from feature_stores import CHANNELS, GRID, feature_store, source_videos, write_trunk

from auxskd_mm.apis.feature_trunk import TrunkSpec, build_trunk
from auxskd_mm.datasets.labeled_videos import LabeledVideoDataset
from auxskd_mm.datasets.packing import pack_videos
from auxskd_mm.datasets.packing.variants import apply_variant, draw_variants
from auxskd_mm.datasets.readers import open_reader
from auxskd_mm.datasets.stores import StoreSettings, open_store, open_stored_features, unreadable_videos
from auxskd_mm.datasets.stores.store import forget_store
from auxskd_mm.datasets.video_list import UnlabeledVideoDataset
from auxskd_mm.errors import InputError, VideoReadError

VARIANTS = dict(variants=3, crop=0.6, jitter=(0.3, 0.3, 0.3, 0.1))


@pytest.fixture(scope='module')
def made(tmp_path_factory):
    """Videos, the config of the trunk, and the store."""
    folder = tmp_path_factory.mktemp('features')
    videos, config = source_videos(folder / 'videos'), write_trunk(folder / 'trunk.py')
    feature_store(folder / 'store', videos, config, **VARIANTS)
    return folder, videos, config


def test_maps_are_those_of_the_trunk_frame_by_frame(made):
    folder, videos, config = made
    trunk = build_trunk(TrunkSpec(config))
    for video in videos:
        reader = open_stored_features(f'{folder}/store/{video.name}')
        frames = list(open_reader(video.path).stream())
        assert reader.num_frames == len(frames)
        variants = draw_variants(video.name, reader.settings)
        for number in (0, 2, 1):
            wanted = [len(frames) - 1, 0, 7, 7]
            found = reader.read(wanted, number)
            assert (found.dtype, found.shape) == (np.float16, (4, CHANNELS, *GRID))
            prepared = apply_variant([frames[i] for i in wanted], variants[number])
            expected = torch.cat([trunk.maps([frame]) for frame in prepared]).half()
            assert np.array_equal(found, expected.numpy())
    assert len({reader.read([3], number).tobytes() for number in range(3)}) == 3


def test_clips_are_read_each_in_its_variant(made):
    reader = open_stored_features(f'{made[0]}/store/1.mp4')
    numbers = np.array([[0, 2, 2, 25], [5, 4, 3, 2]])
    clips = reader.read_clips(numbers, [1, 2])
    assert (clips.dtype, clips.shape) == (np.float16, (2, CHANNELS, 4, *GRID))
    for clip, frames, variant in zip(clips, numbers, (1, 2)):
        assert np.array_equal(clip, reader.read(frames, variant).transpose(1, 0, 2, 3))


def test_frames_and_variants_that_do_not_exist(made):
    reader = open_stored_features(f'{made[0]}/store/0.mp4')
    for numbers, variant, words in (
        ([20], 0, 'has 20 frames, asked for'),
        ([-1], 0, 'has 20 frames, asked for'),
        ([], 0, 'asked for'),
        ([0], 3, 'has 3 variants'),
        ([0], -1, 'has 3 variants'),
    ):
        with pytest.raises(VideoReadError, match=words):
            reader.read(numbers, variant)
    with pytest.raises(VideoReadError, match='has 20 frames'):
        reader.read_clips(np.array([[0, 20]]), [0])
    with pytest.raises(VideoReadError, match='no such video'):
        open_stored_features(f'{made[0]}/store/9.mp4')


def test_images_and_features_are_told_apart(made, tmp_path):
    folder, videos, _ = made
    with pytest.raises(InputError, match='holds feature maps of a trunk and no images'):
        open_reader(f'{folder}/store/0.mp4')
    pack_videos(tmp_path / 'raw', videos, StoreSettings('raw', short_side=48))
    for path in (f'{tmp_path}/raw/0.mp4', videos[0].path):
        with pytest.raises(InputError, match='the pipeline reads feature maps'):
            open_stored_features(path)
    forget_store(str(tmp_path / 'raw'))


def test_lists_read_the_store_as_a_prefix(made, tmp_path):
    (tmp_path / 'list.txt').write_text('1 0\n0 1\n')
    steps = [
        dict(type='auxskd_mm.OpenFeatures', channels=CHANNELS, grid=GRID),
        dict(type='auxskd_mm.SegmentPaceSample', clip_len=4, num_segments=2, num_speeds=2),
        dict(type='auxskd_mm.DecodeFeatures'),
    ]
    dataset = UnlabeledVideoDataset(
        str(tmp_path / 'list.txt'), str(made[0] / 'store'), steps, list_format='path label', test_mode=True
    )
    assert dataset.features == open_store(str(made[0] / 'store')).settings
    sample = dataset[0]
    reader = open_stored_features(f'{made[0]}/store/1.mp4')
    assert sample['total_frames'] == 26
    assert sample['variant'] == [0]
    assert np.array_equal(sample['imgs'], reader.read_clips(sample['frame_inds'][None], [0]))


def damage(store, file, change):
    content = json.loads((store / file).read_text())
    change(content)
    (store / file).write_text(json.dumps(content))


@pytest.mark.parametrize(
    ('key', 'value', 'words'),
    [
        ('variants', 2, 'frames x height x width'),
        ('channels', 7, 'frames x height x width'),
        ('channels', True, 'whole number'),
        ('grid', [4, 5], 'the grid of the store'),
        ('grid', [4], 'expected 2 and 4 numbers'),
        ('trunk', None, 'not those of layout features'),
        ('crop', 'x', 'crop='),
    ],
)
def test_a_marker_that_contradicts_its_shards(made, tmp_path, key, value, words):
    store = tmp_path / 'store'
    feature_store(store, made[1], made[2])
    for file in ('store.json', 'packing.json'):
        damage(store, file, lambda content: content.get('settings', content).update({key: value}))
    with pytest.raises(InputError, match=words) as error:
        open_store(str(store))
    assert '\n' not in str(error.value)


def test_a_store_of_another_version_gets_one_line_that_says_once_what_to_do(made, tmp_path):
    store = tmp_path / 'store'
    feature_store(store, made[1], made[2])
    for file in ('store.json', 'packing.json'):  # another version may have other settings, too
        damage(store, file, lambda content: content.get('settings', content).update(features_version=2, more=1))
    with pytest.raises(InputError) as error:
        open_store(str(store))
    assert str(error.value) == (
        f'{store}/store.json: feature maps of version 2, this package reads version 1; pack the videos again into another '
        'folder, or use the package that wrote it'
    )


def test_a_shape_changed_in_the_shard_and_whole_stores(made, tmp_path):
    store = feature_store(tmp_path / 'store', made[1], made[2])
    assert list(unreadable_videos(store)) == list(store.damaged_videos()) == []
    shard = tmp_path / 'store' / next(iter(store.shards)).rsplit('/', 1)[-1]
    shard.write_bytes(shard.read_bytes().replace(b"'shape': (20, 1, 6, 4, 4)", b"'shape': (20, 1, 4, 6, 4)"))
    forget_store(str(tmp_path / 'store'))
    assert list(unreadable_videos(open_store(str(tmp_path / 'store')))) == ['0.mp4']


def test_a_shard_that_is_cut_off_or_deleted_while_it_is_read(made, tmp_path):
    """Reading mapped bytes beyond the end of a file would end the process without a word."""
    store = feature_store(tmp_path / 'store', made[1], made[2])
    path = f'{tmp_path}/store/2.mp4'
    reader = open_stored_features(path)
    before = reader.read([32])
    shard = store.shards[-1]
    whole = Path(shard).read_bytes()
    os.truncate(shard, len(whole) // 3)
    for read in (lambda: reader.read([32]), lambda: reader.read_clips(np.array([[0, 32]]), [0])):
        with pytest.raises(VideoReadError, match='is cut off; pack or copy it again'):
            read()
    with pytest.raises(VideoReadError, match='is cut off'):
        open_stored_features(path).read([0])
    forget_store(str(tmp_path / 'store'))
    with pytest.raises(InputError, match='the store is cut off'):
        open_store(str(tmp_path / 'store'))
    Path(shard).write_bytes(whole)
    reader = open_stored_features(path)
    os.unlink(shard)
    assert np.array_equal(reader.read([32]), before)


def test_lists_of_absolute_paths_find_what_was_packed_from_there(made, tmp_path):
    """`prepare_folder.py` writes such lists. Without the store in front, the features would be looked for in the videos."""
    other = write_video(tmp_path / 'other.mp4', 20)
    (tmp_path / 'list.txt').write_text(f'{made[1][2].path} 0\n{made[1][0].path} 1\n')
    store = str(made[0] / 'store')
    sample = dict(type='auxskd_mm.SegmentPaceSample', clip_len=4, num_segments=2, num_speeds=2)
    steps = [dict(type='auxskd_mm.OpenFeatures'), sample, dict(type='auxskd_mm.DecodeFeatures')]
    dataset = LabeledVideoDataset(str(tmp_path / 'list.txt'), steps, store, test_mode=True)
    assert [dataset[i]['total_frames'] for i in range(2)] == [33, 20]
    assert [dataset.get_data_info(i)['filename'] for i in range(2)] == [f'{store}/2.mp4', f'{store}/0.mp4']
    (tmp_path / 'list.txt').write_text(f'{other} 0\n')
    with pytest.raises(InputError, match=r'other\.mp4: is in no store'):
        LabeledVideoDataset(str(tmp_path / 'list.txt'), steps, store, test_mode=True)[0]
