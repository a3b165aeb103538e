"""The documented extension of a stock recipe takes a step, for a recipe of every folder of MMAction2's recognition configs."""

import functools
from pathlib import Path

import mmaction
import pytest
import torch
from conftest import write_video
from mmengine.dataset import pseudo_collate
from mmengine.optim import build_optim_wrapper

from auxskd_mm.apis import load_config
from auxskd_mm.registry import DATASETS, MODELS

pytestmark = pytest.mark.usefixtures('quiet')

RECIPES = Path(mmaction.__file__).parent / '.mim' / 'configs' / 'recognition'
# Only the size is changed, with the frames and the square crop that the network is built for.
R50 = {'pretrained': None, 'base_channels': 4}
R18 = {'pretrained': None, 'depth': 18}
TINY_VIT = {'img_size': 32, 'patch_size': 16, 'embed_dims': 32, 'num_heads': 2}
FAMILIES = {  # folder: (recipe, backbone's size, width, crop)
    'c2d': ('c2d_r50-in1k-pre_8xb32-8x8x1-100e_kinetics400-rgb', R18, 512, 32),
    'c3d': ('c3d_sports1m-pretrained_8xb30-16x1x1-45e_ucf101-rgb', {'pretrained': None, 'out_dim': 2048}, 4096, 32),
    'csn': ('ircsn_r152_32x2x1-180e_kinetics400-rgb', {**R50, 'depth': 50}, 128, 32),
    'i3d': ('i3d_imagenet-pretrained-r50_8xb8-32x2x1-100e_kinetics400-rgb', R50, 128, 32),
    'mvit': (
        'mvit-small-p244_32xb16-16x4x1-200e_kinetics400-rgb',
        {'arch': {'embed_dims': 8, 'num_layers': 2, 'num_heads': 1, 'downscale_indices': [1]}, 'spatial_size': 32},
        16,
        32,
    ),
    'omnisource': ('slowonly_r50_8xb16-8x8x1-256e_imagenet-kinetics400-rgb', {'layers': [1, 1, 1, 1]}, 2048, 32),
    'r2plus1d': ('r2plus1d_r34_8xb8-8x8x1-180e_kinetics400-rgb', {**R50, 'depth': 18}, 32, 32),
    'slowfast': (
        'slowfast_r50_8xb8-4x16x1-256e_kinetics400-rgb',
        {'slow_pathway.base_channels': 16, 'fast_pathway.base_channels': 2},
        512 + 64,
        32,
    ),
    'slowonly': ('slowonly_r50_8xb16-4x16x1-256e_kinetics400-rgb', R50, 128, 32),
    'swin': (
        'swin-tiny-p244-w877_in1k-pre_8xb8-amp-32x2x1-30e_kinetics400-rgb',
        {
            'pretrained': None,
            'pretrained2d': False,
            'arch': {'embed_dims': 8, 'depths': [1, 1, 1, 1], 'num_heads': [1, 1, 2, 2]},
        },
        64,
        32,
    ),
    'tanet': ('tanet_imagenet-pretrained-r50_8xb8-dense-1x1x8-100e_kinetics400-rgb', {'pretrained': None}, 2048, 32),
    'timesformer': (
        'timesformer_divST_8xb8-8x32x1-15e_kinetics400-rgb',
        {'pretrained': None, 'num_transformer_layers': 1, **TINY_VIT},
        32,
        32,
    ),
    'tin': ('tin_imagenet-pretrained-r50_8xb6-1x1x8-40e_sthv1-rgb', R18, 512, 32),
    'tpn': ('tpn-tsm_imagenet-pretrained-r50_8xb8-1x1x8-150e_sthv1-rgb', {'pretrained': None}, 2048, 32),
    'trn': ('trn_imagenet-pretrained-r50_8xb16-1x1x8-50e_sthv1-rgb', R18, 512, 32),
    'tsm': ('tsm_imagenet-pretrained-r50_8xb16-1x1x8-50e_kinetics400-rgb', R18, 512, 32),
    'tsn': ('tsn_imagenet-pretrained-r50_8xb32-1x1x3-100e_kinetics400-rgb', R18, 512, 32),
    'uniformer': (
        'uniformer-small_imagenet1k-pre_16x4x1_kinetics400-rgb',
        {'depth': [1, 1, 1, 1], 'embed_dim': [8, 8, 16, 16], 'head_dim': 8, 'img_size': 32},
        16,
        32,
    ),
    'uniformerv2': (
        'uniformerv2-base-p16-res224_clip_8xb32-u8_kinetics400-rgb',
        {
            'input_resolution': 32,
            'width': 16,
            'layers': 2,
            'heads': 2,
            'return_list': [1],
            'n_layers': 1,
            'n_dim': 16,
            'n_head': 2,
            'pretrained': None,
            'clip_pretrained': False,
        },
        16,
        32,
    ),
    'videomae': ('vit-base-p16_videomae-k400-pre_16x4x1_kinetics-400', {'depth': 1, **TINY_VIT}, 32, 32),
    'videomaev2': (
        'vit-small-p16_videomaev2-vit-g-dist-k710-pre_16x4x1_kinetics-400',
        {'depth': 1, **TINY_VIT},
        32,
        32,
    ),
    'x3d': ('x3d_s_13x6x1_facebook-kinetics400-rgb', {'gamma_w': 0.5, 'gamma_d': 0.4}, 288, 32),
}
HEAD = """
_base_ = 'mmaction::recognition/{recipe}.py'
custom_imports = dict(imports=['auxskd_mm'], allow_failed_imports=False)
"""
VSPP = "model = dict(cls_head=dict(_delete_=True, type='auxskd_mm.VSPPHead', in_channels={width}))\n"
AUX_SKD = """
model = dict(
    _delete_=True,
    type='auxskd_mm.AuxSKD',
    backbone={{{{_base_.model.backbone}}}},
    neck=dict(type='auxskd_mm.MLP', in_channels={width}, out_channels=8),
    predictor=dict(type='auxskd_mm.MLP', in_channels=8, hidden_channels=8, out_channels=8),
    data_preprocessor={{{{_base_.model.data_preprocessor}}}},
    queue_size=16,
)
"""
DATA = """
pipeline = [
    dict(type='auxskd_mm.OpenVideo'),
    dict(type='auxskd_mm.SegmentPaceSample', clip_len=16, num_views={views}, mode='fit'),
    dict(type='auxskd_mm.DecodeClips'),
    dict(type='Resize', scale=({crop}, {crop}), keep_ratio=False),
    dict(type='FormatShape', input_format='{layout}'),
    dict(type='PackActionInputs', algorithm_keys=('pace_label', 'segment_label')),
]
dataset = dict(_delete_=True, type='auxskd_mm.UnlabeledVideoDataset', source=r'{source}', pipeline=pipeline)
train_dataloader = dict(dataset=dataset)
val_dataloader = val_cfg = val_evaluator = test_dataloader = test_cfg = test_evaluator = None
"""


