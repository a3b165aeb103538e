"""A new-style config of MMEngine (``read_base()``, types as classes) through every tool that takes a config."""

import functools

import pytest
import torch
from tool_runs import call_tool, tiny_clips

from auxskd_mm.config.load import load_config

BASE = """
from mmengine.hooks import CheckpointHook, IterTimerHook, LoggerHook, ParamSchedulerHook, RuntimeInfoHook
from mmaction.visualization import ActionVisualizer
from mmengine.visualization import LocalVisBackend
from auxskd_mm.hooks import CheckedTransferHook

default_scope = 'mmaction'
default_hooks = dict(
    runtime_info=dict(type=RuntimeInfoHook),
    timer=dict(type=IterTimerHook),
    logger=dict(type=LoggerHook, interval=1),
    param_scheduler=dict(type=ParamSchedulerHook),
    checkpoint=dict(type=CheckpointHook, interval=1),
)
custom_hooks = [dict(type=CheckedTransferHook)]
visualizer = dict(type=ActionVisualizer, vis_backends=[dict(type=LocalVisBackend)])
"""
CONFIG = """
from mmaction.datasets import CenterCrop, FormatShape, PackActionInputs, Resize
from mmaction.models import Recognizer3D
from mmengine.config import read_base
from mmengine.dataset import DefaultSampler
from mmengine.optim import OptimWrapper
from mmengine.runner import EpochBasedTrainLoop, TestLoop
from torch.optim import SGD

from auxskd_mm.datasets import UnlabeledVideoDataset
from auxskd_mm.datasets.transforms import DecodeClips, OpenVideo, SegmentPaceSample
from auxskd_mm.evaluation import SegmentPaceMetric
from auxskd_mm.models.backbones import C3DBN
from auxskd_mm.models.data_preprocessors import ClipDataPreprocessor
from auxskd_mm.models.heads import VSPPHead

with read_base():
    from .base import *

model = dict(
    type=Recognizer3D,
    backbone=dict(type=C3DBN, base_channels=2),
    cls_head=dict(type=VSPPHead, in_channels=16, num_speeds=4, num_segments=4),
    data_preprocessor=dict(type=ClipDataPreprocessor, mean=[127.5] * 3, std=[64.0] * 3),
)
pipeline = [
    dict(type=OpenVideo),
    dict(type=SegmentPaceSample, clip_len=16, num_segments=4, num_speeds=4, mode='fit', seed=0),
    dict(type=DecodeClips),
    dict(type=Resize, scale=(64, 48), keep_ratio=False),
    dict(type=CenterCrop, crop_size=32),
    dict(type=FormatShape, input_format='NCTHW'),
    dict(
        type=PackActionInputs,
        algorithm_keys=('pace_label', 'segment_label'),
        meta_keys=('filename', 'sample_idx', 'frame_inds'),
    ),
]
train_dataloader = dict(
    batch_size=4,
    num_workers=0,
    persistent_workers=True,
    sampler=dict(type=DefaultSampler, shuffle=True),
    dataset=dict(type=UnlabeledVideoDataset, source='CLIPS/train', pipeline=pipeline),
)
test_dataloader = dict(
    batch_size=4,
    num_workers=0,
    sampler=dict(type=DefaultSampler, shuffle=False),
    dataset=dict(type=UnlabeledVideoDataset, source='CLIPS/test', pipeline=pipeline, test_mode=True),
)
train_cfg = dict(type=EpochBasedTrainLoop, max_epochs=1)
test_cfg = dict(type=TestLoop)
test_evaluator = dict(type=SegmentPaceMetric)
optim_wrapper = dict(type=OptimWrapper, optimizer=dict(type=SGD, lr=0.01))
"""


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """Folder with clips, ``config.py`` and, after the first test, ``run/epoch_1.pth``."""
    folder = tmp_path_factory.mktemp('new style')
    tiny_clips(folder)
    (folder / 'base.py').write_text(BASE)
    (folder / 'config.py').write_text(CONFIG.replace('CLIPS', str(folder)))
    return folder


