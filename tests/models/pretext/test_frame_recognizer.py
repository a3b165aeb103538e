"""Recipes of 2-D recognisers with our heads: both layouts of a sample, training and test."""

import numpy as np
import pytest
import torch
from mmaction.structures import ActionDataSample
from small_models import MMACTION

from auxskd_mm.errors import InputError
from auxskd_mm.registry import MODELS


def build(name='ResNetTSM', width=512):
    torch.manual_seed(0)
    head = dict(type='auxskd_mm.VSPPHead', in_channels=width)
    return MODELS.build(dict(type='auxskd_mm.FrameRecognizer', backbone=MMACTION[name][0], cls_head=head)).eval()


def sample(*paces):
    made = ActionDataSample()
    for key in ('pace_label', 'segment_label'):
        made.set_field(np.array(paces), key)
    return made


def test_both_layouts_are_the_same_clips():
    model = build()
    clips = torch.rand(2, 3, 3, 4, 16, 16)  # (B, V, C, T, H, W)
    rows = clips.transpose(2, 3).flatten(1, 2)  # (B, V * T, C, H, W)
    with torch.no_grad():
        whole = model.extract_feat(clips)[0]
        assert whole.shape == (6, 512, 4, 1, 1)
        assert torch.equal(model.extract_feat(rows)[0], whole)


def test_a_sample_of_frames_is_one_clip_without_a_number_of_segments():
    model = build('ResNet', 512)
    with torch.no_grad():
        assert model.extract_feat(torch.rand(2, 5, 3, 16, 16))[0].shape == (2, 512, 5, 2, 2)


def test_labels_of_every_clip_count():
    model = build()
    clips = torch.rand(2, 2, 3, 4, 16, 16)
    losses = model(clips, [sample(0, 1), sample(2, 3)], mode='loss')
    assert losses['loss_speed'].isfinite()
    with pytest.raises(InputError, match='4 predictions for 2'):
        model(clips, [sample(0), sample(1)], mode='loss')
    with torch.no_grad():
        found = model(clips, [sample(0, 1), sample(2, 3)], mode='predict')
    assert [one.pred_pace.shape for one in found] == [(2, 4), (2, 4)]
