"""Pipelines of pretraining and recognition configs become those of uniform clips."""

import pytest
from mmengine.config import Config

from auxskd_mm.config.feature_pipeline import feature_pipeline
from auxskd_mm.config.pipelines import evaluation_steps
from auxskd_mm.errors import InputError

OPEN, DECODE = dict(type='auxskd_mm.OpenVideo', channel_order='bgr'), dict(type='auxskd_mm.DecodeClips')
RESIZE, CROP = dict(type='Resize', scale=(171, 128), keep_ratio=False), dict(type='CenterCrop', crop_size=112)
SHAPE = dict(type='FormatShape', input_format='NCTHW')
PACK = dict(type='PackActionInputs', algorithm_keys=('pace_label',), meta_keys=('sample_idx',))
MARK = dict(type='auxskd_mm.MarkSample', start_index=0)


def uniform(clip_len, frame_interval=1, num_clips=10):
    sampler = dict(clip_len=clip_len, frame_interval=frame_interval, num_clips=num_clips, test_mode=True)
    return dict(type='SampleFrames', **sampler)


def config(*steps, key='test_dataloader', wrap=lambda dataset: dataset):
    return Config({key: dict(dataset=wrap(dict(type='X', pipeline=list(steps))))})


@pytest.mark.parametrize(
    ('sampler', 'expected'),
    [
        (dict(type='auxskd_mm.SegmentPaceSample', clip_len=32, num_views=2, seed=0), uniform(32)),
        (dict(type='auxskd_mm.RelativeSpeedSample', seed=0), uniform(16)),
        (dict(type='SampleFrames', clip_len=8, frame_interval=4, num_clips=3, test_mode=True), uniform(8, 4)),
        (
            dict(type='auxskd_mm.SegmentPaceSample', clip_len=32, fps=12),
            dict(uniform(32), type='auxskd_mm.TimedSampleFrames', fps=12),
        ),
        (
            dict(type='auxskd_mm.TimedSampleFrames', clip_len=8, frame_interval=4, fps=None),
            uniform(8, 4),
        ),
        (dict(type='mmaction.DenseSampleFrames', clip_len=8, frame_interval=2), uniform(8, 2)),
        # A clip over the whole video stays one: consecutive frames are not what the network was trained on.
        (
            dict(type='UniformSample', clip_len=8),
            dict(type='UniformSample', clip_len=8, num_clips=10, test_mode=True),
        ),
        (
            dict(type='mmaction.UniformSampleFrames', clip_len=8, seed=3),
            dict(type='mmaction.UniformSampleFrames', clip_len=8, seed=3, num_clips=10, test_mode=True),
        ),
    ],
)
def test_the_sampler_alone_is_exchanged(sampler, expected):
    steps = feature_pipeline(config(OPEN, sampler, DECODE, RESIZE, CROP, SHAPE, PACK))
    pack = dict(type='PackActionInputs', meta_keys=('filename',))
    assert steps == [MARK, OPEN, expected, DECODE, RESIZE, CROP, SHAPE, pack]


def test_where_the_pipeline_is_found():
    steps = (OPEN, uniform(8, num_clips=1), DECODE, dict(type='auxskd_mm.BlendFrames'), SHAPE, PACK)
    plain = feature_pipeline(config(*steps), 5)
    assert plain[2] == uniform(8, num_clips=5)
    assert len(plain) == 6
    assert feature_pipeline(config(*steps, key='val_dataloader'), 5) == plain
    for wrap in (
        lambda d: dict(type='RepeatDataset', dataset=d),
        lambda d: dict(type='ConcatDataset', datasets=[d, d]),
        lambda d: dict(type='auxskd_mm.GalleryQueryDataset', common=d, gallery={}, query={}),
    ):
        assert feature_pipeline(config(*steps, wrap=wrap), 5) == plain


@pytest.mark.parametrize(
    ('steps', 'says'),
    [
        ([OPEN, uniform(8), dict(type='RandomCrop', size=4), PACK], 'random step RandomCrop'),
        ([OPEN, uniform(8), dict(type='Flip'), PACK], 'random step Flip'),
        ([OPEN, dict(type='auxskd_mm.ClipColorJitter'), PACK], 'random step ClipColorJitter'),
        ([OPEN, DECODE, PACK], '0 samplers and 1 PackActionInputs'),
        ([OPEN, dict(type='NoSuchStep'), PACK], "unknown step 'NoSuchStep'"),
    ],
)
def test_what_cannot_be_used(steps, says):
    with pytest.raises(InputError, match=says):
        feature_pipeline(config(*steps))


def test_a_training_pipeline_loses_its_chance():
    view = [RESIZE, dict(type='auxskd_mm.ClipRandomCrop', size=112), dict(type='Flip', flip_ratio=0.5)]
    sampler = dict(type='auxskd_mm.SegmentPaceSample', clip_len=16, num_views=2)
    jitter = dict(type='auxskd_mm.ClipColorJitter', hue=0.2)
    steps = (OPEN, sampler, DECODE, dict(type='auxskd_mm.PerView', transforms=[*view, jitter]), SHAPE, PACK)
    pack = dict(type='PackActionInputs', meta_keys=('filename',))
    found = feature_pipeline(config(*steps, key='train_dataloader'))
    assert found == [MARK, OPEN, uniform(16), DECODE, RESIZE, CROP, SHAPE, pack]


