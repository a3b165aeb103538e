"""VSPP on R(2+1)D against values recorded from the original code over its optimizer steps."""

import numpy as np
import pytest
import seeded
import torch
from conftest import recorded
from mmaction.structures import ActionDataSample

from auxskd_mm.registry import MODELS
from auxskd_mm.zoo.convert_checkpoint import convert_state_dict


@pytest.fixture(scope='module')
def record():
    return recorded('vspp_r21d')


@pytest.fixture
def model(record):
    model = MODELS.build(
        dict(
            type='Recognizer3D',
            backbone=dict(type='auxskd_mm.R2Plus1DVCOP'),
            cls_head=dict(type='auxskd_mm.VSPPHead', in_channels=512),
            data_preprocessor=dict(type='auxskd_mm.ClipDataPreprocessor'),
        )
    )
    # The original's names with DataParallel's prefix: the converter is part of what is compared.
    original = seeded.state_dict(record['seed'], record['shapes'])
    converted = convert_state_dict({f'module.{key}': value for key, value in original.items()})
    assert converted.kind == 'vspp'
    assert converted.dropped == []
    model.load_state_dict(converted.state_dict, strict=True)
    return model


def batch(record, name, speed=None, segment=None):
    clips = seeded.clips(record['seed'], name, record['batch'])
    samples = []
    for i in range(len(clips)):
        sample = ActionDataSample()
        if speed is not None:
            sample.set_field(np.array([speed[i]]), 'pace_label')
            sample.set_field(np.array([segment[i]]), 'segment_label')
        samples.append(sample)
    return dict(inputs=[clip[None].to(torch.uint8) for clip in clips], data_samples=samples)


def test_logits(model, record):
    model.eval()
    data = model.data_preprocessor(batch(record, 'eval'))
    with torch.no_grad():
        speed, segment = model.cls_head(model.extract_feat(data['inputs'])[0])
    for logits, key in ((speed, 'eval_speed_logits'), (segment, 'eval_segment_logits')):
        wanted = torch.tensor(record[key])
        assert torch.allclose(logits, wanted, rtol=0, atol=1e-5 * wanted.abs().max().item())


def test_optimizer_steps(model, record):
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9, weight_decay=5e-3)
    model.train()
    for i, step in enumerate(record['steps']):
        assert seeded.labels(record['seed'], f'speed{i}', record['batch'], 4).tolist() == step['speed']
        data = model.data_preprocessor(batch(record, f'step{i}', step['speed'], step['segment']), training=True)
        losses = model(**data, mode='loss')
        total, _ = model.parse_losses(losses)
        optimizer.zero_grad()
        total.backward()
        norm = torch.nn.utils.get_total_norm([p.grad for p in model.parameters()])
        # BatchNorm over four clips amplifies rounding from one step to the next.
        tolerance = 1e-4 if i == 0 else 3e-3
        assert losses['loss_speed'].item() == pytest.approx(step['loss_speed'], rel=tolerance)
        assert losses['loss_segment'].item() == pytest.approx(step['loss_segment'], rel=tolerance)
        assert norm.item() == pytest.approx(step['grad_norm'], rel=3 * tolerance)
        optimizer.step()
    final = torch.nn.utils.get_total_norm(list(model.parameters()))
    assert final.item() == pytest.approx(record['param_norm_after'], rel=1e-4)
