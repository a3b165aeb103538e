"""What is shown is what a model gets: frames carry their numbers, so numbers and pictures are compared."""

from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import read_count, write_video
from mmengine.dataset import pseudo_collate

from auxskd_mm.errors import InputError, VideoReadError
from auxskd_mm.registry import DATASETS, MODELS
from auxskd_mm.visualization.seen_clips import inner_dataset, see_batch, see_samples, sheet_rows

VSPP = dict(type='auxskd_mm.SegmentPaceSample', clip_len=4, num_segments=2, speeds=(1, 4), mode='fit')
LABELS = ('pace_label', 'segment_label', 'order_label')


def dataset(source, sampler, *steps, order='rgb', meta=('filename', 'frame_inds'), layout='NCTHW'):
    pipeline = [
        dict(type='auxskd_mm.OpenVideo', channel_order=order),
        sampler,
        dict(type='auxskd_mm.DecodeClips'),
        *steps,
        dict(type='FormatShape', input_format=layout),
        dict(type='PackActionInputs', algorithm_keys=LABELS, meta_keys=meta),
    ]
    if sampler['type'] == 'SampleFrames':  # as in fine-tuning configs, whose data set starts counting where it says
        listed = Path(source).with_suffix('.txt')
        listed.write_text(f'{source} 0\n')
        return DATASETS.build(dict(type='VideoDataset', ann_file=str(listed), pipeline=pipeline))
    return DATASETS.build(dict(type='auxskd_mm.UnlabeledVideoDataset', source=str(source), pipeline=pipeline))


def preprocessor(**kwargs):
    config = dict(type='auxskd_mm.ClipDataPreprocessor', mean=[100, 120, 140], std=[50, 60, 70], **kwargs)
    return MODELS.build(config)


@pytest.mark.parametrize(
    ('sampler', 'clips'),
    [
        (VSPP, 1),
        (dict(VSPP, num_views=2), 2),
        (dict(type='auxskd_mm.PaceSample', clip_len=4, paces=(1, 2)), 1),
        (dict(type='auxskd_mm.PaceSample', clip_len=4, paces=(1, 2), num_views=2), 2),
        (dict(type='auxskd_mm.ClipOrderSample', clip_len=4, tuple_len=3, interval=2), 3),
        (dict(type='auxskd_mm.RelativeSpeedSample', clip_len=4, max_speed=2), 4),
        (dict(type='SampleFrames', clip_len=4, frame_interval=2), 1),
        (dict(type='SampleFrames', clip_len=4, num_clips=2, test_mode=True), 2),
    ],
)
def test_every_sampler_shows_the_frames_it_names(video, sampler, clips):
    (sample,) = see_samples(dataset(video, sampler), 1, preprocessor())
    assert len(sample.clips) == clips
    for clip in sample.clips:
        for stage in ('decoded', 'input'):
            assert [read_count(frame) for frame in clip.frames[stage]] == clip.numbers.tolist()


def test_interpolated_slow_motion_shows_its_blends(video):
    sampler = dict(type='auxskd_mm.PaceSample', clip_len=4, paces=(0.5, 0.25), slow_motion='interpolate', seed=0)
    (sample,) = see_samples(dataset(video, sampler, dict(type='auxskd_mm.BlendFrames')), 1)
    (clip,) = sample.clips
    assert clip.numbers.shape == (4,)
    assert np.array_equal(clip.frames['decoded'], clip.frames['input'])


def test_several_crops_of_frames_are_views_of_the_same_frames(video):
    """As MMAction2's networks of frames are tested."""
    sampler = dict(type='SampleFrames', clip_len=1, num_clips=5, test_mode=True)
    data = dataset(video, sampler, dict(type='ThreeCrop', crop_size=48), layout='NCHW')
    (sample,) = see_samples(data, 1)
    (batch,) = see_batch(pseudo_collate([data[0]]), data, 1)
    assert len(sample.clips) == len(batch.clips) == 3
    for left, clip, packed in zip((0, 16, 8), sample.clips, batch.clips):
        assert (
            [read_count(frame) for frame in clip.frames['decoded']] == clip.numbers.tolist() == packed.numbers.tolist()
        )
        np.testing.assert_array_equal(clip.frames['input'], clip.frames['decoded'][:, :, left : left + 48])
        np.testing.assert_array_equal(packed.frames['input'], clip.frames['input'])


def test_before_is_whole_and_after_is_cropped_jittered_and_not_normalised(video):
    steps = (dict(type='CenterCrop', crop_size=32),)
    plain = see_samples(dataset(video, VSPP, *steps), 1, preprocessor(), seed=2)[0].clips[0].frames
    assert plain['decoded'].shape == (4, 48, 64, 3)
    assert np.array_equal(plain['input'], plain['decoded'][:, 8:40, 16:48])
    dark = preprocessor(photometric=[dict(type='auxskd_mm.BatchColorJitter', brightness=0.9, p=1.0)])
    jittered, tested = (
        see_samples(dataset(video, VSPP, *steps), 1, dark, training=training, seed=2)[0].clips[0].frames['input']
        for training in (True, False)
    )
    assert not np.array_equal(jittered, plain['input'])
    assert np.array_equal(tested, plain['input'])


