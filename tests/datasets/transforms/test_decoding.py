"""One decode a sample, frames in the order asked for, with our transforms and with MMAction2's after them."""

import numpy as np
import pytest
from backends import BACKENDS
from conftest import read_count
from mmengine.dataset import Compose

from auxskd_mm.datasets.transforms import DecodeClips, OpenVideo
from auxskd_mm.errors import InputError, VideoReadError


def test_order_and_repetition(video):
    results = OpenVideo().transform(dict(filename=video))
    assert (results['total_frames'], results['avg_fps']) == (24, 25.0)
    results['frame_inds'] = np.array([5, 5, 20, 3, 0])
    asked = []
    read = results['video_reader'].read
    results['video_reader'].read = lambda indices: asked.append(list(indices)) or read(indices)
    results = DecodeClips().transform(results)
    assert asked == [[0, 3, 5, 20]]  # one call, every distinct frame once
    assert [read_count(frame) for frame in results['imgs']] == [5, 5, 20, 3, 0]
    assert results['img_shape'] == results['original_shape'] == (48, 64)
    assert not np.shares_memory(results['imgs'][0], results['imgs'][1])
    assert 'video_reader' not in results


def test_flipping_in_place_leaves_repeated_frames_alike(video):
    steps = Compose(
        [dict(type='auxskd_mm.OpenVideo'), dict(type='auxskd_mm.DecodeClips'), dict(type='Flip', flip_ratio=1.0)]
    )
    results = steps(dict(filename=video, frame_inds=np.array([4, 4, 4]), modality='RGB'))
    plain = DecodeClips().transform(OpenVideo().transform(dict(filename=video, frame_inds=np.array([4]))))['imgs'][0]
    for frame in results['imgs']:
        assert (frame == plain[:, ::-1]).all()


@pytest.mark.parametrize('backend', BACKENDS)
@pytest.mark.parametrize('order', ['rgb', 'bgr'])
def test_frames_of_every_backend_can_be_flipped_in_place(video, backend, order):
    steps = Compose(
        [
            dict(type='auxskd_mm.OpenVideo', backend=backend, channel_order=order),
            dict(type='auxskd_mm.DecodeClips'),
            dict(type='RandomCrop', size=40),
            dict(type='Flip', flip_ratio=1.0),
        ]
    )
    frames = steps(dict(filename=video, frame_inds=np.array([4, 9]), modality='RGB'))['imgs']
    assert [frame.shape for frame in frames] == [(40, 40, 3)] * 2


def test_shapes_through_a_whole_pipeline(video):
    steps = Compose(
        [
            dict(type='auxskd_mm.OpenVideo', backend='decord', channel_order='bgr'),
            dict(type='auxskd_mm.SegmentPaceSample', clip_len=8, num_views=2),
            dict(type='auxskd_mm.DecodeClips'),
            dict(type='Resize', scale=(40, 32), keep_ratio=False),
            dict(type='RandomCrop', size=24),
            dict(type='Flip', flip_ratio=0.5),
            dict(type='FormatShape', input_format='NCTHW'),
            dict(type='PackActionInputs', algorithm_keys=('pace_label', 'segment_label')),
        ]
    )
    data = steps(dict(filename=video))
    assert tuple(data['inputs'].shape) == (2, 3, 8, 24, 24)
    assert str(data['inputs'].dtype) == 'torch.uint8'
    assert data['data_samples'].pace_label.shape == (2,)


def test_bad_settings_and_files(tmp_path):
    with pytest.raises(InputError, match=r"OpenVideo\.backend='vlc'"):
        OpenVideo(backend='vlc')
    with pytest.raises(InputError, match='channel_order'):
        OpenVideo(channel_order='yuv')
    with pytest.raises(VideoReadError, match='no such file'):
        OpenVideo().transform(dict(filename=str(tmp_path / 'gone.mp4')))
