"""Types that a user's own module adds: subclasses of ours and of MMAction2's count as what they extend."""

import json

import pytest
from conftest import write_video
from mmaction.datasets.transforms import CenterCrop, PackActionInputs, SampleFrames
from mmcv.transforms import BaseTransform
from mmcv.transforms.utils import cache_randomness
from mmengine.config import Config

from auxskd_mm.apis.pictures.browse_clips import take_videos
from auxskd_mm.config.explain import count_samples
from auxskd_mm.config.feature_pipeline import feature_pipeline
from auxskd_mm.config.input_files import check_lists
from auxskd_mm.config.labeled_lists import check_labeled_lists
from auxskd_mm.config.pipelines import calm_steps, is_random, takes_source
from auxskd_mm.datasets import LabeledVideoDataset, UnlabeledVideoDataset
from auxskd_mm.datasets.transforms import ClipColorJitter
from auxskd_mm.errors import InputError
from auxskd_mm.models.heads import ClipFeatureHead
from auxskd_mm.records.protocol import _clip, protocol_of
from auxskd_mm.registry import DATASETS, MODELS, TRANSFORMS, is_a
from auxskd_mm.visualization import plot_curves


@TRANSFORMS.register_module()
class OutsideJitter(ClipColorJitter):
    pass


@TRANSFORMS.register_module()
class OutsideNoise(BaseTransform):
    is_random = True

    def transform(self, results):
        return results


@TRANSFORMS.register_module()
class OutsideCached(BaseTransform):
    @cache_randomness
    def draw(self):
        return 1

    def transform(self, results):
        return results


@TRANSFORMS.register_module()
class RandomButFixed(BaseTransform):
    is_random = False

    def transform(self, results):
        return results


@TRANSFORMS.register_module()
class OutsideCrop(CenterCrop):
    pass


@TRANSFORMS.register_module()
class OutsideFrames(SampleFrames):
    pass


@TRANSFORMS.register_module()
class OutsidePack(PackActionInputs):
    pass


@DATASETS.register_module()
class OutsideVideos(UnlabeledVideoDataset):
    pass


@DATASETS.register_module()
class OutsideLabels(LabeledVideoDataset):
    pass


@MODELS.register_module()
class OutsideFeatureHead(ClipFeatureHead):
    pass


def test_a_transform_says_that_it_is_random():
    steps = [dict(type=f'auxskd_mm.{name}') for name in ('OutsideJitter', 'OutsideNoise', 'OutsideCached')]
    fixed = [dict(type='auxskd_mm.RandomButFixed'), dict(type='auxskd_mm.OutsideCrop', crop_size=8)]
    assert [is_random(step) for step in (*steps, *fixed)] == [True, True, True, False, False]
    assert calm_steps([*steps, *fixed]) == fixed
    assert is_random(dict(type='Flip'))
    assert not is_random(dict(type='CenterCrop'))
    assert not is_random(dict(type='NoSuchType'))


def test_samplers_and_packers():
    pipeline = [
        dict(type='auxskd_mm.OutsideFrames', clip_len=8, frame_interval=4, num_clips=3),
        dict(type='auxskd_mm.OutsidePack'),
    ]
    config = Config(dict(test_dataloader=dict(dataset=dict(type='X', pipeline=pipeline)), model=dict(type='M')))
    made = feature_pipeline(config)
    assert made[1] == dict(type='SampleFrames', clip_len=8, frame_interval=4, num_clips=10, test_mode=True)
    clip = protocol_of(config, None)['clip']
    assert (clip['stride'], clip['per_video'], clip['sampler']) == (4, 3, 'OutsideFrames')


def test_the_pooling_of_a_head_stands_in_the_protocol():
    model = dict(type='M', cls_head=dict(type='auxskd_mm.OutsideFeatureHead', pooling='stages'))
    config = Config(dict(model=model, test_evaluator=dict(type='auxskd_mm.RetrievalMetric')))
    ours = json.loads(json.dumps(protocol_of(config, None)))
    model['cls_head']['type'] = 'auxskd_mm.ClipFeatureHead'
    theirs = protocol_of(Config(dict(model=model, test_evaluator=config.test_evaluator)), None)
    assert 'features (stages pooling)' in ours.values()
    assert 'features (stages pooling)' in theirs.values()


def test_data_sets(tmp_path):
    for i in range(2):
        write_video(tmp_path / f'{i}.mp4', num_frames=8)
    videos = dict(type='auxskd_mm.OutsideVideos', source=str(tmp_path), repeat=3)
    assert count_samples(videos) == 6
    config = Config(dict(train_dataloader=dict(dataset=videos)))
    take_videos(config, 'elsewhere')
    with pytest.raises(
        InputError, match=r'elsewhere: no such file or folder, but train_dataloader\.dataset\.source asks'
    ):
        check_lists(config, ['train'])


