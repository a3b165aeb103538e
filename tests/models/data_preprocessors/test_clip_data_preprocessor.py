"""MMAction2's preprocessor is the oracle wherever no photometric work is asked for; jitter then normalise elsewhere."""

import copy
import pickle

import pytest
import torch
from mmaction.models.data_preprocessors import ActionDataPreprocessor
from mmaction.structures import ActionDataSample

from auxskd_mm.errors import InputError
from auxskd_mm.models.data_preprocessors import BatchColorJitter, BatchRandomGrayscale, ClipDataPreprocessor
from auxskd_mm.models.data_preprocessors import clip_data_preprocessor as module
from auxskd_mm.registry import MODELS

MEAN, STD = [123.675, 116.28, 103.53], [58.395, 57.12, 57.375]
JITTER = dict(type='auxskd_mm.BatchColorJitter', brightness=0.8, contrast=0.8, saturation=0.8, hue=0.2, p=0.8)


def data(layout='NCTHW', views=2, count=3):
    generator = torch.Generator().manual_seed(0)
    shape = {'NCTHW': (views, 3, 4, 6, 5), 'NCHW': (views * 4, 3, 6, 5)}[layout]
    inputs = [torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator) for _ in range(count)]
    return dict(inputs=inputs, data_samples=[ActionDataSample().set_gt_label(i) for i in range(count)])


@pytest.mark.parametrize('layout', ['NCTHW', 'NCHW'])
@pytest.mark.parametrize('normalise', [False, True])
@pytest.mark.parametrize('to_rgb', [False, True])
@pytest.mark.parametrize('training', [False, True])
def test_without_photometric_it_is_mmactions(layout, normalise, to_rgb, training):
    kwargs = dict(mean=MEAN, std=STD) if normalise else {}
    kwargs.update(to_rgb=to_rgb, format_shape=layout)
    theirs = ActionDataPreprocessor(**kwargs)(data(layout), training=training)
    ours = ClipDataPreprocessor(**kwargs)(data(layout), training=training)
    assert ours['inputs'].dtype == torch.float32
    assert torch.equal(ours['inputs'], theirs['inputs'])
    assert [s.gt_label.item() for s in ours['data_samples']] == [0, 1, 2]


@pytest.mark.parametrize('layout', ['NCTHW', 'NCHW'])
@pytest.mark.parametrize('to_rgb', [False, True])
@pytest.mark.parametrize('normalise', [False, True])
def test_training_jitters_and_then_normalises(layout, to_rgb, normalise):
    kwargs = dict(mean=MEAN, std=STD) if normalise else {}
    kwargs.update(to_rgb=to_rgb, format_shape=layout, photometric=JITTER)
    torch.manual_seed(3)
    ours = ClipDataPreprocessor(**kwargs)(data(layout), training=True)['inputs']
    channel_dim = -4 if layout == 'NCTHW' else -3
    stacked = torch.stack(data(layout)['inputs'])
    stacked = stacked.flip(channel_dim) if to_rgb else stacked
    torch.manual_seed(3)
    jittered = BatchColorJitter(0.8, 0.8, 0.8, 0.2, 0.8)(stacked, channel_dim)
    shape = (3,) + (1,) * (-channel_dim - 1)
    expected = (jittered - torch.tensor(MEAN).view(shape)) / torch.tensor(STD).view(shape) if normalise else jittered
    assert torch.equal(ours, expected)
    assert not torch.allclose(jittered, stacked.float())


def test_evaluation_does_not_jitter():
    preprocessor = ClipDataPreprocessor(MEAN, STD, photometric=JITTER)
    plain = ActionDataPreprocessor(MEAN, STD, format_shape='NCTHW')
    torch.manual_seed(0)
    before = torch.get_rng_state()
    assert torch.equal(preprocessor(data(), training=False)['inputs'], plain(data())['inputs'])
    assert torch.equal(torch.get_rng_state(), before)


def test_several_augmentations_run_in_their_order():
    grey = dict(type='auxskd_mm.BatchRandomGrayscale', p=1.0)
    preprocessor = ClipDataPreprocessor(photometric=[JITTER, grey])
    assert [type(m) for m in preprocessor.photometric] == [BatchColorJitter, BatchRandomGrayscale]
    ours = preprocessor(data(), training=True)['inputs']
    assert (ours == ours[:, :, :1]).all()  # the other order would have coloured it again


