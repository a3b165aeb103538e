"""What is drawn: torchvision's ranges, uniform laws, and one code for loader and device."""

import itertools
import math

import numpy as np
import pytest
import torch
from scipy import stats
from torchvision.transforms import ColorJitter

from auxskd_mm.errors import InputError
from auxskd_mm.functional.jitter_params import (
    HUE,
    OPERATIONS,
    check_probability,
    draw_jitter,
    draw_jitter_batch,
    draw_mask,
    draw_mask_batch,
    jitter_settings,
)

STRONG = dict(brightness=0.8, contrast=0.6, saturation=(0.5, 3), hue=0.2)


def drawn(where, settings, num_clips, clip_len, seed=0):
    """Arrays of leading shape (num_clips, clip_len), drawn as a loader or as a device does."""
    if where == 'loader':
        params = draw_jitter(settings, num_clips, clip_len, np.random.RandomState(seed))
        return [array.reshape(num_clips, clip_len, *array.shape[1:]) for array in params]
    generator = torch.Generator().manual_seed(seed)
    return list(draw_jitter_batch(settings, (num_clips, clip_len), generator=generator).arrays())


@pytest.mark.parametrize('strength', [0.1, 0.8, 1.0, 1.7, (0.3, 0.9)])
def test_ranges_are_torchvisions(strength):
    theirs = ColorJitter(
        strength, strength, strength, min(strength, 0.5) if isinstance(strength, float) else (-0.1, 0.3)
    )
    ours = jitter_settings(strength, strength, strength, theirs.hue)
    assert ours.ranges == tuple(map(tuple, (theirs.brightness, theirs.contrast, theirs.saturation, theirs.hue)))
    if isinstance(strength, float):
        assert jitter_settings(hue=min(strength, 0.5)).ranges[HUE] == tuple(theirs.hue)


def test_only_what_can_change_a_pixel_is_an_operation():
    assert jitter_settings().operations == ()
    assert jitter_settings(contrast=0.1, hue=(0, 0)).operations == ('contrast',)
    assert jitter_settings(brightness=(1, 1), saturation=(2, 2), hue=(0, 0.1)).operations == ('saturation', 'hue')
    assert jitter_settings(**STRONG).operations == OPERATIONS


@pytest.mark.parametrize('where', ['loader', 'device'])
def test_draws_are_uniform_and_independent(where):
    settings = jitter_settings(**STRONG, p=0.8)
    apply, order, factors, hue = drawn(where, settings, 500, 48)
    count = apply.size
    assert abs(apply.mean() - 0.8) < 4 * math.sqrt(0.8 * 0.2 / count)
    for values, (low, high) in zip([*np.moveaxis(factors, -1, 0), hue], settings.ranges):
        assert low <= values.min() < values.max() <= high
        assert stats.kstest(values.ravel(), stats.uniform(low, high - low).cdf).pvalue > 1e-3
    # All 24 orders are equally frequent, among the jittered frames and among the others.
    permutations = {p: i for i, p in enumerate(itertools.permutations(range(4)))}
    which = np.array([permutations[tuple(o)] for o in order.reshape(-1, 4)])
    table = np.stack([np.bincount(which[apply.ravel() == a], minlength=24) for a in (False, True)])
    assert stats.chisquare(table.sum(0)).pvalue > 1e-3
    assert stats.chi2_contingency(table)[1] > 1e-3  # the p-value; SciPy 1.9 gives a plain tuple
    draws = np.stack([apply.ravel(), which == 0, *factors.reshape(-1, 3).T, hue.ravel()])
    assert np.abs(np.corrcoef(draws) - np.eye(6)).max() < 4 / math.sqrt(count)
    # Neighbouring frames know nothing of each other.
    assert abs(np.corrcoef(hue[:, :-1].ravel(), hue[:, 1:].ravel())[0, 1]) < 4 / math.sqrt(count)


