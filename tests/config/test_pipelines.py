"""The walker over configs: data sets, pipelines and steps are found wherever a config may hold them."""

import pytest
from mmengine.config import Config
from mmengine.config.lazy import LazyObject

from auxskd_mm.config.pipelines import all_steps, data_sets, find_pipeline, find_steps
from auxskd_mm.datasets.transforms import OpenVideo

STEPS = [dict(type='A')]
LEAF = dict(type='VideoDataset', ann_file='a.txt', pipeline=STEPS)
WRAPPED = dict(
    plain=LEAF,
    repeated=dict(type='RepeatDataset', times=2, dataset=LEAF),
    several=dict(type='ConcatDataset', datasets=[LEAF, LEAF]),
    listed=dict(type='RepeatDataset', dataset=[LEAF]),
    shared=dict(type='auxskd_mm.GalleryQueryDataset', common=LEAF, gallery={}, query={}),
    own=dict(
        type='auxskd_mm.GalleryQueryDataset',
        common=dict(type='V'),
        gallery=dict(pipeline=STEPS),
        query=dict(pipeline=[]),
    ),
    deep=dict(type='RepeatDataset', dataset=dict(type='ConcatDataset', datasets=[dict(type='R', dataset=LEAF)])),
)


@pytest.mark.parametrize('name', WRAPPED)
@pytest.mark.parametrize('several_loaders', [False, True])
@pytest.mark.parametrize('make', [dict, lambda content: Config(content)], ids=['dict', 'Config'])
def test_pipelines_are_found_where_they_are(name, several_loaders, make):
    loader = dict(batch_size=1, dataset=WRAPPED[name])
    config = make(dict(val_dataloader=None, test_dataloader=[loader, loader] if several_loaders else loader))
    assert find_pipeline(config, ('val_dataloader', 'test_dataloader')) == STEPS
    assert find_pipeline(config, ('val_dataloader',)) == []


def test_no_config_no_pipeline():
    assert find_pipeline({}) == []
    assert find_pipeline(dict(test_dataloader=dict(batch_size=1))) == []


def test_keys_say_where_a_data_set_stands():
    hooks = [dict(type='A'), dict(type='KNNHook', gallery=dict(dataset=LEAF), queries=None)]
    config = dict(
        test_dataloader=[dict(dataset=WRAPPED['several']), dict(dataset=WRAPPED['shared'])], custom_hooks=hooks
    )
    keys = [key for name in config for key, _ in data_sets(config[name], name)]
    assert keys == [
        'test_dataloader.0.dataset.datasets.0',
        'test_dataloader.0.dataset.datasets.1',
        'test_dataloader.1.dataset.gallery',
        'test_dataloader.1.dataset.query',
        'custom_hooks.1.gallery.dataset',
    ]


def test_the_parts_of_a_gallery_have_what_is_common_and_their_own():
    both = dict(common=dict(type='V', data_root='d', ann_file='c'), gallery=dict(ann_file='g'), query=dict())
    found = [dataset for _, dataset in data_sets(dict(dataset=both))]
    assert found == [dict(type='V', data_root='d', ann_file='g'), dict(type='V', data_root='d', ann_file='c')]


def test_the_steps_of_a_wrapper_come_last():
    mixed = dict(type='MultiImageMixDataset', dataset=LEAF, pipeline=[dict(type='B')])
    assert find_pipeline(dict(test_dataloader=dict(dataset=mixed))) == [dict(type='A'), dict(type='B')]


def test_steps_inside_other_steps():
    inner = dict(type='auxskd_mm.PerView', transforms=[dict(type='Resize'), dict(type='X', transforms=dict(type='Y'))])
    steps = [
        dict(type='RandomChoice', transforms=[[dict(type='Resize', scale=1)], [inner]]),
        dict(type='ImgAug', transforms='a'),
    ]
    names = [step['type'] for step in all_steps(steps)]
    assert names == ['RandomChoice', 'Resize', 'auxskd_mm.PerView', 'Resize', 'X', 'Y', 'ImgAug']
    assert len(find_steps(steps, 'Resize')) == 2


@pytest.mark.parametrize(
    'kind',
    [
        'OpenVideo',
        'auxskd_mm.OpenVideo',
        'mmaction::OpenVideo',
        OpenVideo,
        LazyObject('auxskd_mm.datasets', 'OpenVideo'),
    ],
    ids=str,
)
def test_a_step_is_found_by_its_name_however_its_type_is_given(kind):
    step = dict(type=kind, channel_order='bgr')
    assert find_steps([dict(type='Other'), step], 'OpenVideo') == [step]
