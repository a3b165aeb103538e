"""VideoPace and VCOP end to end: video files, sampler, decoding, MMAction2's recogniser, loss and metric."""

import copy

import pytest
import torch
from conftest import write_video
from mmaction.registry import MODELS
from mmengine.dataset import pseudo_collate
from mmengine.optim import OptimWrapper

from auxskd_mm.datasets import UnlabeledVideoDataset
from auxskd_mm.evaluation import PretextAccuracyMetric

BACKBONE = dict(type='ResNet3d', depth=18, pretrained=None, pretrained2d=False, base_channels=8, conv1_stride_t=1)
METHODS = {
    'pace': (
        dict(type='auxskd_mm.PaceSample', clip_len=6, seed=0),
        dict(type='auxskd_mm.PaceHead', in_channels=64),
        ['loss_pace'],
    ),
    'pace_same_context': (
        dict(
            type='auxskd_mm.PaceSample', clip_len=6, paces=(0.5, 1, 2), num_views=2, slow_motion='interpolate', seed=0
        ),
        dict(type='auxskd_mm.PaceHead', in_channels=64, num_paces=3, contrastive='same_context'),
        ['loss_pace', 'loss_contrastive'],
    ),
    'order': (
        dict(type='auxskd_mm.ClipOrderSample', clip_len=6, tuple_len=3, interval=2, seed=0),
        dict(type='auxskd_mm.ClipOrderHead', in_channels=64, hidden_channels=16, dropout=0.0),
        ['loss_order'],
    ),
}


@pytest.fixture
def folder(tmp_path):
    for i in range(4):
        write_video(tmp_path / f'{i}.mp4', num_frames=24)
    return tmp_path


def batch_of(folder, sampler, task):
    pipeline = [
        dict(type='auxskd_mm.OpenVideo'),
        sampler,
        dict(type='auxskd_mm.DecodeClips'),
        dict(type='auxskd_mm.BlendFrames'),
        dict(type='auxskd_mm.PerView', transforms=[dict(type='RandomCrop', size=32)]),
        dict(type='FormatShape', input_format='NCTHW'),
        dict(type='PackActionInputs', algorithm_keys=(f'{task}_label',), meta_keys=('filename', 'sample_idx')),
    ]
    dataset = UnlabeledVideoDataset(str(folder), pipeline=pipeline, test_mode=True)
    return pseudo_collate([dataset[i] for i in range(4)])


@pytest.mark.parametrize('name', METHODS)
def test_a_recogniser_learns_a_batch_by_heart(name, folder):
    torch.manual_seed(0)
    sampler, head, losses = METHODS[name]
    task = name.split('_')[0]
    model = MODELS.build(
        dict(
            type='Recognizer3D',
            backbone=BACKBONE,
            cls_head=head,
            data_preprocessor=dict(
                type='ActionDataPreprocessor', mean=[127.5] * 3, std=[64.0] * 3, format_shape='NCTHW'
            ),
        )
    )
    model.train()
    batch = batch_of(folder, sampler, task)
    optimizer = OptimWrapper(torch.optim.Adam(model.parameters(), lr=3e-3))
    first = model.train_step(copy.deepcopy(batch), optimizer)
    assert [key for key in first if key.startswith('loss_')] == losses
    assert torch.allclose(first['loss'], sum(first[key] for key in losses))
    for _ in range(15):
        last = model.train_step(copy.deepcopy(batch), optimizer)
    # Guessing costs ln(3) or more; a batch of four videos is soon learnt.
    assert last[losses[0]] < 0.3
    assert last[f'{task}_acc'] == 1.0

    metric = PretextAccuracyMetric(tasks=[task])
    model.eval()
    samples = model.test_step(copy.deepcopy(batch))
    metric.process(None, [sample.to_dict() for sample in samples])
    result = metric.evaluate(4)
    hits = torch.cat([sample.get(f'pred_{task}').argmax(-1) for sample in samples])
    labels = torch.cat([torch.as_tensor(sample.get(f'{task}_label')) for sample in samples])
    assert result[f'pretext/{task}_acc'] == pytest.approx((hits == labels).float().mean().item())