def test_stacked_inputs_are_taken_as_well():
    preprocessor = ClipDataPreprocessor(MEAN, STD, photometric=JITTER)
    stacked = dict(data(), inputs=torch.stack(data()['inputs']))
    for training in (False, True):
        torch.manual_seed(1)
        listed = preprocessor(data(), training=training)['inputs']
        torch.manual_seed(1)
        assert torch.equal(preprocessor(dict(stacked), training=training)['inputs'], listed)


def test_blending_comes_last_and_only_in_training():
    blending = dict(type='MixupBlending', num_classes=3, alpha=0.5)
    for photometric in (None, dict(JITTER, p=0.0)):
        preprocessor = ClipDataPreprocessor(MEAN, STD, blending=blending, photometric=photometric)
        plain = ActionDataPreprocessor(MEAN, STD, blending=blending, format_shape='NCTHW')
        torch.manual_seed(2)
        single = dict(data(views=1))
        if photometric:
            torch.rand(3 * 4 * 9)  # the draws of the jitter, which come first
        theirs = plain(single, training=True)
        torch.manual_seed(2)
        ours = preprocessor(dict(data(views=1)), training=True)
        assert torch.allclose(ours['inputs'], theirs['inputs'], atol=1e-5)
        for a, b in zip(ours['data_samples'], theirs['data_samples']):
            assert torch.equal(a.gt_label, b.gt_label)


def test_every_rank_draws_its_own(monkeypatch):
    drawn = []
    for rank in (0, 1, 1):
        monkeypatch.setattr(module, 'get_world_size', lambda: 2)
        monkeypatch.setattr(module, 'get_rank', lambda rank=rank: rank)
        torch.manual_seed(11)  # the one seed that MMEngine gives to all ranks
        preprocessor = ClipDataPreprocessor(photometric=JITTER)
        drawn.append(preprocessor(data(), training=True)['inputs'])
        again = preprocessor(data(), training=True)['inputs']
        assert not torch.equal(again, drawn[-1])  # the stream goes on
    assert not torch.equal(drawn[0], drawn[1])
    assert torch.equal(drawn[1], drawn[2])
    for copied in (copy.deepcopy(preprocessor), pickle.loads(pickle.dumps(preprocessor))):
        assert torch.equal(copied(data(), training=True)['inputs'], drawn[2])


def test_inside_a_recogniser():
    config = dict(type='auxskd_mm.ClipDataPreprocessor', mean=MEAN, std=STD, photometric=JITTER)
    preprocessor = MODELS.build(config)
    assert list(preprocessor.state_dict()) == []  # a checkpoint does not depend on it
    assert 'BatchColorJitter' in repr(preprocessor)


def test_bad_settings():
    for kwargs, says in (
        (dict(mean=MEAN), r'ClipDataPreprocessor\.std is missing: mean is set'),
        (dict(std=STD), r'ClipDataPreprocessor\.mean is missing: std is set'),
        (dict(mean=MEAN, std=[1.0]), r'ClipDataPreprocessor\.std has 1 values, mean 3'),
        (dict(mean=MEAN, std=[1, 0, 1]), r'ClipDataPreprocessor\.std=\[1, 0, 1\]: expected values above 0'),
        (dict(format_shape='NTCHW'), r"ClipDataPreprocessor\.format_shape='NTCHW': expected 'NCTHW'"),
        (dict(format_shape='MIX2d3d'), r"ClipDataPreprocessor\.format_shape='MIX2d3d': expected"),
        (dict(photometric='jitter'), r"ClipDataPreprocessor\.photometric='jitter': expected the config"),
        (dict(photometric=dict(JITTER, hue=0.9)), r'BatchColorJitter\.hue=0\.9: expected'),
    ):
        with pytest.raises(InputError, match=says) as error:
            ClipDataPreprocessor(**kwargs)
        assert '\n' not in str(error.value)
    with pytest.raises(InputError, match='expected 3 channels at dimension -4'):
        ClipDataPreprocessor(photometric=JITTER)(dict(data('NCHW')), training=True)