@pytest.mark.parametrize('where', ['loader', 'device'])
def test_one_draw_a_clip(where):
    per_frame = drawn(where, jitter_settings(**STRONG, p=0.5), 40, 6)
    per_clip = drawn(where, jitter_settings(**STRONG, p=0.5, clip_consistent=True), 40, 6)
    for frames, clips in zip(per_frame, per_clip):
        assert frames.shape == clips.shape
        assert (clips == clips[:, :1]).all()
        assert not (frames == frames[:, :1]).all()
        assert len(np.unique(clips, axis=0)) > 1


def test_settings_do_not_shift_the_stream():
    states = []
    for settings in (jitter_settings(p=0.0), jitter_settings(**STRONG, p=1.0)):
        rng = np.random.RandomState(3)
        draw_jitter(settings, 2, 5, rng)
        states.append(rng.uniform())
    assert states[0] == states[1]
    np.random.seed(3)
    ours = draw_jitter(jitter_settings(**STRONG), 2, 5)
    assert np.array_equal(ours.hue, draw_jitter(jitter_settings(**STRONG), 2, 5, np.random.RandomState(3)).hue)


def test_tensors_and_arrays_hold_the_same():
    params = draw_jitter(jitter_settings(**STRONG), 1, 4, np.random.RandomState(0))
    there = params.tensors()
    assert [t.dtype for t in there] == [torch.bool, torch.int64, torch.float32, torch.float32]
    for array, back in zip(params, there.arrays()):
        assert np.allclose(array, back, atol=1e-7)


def test_masks():
    rng = np.random.RandomState(0)
    generator = torch.Generator().manual_seed(0)
    for mask in (
        draw_mask(0.3, 2000, 5, False, rng).reshape(2000, 5),
        draw_mask_batch(0.3, (2000, 5), False, generator=generator).numpy(),
    ):
        assert abs(mask.mean() - 0.3) < 4 * math.sqrt(0.3 * 0.7 / mask.size)
        assert not (mask == mask[:, :1]).all()
    for mask in (
        draw_mask(0.3, 2000, 5, True, rng).reshape(2000, 5),
        draw_mask_batch(0.3, (2000, 5), True, generator=generator).numpy(),
    ):
        assert abs(mask.mean() - 0.3) < 4 * math.sqrt(0.3 * 0.7 / 2000)
        assert (mask == mask[:, :1]).all()
    assert not draw_mask(0.0, 10, 10, False, rng).any()
    assert draw_mask(1.0, 10, 10, False, rng).all()


@pytest.mark.parametrize(
    ('settings', 'says'),
    [
        (dict(brightness=-0.1), r'X\.brightness=-0\.1: expected a strength of 0 or more'),
        (dict(contrast=math.inf), r'X\.contrast=inf'),
        (dict(saturation=math.nan), r'X\.saturation=nan'),
        (dict(saturation='0.8'), r"X\.saturation='0\.8'"),
        (dict(brightness=True), r'X\.brightness=True'),
        (dict(hue=0.6), r'X\.hue=0\.6: expected a hue shift in \[0, 0\.5\]'),
        (dict(hue=(-0.6, 0.1)), r'X\.hue=\(-0\.6, 0\.1\): .* within \[-0\.5, 0\.5\]'),
        (dict(contrast=(1.2, 0.8)), r'X\.contrast=\(1\.2, 0\.8\): expected \(lowest, highest\)'),
        (dict(contrast=(0.2, 0.5, 0.8)), r'X\.contrast'),
        (dict(contrast=(0.2, math.inf)), r'X\.contrast'),
        (dict(p=1.2), r'X\.p=1\.2: expected a probability'),
    ],
)
def test_bad_settings_are_one_line(settings, says):
    with pytest.raises(InputError, match=says) as error:
        jitter_settings(**settings, owner='X')
    assert '\n' not in str(error.value)


def test_probabilities():
    assert check_probability(1, 'X') == 1.0
    for bad in (-0.1, 1.01, math.nan, None, '0.5', True):
        with pytest.raises(InputError, match=r'X\.p='):
            check_probability(bad, 'X')
