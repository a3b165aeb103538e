"""Colour work on batches: the draws of the functional layer, applied as torchvision would."""

import numpy as np
import pytest
import torch
from jitter_oracle import colourful_frames, jitter_all

from auxskd_mm.errors import InputError
from auxskd_mm.functional.jitter_params import JitterParams, draw_jitter_batch, draw_mask_batch, jitter_settings
from auxskd_mm.functional.photometric import grey_clips, jitter_clips
from auxskd_mm.models.data_preprocessors import BatchColorJitter, BatchRandomGrayscale
from auxskd_mm.registry import MODELS

SETTINGS = dict(brightness=0.8, contrast=0.4, saturation=0.8, hue=0.2, p=0.7)


def batch(channel_dim=-4):
    """uint8 (2, 2, 3, 6, 13, 10) or (2, 2, 6, 3, 13, 10)."""
    clips = torch.from_numpy(colourful_frames(24)).reshape(2, 2, 6, 13, 10, 3)
    return clips.permute(0, 1, 5, 2, 3, 4) if channel_dim == -4 else clips.permute(0, 1, 2, 5, 3, 4)


@pytest.mark.parametrize('channel_dim', [-4, -3])
@pytest.mark.parametrize('clip_consistent', [False, True])
def test_jitter_is_torchvisions_with_the_same_draws(channel_dim, clip_consistent):
    module = BatchColorJitter(**SETTINGS, clip_consistent=clip_consistent)
    clips = batch(channel_dim)
    ours = module(clips, channel_dim, torch.Generator().manual_seed(4))
    assert (ours.dtype, ours.shape) == (torch.float32, clips.shape)
    settings = jitter_settings(**SETTINGS, clip_consistent=clip_consistent)
    params = draw_jitter_batch(settings, (2, 2, 6), generator=torch.Generator().manual_seed(4))
    flat = JitterParams(*(a.flatten(0, 2) for a in params))
    expected = jitter_all(colourful_frames(24), flat).reshape(2, 2, 6, 13, 10, 3)
    back = ours.permute((0, 1, 3, 4, 5, 2) if channel_dim == -4 else (0, 1, 2, 4, 5, 3))
    assert np.abs(back.numpy() - expected).max() < 0.02
    # What an accelerator runs, on the same draws.
    assert (ours - jitter_clips(clips, params, channel_dim)).abs().max() < 0.02


def test_the_global_generator_draws_where_none_is_given():
    torch.manual_seed(7)
    ours = BatchColorJitter(**SETTINGS)(batch())
    expected = BatchColorJitter(**SETTINGS)(batch(), generator=torch.Generator().manual_seed(7))
    assert torch.equal(ours, expected)


@pytest.mark.parametrize('clip_consistent', [False, True])
def test_grey(clip_consistent):
    module = BatchRandomGrayscale(0.5, clip_consistent)
    ours = module(batch(), generator=torch.Generator().manual_seed(1))
    mask = draw_mask_batch(0.5, (2, 2, 6), clip_consistent, generator=torch.Generator().manual_seed(1))
    assert torch.equal(ours, grey_clips(batch(), mask))
    assert mask.any()
    assert not mask.all()


def test_by_name_and_what_is_printed():
    assert MODELS.build(dict(type='auxskd_mm.BatchColorJitter', hue=0.1)).settings.ranges[3] == (-0.1, 0.1)
    assert repr(MODELS.build(dict(type='auxskd_mm.BatchRandomGrayscale', p=0.1))) == (
        'BatchRandomGrayscale(p=0.1, clip_consistent=True)'
    )
    assert 'p=0.7, clip_consistent=False' in repr(BatchColorJitter(**SETTINGS))


def test_bad_settings():
    for build, says in (
        (lambda: BatchColorJitter(saturation='x'), r"BatchColorJitter\.saturation='x': expected"),
        (lambda: BatchColorJitter(hue=1), r'BatchColorJitter\.hue=1: expected'),
        (lambda: BatchRandomGrayscale(p=7), r'BatchRandomGrayscale\.p=7: expected'),
        (lambda: BatchColorJitter()(torch.zeros(1, 4, 2, 3, 3)), 'expected 3 channels at dimension -4'),
    ):
        with pytest.raises(InputError, match=says) as error:
            build()
        assert '\n' not in str(error.value)
