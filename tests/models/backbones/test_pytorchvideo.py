"""pytorchvideo's networks without heads: feeding what they yield to the head that was taken off gives the whole network."""

import logging

import pytest
import torch
from mmengine.logging import MMLogger
from pytorchvideo.models.csn import create_csn
from pytorchvideo.models.r2plus1d import create_r2plus1d
from pytorchvideo.models.resnet import create_resnet
from pytorchvideo.models.vision_transformers import create_multiscale_vision_transformers
from pytorchvideo.models.x3d import create_x3d

from auxskd_mm.errors import InputError
from auxskd_mm.models.backbones import PyTorchVideoBackbone
from auxskd_mm.registry import MODELS

MVIT = dict(
    spatial_size=16,
    temporal_size=4,
    depth=2,
    patch_embed_dim=8,
    embed_dim_mul=[[1, 2.0]],
    atten_head_mul=[[1, 2.0]],
    pool_q_stride_size=[[1, 1, 2, 2]],
    pool_kv_stride_adaptive=[1, 2, 2],
    pool_kvq_kernel=[3, 3, 3],
)
TRANSFORMER = 'create_multiscale_vision_transformers'
CASES = [  # model, builder, arguments, channels of the feature
    ('create_resnet', create_resnet, dict(stem_dim_out=4, head_pool_kernel_size=(8, 1, 1)), 128),
    ('create_r2plus1d', create_r2plus1d, dict(stem_dim_out=4, head_pool_kernel_size=(2, 1, 1)), 128),
    ('create_csn', create_csn, dict(stem_dim_out=4, head_pool_kernel_size=(1, 1, 1)), 128),
    ('create_x3d', create_x3d, dict(input_clip_length=8, input_crop_size=32, depth_factor=1.0), 192),
    (TRANSFORMER, create_multiscale_vision_transformers, MVIT, 16),
    (TRANSFORMER, create_multiscale_vision_transformers, dict(MVIT, cls_embed_on=False), 16),
]


@pytest.mark.parametrize(('name', 'builder', 'kwargs', 'channels'), CASES)
def test_head_on_features_is_the_network(name, builder, kwargs, channels):
    torch.manual_seed(0)
    whole = builder(**kwargs).eval()
    ours = MODELS.build(dict(type='auxskd_mm.PyTorchVideoBackbone', model=name, **kwargs)).eval()
    transformer = name == TRANSFORMER
    head, prefix = (whole.head, 'head.') if transformer else (whole.blocks[-1], f'blocks.{len(whole.blocks) - 1}.')
    assert set(ours.model.state_dict()) == {key for key in whole.state_dict() if not key.startswith(prefix)}
    ours.model.load_state_dict(whole.state_dict(), strict=False)
    clips = torch.rand(2, 3, *((4, 16, 16) if transformer else (8, 32, 32)))
    with torch.no_grad():
        features, logits = ours(clips), whole(clips)
        if transformer:
            head.sequence_pool = None  # pooled already
        assert features.shape[1] == channels == ours.out_channels
        assert features.ndim == (2 if transformer else 5)
        assert torch.equal(head(features), logits)


@pytest.mark.parametrize(
    ('name', 'channels'),
    [('slow_r50', 2048), ('r2plus1d_r50', 2048), ('x3d_xs', 192), ('csn_r101', 2048), ('mvit_base_16x4', 768)],
)
def test_networks_of_the_hub_by_name(name, channels):
    backbone = PyTorchVideoBackbone(name)
    assert backbone.out_channels == channels
    assert next(p for p in backbone.parameters() if p.ndim == 5).shape[1] == 3  # the stem takes RGB


def test_weights_come_from_a_local_file_or_not_at_all(tmp_path):
    kwargs = dict(model='create_csn', stem_dim_out=4)
    whole = create_csn(stem_dim_out=4)
    path = tmp_path / 'CSN.pyth'
    torch.save(dict(model_state=whole.state_dict()), path)
    backbone = PyTorchVideoBackbone(checkpoint=str(path), **kwargs)
    backbone.init_weights()
    assert all(torch.equal(value, whole.state_dict()[key]) for key, value in backbone.model.state_dict().items())

    MMLogger.get_instance('csn', log_file=str(tmp_path / 'log'), log_level=logging.INFO)
    MODELS.build(
        dict(
            type='Recognizer3D',
            backbone=dict(type='auxskd_mm.PyTorchVideoBackbone', checkpoint=str(path), **kwargs),
            cls_head=dict(type='auxskd_mm.VSPPHead', in_channels=backbone.out_channels),
        )
    ).init_weights()
    lines = (tmp_path / 'log').read_text().splitlines()
    assert f'Weights {path}' in lines[next(i for i, line in enumerate(lines) if line.startswith('backbone.model.')) + 1]

    partial = {key: value for key, value in whole.state_dict().items() if not key.startswith('blocks.2')}
    torch.save(partial, path)
    with pytest.raises(InputError, match=r'only \d+ of \d+ model tensors fit \(missing blocks\.2'):
        PyTorchVideoBackbone(checkpoint=str(path), **kwargs).init_weights()
    with pytest.raises(InputError, match=r'no such checkpoint .* weights are not downloaded'):
        PyTorchVideoBackbone(checkpoint=str(tmp_path / 'none.pyth'), **kwargs).init_weights()
    path.write_bytes(b'no checkpoint')
    with pytest.raises(InputError, match=r'CSN\.pyth: refused, because it is no plain data of tensors, or damaged'):
        PyTorchVideoBackbone(checkpoint=str(path), **kwargs).init_weights()


@pytest.mark.parametrize(
    ('kwargs', 'says'),
    [
        (dict(model='slow_r5'), r"model\.backbone\.model='slow_r5': .*did you mean 'slow_r50'\?"),
        (dict(model='zzz'), r"'zzz': .*expected one of c2d_r50, create_csn, .*x3d_xs"),
        (dict(model='mvit_base_16'), "did you mean 'mvit_base_16x4'"),
        (dict(model='slowfast_r50'), "'slowfast_r50' has two pathways; take a network with one, e.g. 'slow_r50'"),
        (dict(model='create_slowfast'), 'has two pathways'),
        (dict(model='create_resnet', depth=18), "refuses its arguments .*unexpected keyword argument 'depth'"),
        (dict(model='create_resnet', model_depth=18), 'refuses its arguments .18 is not in'),
        (dict(model='create_resnet', head=None), 'without a head: leave head alone'),
        (dict(model=TRANSFORMER, **MVIT, head=None), 'without a head'),
        (dict(model='slow_r50', pretrained=True), 'would download weights'),
    ],
)
def test_bad_settings_are_one_line(kwargs, says):
    with pytest.raises(InputError, match=says) as error:
        PyTorchVideoBackbone(**kwargs)
    assert '\n' not in str(error.value)


def test_a_transformer_names_the_size_of_its_clips():
    backbone = PyTorchVideoBackbone(TRANSFORMER, **MVIT)
    with pytest.raises(
        InputError, match=r'clips of \(4, 32, 32\) .* \(2, 8, 8\) patches, .* \(2, 4, 4\); set temporal_size'
    ):
        backbone(torch.rand(1, 3, 4, 32, 32))
