"""Clips by time: one scene at many frame rates, its moments, its labels, and what still tells the frame rate."""

from functools import partial

import cv2
import numpy as np
import pytest
from backends import BACKENDS
from conftest import write_video
from dot_scene import SOURCES, dot_frame, read_moment, write_scene
from mmaction.datasets.transforms import SampleFrames
from mmengine.dataset import Compose
from video_forms import FORMS, write_form

from auxskd_mm.datasets.input_sources import OpenInput
from auxskd_mm.datasets.packing import pack_videos
from auxskd_mm.datasets.readers import open_reader
from auxskd_mm.datasets.stores import LAYOUTS, SourceVideo, StoreSettings
from auxskd_mm.datasets.transforms import (
    BlendFrames,
    ClipOrderSample,
    DecodeClips,
    OpenVideo,
    PaceSample,
    RelativeSpeedSample,
    SegmentPaceSample,
    TimedSampleFrames,
)
from auxskd_mm.datasets.transforms.captions import shown_clips
from auxskd_mm.datasets.video_list import UnlabeledVideoDataset
from auxskd_mm.errors import InputError, VideoReadError

FPS = 12
READ_ERROR = 0.003  # of the moment in a compressed frame, in seconds
LABELS = ('pace_label', 'segment_label', 'order_label')
SAMPLERS = {
    'segment pace': partial(SegmentPaceSample, clip_len=8, num_segments=2, num_speeds=4, num_views=2, seed=1),
    'segment pace that fits': partial(SegmentPaceSample, clip_len=8, speeds=(1, 2, 4), mode='fit', seed=2),
    'pace': partial(PaceSample, clip_len=8, paces=(1, 2, 3), seed=3),
    'slow motion': partial(PaceSample, clip_len=8, paces=(0.5, 1, 2), mode='fit', seed=4),
    'order': partial(ClipOrderSample, clip_len=6, interval=2, seed=5),
    'relative speed': partial(RelativeSpeedSample, clip_len=8, seed=6),
    'even clips': partial(TimedSampleFrames, clip_len=8, frame_interval=2, num_clips=3, test_mode=True),
    'random clips': partial(TimedSampleFrames, clip_len=8, frame_interval=2),
}


@pytest.fixture(scope='module')
def scenes(tmp_path_factory):
    """Path of the scene at each frame rate. Some files are Matroska, with rounded times, and some start late."""
    folder = tmp_path_factory.mktemp('scenes')
    kinds = {'24': ('mp4', 0), '30': ('mkv', 0), '60': ('mp4', 900), 'varying': ('mp4', 0)}
    paths = {name: write_scene(folder / f'{name}.{kinds[name][0]}', SOURCES[name], kinds[name][1]) for name in SOURCES}
    paths['varying, late'] = write_scene(folder / 'late.mkv', SOURCES['varying'], 1234)
    return paths


def drawn(path, sampler, number=0, opener=None):
    np.random.seed(number)
    steps = [opener or OpenVideo(), sampler, DecodeClips(), BlendFrames()]
    return Compose(steps)(dict(filename=path, sample_idx=number))


def moments(results):
    return np.asarray([read_moment(frame) for frame in results['imgs']])


def widest(path):
    """Longest distance of two frames in seconds."""
    return np.diff(open_reader(path).times()).max()


@pytest.mark.parametrize('name', SAMPLERS)
def test_a_scene_gives_the_same_moments_and_labels_at_every_rate(name, scenes):
    for number in range(6):
        one = None
        for path in scenes.values():
            results = drawn(path, SAMPLERS[name](fps=FPS), number)
            seconds = results['frame_seconds']
            assert np.abs(moments(results) - seconds).max() <= widest(path) / 2 + READ_ERROR, path
            labels = {key: results[key].tolist() for key in LABELS if key in results}
            one = one or (seconds.tolist(), labels)
            assert (seconds.tolist(), labels) == one, path


@pytest.mark.parametrize('name', SAMPLERS)
def test_without_fps_the_moments_differ(name, scenes):
    """So that the test above can fail."""
    spans = []
    for rate in ('24', '60'):
        results = drawn(scenes[rate], SAMPLERS[name](fps=None))
        assert 'frame_seconds' not in results
        spans.append(np.ptp(moments(results)[: results['clip_len']]))
    assert spans[0] > 1.2 * spans[1]


@pytest.mark.parametrize('name', SAMPLERS)
def test_the_rate_of_the_file_draws_what_counting_draws(name, scenes):
    for number in range(5):
        counted = drawn(scenes['24'], SAMPLERS[name](fps=None), number)
        timed = drawn(scenes['24'], SAMPLERS[name](fps=24), number)
        assert counted['frame_inds'].tolist() == timed['frame_inds'].tolist()


