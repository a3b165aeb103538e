"""What is changed in a recipe that a pretext task extends, and what is not."""

import pytest
from mmaction.models.backbones import ResNet
from mmengine.config import Config
from torch import nn

from auxskd_mm.errors import InputError
from auxskd_mm.models.heads import VSPPHead
from auxskd_mm.stock_configs import adapt_stock_config

VSPP = dict(type='auxskd_mm.VSPPHead', in_channels=512)


def recipe(model=None, layout='NCTHW', clip_len=16, sampler='auxskd_mm.SegmentPaceSample', **other):
    steps = [dict(type=sampler, clip_len=clip_len), dict(type='FormatShape', input_format=layout)]
    train = dict(
        batch_size=2, num_workers=0, sampler=dict(type='DefaultSampler', shuffle=True), dataset=dict(pipeline=steps)
    )
    base = dict(type='Recognizer3D', backbone=dict(type='ResNet3d', depth=18), cls_head=VSPP)
    parts = dict(train_dataloader=train, train_cfg=dict(by_epoch=True), optim_wrapper=dict(optimizer=dict(type='SGD')))
    return Config({**parts, 'model': {**base, **(model or {})}, **other})


def test_a_recipe_that_fits_is_left_alone():
    config = recipe()
    before = config.pretty_text
    assert adapt_stock_config(config) == []
    assert config.pretty_text == before


def test_a_recipe_without_a_pretext_task_is_left_alone():
    head = dict(type='TSMHead', num_classes=4, in_channels=512)
    config = recipe(dict(type='Recognizer2D', backbone=dict(type='ResNetTSM', depth=18), cls_head=head), layout='NCHW')
    assert adapt_stock_config(config) == []
    assert config.model.type == 'Recognizer2D'


@pytest.mark.parametrize('head', [VSPP, dict(VSPP, type='VSPPHead'), dict(VSPP, type=VSPPHead)])
def test_frames_become_clips_and_a_second_call_changes_nothing(head):
    processor = dict(type='ActionDataPreprocessor')
    backbone = dict(type='ResNetTSM', depth=18)
    config = recipe(
        dict(type='Recognizer2D', backbone=backbone, cls_head=head, data_preprocessor=processor), layout='NCHW'
    )
    lines = adapt_stock_config(config)
    assert config.model.type == 'auxskd_mm.FrameRecognizer'
    assert config.model.backbone.num_segments == 16
    assert config.model.data_preprocessor.format_shape == 'NCTHW'
    assert config.train_dataloader.dataset.pipeline[1].input_format == 'NCTHW'
    assert [line.split()[0] for line in lines] == [
        'model.type',
        'FormatShape',
        'model.data_preprocessor.format_shape',
        'model.backbone.num_segments',
    ]
    assert adapt_stock_config(config) == []


class Flat(nn.Module):
    """A 2-D network of one's own."""

    takes_frames = True


@pytest.mark.parametrize('kind', ['ResNet', 'mmaction.MobileNetV2', 'torchvision.resnet18', Flat])
def test_a_network_of_frames_in_a_recogniser_of_clips(kind):
    config = recipe(dict(backbone=dict(type=kind)))
    (line,) = adapt_stock_config(config)
    assert config.model.type == 'auxskd_mm.FrameRecognizer'
    assert line.startswith('model.type is auxskd_mm.FrameRecognizer in place of Recognizer3D, because ')
    assert adapt_stock_config(config) == []


class Folding(ResNet):
    """One that folds clips itself, as C2D."""


@pytest.mark.parametrize(
    'kind',
    [
        'C2D',
        Folding,
        'mylib.ResNet',
        'auxskd_mm.R2Plus1DVCOP',
        'auxskd_mm.TimmBackbone',
        'torchvision.models.video.r3d_18',
        'Mine',
    ],
)
def test_a_network_of_clips_stays_in_its_recogniser(kind):
    config = recipe(dict(backbone=dict(type=kind)))
    assert adapt_stock_config(config) == []
    assert config.model.type == 'Recognizer3D'


def test_frames_of_tsn_samplers_are_one_clip():
    config = recipe(
        dict(
            type='Recognizer2D',
            backbone=dict(type='ResNetTSM', depth=18),
            cls_head=dict(type='auxskd_mm.ClipFeatureHead'),
            data_preprocessor=dict(type='ActionDataPreprocessor'),
        ),
        layout='NCHW',
    )
    config.train_dataloader.dataset.pipeline[0] = dict(type='SampleFrames', clip_len=1, num_clips=5)
    adapt_stock_config(config)
    assert config.model.backbone.num_segments == 5
    assert config.train_dataloader.dataset.pipeline[1].input_format == 'NCHW'
    assert 'format_shape' not in config.model.data_preprocessor


