"""Videos shorter than a clip spans: how many frames that is, who counts them, and which labels become ambiguous."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import write_video
from mmaction.datasets.transforms import SampleFrames
from mmengine.dataset import pseudo_collate
from torch.utils.data import DataLoader

from auxskd_mm.datasets.short_videos import ShortVideos, describe_short, frames_spanned, join
from auxskd_mm.datasets.transforms import (
    ClipOrderSample,
    PaceSample,
    RelativeSpeedSample,
    SegmentPaceSample,
    TimedSampleFrames,
)
from auxskd_mm.datasets.video_list import UnlabeledVideoDataset


def wraps(sampler, num_frames, draws=200):
    np.random.seed(0)
    found = (sampler(dict(total_frames=num_frames))['frame_inds'].reshape(-1, sampler.clip_len) for _ in range(draws))
    return any((np.diff(views) < 0).any() for views in found)


@pytest.mark.parametrize(
    ('sampler', 'frames'),
    [
        # 7 steps, of which 4 have speed 4
        (SegmentPaceSample(clip_len=8, num_segments=2, speeds=(1, 4), mode='fit'), 3 + 4 * 4 + 1),
        (PaceSample(clip_len=4, paces=(1, 2, 4), mode='fit'), 3 * 4 + 1),
        (PaceSample(clip_len=4, paces=(0.5, 1), mode='fit'), 4),
    ],
)
def test_a_clip_fits_from_the_frames_needed_on_and_not_before(sampler, frames):
    assert frames_spanned(sampler) == frames
    assert not wraps(sampler, frames)
    assert wraps(sampler, frames - 1)


def test_frames_needed_of_the_other_samplers():
    assert frames_spanned(SampleFrames(clip_len=16, frame_interval=2)) == 31
    assert frames_spanned(ClipOrderSample(clip_len=16, interval=8, tuple_len=3)) == 64
    assert frames_spanned(RelativeSpeedSample(clip_len=16, max_speed=2)) == 32
    # At 10 frames per second, of which a video of another rate has as many as it has tenths of a second.
    assert frames_spanned(RelativeSpeedSample(clip_len=16, max_speed=2, fps=10)) == 32
    assert frames_spanned(TimedSampleFrames(clip_len=16, frame_interval=2, fps=10)) == 31
    assert frames_spanned(object()) is None


@pytest.mark.parametrize('lookahead', [1, 3])
def test_a_faithful_clip_from_frame_0_fits_from_the_frames_needed_on(lookahead):
    sampler = SegmentPaceSample(clip_len=8, num_segments=4, num_speeds=4, lookahead=lookahead)
    needed = sampler.frames_needed()
    clips = [[sampler._frames(n, segment, 4, 0) for segment in range(4)] for n in (needed, needed - 1)]
    assert [any((np.diff(clip) < 0).any() for clip in some) for some in clips] == [False, True]


def test_labels_that_give_the_same_frames_are_named():
    sampler = SegmentPaceSample(clip_len=4, num_segments=2, speeds=(1, 3), mode='fit', seed=0)
    # In a video of 2 frames a step of 3 lands where a step of 1 does.
    two = sampler(dict(total_frames=2, test_mode=True))
    assert two['frame_inds'].tolist() == [0, 1, 0, 1]
    assert two['alike'] == [[(0, 0), (0, 1), (1, 0), (1, 1)]]
    assert 'alike' not in sampler(dict(total_frames=2))  # of interest in a test alone
    long = sampler(dict(total_frames=40, test_mode=True, sample_idx=1))
    assert 'alike' not in long
    paces = PaceSample(clip_len=4, paces=(1, 2, 4), mode='fit', seed=0)
    drawn = [paces(dict(total_frames=2, test_mode=True, sample_idx=i)) for i in range(20)]
    for results in drawn:
        # At pace 2 and 4 each step leaves the video: frame 0 for ever.
        assert results.get('alike') == ([[(1,), (2,)]] if results['pace_label'][0] else None)
    assert {int(results['pace_label'][0]) for results in drawn} == {0, 1, 2}


def test_workers_count_for_the_main_process(tmp_path):
    for name, frames in (('a', 10), ('b', 12), ('c', 40)):
        write_video(tmp_path / f'{name}.mp4', num_frames=frames)
    steps = [
        dict(type='auxskd_mm.OpenVideo'),
        dict(type='auxskd_mm.PaceSample', clip_len=8, paces=(1, 2), mode='fit'),
        dict(type='auxskd_mm.DecodeClips'),
        dict(type='FormatShape', input_format='NCTHW'),
        dict(type='PackActionInputs', algorithm_keys=('pace_label',)),
    ]
    dataset = UnlabeledVideoDataset(str(tmp_path), pipeline=steps)
    assert dataset.short_videos() == ShortVideos(0, 0, 0, 0)
    for _ in DataLoader(dataset, batch_size=1, num_workers=2, collate_fn=pseudo_collate):
        pass
    assert dataset.short_videos() == ShortVideos(2, 3, 10, 12)
    text = describe_short(dataset.short_videos(), 'training', dataset.clip_sampler)
    assert text.startswith('2 of the 3 training videos read so far are shorter (10 to 12 frames) than the 15 ')
    assert 'PaceSample (clip_len=8, paces=(1, 2))' in text


@pytest.mark.parametrize(('rate', 'short'), [(25, 0), (50, 1)])
def test_with_fps_a_video_is_short_by_its_seconds(tmp_path, rate, short):
    path = write_video(tmp_path / 'v.mp4', num_frames=40, fps=rate)
    steps = [
        dict(type='auxskd_mm.OpenVideo'),
        # 15 frames at 10 per second: 1.5 s
        dict(type='auxskd_mm.PaceSample', clip_len=8, paces=(1, 2), mode='fit', fps=10),
        dict(type='auxskd_mm.DecodeClips'),
    ]
    dataset = UnlabeledVideoDataset(path, pipeline=steps)
    dataset[0]
    steps_in_video = 400 // rate
    assert dataset.short_videos() == ShortVideos(short, 1, steps_in_video * short, steps_in_video * short)
    if short:
        text = describe_short(dataset.short_videos(), 'training', dataset.clip_sampler)
        assert '(8 frames) than the 15 that a clip can span, counted at 10 frames per second' in text


def test_counts_of_ranks_are_joined():
    parts = [ShortVideos(1, 3, 9, 9), ShortVideos(0, 4, 0, 0), ShortVideos(2, 2, 5, 7)]
    assert join(parts) == ShortVideos(3, 9, 5, 9)


@pytest.mark.parametrize(('frames', 'short'), [(19, 1), (20, 0)])
def test_a_video_as_long_as_a_clip_spans_is_not_short(tmp_path, frames, short):
    """7 steps, of which 4 have speed 4."""
    write_video(tmp_path / 'a.mp4', frames)
    sampler = dict(type='auxskd_mm.SegmentPaceSample', clip_len=8, num_segments=2, speeds=(1, 4), mode='fit')
    dataset = UnlabeledVideoDataset(str(tmp_path), pipeline=[dict(type='auxskd_mm.OpenVideo'), sampler])
    dataset[0]
    assert dataset.short_videos() == ShortVideos(short, 1, short * frames, short * frames)
