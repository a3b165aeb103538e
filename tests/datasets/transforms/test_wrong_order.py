"""Steps in an order that cannot work, and steps of MMAction2 on what ours have opened: one line that says what to do."""

import numpy as np
import pytest
from mmaction.datasets.transforms import DecordDecode, Fuse, OpenCVDecode, PyAVDecode, PyAVInit, RandomResizedCrop
from mmengine.dataset import Compose

from auxskd_mm.datasets import UnlabeledVideoDataset
from auxskd_mm.datasets.transforms import (
    ClipColorJitter,
    ClipRandomGrayscale,
    DecodeClips,
    MotionCrop,
    OpenVideo,
    PaceSample,
    PerView,
    SegmentPaceSample,
    TimedSampleFrames,
)
from auxskd_mm.errors import InputError


@pytest.mark.parametrize(
    ('step', 'missing', 'before'),
    [
        (SegmentPaceSample(clip_len=8), 'total_frames', 'OpenVideo'),
        (PaceSample(clip_len=8), 'total_frames', 'OpenVideo'),
        (TimedSampleFrames(clip_len=8), 'total_frames', 'OpenVideo'),
        (DecodeClips(), 'video_reader', 'OpenVideo'),
        (ClipColorJitter(), 'imgs', 'DecodeClips'),
        (ClipRandomGrayscale(), 'imgs', 'DecodeClips'),
        (PerView([dict(type='Flip')]), 'imgs', 'DecodeClips'),
    ],
    ids=lambda value: type(value).__name__ if hasattr(value, 'transform') else value,
)
def test_a_step_too_early_names_what_comes_before_it(step, missing, before):
    says = f"^{type(step).__name__}: the sample has no '{missing}' yet; put {before} before it"
    with pytest.raises(InputError, match=says):
        step.transform(dict(filename='clip.mp4'))


def test_decoding_without_a_sampler(video):
    with pytest.raises(InputError, match="DecodeClips: the sample has no 'frame_inds' yet; put a sampler before it"):
        Compose([OpenVideo(), DecodeClips()])(dict(filename=video))


@pytest.mark.parametrize(
    'decode',
    [DecordDecode(), DecordDecode(mode='efficient'), PyAVDecode(), PyAVDecode(mode='efficient'), OpenCVDecode()],
)
def test_a_video_of_ours_in_a_decoder_of_mmaction(video, decode):
    with pytest.raises(InputError, match=r'OpenVideo opened it; put auxskd_mm\.DecodeClips in place of'):
        Compose([OpenVideo(), SegmentPaceSample(clip_len=8), decode])(dict(filename=video))


def test_a_video_of_mmaction_in_our_decoder(video):
    with pytest.raises(InputError, match=r'DecodeClips: it decodes what auxskd_mm\.OpenVideo opens'):
        Compose([PyAVInit(), SegmentPaceSample(clip_len=8), DecodeClips()])(dict(filename=video))


def test_a_folder_of_frames_of_mmactions_data_set(tmp_path):
    with pytest.raises(InputError, match='LabeledVideoDataset in place of RawframeDataset'):
        OpenVideo().transform(dict(frame_dir=str(tmp_path), total_frames=8, start_index=1))


def test_our_data_set_and_sampler_between_steps_of_mmaction(video):
    steps = [PyAVInit(), SegmentPaceSample(clip_len=8), PyAVDecode(), dict(type='Flip', flip_ratio=0.5)]
    sample = UnlabeledVideoDataset(video, pipeline=steps)[0]
    assert len(sample['imgs']) == 8
    assert sample['modality'] == 'RGB'


def test_the_motion_is_cropped_before_what_is_lazy(video):
    steps = [OpenVideo(), SegmentPaceSample(clip_len=8), DecodeClips(), RandomResizedCrop(lazy=True), MotionCrop()]
    with pytest.raises(InputError, match='MotionCrop: a lazy crop, flip or resize waits for its Fuse'):
        Compose(steps)(dict(filename=video))
    fused = Compose([*steps[:-1], Fuse(), MotionCrop()])(dict(filename=video))
    assert np.shape(fused['imgs'][0])[:2] == fused['img_shape']