@pytest.mark.parametrize(
    'step',
    [
        dict(type='PytorchVideoWrapper', op='RandAugment', magnitude=7, num_layers=4),
        dict(type='TorchVisionWrapper', op='RandomErasing'),
        dict(type='ImgAug', transforms='default'),
        dict(type='RandomErasing'),
    ],
    ids=lambda step: step.get('op', step['type']),
)
def test_the_random_steps_of_mmaction_recipes_are_known(step):
    with pytest.raises(InputError, match=f'random step {step["type"]}'):
        feature_pipeline(config(OPEN, uniform(8), DECODE, step, SHAPE, PACK))
    found = feature_pipeline(config(OPEN, uniform(8), DECODE, step, SHAPE, PACK, key='train_dataloader'), 1)
    assert [found_step['type'] for found_step in found[-3:]] == [DECODE['type'], SHAPE['type'], PACK['type']]


def test_a_step_of_another_library_without_chance_stays():
    steps = [
        dict(type='TorchVisionWrapper', op='Grayscale'),
        dict(type='PytorchVideoWrapper', op='ShortSideScale', size=8),
    ]
    found = feature_pipeline(config(OPEN, uniform(8), DECODE, *steps, SHAPE, PACK))
    assert [step for step in found if 'op' in step] == steps


@pytest.mark.parametrize('crop', [dict(type='RandomResizedCrop'), dict(type='MultiScaleCrop', input_size=224)])
def test_a_crop_of_random_size_becomes_the_central_square(crop):
    short, last = dict(type='Resize', scale=(-1, 256)), dict(type='Resize', scale=(224, 224), keep_ratio=False)
    found = feature_pipeline(config(OPEN, uniform(8), DECODE, short, crop, last, PACK, key='train_dataloader'))
    assert found[-4:-1] == [short, dict(type='CenterCrop', crop_size=256), last]
    found = feature_pipeline(config(OPEN, uniform(8), DECODE, crop, last, PACK, key='train_dataloader'))
    assert found[-3:-1] == [DECODE, last]


SHORT = dict(type='Resize', scale=(-1, 256))
LAST = dict(type='Resize', scale=(224, 224), keep_ratio=False)
ANY_SIZE = dict(type='RandomResizedCrop')
SCALED = dict(type='PytorchVideoWrapper', op='ShortSideScale', size=128)
MOTION = dict(type='auxskd_mm.MotionCrop', size=0.5)


def per_view(*steps):
    return dict(type='auxskd_mm.PerView', transforms=list(steps))


def square(size):
    return dict(type='CenterCrop', crop_size=size)


@pytest.mark.parametrize(
    ('steps', 'calm'),
    [
        ([SHORT, dict(type='RandomCrop', size=224), ANY_SIZE, LAST], [SHORT, square(224), square(224), LAST]),
        ([SHORT, per_view(ANY_SIZE, LAST)], [SHORT, square(256), LAST]),
        ([per_view(SHORT), ANY_SIZE, LAST], [SHORT, square(256), LAST]),
        ([SHORT, dict(type='Resize', scale=(171, 128), keep_ratio=False), ANY_SIZE], None),
        ([SHORT, dict(type='Resize', scale=0.5), ANY_SIZE], [SHORT, dict(type='Resize', scale=0.5)]),
        ([SHORT, SCALED, ANY_SIZE, LAST], [SHORT, SCALED, LAST]),
        ([SHORT, MOTION, ANY_SIZE, LAST], [SHORT, MOTION, LAST]),
        ([SHORT, dict(type='PytorchVideoWrapper', op='RandomResizedCrop'), LAST], [SHORT, square(256), LAST]),
        ([dict(type='RandomRescale', scale_range=(256, 320)), dict(type='RandomCrop', size=224)], [SHORT, square(224)]),
        (
            [dict(type='PytorchVideoWrapper', op='RandomShortSideScale', min_size=256, max_size=320), ANY_SIZE],
            [SHORT, square(256)],
        ),
    ],
)
def test_a_crop_is_never_larger_than_the_frame_before_it(steps, calm):
    calm = calm or [*steps[:2], square(128)]
    found = feature_pipeline(config(OPEN, uniform(8), DECODE, *steps, PACK, key='train_dataloader'))
    assert found[found.index(DECODE) + 1 : -1] == calm


def test_no_pipeline():
    with pytest.raises(InputError, match='no test_dataloader or val_dataloader'):
        feature_pipeline(Config(dict(train_dataloader=None)))
    with pytest.raises(InputError, match='no test_dataloader or val_dataloader'):
        evaluation_steps(config(OPEN, key='train_dataloader'))
    with pytest.raises(InputError, match='num_clips=0'):
        feature_pipeline(config(OPEN), 0)
