"""A crop differs between the clips of a video, misses what moves, or is found again for every sample."""

import numpy as np
import pytest
from dot_scene import SOURCES, write_scene
from mmcv.transforms import Compose

from auxskd_mm.apis.pictures.browse_clips import see_config
from auxskd_mm.config.explain_pipeline import describe_pipeline
from auxskd_mm.config.load import load_config
from auxskd_mm.datasets.transforms import MotionCrop
from auxskd_mm.errors import InputError
from auxskd_mm.visualization.seen_clips import BOX

STEPS = (dict(type='auxskd_mm.OpenVideo'), dict(type='auxskd_mm.DecodeClips'))


@pytest.fixture(scope='module')
def video(tmp_path_factory):
    return write_scene(tmp_path_factory.mktemp('motion') / 'dot.mp4', SOURCES['30'])


def run(video, sampler, crop):
    pipeline = Compose([STEPS[0], sampler, STEPS[1], crop])
    return pipeline(dict(filename=video, sample_idx=0, start_index=0))


@pytest.mark.parametrize('seed', range(4))
def test_every_segment_and_speed_has_the_same_box(video, seed):
    """The dot crosses three quarters of the frame: the box holds all of its way, whatever part a clip shows."""
    crop = dict(type='auxskd_mm.MotionCrop', size=0.3)
    sampler = dict(type='auxskd_mm.SegmentPaceSample', clip_len=8, num_segments=2, num_views=2, seed=seed)
    results = run(video, sampler, crop)
    left, top, right, bottom = results['motion_box']
    assert results['motion_box'] == run(video, dict(type='SampleFrames', clip_len=4), crop)['motion_box']
    assert {frame.shape for frame in results['imgs']} == {(bottom - top, right - left, 3)}
    assert results['img_shape'] == (bottom - top, right - left)
    assert left <= 10
    assert right >= 14 + 25 * 3.9
    plain = run(video, sampler, dict(type='auxskd_mm.MarkSample', done=1))
    for frame, whole in zip(results['imgs'], plain['imgs']):
        np.testing.assert_array_equal(frame, whole[top:bottom, left:right])


def test_a_video_is_looked_at_once(video, monkeypatch, tmp_path):
    crop = MotionCrop(cache=str(tmp_path))
    sample = dict(filename=video, imgs=[np.zeros((32, 128, 3), np.uint8)])
    first = crop(dict(sample))['motion_box']
    monkeypatch.setattr('auxskd_mm.datasets.transforms.cropping.open_reader', lambda *a, **k: pytest.fail('read again'))
    assert crop(dict(sample))['motion_box'] == first
    assert MotionCrop(cache=str(tmp_path))(dict(sample))['motion_box'] == first


@pytest.mark.parametrize('size', [0, -0.5, 1.5, 'half'])
def test_impossible_sizes(size):
    with pytest.raises(InputError, match='expected a share of the frame above 0 and at most 1'):
        MotionCrop(size)


def test_it_stands_behind_decoding():
    with pytest.raises(InputError, match='put it behind DecodeClips'):
        MotionCrop()(dict(filename='a.mp4'))


def test_browse_clips_shows_the_box(video):
    config = load_config('configs/demo/vspp_motion.py')
    pipeline = config.train_dataloader.dataset.pipeline
    at = [step['type'] for step in pipeline].index('auxskd_mm.DecodeClips')
    pipeline.insert(at + 1, dict(type='auxskd_mm.MotionCrop', size=0.3))
    config.train_dataloader.dataset.update(source=video, repeat=1)
    (sample,) = see_config(config, number=1)
    for clip in sample.clips:
        assert ', motion crop ' in clip.caption
        assert (clip.frames['decoded'] == BOX).all(-1).sum() > 50
    assert 'crop around the motion of the video' in ' '.join(describe_pipeline(pipeline))