@pytest.fixture
def call(monkeypatch, capfd, folder):
    monkeypatch.chdir(folder)

    def run(tool, *words, **options):
        ended = call_tool(monkeypatch, capfd, tool, *words, **options)
        assert ended.code == 0, (ended.out, ended.err)
        return ended

    return functools.partial(run)


def test_types_become_the_names_they_are_registered_under(folder):
    config = load_config(str(folder / 'config.py'), {'pipeline.1.clip_len': 8})
    assert config.model.type == 'mmaction.Recognizer3D'
    assert config.model.backbone.type == 'auxskd_mm.C3DBN'
    assert config.train_cfg.type == 'EpochBasedTrainLoop'
    assert config.optim_wrapper.optimizer.type == 'SGD'
    assert config.train_dataloader.dataset.pipeline[3].scale == (64, 48)
    assert config.train_dataloader.dataset.pipeline[1].clip_len == 8
    assert 'Recognizer3D' not in config


@pytest.mark.parametrize('amp', [True, False])
def test_training_is_as_safe_as_with_types_as_text(call, folder, amp):
    words = ['--amp'] if amp else []
    ended = call('train.py', 'config.py', '--work-dir', 'run', '--seed', 0, *words)
    checkpoint = torch.load(folder / 'run' / 'epoch_1.pth', weights_only=True)
    assert checkpoint['exact_resume']['position']['batches'] == 2
    assert "'auxskd_mm.VSPPHead'" in str(checkpoint['meta']['cfg'])
    assert ended.code == 0
    log = next((folder / 'run').glob('*/*.log')).read_text()
    for hook in ('AtomicCheckpointHook', 'PreemptionHook', 'NonFiniteLossHook'):
        assert hook in log
    call('train.py', 'config.py', '--work-dir', 'run', '--resume', options={'train_cfg.max_epochs': 2})


TOOLS = {
    'test.py': ['run/epoch_1.pth', '--work-dir', 'tested', '--dump', 'dump.json'],
    'extract_features.py': ['run/epoch_1.pth', 'test', '--out', 'features.npz', '--num-workers', 0, '--num-clips', 2],
    'predict.py': ['run/epoch_1.pth', 'test', '--out', 'predictions.json', '--no-progress'],
    'analysis/benchmark.py': ['--batches', 1, '--warmup', 1, '--what', 'loader'],
    'analysis/check_config.py': [],
    'analysis/get_flops.py': [],
    'analysis/print_config.py': ['--key', 'model'],
    'deployment/export.py': ['run/epoch_1.pth', 'model.pt2', '--no-check'],
    'visualization/activation.py': ['run/epoch_1.pth', 'test', '--out-dir', 'maps'],
    'visualization/browse_clips.py': ['--out', 'clips.png', '--number', 1],
    'visualization/embedding.py': [],
    'visualization/pace_confusion.py': ['run/epoch_1.pth', '--num-workers', 0],
}
SAYS = {
    'test.py': 'vspp/',
    'extract_features.py': '4 x 16 -> features.npz',
    'analysis/check_config.py': 'VSPP: which segment of a clip is sped up',
    'analysis/print_config.py': "type='auxskd_mm.VSPPHead'",
    'deployment/export.py': 'model.pt2',
}


@pytest.mark.parametrize('tool', TOOLS)
def test_tools(tool, call):
    words = ['config.py', *TOOLS[tool]]
    if tool.endswith('embedding.py'):
        words = ['--config', 'config.py', '--videos', 'test', '--num-workers', 0, '--paces', 1, 2, '--method', 'pca']
    ended = call(tool, *words)
    assert SAYS.get(tool, '') in ended.out + ended.err


def test_a_class_that_cannot_be_imported_is_one_line(tmp_path, monkeypatch, capfd):
    (tmp_path / 'config.py').write_text('from auxskd_mm.models.heads import NoHead\nmodel = dict(type=NoHead)\n')
    line = call_tool(monkeypatch, capfd, 'analysis/print_config.py', tmp_path / 'config.py').error_line()
    assert 'Failed to import NoHead from auxskd_mm.models.heads' in line
