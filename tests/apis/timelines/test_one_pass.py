"""A window of a timeline differs from the same window sampled alone, or a frame is decoded more than once."""

import cv2
import numpy as np
import pytest
from dot_scene import SOURCES, read_moment, write_scene

from auxskd_mm.apis.inference import inference_pipeline
from auxskd_mm.apis.timelines.one_pass import OnePass, split_pipeline
from auxskd_mm.apis.timelines.windows import open_window, plan_windows
from auxskd_mm.config.load import load_config
from auxskd_mm.datasets.readers import open_reader
from auxskd_mm.datasets.recordings.names import Window, window_path
from auxskd_mm.errors import InputError

PACK = dict(type='PackActionInputs', meta_keys=('filename',))
# Samplers that count frames and that go by time; one that needs more frames than a window has; several clips.
SAMPLERS = {
    'frames': dict(type='SampleFrames', clip_len=4, frame_interval=3),
    'time': dict(type='auxskd_mm.TimedSampleFrames', clip_len=4, frame_interval=2, fps=10),
    'long': dict(type='SampleFrames', clip_len=16, frame_interval=8),
    'pretext': dict(type='auxskd_mm.SegmentPaceSample', clip_len=6, num_segments=2, fps=15),
}
STEPS = {
    'per frame': [dict(type='Resize', scale=(-1, 20)), dict(type='CenterCrop', crop_size=16)],
    'crops': [dict(type='Resize', scale=(-1, 20)), dict(type='ThreeCrop', crop_size=20)],
    'ten': [dict(type='TenCrop', crop_size=16)],
    'per window': [dict(type='Resize', scale=(40, 20), keep_ratio=False), dict(type='Flip', flip_ratio=0.0)],
    'lazy': [
        dict(type='Resize', scale=(-1, 20), lazy=True),
        dict(type='CenterCrop', crop_size=16, lazy=True),
        dict(type='Fuse'),
    ],
    'none': [],
}


@pytest.fixture(scope='module', params=['30', 'varying'])
def recording(request, tmp_path_factory):
    return write_scene(tmp_path_factory.mktemp('scene') / 'dot.mp4', SOURCES[request.param])


def pipeline(sampler, steps, num_clips, backend='pyav'):
    config = load_config('configs/demo/finetune_motion.py')
    config.test_dataloader.dataset.pipeline = [
        dict(type='auxskd_mm.OpenVideo', backend=backend, channel_order='bgr'),
        dict(SAMPLERS[sampler]),
        dict(type='auxskd_mm.DecodeClips'),
        *map(dict, STEPS[steps]),
        dict(type='FormatShape', input_format='NCTHW'),
        PACK,
    ]
    return inference_pipeline(config, 'as_is', num_clips)


def opened(pipe, path):
    return pipe.transforms[0](dict(filename=path))['video_reader']


def alone(pipe, path, window, index):
    """The slow second way: the whole pipeline opens the window by its virtual path and samples it."""
    return pipe(dict(filename=window_path(path, window), sample_idx=index, test_mode=True))


@pytest.mark.parametrize(
    ('sampler', 'steps', 'num_clips'),
    [(sampler, 'per frame', clips) for sampler in SAMPLERS for clips in (1, 3)]
    + [('time', steps, 2) for steps in STEPS if steps != 'per frame'],
)
def test_every_window_is_as_if_it_were_sampled_alone(recording, sampler, steps, num_clips):
    pipe = pipeline(sampler, steps, num_clips)
    reader = opened(pipe, recording)
    windows = plan_windows(reader, 1.0, 0.37)[0]
    found = list(OnePass(pipe.transforms, reader, windows))
    assert len(found) == len(windows) == 9
    for index, (one, window) in enumerate(zip(found, windows)):
        expected = alone(pipe, recording, window, index)
        np.testing.assert_array_equal(one['inputs'], expected['inputs'])
        mine, theirs = one['data_samples'].all_items(), expected['data_samples'].all_items()
        mine, theirs = dict(mine), dict(theirs)
        assert mine.keys() == theirs.keys()
        np.testing.assert_array_equal(mine['frame_inds'], theirs['frame_inds'])


