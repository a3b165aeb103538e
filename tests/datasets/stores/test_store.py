"""Stores as data sets read them, and one line for each way in which one can be wrong."""

import json
import tarfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from conftest import read_count, write_video
from mmengine.dataset import Compose

from auxskd_mm.datasets.packing import pack_videos
from auxskd_mm.datasets.preparation.frame_rates import read_frame_rates
from auxskd_mm.datasets.readers import open_reader
from auxskd_mm.datasets.readers.frame_index import NUMBERING
from auxskd_mm.datasets.stores import SourceVideo, StoreSettings, open_store
from auxskd_mm.datasets.stores.index import _ROW, StoreIndex
from auxskd_mm.datasets.stores.read import StoredVideoReader
from auxskd_mm.datasets.stores.schema import check_rows
from auxskd_mm.datasets.stores.store import forget_store
from auxskd_mm.datasets.video_list import UnlabeledVideoDataset
from auxskd_mm.errors import InputError, VideoReadError
from auxskd_mm.registry import DATASETS

STEPS = [
    dict(type='auxskd_mm.OpenVideo'),
    dict(type='auxskd_mm.SegmentPaceSample', clip_len=4, num_segments=2, num_speeds=2),
    dict(type='auxskd_mm.DecodeClips'),
]


@pytest.fixture
def store(tmp_path, request):
    """A store of three videos in two classes, and the list that they came from."""
    root = tmp_path / 'videos'
    for name in ('a', 'b'):
        (root / name).mkdir(parents=True)
    names = ['a/one.mp4', 'a/two.mp4', 'b/three.mp4']
    for i, name in enumerate(names):
        write_video(root / name, 20 + i)
    (root / 'list.txt').write_text('a/one 0\na/two 0\nb/three 1\n')
    videos = UnlabeledVideoDataset(str(root / 'list.txt'), list_format='path label', lazy_init=True).source_videos()
    assert [(video.name, video.label) for video in videos] == list(zip(names, (0, 0, 1)))
    pack_videos(tmp_path / 'store', videos, StoreSettings(getattr(request, 'param', 'mp4'), short_side=48))
    forget_store(str(tmp_path / 'store'))
    yield tmp_path / 'store'
    forget_store(str(tmp_path / 'store'))


@pytest.mark.parametrize('store', ['mp4', 'jpg', 'raw'], indirect=True)
def test_a_data_set_reads_a_store_like_a_folder(store):
    dataset = UnlabeledVideoDataset(str(store), pipeline=STEPS)
    assert len(dataset) == 3
    np.random.seed(0)
    for i in range(3):
        sample = dataset[i]
        assert (sample['total_frames'], sample['label']) == (20 + i, int(i == 2))
        assert [read_count(frame) for frame in sample['imgs']] == sample['frame_inds'].tolist()


def test_a_store_without_time_stamps_is_refused_only_if_fps_is_set(store, tmp_path):
    """As written by earlier versions."""
    with np.load(store / 'index.npz') as arrays:
        old = {key: arrays[key] for key in arrays if key not in ('timed', 'times')}
    np.savez(store / 'index.npz', **old)
    marker = json.loads((store / 'store.json').read_text())
    checksum = zlib.crc32((store / 'index.npz').read_bytes())
    (store / 'store.json').write_text(json.dumps(dict(marker, index_checksum=checksum)))
    for file in store.glob('shard-*.json'):
        content = json.loads(file.read_text())
        for video in content['videos']:
            del video['times']
        file.write_text(json.dumps(content))
    forget_store(str(store))
    assert len(UnlabeledVideoDataset(str(store), pipeline=STEPS)[0]['imgs']) == 4
    timed = [STEPS[0], dict(STEPS[1], fps=10), STEPS[2]]
    with pytest.raises(
        InputError, match=r'store: packed by a version that kept no time stamps.*pack_videos.py.*fps=None'
    ):
        UnlabeledVideoDataset(str(store), pipeline=timed)[0]
    # Tools that only report rates take such a store: prepare_folder does so after its lists are written.
    assert [rate.varies for rate in read_frame_rates([str(store / 'a' / 'one.mp4')], 1)] == [False]
    # The same packing again brings them in.
    videos = UnlabeledVideoDataset(str(tmp_path / 'videos' / 'list.txt'), list_format='path label', lazy_init=True)
    pack_videos(store, videos.source_videos(), StoreSettings('mp4', short_side=48))
    forget_store(str(store))
    assert len(UnlabeledVideoDataset(str(store), pipeline=timed)[0]['imgs']) == 4


