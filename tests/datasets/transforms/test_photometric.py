"""Colour work in the loader: the draws of NumPy's global generator, applied as torchvision would, clip by clip."""

import numpy as np
import pytest
from jitter_oracle import colourful_frames, jitter_all
from mmengine.dataset import Compose

from auxskd_mm.datasets.transforms import ClipColorJitter, ClipRandomGrayscale
from auxskd_mm.errors import InputError
from auxskd_mm.functional.jitter_params import draw_jitter, jitter_settings


def results(count=32, clip_len=16, as_array=False):
    frames = colourful_frames(count)
    return dict(imgs=frames if as_array else list(frames), clip_len=clip_len, num_clips=count // clip_len)


@pytest.mark.parametrize('as_array', [False, True])
@pytest.mark.parametrize('clip_consistent', [False, True])
def test_jitter_is_torchvisions_with_the_same_draws(as_array, clip_consistent):
    settings = dict(brightness=0.8, contrast=0.4, saturation=0.8, hue=0.2, p=0.7, clip_consistent=clip_consistent)
    params = draw_jitter(jitter_settings(**settings), 2, 16, np.random.RandomState(5))
    np.random.seed(5)
    ours = ClipColorJitter(**settings)(results(as_array=as_array))['imgs']
    assert isinstance(ours, np.ndarray if as_array else list)
    assert np.asarray(ours).dtype == np.uint8
    assert np.abs(np.asarray(ours) - jitter_all(colourful_frames(32), params)).max() <= 0.51


def test_defaults_are_those_of_the_original():
    # Plrbear/auxSKD @ 79e99b8: RandomApply([ColorJitter(0.8, 0.8, 0.8, 0.2)], p=0.8), every frame on its own.
    settings = ClipColorJitter().settings
    assert settings == jitter_settings(0.8, 0.8, 0.8, 0.2, p=0.8, clip_consistent=False)


def test_frames_that_came_in_are_not_written_to():
    came = results()
    before = [frame.copy() for frame in came['imgs']]
    kept = list(came['imgs'])
    ClipColorJitter(p=1.0)(came)
    ClipRandomGrayscale(p=1.0)(came)
    assert all(np.array_equal(frame, old) for frame, old in zip(kept, before))


def test_grey_keeps_to_a_clip():
    np.random.seed(0)
    grey = ClipRandomGrayscale(p=0.5)
    seen = set()
    for _ in range(20):
        came = dict(imgs=[np.array([[[10, 200, 30]]], np.uint8)] * 6, clip_len=3)
        # 0.2989 * 10 + 0.587 * 200 + 0.114 * 30 = 123.8
        turned = [tuple(frame.ravel()) == (124, 124, 124) for frame in grey(came)['imgs']]
        assert turned[:3] in ([False] * 3, [True] * 3)
        assert turned[3:] in ([False] * 3, [True] * 3)
        seen.add((turned[0], turned[3]))
    assert len(seen) == 4  # both clips of a sample decide for themselves
    flicker = ClipRandomGrayscale(p=0.5, clip_consistent=False)(dict(imgs=list(colourful_frames(30, seed=1)[::3])))[
        'imgs'
    ]
    assert 0 < sum((frame == frame[..., :1]).all() for frame in flicker) < 10


def test_by_name_in_a_pipeline_behind_mmactions_transforms():
    steps = Compose(
        [
            dict(type='RandomCrop', size=8),
            dict(type='Flip', flip_ratio=0.5),
            dict(type='auxskd_mm.ClipColorJitter', p=1.0),
            dict(type='auxskd_mm.ClipRandomGrayscale', p=1.0),
            dict(type='FormatShape', input_format='NCTHW'),
        ]
    )
    imgs = steps(dict(results(), img_shape=(13, 10), modality='RGB'))['imgs']
    assert (imgs.shape, imgs.dtype) == ((2, 3, 16, 8, 8), np.uint8)
    assert (imgs == imgs[:, :1]).all()


def test_bad_settings_and_frames():
    for build, says in (
        (lambda: ClipColorJitter(brightness=-1), r'ClipColorJitter\.brightness=-1: expected'),
        (lambda: ClipColorJitter(hue=0.7), r'ClipColorJitter\.hue=0\.7: expected'),
        (lambda: ClipColorJitter(p=2), r'ClipColorJitter\.p=2: expected'),
        (lambda: ClipRandomGrayscale(p=-0.1), r'ClipRandomGrayscale\.p=-0\.1: expected'),
    ):
        with pytest.raises(InputError, match=says) as error:
            build()
        assert '\n' not in str(error.value)
    with pytest.raises(InputError, match='ClipColorJitter: 5 frames in imgs are not whole clips of clip_len=2'):
        ClipColorJitter()(results(5, 2))
    with pytest.raises(InputError, match='ClipRandomGrayscale: 0 frames'):
        ClipRandomGrayscale()(dict(imgs=[], clip_len=4))
    with pytest.raises(InputError, match=r'expected \(height, width, 3\)'):
        ClipColorJitter(p=1.0)(dict(imgs=[np.zeros((4, 4), np.uint8)]))


def test_what_is_printed():
    assert 'hue' not in repr(ClipRandomGrayscale(0.3))
    assert repr(ClipRandomGrayscale(0.3)) == 'ClipRandomGrayscale(p=0.3, clip_consistent=True)'
    assert 'p=0.8, clip_consistent=False' in repr(ClipColorJitter())


@pytest.mark.parametrize('dtype', ['uint16', 'int16', 'float32', 'float64'])
@pytest.mark.parametrize('channels', [1, 3, 5])
def test_other_pixels_are_jittered_as_8_bits_are(dtype, channels):
    """A frame of 8 bits and the same one on another scale, with the same draws."""
    colours = dict(saturation=0.5, hue=0.1) if channels == 3 else dict(saturation=0, hue=0)
    small = [np.random.RandomState(i).randint(0, 256, (6, 7, channels)).astype(np.uint8) for i in range(4)]
    # Black is 1000, and a grey level is 100 values.
    deep = [(frame * 100.0 + 1000).astype(dtype) for frame in small]
    made = []
    for frames, known in ((small, None), (deep, (1000, 26500))):
        np.random.seed(5)
        jitter = ClipColorJitter(0.5, 0.5, p=1.0, **colours, value_range=known)
        made.append(jitter(dict(imgs=[frame.copy() for frame in frames]))['imgs'])
    for one, other in zip(*made):
        assert other.dtype == dtype
        assert np.abs((other.astype(float) - 1000) / 100 - one).max() < 0.52  # 8 bits are rounded
    assert not np.array_equal(made[1][0], deep[0])


def test_colours_are_refused_where_there_are_none():
    gray = dict(imgs=[np.zeros((4, 5, 1), np.uint16)])
    for transform, says in (
        (
            ClipColorJitter(value_range=(0, 9)),
            'ClipColorJitter: .* for saturation and hue of red, .* set saturation=0 and hue=0',
        ),
        (ClipColorJitter(hue=0, value_range=(0, 9)), 'ClipColorJitter: .* for saturation of red, .* set saturation=0$'),
        (ClipRandomGrayscale(1.0), 'ClipRandomGrayscale: .* for greyscale of red, .* leave it out'),
        (ClipColorJitter(saturation=0, hue=0), r'pixels of type uint16.*value_range=\(black, white\)'),
        (
            ClipColorJitter(saturation=0, hue=0, value_range=[(0, 1)] * 2),
            'value_range has 2 pairs .* the frames have 1',
        ),
    ):
        with pytest.raises(InputError, match=says) as error:
            transform(dict(gray))
        assert '\n' not in str(error.value)
