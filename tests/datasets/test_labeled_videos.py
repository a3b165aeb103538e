"""Labelled lists: what is read, what is refused in one line, and what becomes of videos that cannot be read."""

import numpy as np
import pytest
from conftest import write_video
from mmaction.registry import DATASETS

from auxskd_mm.datasets import LabeledVideoDataset
from auxskd_mm.datasets.packing import pack_videos
from auxskd_mm.datasets.video_list import UnlabeledVideoDataset
from auxskd_mm.errors import InputError

PIPELINE = [
    dict(type='auxskd_mm.OpenVideo'),
    dict(type='SampleFrames', clip_len=4, num_clips=1, test_mode=True),
    dict(type='auxskd_mm.DecodeClips'),
    dict(type='FormatShape', input_format='NCTHW'),
    dict(type='PackActionInputs', meta_keys=('filename',)),
]


@pytest.fixture
def folder(tmp_path):
    for name in ('a.mp4', 'b.mp4', 'my clip.mp4'):
        (tmp_path / name).touch()
    (tmp_path / 'odd name').mkdir()
    return tmp_path


def read(folder, content, **kwargs):
    path = folder / 'list.txt'
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    dataset = LabeledVideoDataset('list.txt', data_root=str(folder), lazy_init=True, **kwargs)
    return [(sample['filename'].removeprefix(f'{folder}/'), sample['label']) for sample in dataset.load_data_list()]


AB = [('a.mp4', 0), ('b.mp4', 1)]


@pytest.mark.parametrize(
    ('content', 'found'),
    [
        ('a.mp4 0\nb.mp4 1\n', AB),
        ('a.mp4\t0\nb.mp4\t1\n', AB),
        ('a.mp4   0\n  b.mp4 1 \n', AB),
        ('a.mp4 0\r\nb.mp4 1\r\n', AB),
        (b'\xef\xbb\xbfa.mp4 0\nb.mp4 1\n', AB),
        ('# path label\n\na.mp4 0\n\nb.mp4 1', AB),
        ('"a.mp4" 0\n"b.mp4" 1\n', AB),
        ('a 0\nb 1\n', AB),
        ('my clip.mp4 3\n"odd name" 4\n', [('my clip.mp4', 3), ('odd name', 4)]),
        ('a.mp4 250 0\nb.mp4 300 1\n', AB),
        ('a.mp4 0 250\nb.mp4 1 300\n', AB),
        ('a.mp4 20\nb.mp4 20\n', [('a.mp4', 20), ('b.mp4', 20)]),
    ],
)
def test_forms(folder, content, found):
    assert read(folder, content) == found


@pytest.mark.parametrize(
    ('content', 'says'),
    [
        ('', 'list.txt: the list is empty'),
        ('\n\n', 'list.txt: the list is empty'),
        ('a.mp4\nb.mp4\n', r"line 1 'a.mp4': no label; expected lines 'path label'"),
        ('a.mp4 0\n\nb.mp4\n', r"line 3 'b.mp4': 1 columns, but line 1 has 2"),
        ('a.mp4,0\nb.mp4,1\n', r"no label; .*divided by ',': set delimiter=','"),
        ('a.mp4 jump\n', "line 1 'a.mp4 jump': .*a label is a whole number"),
        ('odd name 0\n', "line 1 'odd name 0': .*stands in double quotes"),
        ('a.mp4 0\nb.mp4 -1\n', r"line 2 'b.mp4 -1': label -1 is negative"),
        ('a.mp4 0.0\n', 'whole number'),
        ('a.mp4 0\nb.mp4 1\n./a.mp4 1\n', r'line 3: .*a\.mp4 has label 1, but label 0 in line 1'),
        ('no.mp4 0\nnone.mp4 1\n', 'none of its first 2 videos exists'),
        ('x/1.mp4 100\nx/2.mp4 91\ny/3.mp4 101\ny/4.mp4 95\n', 'the number counts the frames of the video'),
        ('a.mp4 0\nb.mp4 1\n'.encode('utf-16'), 'cannot be read as a text list'),
    ],
)
def test_what_is_no_labelled_list(folder, content, says):
    with pytest.raises(InputError, match=says) as error:
        read(folder, content)
    assert '\n' not in str(error.value)


