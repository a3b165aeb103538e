"""Samples of both splits come in order, each marked, over one common config."""

import pytest
from conftest import write_video
from mmaction.registry import DATASETS

from auxskd_mm.errors import InputError

PIPELINE = [
    dict(type='auxskd_mm.OpenVideo'),
    dict(type='SampleFrames', clip_len=4, num_clips=2, test_mode=True),
    dict(type='auxskd_mm.DecodeClips'),
    dict(type='FormatShape', input_format='NCTHW'),
    dict(type='PackActionInputs', meta_keys=('filename',)),
]


def make(tmp_path, pipeline=PIPELINE, **query):
    for i in range(3):
        write_video(tmp_path / f'{i}.mp4')
    (tmp_path / 'a.txt').write_text('0.mp4 5\n1.mp4 6\n')
    (tmp_path / 'b.txt').write_text('2.mp4 7\n')
    common = dict(type='VideoDataset', data_root=str(tmp_path), data_prefix=dict(video=''), pipeline=pipeline)
    return DATASETS.build(
        dict(
            type='auxskd_mm.GalleryQueryDataset',
            common=common,
            gallery=dict(ann_file='a.txt'),
            query=dict(ann_file='b.txt', **query),
        )
    )


def test_splits_in_order(tmp_path):
    dataset = make(tmp_path)
    samples = [dataset[i]['data_samples'] for i in range(len(dataset))]
    assert [sample.split for sample in samples] == ['gallery', 'gallery', 'query']
    assert [int(sample.gt_label) for sample in samples] == [5, 6, 7]
    assert samples[2].filename == str(tmp_path / '2.mp4')
    assert dataset[2]['inputs'].shape == (2, 3, 4, 48, 64)


def test_a_split_may_differ_from_the_common_config(tmp_path):
    dataset = make(tmp_path, pipeline=[PIPELINE[0], dict(PIPELINE[1], num_clips=1), *PIPELINE[2:]])
    assert dataset[2]['inputs'].shape[0] == 1
    dataset = make(tmp_path, data_prefix=dict(video='none'))
    assert dataset.datasets[1].get_data_info(0)['filename'].endswith('none/2.mp4')


def test_unpacked_samples(tmp_path):
    with pytest.raises(InputError, match='end the pipeline with PackActionInputs'):
        make(tmp_path, pipeline=PIPELINE[:-1])[0]