def test_labels_beyond_the_head_are_found(tmp_path):
    (tmp_path / 'list.txt').write_text('a.mp4 0\nb.mp4 7\n')
    for name in ('a.mp4', 'b.mp4'):
        (tmp_path / name).touch()
    config = Config(
        dict(
            model=dict(cls_head=dict(num_classes=3)),
            train_dataloader=dict(dataset=dict(type='auxskd_mm.OutsideLabels', ann_file=str(tmp_path / 'list.txt'))),
        )
    )
    with pytest.raises(InputError, match=r'list\.txt: .*\b7\b.*\b3\b'):
        check_labeled_lists(config, ['train'])


def test_names_of_types_that_nothing_registers():
    assert is_a(DATASETS, 'other.UnlabeledVideoDataset', 'UnlabeledVideoDataset')
    assert not is_a(DATASETS, 'other.Unknown', 'UnlabeledVideoDataset')
    assert not is_a(DATASETS, None, 'UnlabeledVideoDataset')


def test_curves_of_any_accuracy(tmp_path, monkeypatch, capfd):
    """Those of VCOP, RSPNet and of ranked speeds were not drawn either."""
    from tool_runs import call_tool

    run = tmp_path / 'run' / '1' / 'vis_data'
    run.mkdir(parents=True)
    rows = [dict(loss=1.0, order_acc=0.5, direction_acc=0.25, step=i) for i in (1, 2)]
    (run / 'scalars.json').write_text(''.join(json.dumps(row) + '\n' for row in rows))
    drawn = []
    monkeypatch.setattr(
        'auxskd_mm.visualization.curves.save_figure', lambda figure, *rest: drawn.append(figure) or rest[0]
    )
    ended = call_tool(monkeypatch, capfd, 'analysis/plot_curves.py', tmp_path / 'run', '--out', tmp_path / 'c.png')
    assert ended.code == 0, ended.err
    assert [[line.get_label() for line in axis.lines] for axis in drawn[0].axes] == [
        ['loss'],
        ['order_acc', 'direction_acc'],
    ]
    with pytest.raises(InputError, match=r"none of the runs logged \['\*_top1'\]"):
        plot_curves(dict(run=tmp_path / 'run'), [['*_top1']], tmp_path / 'c.png')


def test_a_labelled_data_set_takes_a_list_and_no_source(tmp_path):
    """LabeledVideoDataset extends UnlabeledVideoDataset, so it must be told apart."""
    write_video(tmp_path / 'a.mp4')
    (tmp_path / 'list.txt').write_text('a.mp4 0\n')
    assert takes_source(dict(type='auxskd_mm.UnlabeledVideoDataset'))
    assert takes_source(dict(type='OutsideVideos'))
    assert not takes_source(dict(type='OutsideLabels'))
    config = Config(
        dict(train_dataloader=dict(dataset=dict(type='OutsideLabels', ann_file=str(tmp_path / 'list.txt'))))
    )
    with pytest.raises(InputError, match='is no UnlabeledVideoDataset'):
        take_videos(config, str(tmp_path))


def test_dense_clips_have_no_stride_in_the_protocol():
    """MMAction2's DenseSampleFrames extends SampleFrames, but its clips are not uniform."""
    strides = []
    for kind in ('SampleFrames', 'OutsideFrames', 'DenseSampleFrames'):
        step = dict(type=kind, clip_len=8, frame_interval=4, num_clips=3)
        strides.append((_clip([step])['stride'], _clip([step])['per_video']))
    assert strides == [(4, 3), (4, 3), (None, None)]


def test_a_labelled_list_of_a_config_that_inherits_by_address_is_read(tmp_path):
    """Such a config has `_scope_` in its dicts. The label 7 of 2 classes is found, so the list was read."""
    write_video(tmp_path / 'a.mp4')
    (tmp_path / 'list.txt').write_text('a.mp4 7\n')
    dataset = dict(type='LabeledVideoDataset', _scope_='auxskd_mm', ann_file=str(tmp_path / 'list.txt'), pipeline=[])
    head = dict(type='I3DHead', num_classes=2, in_channels=8)
    with pytest.raises(InputError, match=r'list\.txt'):
        check_labeled_lists(Config(dict(model=dict(cls_head=head), train_dataloader=dict(dataset=dataset))), ['train'])