def test_lists_of_the_same_names_with_the_store_as_prefix(store, tmp_path):
    dataset = UnlabeledVideoDataset(str(tmp_path / 'videos' / 'list.txt'), data_prefix=str(store), pipeline=STEPS)
    assert [dataset.get_data_info(i)['label'] for i in range(3)] == [0, 0, 1]
    assert dataset[2]['total_frames'] == 22
    labeled = DATASETS.build(
        dict(
            type='mmaction.VideoDataset',
            ann_file=str(tmp_path / 'videos' / 'list.txt'),
            data_prefix=dict(video=str(store)),
            pipeline=STEPS,
        )
    )
    sample = labeled[1]
    assert (sample['label'], sample['total_frames']) == (0, 21)
    (tmp_path / 'other.txt').write_text('c/four\n')
    with pytest.raises(InputError, match='none of its first 1 videos exists'):
        UnlabeledVideoDataset(str(tmp_path / 'other.txt'), data_prefix=str(store))


def test_names_of_folders_globs_and_files(store, tmp_path):
    root = tmp_path / 'videos'
    for source, names in (
        (str(root), ['a/one.mp4', 'a/two.mp4', 'b/three.mp4']),
        (f'{root}/*/t*.mp4', ['a/two.mp4', 'b/three.mp4']),
        (f'{root}/a/one.mp4', ['one.mp4']),
    ):
        videos = UnlabeledVideoDataset(source, lazy_init=True).source_videos()
        assert [video.name for video in videos] == names


def test_reading_a_group_of_pictures_no_further_than_needed(store, monkeypatch):
    reader = open_reader(f'{store}/a/one.mp4')
    asked = []
    original = reader._bytes
    monkeypatch.setattr(reader, '_bytes', lambda d, start, end: asked.append(end - start) or original(d, start, end))
    decoded = []
    positions = reader._positions
    monkeypatch.setattr(reader, '_positions', lambda d, a, b: decoded.append((a, b)) or positions(d, a, b))
    assert [read_count(frame) for frame in reader.read([2, 18])] == [2, 18]
    assert decoded == [(0, 2), (16, 18)]  # key frames are 8 apart; 3 .. 15 are not decoded


def test_a_store_that_is_cut_off(store):
    file = Path(open_store(str(store)).shards[0])
    data = file.read_bytes()
    forget_store(str(store))
    file.write_bytes(data[:-600])
    with pytest.raises(InputError, match=f'{len(data) - 600} bytes of {len(data)}, the store is cut off'):
        UnlabeledVideoDataset(str(store))
    file.unlink()
    with pytest.raises(InputError, match='0 bytes of'):
        UnlabeledVideoDataset(str(store))


def test_a_shard_that_is_cut_off_or_lost_while_it_is_read(store):
    reader = open_reader(f'{store}/a/two.mp4')
    file = Path(open_store(str(store)).shards[1])
    file.write_bytes(file.read_bytes()[:1500])
    with pytest.raises(VideoReadError, match='is cut off'):
        reader.read([0, 19])
    file.unlink()
    with pytest.raises(VideoReadError, match='cannot be opened'):
        reader.read([0])


@pytest.mark.parametrize('store', ['mp4', 'jpg'], indirect=True)
def test_damaged_bytes_are_found_out(store):
    opened = open_store(str(store))
    row = opened.index.rows[0]
    file = Path(opened.shards[0])
    data = bytearray(file.read_bytes())
    start = int(row['offset'])
    middle = start + int(row['size']) // 4
    data[middle : start + int(row['size'])] = bytes(start + int(row['size']) - middle)
    file.write_bytes(data)
    assert list(opened.damaged_videos()) == ['a/one.mp4']
    with pytest.raises(VideoReadError, match='damaged'):
        open_reader(f'{store}/a/one.mp4').read(list(range(20)))


