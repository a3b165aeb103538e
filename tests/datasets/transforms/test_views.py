"""Each view compared with its own run of the sub-pipeline; no state is left for the next view."""

import numpy as np
import pytest
from conftest import write_video
from mmengine.dataset import Compose

from auxskd_mm.datasets.transforms import PerView
from auxskd_mm.errors import InputError
from auxskd_mm.registry import TRANSFORMS

SUB = [
    dict(type='Resize', scale=(40, 32), keep_ratio=False),
    dict(type='RandomCrop', size=24),
    dict(type='Flip', flip_ratio=0.5),
    dict(type='auxskd_mm.ClipColorJitter', p=0.8),
]


def decoded(num_clips=2, clip_len=4, size=(48, 64), seed=0, **more):
    """Results as DecodeClips leaves them; every pixel is its own."""
    frames = np.random.RandomState(seed).randint(0, 256, (num_clips * clip_len, *size, 3), dtype=np.uint8)
    shape = dict(img_shape=size, original_shape=size)
    return dict(imgs=list(frames), num_clips=num_clips, clip_len=clip_len, modality='RGB', **shape, **more)


def by_hand(results, sub, clips_per_view=1):
    """Frames of all views, each view a sample of its own; draws go on where the view before left off."""
    steps = Compose(sub)
    frames = []
    length = clips_per_view * results['clip_len']
    for first in range(0, len(results['imgs']), length):
        alone = dict(
            results, imgs=[f.copy() for f in results['imgs'][first : first + length]], num_clips=clips_per_view
        )
        frames.extend(steps(alone)['imgs'])
    return np.stack(frames)


@pytest.mark.parametrize(('num_views', 'clips_per_view'), [(1, 1), (2, 1), (3, 1), (2, 2)])
def test_equal_to_each_view_by_hand(num_views, clips_per_view):
    results = decoded(num_views * clips_per_view, pace_label=np.array([1, 2]))
    np.random.seed(4)
    expected = by_hand(results, SUB, clips_per_view)
    np.random.seed(4)
    ours = PerView(SUB, clips_per_view)(results)
    assert np.array_equal(np.stack(ours['imgs']), expected)
    assert ours['num_clips'] == num_views * clips_per_view
    assert (ours['clip_len'], ours['img_shape'], ours['original_shape']) == (4, (24, 24), (48, 64))
    assert ours['pace_label'].tolist() == [1, 2]
    formatted = TRANSFORMS.build(dict(type='FormatShape', input_format='NCTHW'))(ours)
    assert formatted['imgs'].shape == (num_views * clips_per_view, 3, 4, 24, 24)
    assert np.array_equal(formatted['imgs'][0].transpose(1, 2, 3, 0), expected[:4])


def test_views_have_crops_of_their_own_and_clips_of_one_view_share_theirs():
    rows, columns = np.mgrid[:48, :64]
    where = np.stack([rows, columns, rows], -1).astype(np.uint8)

    def corners(clips_per_view):
        results = dict(decoded(4, 2), imgs=[where.copy() for _ in range(8)])
        return [
            tuple(frame[0, 0, :2])
            for frame in PerView([dict(type='RandomCrop', size=8)], clips_per_view)(results)['imgs']
        ]

    np.random.seed(0)
    alone = corners(1)
    assert all(alone[i] == alone[i + 1] for i in range(0, 8, 2))
    assert len(set(alone)) == 4
    paired = corners(2)
    assert [len(set(paired[:4])), len(set(paired[4:])), len(set(paired))] == [1, 1, 2]


def test_keys_of_one_view_do_not_reach_the_next():
    seen = []

    def spy(results):
        seen.append({key for key in results if key in ('crop_bbox', 'crop_quadruple', 'flip', 'scale_factor')})
        assert results['img_shape'] == (48, 64)
        assert (results['num_clips'], results['clip_len'], len(results['imgs'])) == (1, 4, 4)
        return results

    ours = PerView([spy, *SUB])(decoded(3))
    assert seen == [set()] * 3
    assert set(ours) == set(decoded())


