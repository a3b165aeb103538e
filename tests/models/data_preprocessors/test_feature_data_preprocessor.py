"""Batches of feature maps: float16 in, float32 out, nothing else changed."""

import pytest
import torch

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
