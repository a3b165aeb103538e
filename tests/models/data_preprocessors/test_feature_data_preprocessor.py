"""Batches of feature maps: float16 in, float32 out, nothing else changed."""

import pytest
import torch
from mmaction.structures import ActionDataSample

from auxskd_mm.errors import InputError
from auxskd_mm.registry import MODELS


def build(**settings):
    return MODELS.build(dict(type='auxskd_mm.FeatureDataPreprocessor', **settings))


@pytest.mark.parametrize('training', [True, False])
def test_maps_are_stacked_and_cast(training):
    samples = [torch.randn(2, 6, 4, 3, 3).half() for _ in range(3)]
    done = build(channels=6)(dict(inputs=samples, data_samples=[None] * 3), training)
    assert done['inputs'].dtype == torch.float32
    assert torch.equal(done['inputs'], torch.stack([sample.float() for sample in samples]))


def test_maps_and_labels_are_blended_alike_and_only_in_training():
    maps = torch.randn(3, 1, 6, 4, 3, 3).half()
    preprocessor = build(blending=dict(type='MixupBlending', num_classes=5, alpha=0.4))
    for training in (True, False):
        torch.manual_seed(1)
        done = preprocessor(
            dict(inputs=list(maps), data_samples=[ActionDataSample().set_gt_label(label) for label in (4, 0, 2)]),
            training,
        )
        if training:
            soft = torch.stack([sample.gt_label for sample in done['data_samples']])  # (3, 5): the share of each clip
            assert torch.allclose(soft.sum(1), torch.ones(3))
            assert 0.01 < soft.max(1).values.min() < 0.99  # a draw that does blend
            expected = torch.einsum('bc,c...->b...', soft[:, [4, 0, 2]], maps.float())
            assert torch.allclose(done['inputs'], expected, atol=1e-6)
        else:
            assert torch.equal(done['inputs'], maps.float())
            assert [sample.gt_label.item() for sample in done['data_samples']] == [4, 0, 2]


@pytest.mark.parametrize('kind', ['FeatureDataPreprocessor', 'ClipDataPreprocessor'])
def test_clips_without_classes_are_not_blended(kind):
    blending = dict(type='MixupBlending', num_classes=5)
    preprocessor = MODELS.build(dict(type=f'auxskd_mm.{kind}', blending=blending))
    for samples in ([ActionDataSample() for _ in range(2)], None):
        data = dict(inputs=[torch.zeros(1, 3, 4, 2, 2)] * 2, data_samples=samples)
        with pytest.raises(
            InputError, match='blending mixes the labels of action classes, and the samples have no gt_label'
        ):
            preprocessor(dict(data), True)
        assert preprocessor(dict(data), False)['inputs'].shape == (2, 1, 3, 4, 2, 2)


@pytest.mark.parametrize(
    ('sample', 'words'),
    [
        (torch.zeros(1, 3, 4, 8, 8, dtype=torch.uint8), 'takes feature maps .* got torch.uint8'),
        (torch.zeros(1, 5, 4, 3, 3).half(), r'channels=6, but the feature maps of the store have 5'),
        (torch.zeros(6, 4, 3, 3).half(), 'takes feature maps'),
    ],
)
def test_inputs_that_are_no_such_maps(sample, words):
    with pytest.raises(InputError, match=words):
        build(channels=6)(dict(inputs=[sample, sample], data_samples=None), False)
