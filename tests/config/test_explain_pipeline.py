"""Transforms in words: the text must match the settings."""

import pytest

from auxskd_mm.config.explain_pipeline import describe_pipeline
from auxskd_mm.datasets.transforms import PretextSampler
from auxskd_mm.datasets.transforms.shown_settings import ShowsSettings

CASES = [
    (dict(type='auxskd_mm.OpenVideo', channel_order='bgr'), 'open the video with pyav, frames BGR, as OpenCV reads'),
    (dict(type='auxskd_mm.OpenVideo', backend='decord'), 'open the video with decord, frames RGB'),
    (
        dict(type='auxskd_mm.SegmentPaceSample', clip_len=16, num_views=2, lookahead=3),
        '2 clips of 16 frames with one of its 4 segments sped up 1 to 4 times, segment and speed never the same in '
        'both; near the end it wraps to the first frame (early: 3 steps ahead)',
    ),
    (
        dict(type='auxskd_mm.SegmentPaceSample', clip_len=8, num_segments=1, num_speeds=3, mode='fit'),
        'a clip of 8 frames with the whole of it sped up 1 to 3 times; it starts where it fits',
    ),
    (
        dict(type='auxskd_mm.PaceSample', paces=(0.5, 1, 2), seed=0),
        'a clip of 16 frames at one of the paces 0.5, 1, 2; near the end it wraps to the first frame (the same draws '
        'every time, seed 0)',
    ),
    (dict(type='auxskd_mm.ClipOrderSample', tuple_len=4), '4 clips of 16 frames, 8 apart, shuffled'),
    (
        dict(type='auxskd_mm.RelativeSpeedSample', clip_len=8, max_speed=3),
        '2 independent views of 24 frames, out of which the model takes both speeds',
    ),
    (
        dict(type='SampleFrames', clip_len=8, frame_interval=4, num_clips=10, test_mode=True),
        '10 clips of 8 frames, every 4th, evenly spread',
    ),
    (dict(type='Resize', scale=(171, 128), keep_ratio=False), 'resize to 171 x 128 whatever the aspect'),
    (dict(type='Resize', scale=(-1, 112)), 'resize the short side to 112'),
    (
        dict(
            type='auxskd_mm.PerView',
            transforms=[dict(type='Flip', flip_ratio=0.5), dict(type='CenterCrop', crop_size=9)],
        ),
        'in each clip on its own: flip with p = 0.5, crop 9 from the centre',
    ),
    (
        dict(type='auxskd_mm.ClipColorJitter', brightness=0.8, hue=0.2, p=0.8),
        'colour jitter with p = 0.8 (brightness 0.8, contrast 0.8, saturation 0.8, hue 0.2), each frame its own',
    ),
    (dict(type='MyStep', a=1, b='x', _scope_='mmaction'), 'MyStep(a=1, b=x)'),
    (dict(type='auxskd_mm.DecodeClips', _scope_='mmaction'), 'decode each frame that is needed once'),
    (
        dict(
            type='auxskd_mm.ClipColorJitter',
            brightness=(0.5, 2),
            contrast=1.5,
            saturation=0,
            hue=0,
            clip_consistent=True,
        ),
        'colour jitter with p = 0.8 (brightness 0.5 to 2, contrast 1.5), once per clip',
    ),
    (
        dict(
            type='auxskd_mm.OpenFeatures', trunk=dict(type='TimmBackbone', model='resnet18'), channels=40, grid=(8, 8)
        ),
        'open the stored feature maps of resnet18 with 40 channels on 8 x 8 positions',
    ),
    (dict(type='auxskd_mm.OpenFeatures', trunk='1a2b3c'), 'open the stored feature maps of the trunk 1a2b3c'),
    (dict(type='auxskd_mm.DecodeFeatures', variant=1), 'read the maps of each frame in variant 1'),
    (dict(type='auxskd_mm.StillFrames'), 'repeat the middle frame of each clip'),
    (dict(type='auxskd_mm.OpenVideo', channels=1), 'open the video with pyav, frames RGB, 1 channel'),
    (dict(type='RandomResizedCrop'), 'crop 0.08 to 1.0 of the area at random'),
    (dict(type='Flip'), 'flip with p = 0.5'),
    # What the config does not say is what the class has.
    (dict(type='auxskd_mm.ClipRandomGrayscale'), 'grey with p = 0.2'),
    (dict(type='auxskd_mm.BatchRandomGrayscale'), 'grey with p = 0.2'),
    (
        dict(type='auxskd_mm.BatchColorJitter', contrast=0, saturation=0),
        'colour jitter with p = 0.8 (brightness 0.8, hue 0.2), each frame its own',
    ),
    (
        dict(type='auxskd_mm.SegmentPaceSample', speeds=(1, 2, 4, 8), disjoint=True, mode='fit', seed=3),
        'a clip of 16 frames with one of its 4 segments sped up 1, 2, 4 or 8 times, segments that share no frame; it '
        'starts where it fits (the same draws every time, seed 3)',
    ),
    (
        dict(type='auxskd_mm.RelativeSpeedSample', clip_len=8, num_views=1, fps=12.5),
        '1 independent view of 16 frames at 12.5 frames per second (1.28 s at speed 1), out of which the model takes both speeds',
    ),
    (
        dict(type='auxskd_mm.SegmentPaceSample', num_segments=1, speeds=(1, 2), mode='fit', fps=12),
        'a clip of 16 frames at 12 frames per second (1.33 s at speed 1) with the whole of it sped up 1 to 2 times; it '
        'starts where it fits',
    ),
    (
        dict(type='auxskd_mm.TimedSampleFrames', clip_len=8, frame_interval=2, fps=16, test_mode=True),
        '1 clip of 8 frames, every 2nd at 16 frames per second (1 s), evenly spread',
    ),
    (
        dict(type='auxskd_mm.OpenVideo', source_fps=25),
        'open the video with pyav, frames RGB, 25 per second where none is stated',
    ),
    *(
        (dict(type='SampleFrames', clip_len=8, frame_interval=n), f'1 clip of 8 frames, every {words}, at random')
        for n, words in ((2, '2nd'), (3, '3rd'), (11, '11th'), (21, '21st'), (112, '112th'))
    ),
]


@pytest.mark.parametrize(('step', 'words'), CASES)
def test_words(step, words):
    assert describe_pipeline([step]) == [words]


def test_a_class_from_outside_says_itself_what_it_does():
    """Also by its bare name, and one that has the name of a step of MMAction2."""

    class Flip:
        def __init__(self, axis=0):
            self.axis = axis

        def describe(self):
            return f'turn over axis {self.axis}'

    assert describe_pipeline([dict(type=Flip, axis=1)]) == ['turn over axis 1']
    assert describe_pipeline([dict(type='OpenVideo')]) == ['open the video with pyav, frames RGB']


def test_packing_and_steps_that_do_nothing_are_left_out():
    steps = [dict(type='FormatShape'), dict(type='mmaction.PackActionInputs'), dict(type='auxskd_mm.MarkSample', a=1)]
    assert describe_pipeline([*steps, dict(type='auxskd_mm.StillFrames', enabled=False)]) == []


def test_each_transform_of_the_package_says_what_it_does():
    from auxskd_mm.registry import TRANSFORMS

    own = {name: kind for name, kind in TRANSFORMS.module_dict.items() if kind.__module__.startswith('auxskd_mm.')}
    bare = (ShowsSettings.describe, PretextSampler.describe)
    silent = [name for name, kind in own.items() if getattr(kind, 'describe', bare[0]) in bare and name != 'PerView']
    assert len(own) > 15
    assert silent == []