def test_value_range_brings_black_to_0_and_white_to_255():
    clips = torch.tensor([0, 100, 200, 300, 65535]).reshape(1, 1, 1, 1, 5).to(torch.uint16)
    preprocessor = ClipDataPreprocessor(value_range=(100, 300))
    made, _ = preprocessor.preprocess([clips], None)
    torch.testing.assert_close(made.flatten(), torch.tensor([0, 0, 127.5, 255, 255]))
    normalised, _ = ClipDataPreprocessor(mean=[55], std=[2], value_range=(100, 300)).preprocess([clips], None)
    torch.testing.assert_close(normalised.flatten(), (torch.tensor([0, 0, 127.5, 255, 255]) - 55) / 2)
    inverted, _ = ClipDataPreprocessor(value_range=(300, 100)).preprocess([clips], None)
    torch.testing.assert_close(inverted, 255 - made)
    assert not [key for key in preprocessor.state_dict() if 'black' in key or 'factor' in key]


@pytest.mark.parametrize('channels', [1, 2, 5])
def test_jitter_and_normalisation_of_other_channels(channels):
    """The same clip in 8 bits and in 16 gives the same; each channel is that of a gray clip."""
    small = torch.randint(0, 256, (2, channels, 4, 6, 6), generator=torch.Generator().manual_seed(0))
    settings = dict(
        mean=[100.0] * channels,
        std=[50.0] * channels,
        photometric=dict(type='auxskd_mm.BatchColorJitter', brightness=0.5, contrast=0.5, saturation=0, hue=0, p=1.0),
    )
    made = []
    for clips, value_range in ((small.to(torch.uint8), None), ((small * 257).to(torch.uint16), (0, 65535))):
        torch.manual_seed(3)
        made.append(ClipDataPreprocessor(**settings, value_range=value_range).preprocess([clips], None, True)[0])
    torch.testing.assert_close(made[0], made[1], atol=1e-3, rtol=0)
    torch.manual_seed(3)
    gray = dict(settings, mean=[100.0], std=[50.0])
    alone = ClipDataPreprocessor(**gray).preprocess([small[:, -1:].to(torch.uint8)], None, True)[0]
    torch.testing.assert_close(made[0][:, :, -1:], alone)


def test_pixels_that_nobody_can_guess_and_wrong_channels():
    deep, five = torch.zeros(1, 1, 2, 4, 4, dtype=torch.int16), torch.zeros(1, 5, 2, 4, 4, dtype=torch.uint8)
    for settings, clips, says in (
        (dict(), deep, r'pixels of type int16.*set ClipDataPreprocessor\.value_range=\(black, white\)'),
        (dict(mean=MEAN, std=STD), five, r'ClipDataPreprocessor\.mean has 3 values, and the clips have 5 channels'),
        (dict(to_rgb=True), five, r'ClipDataPreprocessor\.to_rgb=True: the clips have 5 channel\(s\)'),
        (dict(value_range=[(0, 1)] * 3), five, r'value_range has 3 pairs of black and white, and the frames have 5'),
    ):
        with pytest.raises(InputError, match=says) as error:
            ClipDataPreprocessor(**settings).preprocess([clips], None)
        assert '\n' not in str(error.value)
    with pytest.raises(InputError, match=r'BatchColorJitter: .*for saturation and hue of red, green and blue'):
        ClipDataPreprocessor(photometric=dict(type='auxskd_mm.BatchColorJitter')).preprocess([five], None, True)
    with pytest.raises(InputError, match=r'BatchRandomGrayscale: .*greyscale of red, green and blue; .*leave it out'):
        ClipDataPreprocessor(photometric=dict(type='auxskd_mm.BatchRandomGrayscale')).preprocess([five], None, True)


@pytest.mark.parametrize('shape', [(8, 3, 32, 32), (8, 32, 32, 3)])
def test_samples_that_are_no_clips(shape):
    """FormatShape writes frames, or is missing."""
    processor = ClipDataPreprocessor(mean=[127.5] * 3, std=[64.0] * 3)
    with pytest.raises(
        InputError, match=r"a sample has the shape .*; expected \(V, C, T, H, W\).*input_format='NCTHW'"
    ):
        processor(dict(inputs=[torch.zeros(shape, dtype=torch.uint8)], data_samples=None))