@pytest.mark.parametrize('backend', ['pyav', 'opencv'])
def test_each_frame_is_decoded_once_and_few_are_kept(recording, backend):
    pipe = pipeline('time', 'per frame', 1, backend)
    reader = opened(pipe, recording)
    windows = plan_windows(reader, 1.0, 0.25)[0]
    decoded, prepared = [], []
    stream = reader.stream

    def counted():
        for frame in stream():
            decoded.append(frame)
            yield frame

    reader.stream = counted
    reader.read = lambda indices: pytest.fail('frames are read by number')
    one_pass = OnePass(pipe.transforms, reader, windows)
    resize = one_pass._steps.frame[0]
    one_pass._steps.frame[0] = lambda results: (prepared.append(1), resize(results))[1]
    assert len(list(one_pass)) == len(windows)
    assert len(decoded) == reader.num_frames
    shown = {number for window in windows for number in inside(pipe, recording, window)}
    assert len(prepared) == len(shown)
    assert one_pass.kept <= 8  # two windows of four frames each overlap in time


def inside(pipe, path, window):
    """Numbers in the recording of the frames that a window shows."""
    view = open_window(opened(pipe, path), window)
    results = dict(filename=path, video_reader=view, sample_idx=0, test_mode=True)
    for step in split_pipeline(pipe.transforms).sampling:
        results = step(results)
    return (np.asarray(results['frame_inds']) + view.first).tolist()


def test_a_window_in_a_gap_has_the_frame_that_is_shown(tmp_path):
    """Two seconds without a frame, as of a camera that records changes only."""
    path = write_scene(tmp_path / 'gap.mp4', [*range(0, 600, 20), *range(1800, 2400, 20)])
    pipe = pipeline('time', 'none', 1)
    reader = opened(pipe, path)
    windows, duration = plan_windows(reader, 0.5, 0.5)
    assert duration == pytest.approx(4, abs=0.02)
    view = open_window(reader, windows[3])
    assert (windows[3], view.first, view.num_frames) == (Window(1.5, 2.0), 29, 1)


def test_the_distance_of_two_windows_is_a_frame_at_least(recording):
    with open_reader(recording) as reader:
        frame = (reader.times()[-1] + np.median(np.diff(reader.times()))) / reader.num_frames
        assert len(plan_windows(reader, 1.0, frame)[0]) == pytest.approx((reader.times()[-1] - 1) / frame, abs=3)
        with pytest.raises(InputError, match=r'dot.mp4: stride=\S+ is shorter than a frame \(0.03\d\d s\)'):
            plan_windows(reader, 1.0, frame - 1e-4)
        with pytest.raises(InputError, match=r'dot.mp4: has \S+ s and is shorter than window=9; give a shorter window'):
            plan_windows(reader, 9.0, 1.0)


def test_frames_without_a_rate_have_no_timeline(tmp_path):
    for i in range(3):
        cv2.imwrite(str(tmp_path / f'{i}.png'), np.full((8, 12, 3), i, np.uint8))
    with open_reader(str(tmp_path)) as reader, pytest.raises(InputError, match=r'has no frame rate, .*source_fps'):
        plan_windows(reader, 1.0, 1.0)


def test_windows_show_their_own_time(recording):
    """The dot tells the time: each window shows the 8 middle ones of its 10 steps."""
    pipe = pipeline('time', 'none', 1)
    reader = opened(pipe, recording)
    windows = plan_windows(reader, 1.0, 0.5)[0]
    for one, window in zip(OnePass(pipe.transforms, reader, windows), windows):
        frames = one['inputs'][0].permute(1, 2, 3, 0).numpy()
        moments = [read_moment(frame) for frame in frames]
        assert moments == pytest.approx([window.start + 0.1 + 0.2 * i for i in range(4)], abs=0.06)