def test_labels_against_the_number_and_the_names_of_classes(folder):
    with pytest.raises(
        InputError, match=r'list.txt: line 3: label 2 .* go from 1 to 2 and must go from 0 to 1: subtract 1'
    ):
        read(folder, 'a.mp4 1\n\nb.mp4 2\n', num_classes=2)
    with pytest.raises(InputError, match=r'line 1: label 7 does not fit num_classes=3; expected 0 to 2'):
        read(folder, 'a.mp4 7\nb.mp4 0\n', num_classes=3)
    (folder / 'classes.txt').write_text('jump\r\ntable tennis\r\n')
    assert read(folder, 'a.mp4 0\nb.mp4 1\n', num_classes=2) == AB
    with pytest.raises(InputError, match=r'line 2: label 2, but classes.txt beside it names 2 classes'):
        read(folder, 'a.mp4 0\nb.mp4 2\n')
    with pytest.raises(
        InputError, match=r'classes.txt beside it names 2 classes, but num_classes=3; set num_classes=2'
    ):
        read(folder, 'a.mp4 0\nb.mp4 1\n', num_classes=3)
    dataset = LabeledVideoDataset(folder / 'list.txt', lazy_init=True)
    dataset.load_data_list()
    assert dataset.metainfo['classes'] == ['jump', 'table tennis']


def videos(folder, count=6):
    for i in range(count):
        write_video(folder / f'{i}.mp4', num_frames=8)
    (folder / 'list.txt').write_text(''.join(f'{i}.mp4 {i % 2}\n' for i in range(count)))


def test_samples_are_those_of_mmaction2(tmp_path):
    videos(tmp_path, 3)
    common = dict(ann_file='list.txt', data_root=str(tmp_path), data_prefix=dict(video=''), pipeline=PIPELINE)
    ours, theirs = (
        DATASETS.build(dict(common, type=kind)) for kind in ('auxskd_mm.LabeledVideoDataset', 'mmaction.VideoDataset')
    )
    assert len(ours) == len(theirs) == 3
    for one, other in zip(ours, theirs):
        assert np.array_equal(one['inputs'], other['inputs'])
        assert one['data_samples'].gt_label == other['data_samples'].gt_label
        assert one['data_samples'].filename == other['data_samples'].filename


def test_rare_classes_are_repeated_by_mmengines_wrapper(tmp_path):
    videos(tmp_path, 3)
    inner = dict(type='auxskd_mm.LabeledVideoDataset', ann_file='list.txt', data_root=str(tmp_path), pipeline=PIPELINE)
    balanced = DATASETS.build(dict(type='ClassBalancedDataset', oversample_thr=0.9, dataset=inner))
    assert [int(sample['data_samples'].gt_label) for sample in balanced] == [0, 0, 1, 1, 0, 0]
    assert balanced.get_cat_ids(2) == [1]


def test_an_empty_file_is_replaced_with_its_label_or_marked_in_a_test(tmp_path):
    videos(tmp_path)
    (tmp_path / '3.mp4').write_bytes(b'')
    train, test = (
        LabeledVideoDataset('list.txt', PIPELINE, data_root=str(tmp_path), test_mode=mode) for mode in (False, True)
    )
    sample = train[3]['data_samples']
    assert int(sample.gt_label) == int(sample.filename[-5]) % 2
    assert train.bad_videos() == [str(tmp_path / '3.mp4')]
    assert [bool(test[i]['data_samples'].get('replacement')) for i in range(6)] == [i == 3 for i in range(6)]


def test_labels_of_a_store(tmp_path):
    videos(tmp_path, 2)
    listed = UnlabeledVideoDataset(str(tmp_path / 'list.txt'), lazy_init=True, list_format='path label')
    pack_videos(tmp_path / 'store', listed.source_videos())
    pack_videos(tmp_path / 'bare', UnlabeledVideoDataset(str(tmp_path / '*.mp4'), lazy_init=True).source_videos())
    by_store = LabeledVideoDataset(str(tmp_path / 'store'), PIPELINE)
    by_list = LabeledVideoDataset('list.txt', PIPELINE, 'store', data_root=str(tmp_path))
    assert [int(by_store[i]['data_samples'].gt_label) for i in range(2)] == [0, 1]
    assert [int(by_list[i]['data_samples'].gt_label) for i in range(2)] == [0, 1]
    with pytest.raises(InputError, match='bare: 2 of 2 videos have no label'):
        LabeledVideoDataset(str(tmp_path / 'bare'), PIPELINE)
