"""One sampler, one head, one config: a task that is defined in this file alone goes through every tool."""

from __future__ import annotations

import functools
import json

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from conftest import write_video
from tool_runs import call_tool
from torch import nn

from auxskd_mm.apis import load_config
from auxskd_mm.apis.pictures import pretext_confusion
from auxskd_mm.apis.pictures.browse_clips import see_config
from auxskd_mm.datasets.transforms import PretextSampler
from auxskd_mm.functional import Task, strided_crop
from auxskd_mm.models.heads import PooledHead, batch_labels
from auxskd_mm.records.provenance import method_of
from auxskd_mm.registry import MODELS, TRANSFORMS

NAMES = ('forwards', 'backwards')
DIRECTION = Task('direction', NAMES)


@TRANSFORMS.register_module()
class BareDirectionSample(PretextSampler):
    """Says nothing about itself."""

    def transform(self, results):
        num_frames, rng = self.num_frames(results), self.generator(results)
        clip = strided_crop(num_frames, self.clip_len, 1, int(rng.randint(0, num_frames - self.clip_len + 1)))
        backwards = int(rng.randint(0, 2))
        self.write_clips(results, [clip[::-1] if backwards else clip])
        results['direction_label'] = np.asarray([backwards])
        return results


@MODELS.register_module()
class BareDirectionHead(PooledHead):
    """Says nothing about itself."""

    def __init__(self, in_channels, **kwargs):
        super().__init__(in_channels, **kwargs)
        self.linear = nn.Linear(in_channels, 2)

    def forward(self, feats, **kwargs):
        return self.linear(self.pool(feats))

    def loss(self, feats, data_samples, **kwargs):
        logits = self(feats)
        return dict(loss=F.cross_entropy(logits, batch_labels(data_samples, 'direction_label', logits.device)))

    def predict(self, feats, data_samples, **kwargs):
        logits = self(feats)
        for sample, scores in zip(data_samples, logits.softmax(1).split(len(logits) // len(data_samples))):
            sample.set_field(scores, 'pred_direction')
        return data_samples


@TRANSFORMS.register_module()
class DirectionSample(BareDirectionSample):
    tasks = (DIRECTION,)

    def describe(self):
        return f'a clip of {self.clip_len} frames, maybe backwards'


@MODELS.register_module()
class DirectionHead(BareDirectionHead):
    tasks = (DIRECTION,)
    method = 'direction'
    summary = 'direction: whether a clip runs backwards'


CONFIG = """
custom_imports = dict(imports=['auxskd_mm'], allow_failed_imports=False)
default_scope = 'mmaction'
model = dict(
    type='Recognizer3D',
    backbone=dict(type='auxskd_mm.C3DBN', base_channels=2),
    cls_head=dict(type='auxskd_mm.{kind}DirectionHead', in_channels=16),
    data_preprocessor=dict(type='auxskd_mm.ClipDataPreprocessor', mean=[127.5] * 3, std=[64.0] * 3),
)
pipeline = [
    dict(type='auxskd_mm.OpenVideo'),
    dict(type='auxskd_mm.{kind}DirectionSample', clip_len=16, seed=0),
    dict(type='auxskd_mm.DecodeClips'),
    dict(type='Resize', scale=(32, 32), keep_ratio=False),
    dict(type='FormatShape', input_format='NCTHW'),
    dict(type='PackActionInputs', algorithm_keys=('direction_label',), meta_keys=('filename', 'frame_inds')),
]
train_dataloader = dict(
    batch_size=2,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(type='auxskd_mm.UnlabeledVideoDataset', source='{videos}', pipeline=pipeline),
)
test_dataloader = dict(
    batch_size=2,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type='auxskd_mm.UnlabeledVideoDataset', source='{videos}', pipeline=pipeline, test_mode=True),
)
test_evaluator = dict(type='auxskd_mm.PretextAccuracyMetric', tasks=['direction'], {names})
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=0.01))
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=1)
"""


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp('outside')
    (folder / 'videos').mkdir()
    for i in range(4):
        write_video(folder / f'videos/{i}.mp4', num_frames=24)
    return folder


@pytest.fixture(params=['', 'Bare'], ids=['says_what_it_is', 'says_nothing'])
def kind(request):
    return request.param


def write_config(folder, kind=''):
    """The class names stand in the task, or (as the documentation had it before there were tasks) in the metric."""
    names = f'class_names=dict(direction={list(NAMES)})' if kind else ''
    path = folder / f'direction{kind}.py'
    path.write_text(CONFIG.format(kind=kind, videos=folder / 'videos', names=names))
    return path


def test_it_goes_through_every_tool(kind, folder, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    config = write_config(folder, kind)
    drawn = []
    real = pretext_confusion.draw_confusion
    monkeypatch.setattr(pretext_confusion, 'draw_confusion', lambda *args: drawn.append(args[:2]) or real(*args))
    videos = folder / 'videos'

    def call(tool, *words):
        ended = functools.partial(call_tool, monkeypatch, capfd)(tool, *words)
        assert ended.code == 0, ended.out + ended.err
        return ended.out + ended.err

    call('train.py', config, '--work-dir', 'run')
    weights = tmp_path / 'run' / 'epoch_1.pth'
    text = call('test.py', config, weights, '--work-dir', 'test', '--dump', 'dump.json')
    assert 'direction \\ predicted' in text
    assert 'backwards' in text  # the confusion table names its classes

    call('visualization/browse_clips.py', config, '--number', '2', '--out', 'clips.png')
    captions = {sample.clips[0].caption for sample in see_config(load_config(str(config)), number=4)}
    assert captions <= ({'direction 0', 'direction 1'} if kind else {f'direction {name}' for name in NAMES})

    text = call('analysis/check_config.py', config)
    words = ('BareDirectionSample(clip_len=16, seed=0)', 'Recognizer3D with BareDirectionHead')
    for line in words if kind else ('a clip of 16 frames, maybe backwards', 'direction: whether a clip runs backwards'):
        assert line in text
    assert f'{"output" if kind else "direction"} 1 x 2' in text

    text = call('predict.py', config, weights, videos, '--question', 'task', '--out', 'answers.json', '--out-dir', 'p')
    assert 'direction ' in text
    one = json.loads((tmp_path / 'answers.json').read_text())['predictions'][0]['direction']
    assert tuple(one['probabilities']) == NAMES
    assert one['truth'][0] in NAMES
    assert sum(one['probabilities'].values()) == pytest.approx(1, abs=1e-5)

    for words in ([weights, '--num-workers', '0'], ['--dump', 'dump.json'], ['--dump', 'answers.json']):
        call('visualization/pace_confusion.py', config, *words, '--out', 'confusion.png')
    assert len(drawn) == 3
    for tables, names in drawn:
        assert names == {'direction (n = 4)': list(NAMES)}
        np.testing.assert_array_equal(tables['direction (n = 4)'], drawn[0][0]['direction (n = 4)'])

    call('visualization/activation.py', config, weights, videos / '0.mp4', '--out-dir', 'maps')
    assert [path.name for path in (tmp_path / 'maps').iterdir()] == ['0000_0_direction.png']
    assert 'cls_head:' in call('analysis/get_flops.py', config)
    call('analysis/benchmark.py', config, '--what', 'inference', '--batches', '1', '--warmup', '0')
    call('deployment/export.py', config, weights, 'net.pt2')
    note = json.loads((tmp_path / 'net.json').read_text())
    assert note['outputs'] == dict(direction=dict(shape=['batch', 2], kind='logits', classes=list(NAMES)))


def test_its_method_is_in_the_records(kind):
    model = dict(type='Recognizer3D', cls_head=dict(type=f'auxskd_mm.{kind}DirectionHead'))
    assert method_of(model) == (f'Recognizer3D + {kind}DirectionHead' if kind else 'direction')


def test_a_model_of_several_networks_is_run_by_the_tools_of_speed_and_flops(folder, monkeypatch, capfd):
    """A :class:`PretextModel` without a teacher: neither a recogniser nor one of this package's methods."""
    from auxskd_mm.models.pretext import PretextModel

    @MODELS.register_module(force=True)
    class TwoNetworks(PretextModel):
        def __init__(self, backbone, data_preprocessor=None):
            super().__init__(backbone, 1, data_preprocessor)
            self.other = MODELS.build(backbone)

        def describe(self):
            return [f'two networks, {self.num_views} view']

        def forward_parts(self, inputs):
            return [self.extract_feat(inputs), self.other(inputs.flatten(0, 1)).mean((2, 3, 4))]

    path = folder / 'two.py'
    path.write_text(
        f"_base_ = '{write_config(folder).name}'\nmodel = dict(_delete_=True, type='auxskd_mm.TwoNetworks', "
        "backbone=dict(type='auxskd_mm.C3DBN', base_channels=2))\n"
    )
    for tool, *words in (
        ('analysis/benchmark.py', '--what', 'inference', '--batches', '1', '--warmup', '0'),
        ('analysis/get_flops.py',),
        ('analysis/check_config.py',),
    ):
        ended = call_tool(monkeypatch, capfd, tool, path, *words)
        assert ended.code == 0, ended.out + ended.err
        if tool.endswith('get_flops.py'):
            flops = [
                line.split()[3:5] for line in ended.out.splitlines() if line.split()[:1] in (['backbone:'], ['other:'])
            ]
            assert flops[0] == flops[1] != ['0', 'FLOPs']
    assert 'output 1 x 16, output 1 x 16' in ended.out
    assert 'two networks, 1 view' in ended.out


def test_a_head_over_several_clips_is_exported_with_tuples(folder, tmp_path):
    from auxskd_mm.apis import init_model
    from auxskd_mm.zoo.export import export_model

    @MODELS.register_module(force=True)
    class PairHead(BareDirectionHead):
        tasks = (Task('same', ('no', 'yes'), clips=2),)

        def forward(self, feats, **kwargs):
            return self.linear(self.pool(feats).unflatten(0, (-1, 2)).mean(1))

    loaded = load_config(str(write_config(folder)))
    loaded.model.cls_head.type = 'auxskd_mm.PairHead'
    done = export_model(init_model(loaded, device='cpu'), tmp_path / 'pair.pt2')
    assert done.outputs == ('same',)
    clips = torch.rand(3, 2, 3, 16, 32, 32)
    assert torch.export.load(done.path).module()(clips).shape == (3, 2)