@pytest.mark.parametrize(
    ('change', 'says'),
    [
        (dict(version=2), r'a store of version 2, this package reads version 1'),
        (dict(format='else'), 'not the marker of a training store'),
        (dict(index_checksum=1), r'index.npz: missing or damaged \(its checksum is wrong\)'),
    ],
)
def test_another_version_and_damaged_files(store, change, says):
    file = store / 'store.json'
    file.write_text(json.dumps({**json.loads(file.read_text()), **change}))
    with pytest.raises(InputError, match=says) as error:
        UnlabeledVideoDataset(str(store))
    assert '\n' not in str(error.value)


def test_a_store_with_other_frame_numbers_is_refused_until_it_is_packed_again(store, tmp_path):
    """As one that a release before frame_index.NUMBERING packed: no such field in its files."""
    for name in ('store.json', 'packing.json'):
        content = json.loads((store / name).read_text())
        assert content.pop('numbering') == NUMBERING
        (store / name).write_text(json.dumps(content))
    forget_store(str(store))
    before = sorted(path.name for path in store.glob('shard-*.tar'))
    for read in (lambda: UnlabeledVideoDataset(str(store)), lambda: open_reader(f'{store}/a/one.mp4')):
        with pytest.raises(InputError, match=r'run tools/data/pack_videos.py again') as error:
            read()
        assert '\n' not in str(error.value)
        assert str(store) in str(error.value)
    videos = UnlabeledVideoDataset(
        str(tmp_path / 'videos' / 'list.txt'), list_format='path label', lazy_init=True
    ).source_videos()
    again = pack_videos(store, videos, StoreSettings('mp4', short_side=48))
    assert len(again) == 3
    assert len(UnlabeledVideoDataset(str(store))) == 3
    # What is packed under the old numbering is not taken over.
    shards = sorted(path.name for path in store.glob('shard-*.tar'))
    assert len(shards) == len(before)
    assert set(shards) == {Path(shard).name for shard in again.shards}
    with pytest.raises(InputError, match='holds a store with other settings'):
        pack_videos(store, videos, StoreSettings('jpg', short_side=48))


def test_a_marker_or_index_that_is_no_longer_there(store):
    (store / 'index.npz').rename(store / 'away')
    with pytest.raises(InputError, match=r'index.npz: missing or damaged'):
        UnlabeledVideoDataset(str(store))
    (store / 'store.json').write_text('{"format": ')
    with pytest.raises(InputError, match='damaged; pack the videos again'):
        UnlabeledVideoDataset(str(store))
    (store / 'store.json').unlink()
    with pytest.raises(InputError, match='never finished'):
        UnlabeledVideoDataset(str(store))


def test_a_folder_that_was_never_a_store_is_called_so(tmp_path):
    (tmp_path / 'videos').mkdir()
    write_video(tmp_path / 'videos' / 'v.mp4')
    for folder, says in (('videos', 'a folder without store.json'), ('none', 'no folder with store.json')):
        with pytest.raises(InputError) as error:
            open_store(str(tmp_path / folder))
        assert str(error.value) == (
            f'{tmp_path / folder}: no training store ({says}); give the folder that tools/data/pack_videos.py wrote'
        )


def test_a_changed_source_is_a_warning(store, tmp_path, caplog):
    import logging

    from mmengine.logging import MMLogger

    write_video(tmp_path / 'videos' / 'a' / 'one.mp4', 30)
    logger = MMLogger.get_current_instance()
    logger.addHandler(caplog.handler)
    try:
        with caplog.at_level(logging.WARNING):
            UnlabeledVideoDataset(str(store))
    finally:
        logger.removeHandler(caplog.handler)
    assert '1 of the 3 videos looked at have changed since they were packed' in caplog.text
    assert 'one.mp4' in caplog.text