@pytest.mark.parametrize(
    ('backbone', 'key'),
    [
        ('TANet', 'num_segments'),
        ('ResNetTIN', 'num_segments'),
        ('TimeSformer', 'num_frames'),
        ('VisionTransformer', 'num_frames'),
        ('UniFormerV2', 't_size'),
        ('MViT', 'temporal_size'),
    ],
)
def test_the_backbone_gets_the_samplers_frames(backbone, key):
    kind = 'auxskd_mm.FrameRecognizer' if key == 'num_segments' else 'Recognizer3D'
    config = recipe(dict(type=kind, backbone={'type': backbone, key: 8}), clip_len=32)
    assert adapt_stock_config(config) == [f'model.backbone.{key} is 32 in place of 8, the frames of a clip']
    assert config.model.backbone[key] == 32


def test_what_needs_action_labels_is_set_aside():
    processor = dict(type='ActionDataPreprocessor', format_shape='NCTHW', blending=dict(type='MixupBlending'))
    config = recipe(dict(data_preprocessor=processor, neck=dict(type='TPN', aux_head_cfg=dict(out_channels=4))))
    lines = adapt_stock_config(config)
    assert config.model.data_preprocessor.blending is None
    assert config.model.neck.aux_head_cfg is None
    assert [line.split(' is ')[0] for line in lines] == [
        'model.data_preprocessor.blending',
        'model.neck.aux_head_cfg',
    ]


def test_a_recipe_for_tests_gets_a_training():
    config = recipe()
    config.train_cfg = config.optim_wrapper = None
    config.train_dataloader = dict(dataset=dict(config.train_dataloader.dataset, _delete_=True), batch_size=3)
    (line,) = adapt_stock_config(config)
    assert '_delete_' not in config.train_dataloader.dataset
    assert config.train_dataloader.batch_size == 3
    assert config.train_dataloader.sampler.shuffle
    assert config.train_cfg.type == 'EpochBasedTrainLoop'
    assert config.optim_wrapper.optimizer.type == 'AdamW'
    for name in ('num_workers', 'sampler', 'train_cfg', 'optim_wrapper'):
        assert f'{name}=' in line
    assert 'batch_size' not in line


def test_nothing_is_trained_without_data():
    config = Config(dict(model=dict(type='Recognizer3D', cls_head=dict(type='auxskd_mm.ClipFeatureHead'))))
    assert adapt_stock_config(config) == []
    assert 'train_cfg' not in config


def test_clips_too_short_for_the_slow_pathway_are_named():
    config = recipe(dict(backbone=dict(type='ResNet3dSlowFast', resample_rate=8)), clip_len=12)
    with pytest.raises(InputError, match=r'12 frames, but .* every 8-th: set clip_len to a multiple of 8'):
        adapt_stock_config(config)


def test_a_method_takes_the_last_stage_of_a_recipe_alone(tmp_path):
    backbone = dict(type='ResNet3d', depth=18, out_indices=(2, 3))
    model = dict(type='auxskd_mm.AuxSKD', backbone=backbone, cls_head=None, neck=dict(type='auxskd_mm.MLP'))
    assert adapt_stock_config(recipe(model)) == []  # written by hand: refused when it is built
    path = tmp_path / 'mine.py'
    path.write_text("_base_ = 'mmaction::_base_/default_runtime.py'\n")
    config = Config(recipe(model)._cfg_dict, filename=str(path))
    assert adapt_stock_config(config) == ['model.backbone.out_indices=(2, 3) is (3,), the last stage']
    assert config.model.backbone.out_indices == (3,)


def test_a_recipe_of_optical_flow_is_named():
    backbone = dict(type='ResNet', depth=18, in_channels=10)
    config = recipe(dict(type='auxskd_mm.FrameRecognizer', backbone=backbone))
    assert adapt_stock_config(config) == []  # frames of one's own
    config.train_dataloader.dataset.pipeline.insert(0, dict(type='auxskd_mm.OpenVideo'))
    with pytest.raises(InputError, match=r'in_channels=10: the recipe is for optical flow.* set in_channels=3'):
        adapt_stock_config(config)