@pytest.fixture(scope='module')
def videos(tmp_path_factory):
    folder = tmp_path_factory.mktemp('videos')
    for number in range(4):
        write_video(folder / f'{number}.mp4', num_frames=90, size=(32, 32))
    return folder


def extended(tmp_path, videos, folder, model, views=1, layout='NCTHW'):
    recipe, sizes, width, crop = FAMILIES[folder]
    values = dict(recipe=f'{folder}/{recipe}', width=width, views=views, crop=crop, source=videos, layout=layout)
    path = tmp_path / f'my_{folder}.py'
    path.write_text((HEAD + model + DATA).format(**values))
    config = load_config(str(path))
    for key, value in sizes.items():
        *parts, last = key.split('.')
        functools.reduce(dict.__getitem__, parts, config.model.backbone)[last] = value
    return config


def step(config):
    torch.manual_seed(0)
    model = MODELS.build(config.model)
    model.init_weights()
    model.train()
    if hasattr(model, 'teacher'):
        model.teacher.copy_from(model.student_modules())
    settings = {key: value for key, value in config.optim_wrapper.items() if key not in ('type', 'loss_scale')}
    optimizer = build_optim_wrapper(model, dict(settings, type='OptimWrapper'))  # mixed precision needs a GPU
    dataset = DATASETS.build(config.train_dataloader.dataset)
    losses = model.train_step(pseudo_collate([dataset[i] for i in range(4)]), optimizer)
    assert 0 < losses['loss'] < float('inf')
    return losses


def test_no_family_is_forgotten():
    found = {path.name for path in RECIPES.iterdir() if path.is_dir() and any(path.glob('*.py'))}
    assert found == set(FAMILIES)


@pytest.mark.parametrize('folder', FAMILIES)
def test_vspp(folder, tmp_path, videos):
    losses = step(extended(tmp_path, videos, folder, VSPP))
    assert {key for key in losses if key.startswith('loss_')} == {'loss_speed', 'loss_segment'}


@pytest.mark.parametrize('folder', FAMILIES)
def test_aux_skd(folder, tmp_path, videos):
    assert 'loss_similarity' in step(extended(tmp_path, videos, folder, AUX_SKD, views=2))