def test_bgr_is_turned_round(tmp_path):
    import av

    path = tmp_path / 'red.mp4'
    with av.open(str(path), 'w') as container:
        stream = container.add_stream('libx264', rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, 'yuv420p'
        red = np.zeros((48, 64, 3), np.uint8)
        red[..., 0] = 250
        for _ in range(12):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(red, format='rgb24')))
        container.mux(stream.encode(None))
    for to_rgb in (False, True):
        data = dataset(path, VSPP, order='bgr')
        batch = pseudo_collate([data[0]])
        seen = [
            *see_samples(data, 1, preprocessor(to_rgb=to_rgb)),
            *see_batch(batch, data, 1, preprocessor(to_rgb=to_rgb)),
        ]
        for sample in seen:
            for frames in sample.clips[0].frames.values():
                assert frames[..., 0].min() > 200
                assert frames[..., 1:].max() < 50


def test_nothing_outside_changes_and_a_seed_repeats(tmp_path):
    for i in range(4):
        write_video(tmp_path / f'{i}.mp4')
    data = dataset(tmp_path, VSPP)
    np.random.seed(7)
    torch.manual_seed(7)
    expected = np.random.RandomState(7).rand(), torch.rand(1, generator=torch.Generator().manual_seed(7))
    first, again, other = (see_samples(data, 3, preprocessor(), seed=seed) for seed in (1, 1, 5))
    assert [clip.numbers.tolist() for sample in first for clip in sample.clips] == [
        clip.numbers.tolist() for sample in again for clip in sample.clips
    ]
    assert [sample.filename for sample in first] == [sample.filename for sample in again]
    assert [(s.filename, s.clips[0].numbers.tolist()) for s in first] != [
        (s.filename, s.clips[0].numbers.tolist()) for s in other
    ]
    assert np.random.rand() == expected[0]
    assert torch.equal(torch.rand(1), expected[1])


def test_a_batch_is_shown_as_it_is(video):
    data = dataset(video, dict(VSPP, num_views=2))
    batch = pseudo_collate([data[0], data[0], data[0]])
    samples = see_batch(batch, data, 2, preprocessor())
    assert len(samples) == 2
    for sample, inputs, packed in zip(samples, batch['inputs'], batch['data_samples']):
        assert [clip.caption.split(':')[0] for clip in sample.clips] == ['student view', 'teacher view']
        for view, clip in enumerate(sample.clips):
            assert clip.numbers.tolist() == packed.frame_inds.reshape(2, 4)[view].tolist()
            assert np.array_equal(clip.frames['input'], inputs[view].permute(1, 2, 3, 0).numpy())


def test_a_batch_without_labels_or_frame_numbers(video):
    data = dataset(video, dict(type='SampleFrames', clip_len=4), meta=('filename',))
    (sample,) = see_batch(pseudo_collate([data[0]]), data, 4)
    assert (sample.clips[0].caption, sample.clips[0].numbers.tolist()) == ('clip 1 of 1', [0, 1, 2, 3])
    data = dataset(video, VSPP)
    data.pipeline.transforms[-1].algorithm_keys = ()
    assert see_batch(pseudo_collate([data[0]]), data, 4)[0].clips[0].caption == 'clip 1 of 1'


def test_unreadable_videos_are_passed_over(tmp_path):
    write_video(tmp_path / 'good.mp4')
    (tmp_path / 'bad.mp4').write_bytes(b'no video')
    data = dataset(tmp_path, VSPP)
    assert [sample.filename for sample in see_samples(data, 2)] == [str(tmp_path / 'good.mp4')]
    (tmp_path / 'good.mp4').unlink()
    with pytest.raises(VideoReadError, match=r'bad\.mp4'):
        see_samples(dataset(tmp_path, VSPP), 1)


def test_wrappers_rows_and_bad_input(video):
    data = dataset(video, VSPP)
    wrapped = DATASETS.build(dict(type='RepeatDataset', dataset=data, times=2))
    assert inner_dataset(wrapped) is data
    samples = see_samples(wrapped, 1)
    captions = [row.caption for row in sheet_rows(samples)]
    assert [caption.split(', ')[-1] for caption in captions] == ['decoded   video.mp4', 'network input   video.mp4']
    with pytest.raises(InputError, match='number=0'):
        see_samples(data, 0)
    with pytest.raises(InputError, match='list has no pipeline'):
        see_samples([1], 1)
    with pytest.raises(InputError, match=r"stages=\['raw'\]"):
        sheet_rows(samples, ['raw'])
    data.pipeline.transforms = data.pipeline.transforms[:2]
    with pytest.raises(InputError, match='decodes no frames'):
        see_samples(data, 1)