@pytest.mark.parametrize('settings', [dict(test_mode=True, num_clips=4), dict(num_clips=2), dict()])
@pytest.mark.parametrize('total', [5, 14, 40])
def test_stock_sampling_is_the_same_without_fps(settings, total):
    ours, theirs = (kind(clip_len=8, frame_interval=2, **settings) for kind in (TimedSampleFrames, SampleFrames))
    for number in range(5):
        found = []
        for sampler in (ours, theirs):
            np.random.seed(number)
            found.append(sampler(dict(total_frames=total, start_index=1)))
        assert found[0]['frame_inds'].tolist() == found[1]['frame_inds'].tolist()
        assert {key: found[0][key] for key in found[1]}.keys() == found[1].keys()
        assert found[0]['total_frames'] == total
    assert repr(ours).endswith('fps=None)')


@pytest.mark.parametrize('backend', BACKENDS)
def test_every_backend_shows_the_same_moments(backend, scenes):
    sampler = SAMPLERS['segment pace'](fps=FPS)
    expected = drawn(scenes['varying'], sampler)['frame_inds']
    results = drawn(scenes['varying'], sampler, opener=OpenVideo(backend=backend))
    assert results['frame_inds'].tolist() == expected.tolist()
    assert np.abs(moments(results) - results['frame_seconds']).max() <= widest(scenes['varying']) / 2 + READ_ERROR


@pytest.mark.parametrize('layout', LAYOUTS)
def test_a_store_shows_the_moments_of_its_sources(layout, scenes, tmp_path):
    videos = [SourceVideo(path, f'{name}.mp4') for name, path in scenes.items()]
    store = pack_videos(tmp_path / 'store', videos, StoreSettings(layout, short_side=32, crf=6, quality=98))
    uneven = [store.index.names[i] for i in store.index.timed]
    assert {'varying.mp4', 'varying, late.mp4'} <= set(uneven)
    assert '60.mp4' not in uneven  # the rate is enough
    for name, path in scenes.items():
        for number in range(4):
            sampler = SAMPLERS['pace'](fps=FPS)
            results = drawn(f'{tmp_path}/store/{name}.mp4', sampler, number)
            assert results['frame_inds'].tolist() == drawn(path, sampler, number)['frame_inds'].tolist()
            assert np.abs(moments(results) - results['frame_seconds']).max() <= widest(path) / 2 + READ_ERROR


def test_frames_and_arrays_need_a_stated_rate(tmp_path):
    frames = np.stack([dot_frame(i / 30) for i in range(120)])
    for i, frame in enumerate(frames):
        cv2.imwrite(str(tmp_path / f'{i:03d}.png'), frame)
    sampler = SAMPLERS['pace'](fps=FPS)
    folder = drawn(str(tmp_path), sampler, opener=OpenVideo(source_fps=30))
    np.random.seed(0)
    steps = [OpenInput(source_fps=30), sampler, DecodeClips()]
    array = Compose(steps)(dict(filename='array', frames=frames, sample_idx=0))
    for results in (folder, array):
        assert results['avg_fps'] == 30
        assert np.abs(moments(results) - results['frame_seconds']).max() <= 1 / 60 + READ_ERROR
    with pytest.raises(InputError, match=r'has no frame rate, as every frame folder.*OpenVideo.source_fps.*fps=None'):
        drawn(str(tmp_path), sampler)
    # A file keeps its own rate.
    path = write_video(tmp_path / 'v.mp4')
    assert OpenVideo(source_fps=30)(dict(filename=path))['avg_fps'] == 25
    with pytest.raises(InputError, match=r'OpenVideo\.source_fps=0'):
        OpenVideo(source_fps=0)


def test_shared_decoding_changes_nothing(scenes):
    steps = [
        dict(type='auxskd_mm.OpenVideo'),
        dict(type='auxskd_mm.PaceSample', clip_len=8, fps=FPS, seed=0),
        dict(type='auxskd_mm.DecodeClips'),
    ]
    dataset = UnlabeledVideoDataset(scenes['varying'], pipeline=steps, repeat=3)
    together = dataset.__getitems__([0, 1, 2])
    for number, sample in enumerate(together):
        alone = dataset[number]
        assert sample['frame_inds'].tolist() == alone['frame_inds'].tolist()
        assert np.array_equal(sample['imgs'], alone['imgs'])


def test_blended_slow_motion_is_between_its_moments(scenes):
    sampler = PaceSample(clip_len=8, paces=(0.5, 1), mode='fit', slow_motion='interpolate', seed=1, fps=FPS)
    draws = (drawn(scenes['60'], sampler, number) for number in range(10))
    results = next(results for results in draws if results['pace_label'] == 0)
    assert len(results['imgs']) == 8
    # A blend of two dots has the centre of both.
    assert np.abs(moments(results) - results['frame_seconds'][0] - np.arange(8) / 24).max() <= 1 / 120 + 2 * READ_ERROR