def test_a_name_that_is_not_in_it(store):
    with pytest.raises(VideoReadError, match='no such video among the 3 of the store'):
        open_reader(f'{store}/a/four.mp4')
    reader = open_reader(f'{store}/a/one')  # as lists without suffixes name it
    with pytest.raises(VideoReadError, match='has 20 frames'):
        reader.read([3, 20])


def test_views_through_the_usual_pipeline(store):
    steps = Compose(
        [
            dict(type='auxskd_mm.OpenVideo', channel_order='bgr'),
            dict(type='auxskd_mm.SegmentPaceSample', clip_len=8, num_views=2),
            dict(type='auxskd_mm.DecodeClips'),
            dict(type='auxskd_mm.PerView', transforms=[dict(type='auxskd_mm.ClipRandomCrop', size=32)]),
            dict(type='FormatShape', input_format='NCTHW'),
        ]
    )
    results = steps(dict(filename=f'{store}/b/three.mp4', modality='RGB'))
    assert results['imgs'].shape == (2, 3, 8, 32, 32)


def test_a_codec_without_a_decoder(tmp_path):
    data = Path(write_video(tmp_path / 'v.mp4')).read_bytes()
    (tmp_path / 'x.mp4').write_bytes(data.replace(b'avc1', b'zzz1'))
    with pytest.raises(VideoReadError, match='has a codec that this PyAV has no decoder for'):
        open_reader(str(tmp_path / 'x.mp4'))
    with pytest.raises(InputError, match='1 of 1 videos cannot be read'):
        pack_videos(tmp_path / 's', [SourceVideo(str(tmp_path / 'x.mp4'), 'x.mp4')])


def test_a_name_is_found_without_a_video_suffix_and_no_other(tmp_path):
    """Of ``m.mp4#t=0,1.5`` only the point of the seconds looks like that of a suffix; of ``walk.1`` that of a count."""
    write_video(tmp_path / 'm.mp4', 50)
    names = ['m.mp4#t=0,1.5', 'm.mp4#t=1,2', 'walk.1', 'run.MP4']
    paths = [tmp_path / name for name in (*names[:2], 'm.mp4', 'm.mp4')]
    videos = [SourceVideo(str(path), name) for path, name in zip(paths, names)]
    store = pack_videos(tmp_path / 'store', videos, StoreSettings('jpg', short_side=48))
    assert [store.index.number(name) for name in (*names, 'run')] == [0, 1, 2, 3, 3]
    assert [store.index.number(name) for name in ('m.mp4#t=0,1', 'm', 'walk')] == [None, None, None]


@pytest.mark.parametrize(
    ('name', 'size'),
    [('video.npy', 8**11), ('v' * 100, 8**11), ('v' * 101, 8**11), ('v' * 101, 8**11 - 1), ('\u6797.npy', 9 * 2**30)],
)
def test_members_of_8_gigabytes_are_found_whatever_their_names(tmp_path, name, size):
    """With a long name, or one that is not ASCII, such a size stands in a header of its own, and 0 in the usual one."""
    entry = tarfile.TarInfo(name)
    entry.size = size
    plain = name.isascii() and len(name) <= 100
    header = entry.tobuf(tarfile.GNU_FORMAT if plain else tarfile.PAX_FORMAT)
    (tmp_path / 'shard.tar').write_bytes(header)
    reader = object.__new__(StoredVideoReader)
    reader.path, reader._offset = 'x', len(header)
    with open(tmp_path / 'shard.tar', 'rb') as file:
        reader._check_member(file.fileno(), len(header), size, name)
        with pytest.raises(VideoReadError, match='is not where the index of the store says'):
            reader._check_member(file.fileno(), len(header), size - 2**31, name)


