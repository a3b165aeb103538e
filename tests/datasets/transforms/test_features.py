"""OpenFeatures and DecodeFeatures: expectations of the store, and variants per view."""

import numpy as np
import pytest
from feature_stores import (
    CHANNELS,
    FRAME_PREPROCESSOR,
    FRAME_STEPS,
    GRID,
    feature_store,
    source_videos,
    write_trunk,
)
from mmengine.dataset import Compose

from auxskd_mm.datasets.stores import open_store
from auxskd_mm.datasets.transforms import DecodeFeatures, OpenFeatures
from auxskd_mm.errors import InputError


@pytest.fixture(scope='module')
def store(tmp_path_factory):
    folder = tmp_path_factory.mktemp('features')
    videos, config = source_videos(folder / 'videos', (20,)), write_trunk(folder / 'trunk.py', dict(seed=0))
    return feature_store(folder / 'store', videos, config, variants=4, crop=0.6)


def sample_of(store, views=2, test=False, **settings):
    steps = [
        OpenFeatures(),
        dict(type='auxskd_mm.SegmentPaceSample', clip_len=4, num_segments=2, num_speeds=2, num_views=views),
        DecodeFeatures(**settings),
    ]
    return Compose(steps)(dict(filename=f'{store.path}/0.mp4', test_mode=test))


def test_a_variant_is_drawn_per_view_and_is_the_plain_one_in_tests(store):
    np.random.seed(0)
    samples = [sample_of(store) for _ in range(90)]
    drawn = np.array([sample['variant'] for sample in samples])
    counts = np.bincount(drawn.reshape(-1), minlength=4)
    assert len(counts) == 4
    assert counts.min() > 25
    assert 10 < (drawn[:, 0] == drawn[:, 1]).sum() < 40  # the views do not share one draw: 22.5 expected
    assert samples[0]['imgs'].shape == (2, CHANNELS, 4, *GRID)
    assert all(sample_of(store, test=True)['variant'] == [0, 0] for _ in range(5))
    assert sample_of(store, test=True, variant=3)['variant'] == sample_of(store, variant=3)['variant'] == [3, 3]
    shared = [sample_of(store, clips_per_view=2)['variant'] for _ in range(30)]
    assert all(first == second for first, second in shared)
    assert len({first for first, _ in shared}) == 4
    with pytest.raises(InputError, match='draws 1 clips'):
        sample_of(store, views=1, clips_per_view=2)


def test_a_test_sees_each_clip_in_all_variants(store):
    def clips(test=True, **settings):
        uniform = dict(type='UniformSample', clip_len=4, num_clips=3, test_mode=True)
        return Compose([OpenFeatures(), uniform, DecodeFeatures(**settings)])(
            dict(filename=f'{store.path}/0.mp4', test_mode=test, start_index=0)
        )

    seen = clips(all_variants=True)
    assert seen['num_clips'] == 12
    assert seen['frame_inds'].shape == (12 * 4,)
    for variant in range(4):  # one variant after the other of each clip
        np.testing.assert_array_equal(seen['imgs'][variant::4], clips(variant=variant)['imgs'])
    assert clips(test=False, all_variants=True)['num_clips'] == 3
    with pytest.raises(InputError, match=r'variant=1: contradicts all_variants=True'):
        DecodeFeatures(variant=1, all_variants=True)
    drawn = dict(type='auxskd_mm.SegmentPaceSample', clip_len=4, num_segments=2, num_speeds=2, seed=0)
    with pytest.raises(InputError, match=r'have labels of their own \(\w+_label\).* it is for classifiers'):
        Compose([OpenFeatures(), drawn, DecodeFeatures(all_variants=True)])(
            dict(filename=f'{store.path}/0.mp4', test_mode=True, sample_idx=0)
        )


def test_the_sampler_draws_the_same_frames_as_from_videos(store):
    video = store.index.sources[0]
    steps = [
        dict(type='auxskd_mm.OpenVideo'),
        dict(type='auxskd_mm.SegmentPaceSample', clip_len=4, num_segments=2, num_speeds=2, num_views=2),
        dict(type='auxskd_mm.DecodeClips'),
    ]
    for seed in range(10):
        np.random.seed(seed)
        ours = sample_of(store)
        np.random.seed(seed)
        theirs = Compose(steps)(dict(filename=video))
        for key in ('frame_inds', 'pace_label', 'segment_label', 'total_frames'):
            assert np.array_equal(ours[key], theirs[key]), key


@pytest.mark.parametrize(
    ('expected', 'words'),
    [
        (dict(channels=7), 'channels 6, and the config expects 7'),
        (dict(grid=(4, 5)), r'grid \(4, 4\), and the config expects \(4, 5\)'),
        (dict(frame_preprocessor=dict(FRAME_PREPROCESSOR, std=[1.0] * 3)), 'frames in another form .std='),
        (dict(frame_steps=FRAME_STEPS[1:]), 'frames in another form .pipeline='),
        (dict(trunk='0123456789'), 'the config names 0123456789'),
        (dict(trunk='a'), 'the config names a'),
        (dict(trunk=dict(type='auxskd_mm.TinyTrunk', seed=1)), 'another trunk .seed=0, and the config names 1'),
        (dict(trunk=dict(type='auxskd_mm.TinyTrunk', seed=0, out_indices=3)), 'out_indices=None, and the config names'),
    ],
)
def test_a_store_of_another_trunk_width_or_grid(store, expected, words):
    with pytest.raises(InputError, match=words) as error:
        OpenFeatures(**expected).open(f'{store.path}/0.mp4')
    assert '\n' not in str(error.value)
    assert store.path in str(error.value)


def test_the_expected_trunk_is_taken(store):
    fingerprint = open_store(store.path).settings.trunk
    config = dict(type='auxskd_mm.TinyTrunk', seed=0)
    for trunk in (fingerprint, fingerprint[:6], config, dict(config, frozen_stages='all', temporal=dict(type='X'))):
        frames = FRAME_PREPROCESSOR, [] if isinstance(trunk, str) else FRAME_STEPS  # a fingerprint covers them
        step = OpenFeatures(trunk, CHANNELS, list(GRID), *frames)
        assert step.open(f'{store.path}/0.mp4').num_frames == step.open(f'{store.path}/0.mp4').num_frames == 20


@pytest.mark.parametrize('settings', [dict(variant=-1), dict(variant=True), dict(variant=1.0), dict(clips_per_view=0)])
def test_settings_out_of_range(settings):
    with pytest.raises(InputError, match='DecodeFeatures'):
        DecodeFeatures(**settings)


def test_decode_without_open():
    with pytest.raises(InputError, match='put OpenFeatures and a sampler before it'):
        DecodeFeatures()(dict(frame_inds=np.arange(4), clip_len=4))