def test_captions_tell_the_seconds():
    sampler = PaceSample(clip_len=4, paces=(1, 2), mode='fit', seed=0, fps=10)
    results = sampler(dict(total_frames=300, avg_fps=30.0))
    (clip,) = shown_clips([sampler], results, 1, 4)
    first, last = results['frame_seconds'][[0, -1]]
    assert clip.caption == f'pace {1 + results["pace_label"][0]}x, from {first:.2f} s to {last:.2f} s'
    assert last - first == pytest.approx(0.3 * (1 + results['pace_label'][0]))
    pairs = RelativeSpeedSample(clip_len=4, seed=0, fps=10)
    results = pairs(dict(total_frames=300, avg_fps=30.0))
    clips = shown_clips([pairs], results, 2, 8)
    start = results['frame_seconds'][0]
    assert [clip.caption.rpartition(', ')[2] for clip in clips][:2] == [
        f'from {start:.2f} s to {start + 0.3:.2f} s',
        f'from {start:.2f} s to {start + 0.6:.2f} s',
    ]


def test_bad_input_is_named(tmp_path):
    for fps in (0, -1, float('nan'), float('inf'), '12', True):
        for kind in (
            PaceSample,
            SegmentPaceSample,
            ClipOrderSample,
            RelativeSpeedSample,
            partial(TimedSampleFrames, 8),
        ):
            with pytest.raises(InputError, match=r'\.fps=.*expected a rate above 0, or None to count frames'):
                kind(fps=fps)
    with pytest.raises(InputError, match=r'fps=12 and target_fps=10: give fps alone'):
        TimedSampleFrames(8, fps=12, target_fps=10)
    path = write_video(tmp_path / 'v.mp4', num_frames=2)
    with pytest.raises(VideoReadError, match='nothing is left of its 2 frames at 5 frames per second'):
        drawn(path, PaceSample(fps=5))
    with pytest.raises(VideoReadError, match=r'has 5 frames at 5 frames per second .*, but 3 clips of 16'):
        drawn(write_video(tmp_path / 'w.mp4', num_frames=25), ClipOrderSample(fps=5))
    far = type('Far', (), dict(times=lambda self: np.asarray([0.0, 1e12])))()
    with pytest.raises(VideoReadError, match=r'has 2e\+12 seconds by its time stamps, which must be false'):
        PaceSample(fps=5)(dict(filename='far.mp4', total_frames=2, video_reader=far))


def test_false_time_stamps_do_not_stretch_a_video(tmp_path):
    """A recording whose clock jumps by a day has no day of still frames."""
    path = write_form(FORMS['ts joined'], tmp_path / 'joined.ts')
    results = OpenVideo()(dict(filename=path))
    assert TimedSampleFrames(4, fps=5).num_frames(results) == 16  # 80 frames at 25


# ------------------------------------------------------------------------------ what tells the frame rate of a file

RATES = (24, 30, 60)


def pace_features(fps, scenes_of_a_rate=40):
    """Features of clips at pace 1, float (N, 2), and the frame rate of the file of each, (N,).

    The features are the mean difference of frames that are one and two apart, over the whole clip. A mean does not see
    the judder. In a file of 30 frames per second, steps at 12 are in turn two and three frames long, and that would
    give the file away.
    """
    generator = np.random.RandomState(0)
    sampler = RelativeSpeedSample(clip_len=8, num_views=1, seed=0, fps=fps)
    features, rates = [], []
    for rate in RATES:
        for _ in range(scenes_of_a_rate):
            speed = generator.uniform(0.9, 1.1)
            frames = np.stack([dot_frame(speed * i / rate) for i in range(3 * rate)])
            reader = dict(total_frames=len(frames), avg_fps=float(rate), sample_idx=generator.randint(1000))
            clip = frames[sampler(reader)['frame_inds']].astype(np.float32)
            features.append([np.abs(clip[apart:] - clip[:-apart]).mean() for apart in (1, 2)])
            rates.append(rate)
    return np.asarray(features), np.asarray(rates)


def accuracy_of_neighbours(features, classes, k=5):
    """Share of the samples whose class is that of most of their k nearest neighbours."""
    features = (features - features.mean(0)) / features.std(0)
    distances = np.linalg.norm(features[:, None] - features[None], axis=2)
    np.fill_diagonal(distances, np.inf)
    nearest = classes[np.argsort(distances, 1)[:, :k]]
    voted = [max(RATES, key=row.tolist().count) for row in nearest]
    return float((np.asarray(voted) == classes).mean())


def test_pace_features_tell_the_frame_rate_of_the_file_only_without_fps():
    told = accuracy_of_neighbours(*pace_features(None))
    hidden = accuracy_of_neighbours(*pace_features(FPS))
    # Chance is 1/3, and 120 samples deviate from it by 0.043.
    assert told > 0.85
    assert hidden < 1 / 3 + 3 * 0.043