@pytest.mark.parametrize('as_array', [False, True])
def test_flipping_one_view_leaves_the_other_alone(as_array):
    frame = np.arange(48 * 64 * 3, dtype=np.uint8).reshape(48, 64, 3)
    # MMAction2's PyAVDecode hands out one array wherever a frame is asked for twice, within a view and across views.
    imgs = np.stack([frame] * 4) if as_array else [frame] * 4
    flips = iter([1.0, 0.0])

    def flip_first(results):
        return TRANSFORMS.build(dict(type='Flip', flip_ratio=next(flips)))(results)

    ours = PerView([flip_first])(dict(decoded(2, 2), imgs=imgs))['imgs']
    original = np.arange(48 * 64 * 3, dtype=np.uint8).reshape(48, 64, 3)
    assert [np.array_equal(f, original[:, ::-1]) for f in ours] == [True, True, False, False]
    assert [np.array_equal(f, original) for f in ours] == [False, False, True, True]
    assert not any(np.shares_memory(ours[i], ours[j]) for i in range(4) for j in range(i))


@pytest.mark.parametrize('size', [(64, 48), (96, 32)])  # (width, height) turned: portrait, and wide
@pytest.mark.parametrize(
    'sub',
    [
        SUB,
        [dict(type='Resize', scale=(-1, 28)), *SUB[1:]],
        [dict(type='RandomResizedCrop'), dict(type='Resize', scale=(24, 24), keep_ratio=False)],
    ],
)
def test_behind_the_sampler_with_portrait_and_wide_videos(tmp_path, size, sub):
    for width, height in (size, size[::-1]):
        path = write_video(tmp_path / f'{width}.mp4', size=(width, height))
        steps = Compose(
            [
                dict(type='auxskd_mm.OpenVideo'),
                dict(type='auxskd_mm.SegmentPaceSample', clip_len=8, num_views=2),
                dict(type='auxskd_mm.DecodeClips'),
                dict(type='auxskd_mm.PerView', transforms=sub),
                dict(type='FormatShape', input_format='NCTHW'),
                dict(type='PackActionInputs', algorithm_keys=('pace_label', 'segment_label')),
            ]
        )
        data = steps(dict(filename=path))
        assert tuple(data['inputs'].shape) == (2, 3, 8, 24, 24)
        assert data['data_samples'].img_shape == (24, 24)


def test_a_dropped_view_drops_the_sample():
    assert PerView([lambda results: None, dict(type='Flip')])(decoded()) is None


def test_bad_settings_and_frames():
    for transforms, kwargs, says in (
        ([], {}, r'PerView\.transforms=\[\]: expected a list'),
        (dict(type='Flip'), {}, r'PerView\.transforms=.*expected a list'),
        (SUB, dict(clips_per_view=0), r'PerView\.clips_per_view=0: expected at least 1'),
    ):
        with pytest.raises(InputError, match=says):
            PerView(transforms, **kwargs)
    lazy = dict(type='RandomCrop', size=8, lazy=True)
    for transforms, results, kwargs, says in (
        (SUB, dict(decoded(), num_clips=3), {}, 'PerView: 8 frames in imgs for num_clips=3 of clip_len=4'),
        (SUB, dict(decoded(), imgs=[]), {}, 'PerView: 0 frames'),
        (SUB, decoded(3), dict(clips_per_view=2), 'num_clips=3 .* clips_per_view=2'),
        (SUB, dict(decoded(), lazy={}), {}, 'right behind DecodeClips'),
        ([lazy], decoded(), {}, 'Fuse after lazy'),
        ([dict(type='ThreeCrop', crop_size=48)], decoded(), {}, '4 frames of a view into 12'),
        ([dict(type='FormatShape', input_format='NCTHW')], decoded(), {}, '4 frames of a view into 1 '),
        (
            [dict(type='RandomResizedCrop')],
            decoded(),
            {},
            r'different \(height, width\) \[\(\d+, \d+\), \(\d+, \d+\)\]',
        ),
    ):
        with pytest.raises(InputError, match=says) as error:
            PerView(transforms, **kwargs)(results)
        assert '\n' not in str(error.value)
    fused = PerView([lazy, dict(type='Fuse')])(decoded())
    assert fused['img_shape'] == (8, 8)