def test_changed_sources_in_another_store_are_told(store, tmp_path):
    for name, path in (('all', f'{store}/a/two.mp4'), ('part', f'{store}/a/two.mp4#t=0.2,0.6')):
        second = pack_videos(tmp_path / name, [SourceVideo(path, 'v')], StoreSettings('raw', short_side=48))
        assert second.changed_sources() == []
    videos = UnlabeledVideoDataset(str(tmp_path / 'videos' / 'list.txt'), list_format='path label', lazy_init=True)
    write_video(tmp_path / 'videos' / 'a' / 'two.mp4', 30, codec='mpeg4')
    pack_videos(store, videos.source_videos(), StoreSettings('mp4', short_side=48))
    assert open_store(str(tmp_path / 'all')).changed_sources() == [f'{store}/a/two.mp4']
    assert open_store(str(tmp_path / 'part')).changed_sources() == [f'{store}/a/two.mp4#t=0.2,0.6']
    (store / 'store.json').unlink()
    forget_store(str(store))
    assert open_store(str(tmp_path / 'all')).changed_sources() == []  # it is being packed, nobody knows


def test_each_row_has_the_times_of_its_own_frames():
    rows = np.zeros(4, [('frames', '<i4')])
    rows['frames'] = 3, 2, 2, 4
    times = np.array([0, 5, 9, 0, 7, 0, 1, 2, 8]) * 10**9
    index = StoreIndex(rows, list('abcd'), list('abcd'), [b''], np.array([0, 2, 3]), times)
    found = [index.frame_times(number) for number in range(4)]
    assert found[1] is None
    for seconds, expected in zip((found[0], found[2], found[3]), ([0, 5, 9], [0, 7], [0, 1, 2, 8])):
        np.testing.assert_allclose(seconds, expected)


def test_of_names_that_differ_by_suffix_alone_each_is_found_and_none_without_one(tmp_path):
    """The first in the store was taken, here another one than a list of the folder read."""
    videos = [SourceVideo(write_video(tmp_path / f'a{end}'), f'a{end}') for end in ('.mkv', '.mp4')]
    index = pack_videos(tmp_path / 'store', videos, StoreSettings('jpg', short_side=48)).index
    assert [index.number(name) for name in ('a.mkv', 'a.mp4')] == [0, 1]
    (tmp_path / 'list.txt').write_text('a\n')
    with pytest.raises(
        InputError, match=r'list\.txt: a may be a\.mkv or a\.mp4 in the store; write the suffix of one$'
    ):
        UnlabeledVideoDataset(tmp_path / 'list.txt', str(tmp_path / 'store'))


@pytest.mark.parametrize('names', [['a.avi', 'a', 'a.mp4'], ['a.npy', 'a.tif', 'a.npz'], ['b.npy', 'a.npy']])
def test_a_name_without_suffix_is_that_name_or_no_array_beside_a_video(names):
    assert StoreIndex(np.zeros(len(names), _ROW), names, names, []).number('a') == 1


def test_larger_frames_than_allowed_are_refused(store):
    name = f'{store}/a/one.mp4'
    assert open_reader(name, max_pixels=64 * 48).num_frames == 20
    with pytest.raises(VideoReadError, match='has frames of 64x48 pixels, more than max_pixels=3071'):
        open_reader(name, max_pixels=64 * 48 - 1)


@pytest.mark.parametrize(
    ('change', 'says'),
    [
        ({}, ''),
        (dict(size=1536), ''),  # the table begins where it ends
        (dict(size=1537), 'two of its videos share bytes'),
        (dict(table=4096 - 16), r'has table=4080'),  # not where a member of a tar can be
        (dict(table=3584), ''),
        (dict(offset=513), 'has offset=513'),
        (dict(table=4096), 'has table=4096'),
        (dict(size=2), 'has size=2'),  # three frames
        (dict(offset=2560, size=1537), 'has offset=2560'),  # past the end of the shard
        (dict(offset=2560, size=1536), ''),
    ],
)
def test_members_lie_inside_a_shard_and_apart(change, says):
    """Two shards of 4096 bytes with one video of three frames each, at the same places."""
    rows = np.zeros(2, _ROW)
    for key, value in dict(offset=512, size=1000, table=2048, frames=3, height=4, width=4).items():
        rows[key] = value
    rows['shard'] = 0, 1
    for key, value in change.items():
        rows[key][1] = value
    if says:
        with pytest.raises(ValueError, match=says):
            check_rows(rows, [4096, 4096], 1, StoreSettings('jpg'))
    else:
        check_rows(rows, [4096, 4096], 1, StoreSettings('jpg'))
