"""Every family of backbones as ONNX and as a torch.export program: the same outputs, for any batch size."""

import json
import sys

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from conftest import needs_newer_exporter
from mmengine.config import Config
from tool_runs import CONFIGS
from torch import nn

from auxskd_mm.apis import init_model
from auxskd_mm.errors import InputError
from auxskd_mm.zoo.export import ClipNetwork, _program, _write, check_export_path, compare, export_model

FAMILIES = dict(
    r2plus1d=(dict(type='auxskd_mm.R2Plus1DVCOP', base_channels=4), 32, (8, 32, 32)),
    r3d=(dict(type='auxskd_mm.R3DVCOP', base_channels=4), 32, (8, 32, 32)),
    c3d=(dict(type='auxskd_mm.C3DBN', base_channels=4), 32, (8, 32, 32)),
    s3dg=(dict(type='auxskd_mm.S3DG', stage_blocks=(1, 1, 1), width=0.125), 104, (16, 64, 64)),
    slowonly=(
        dict(
            type='ResNet3dSlowOnly',
            depth=18,
            pretrained=None,
            base_channels=4,
            stage_blocks=(1, 1, 1, 1),
            lateral=False,
            conv1_kernel=(1, 7, 7),
            inflate=(0, 0, 1, 1),
            norm_eval=False,
        ),
        32,
        (4, 32, 32),
    ),
    pytorchvideo=(
        dict(
            type='auxskd_mm.PyTorchVideoBackbone',
            model='create_resnet',
            model_depth=50,
            stem_dim_out=4,
            head_pool_kernel_size=(4, 1, 1),
        ),
        128,
        (4, 32, 32),
    ),
    timm=(dict(type='auxskd_mm.TimmBackbone', model='test_vit', img_size=32), 64, (4, 32, 32)),
)
OPEN = dict(type='auxskd_mm.OpenVideo', channel_order='bgr')


def build(family='r3d', head=None, sampler=None, wrap=lambda dataset: dataset, **processor):
    backbone, width, (clip_len, size, _) = FAMILIES[family]
    head = head or dict(type='auxskd_mm.VSPPHead', in_channels=width)
    sampler = sampler or dict(type='auxskd_mm.SegmentPaceSample', clip_len=clip_len, num_segments=4)
    pipeline = [
        OPEN,
        sampler,
        dict(type='auxskd_mm.DecodeClips'),
        dict(type='Resize', scale=(size, size), keep_ratio=False),
        dict(type='FormatShape', input_format='NCTHW'),
        dict(type='PackActionInputs'),
    ]
    processor = processor or dict(mean=[100.0, 110.0, 120.0], std=[50.0, 55.0, 60.0], to_rgb=True)
    model = dict(
        type='Recognizer3D',
        backbone=backbone,
        cls_head=head,
        data_preprocessor=dict(type='auxskd_mm.ClipDataPreprocessor', **processor),
    )
    loader = dict(dataset=wrap(dict(type='auxskd_mm.UnlabeledVideoDataset', pipeline=pipeline)))
    model = init_model(Config(dict(model=model, test_dataloader=loader)), device='cpu')
    # Statistics of a real batch, so that values stay of the order of one through all layers.
    norms = [module for module in model.backbone.modules() if isinstance(module, nn.BatchNorm3d)]
    for norm in norms:
        norm.momentum = 1.0
        norm.train()
    with torch.no_grad():
        model.backbone((torch.rand(4, 3, clip_len, size, size) - 0.5) * 4)
    model.eval()
    return model


@pytest.mark.parametrize(
    'family', [pytest.param(name, marks=[needs_newer_exporter] if name == 's3dg' else []) for name in FAMILIES]
)
def test_backbones(family, tmp_path):
    clip = FAMILIES[family][2]
    network = ClipNetwork(build(family), 'backbone').cpu()
    network.eval()
    example = torch.rand(2, 3, *clip) * 255
    program = _program(network, example)
    with torch.no_grad():
        clips = torch.rand(5, 3, *clip) * 255
        expected = network(clips).numpy()
    assert np.abs(expected[0] - expected[1]).max() > 0.05  # what differs between clips is not lost in the noise
    for suffix in ('pt2', 'onnx'):
        path = tmp_path / f'{family}.{suffix}'
        _write(program, example, path, ['feature_map'])
        assert compare(path, network, example) <= 1e-4 * max(1.0, np.abs(expected).max())
    session = onnxruntime.InferenceSession(str(path))
    (found,) = session.run(['feature_map'], {'clips': clips.numpy()})
    np.testing.assert_allclose(found, expected, atol=1e-4 * max(1.0, np.abs(expected).max()))


def reference(model, clips):
    """What the model itself makes of clips as the pipeline packs them, (B, 1, 3, T, H, W) uint8."""
    data = model.data_preprocessor(dict(inputs=list(clips), data_samples=None), False)
    with torch.no_grad():
        return model.cls_head(model.extract_feat(data['inputs'])[0])


@needs_newer_exporter
@pytest.mark.parametrize('pooling', ['time', 'grid', 'pyramid'])
def test_heads_that_pool_parts_of_a_map_are_written_as_onnx(pooling, tmp_path):
    """torch knows no ONNX for adaptive poolings to more than one part; own_videos.py leaves such models."""
    head = dict(type='auxskd_mm.ClipClassHead', num_classes=3, in_channels=32, pooling=pooling, average_clips=None)
    sampler = dict(
        type='UniformSample', clip_len=40, test_mode=True
    )  # maps of 5 x 4 x 4 in 4 parts of the clip, which overlap
    model = build(head=head, sampler=sampler)
    done = export_model(model, tmp_path / 'head.onnx', shape=(40, 32, 32))
    assert done.difference < 1e-4
    session = onnxruntime.InferenceSession(str(done.path))
    clips = torch.rand(2, 3, 40, 32, 32) * 255
    with torch.no_grad():
        expected = ClipNetwork(model)(clips).numpy()
    assert np.abs(expected[0] - expected[1]).max() > 1e-3
    np.testing.assert_allclose(session.run(None, {'clips': clips.numpy()})[0], expected, atol=1e-4)


@needs_newer_exporter
def test_a_recogniser_takes_clips_as_they_are_decoded(tmp_path):
    model = build()
    done = export_model(model, tmp_path / 'sub' / 'vspp.onnx')
    assert done.outputs == ('pace', 'segment')
    assert done.difference < 1e-4
    onnx.checker.check_model(onnx.load(done.path))
    clips = torch.randint(0, 256, (3, 1, 3, 8, 32, 32), dtype=torch.uint8)
    session = onnxruntime.InferenceSession(str(done.path))
    found = session.run(['pace', 'segment'], {'clips': clips[:, 0].float().numpy()})
    for got, want in zip(found, reference(model, clips)):
        np.testing.assert_allclose(got, want, atol=1e-4)
    note = json.loads(done.path.with_suffix('.json').read_text())
    assert note['input'] == dict(
        name='clips', type='float32', shape=['batch', 3, 8, 32, 32], channels='bgr', values='0 to 255, as decoded'
    )
    assert note['outputs']['pace'] == dict(shape=['batch', 4], kind='logits', classes=['1x', '2x', '3x', '4x'])


def test_the_channel_order_of_a_gallery_is_found(tmp_path):
    def gallery(dataset):
        return dict(type='auxskd_mm.GalleryQueryDataset', common=dataset, gallery={}, query={})

    for name, normalise, channels in (('raw', True, 'bgr'), ('normalised', False, 'rgb')):
        done = export_model(build(wrap=gallery), tmp_path / f'{name}.pt2', normalise=normalise)
        assert json.loads(done.path.with_suffix('.json').read_text())['input']['channels'] == channels


def test_normalised_clips_are_left_to_the_caller(tmp_path):
    model = build()
    done = export_model(model, tmp_path / 'vspp.pt2', normalise=False)
    clips = torch.randint(0, 256, (3, 1, 3, 8, 32, 32), dtype=torch.uint8)
    note = json.loads(done.path.with_suffix('.json').read_text())['input']
    assert note['channels'] == 'rgb'  # decoded as BGR, turned round by the data preprocessor
    mean, std = (torch.tensor(note[key]).view(1, 3, 1, 1, 1) for key in ('mean', 'std'))
    by_hand = (clips[:, 0].flip(1).float() - mean) / std
    found = torch.export.load(done.path).module()(by_hand)
    for got, want in zip(found, reference(model, clips)):
        torch.testing.assert_close(got, want, atol=1e-4, rtol=0)


def test_the_value_range_is_said_to_whoever_normalises(tmp_path):
    pairs = [(0, 1000), (100, 2000), (500, 4000)]
    model = build(mean=[100.0, 110.0, 120.0], std=[50.0, 55.0, 60.0], to_rgb=True, value_range=pairs)
    done = export_model(model, tmp_path / 'vspp.pt2', normalise=False)
    note = json.loads(done.path.with_suffix('.json').read_text())['input']
    assert note['channels'] == 'rgb'
    clips = torch.randint(0, 5000, (3, 3, 8, 32, 32)).float()  # BGR, as the pairs of the config
    mean, std = (torch.tensor(note[key]).view(1, 3, 1, 1, 1) for key in ('mean', 'std'))
    black, white = (torch.tensor(values).view(1, 3, 1, 1, 1) for values in zip(*note['value_range']))
    by_hand = (((clips.flip(1) - black) / (white - black) * 255).clamp(0, 255) - mean) / std
    found = torch.export.load(done.path).module()(by_hand)
    with torch.no_grad():
        expected = ClipNetwork(model)(clips)
    for got, want in zip(found, expected):
        torch.testing.assert_close(got, want, atol=1e-4, rtol=0)


@pytest.mark.parametrize(
    ('name', 'channels', 'values'),
    [
        ('examples/vspp_features_small.py', 'features', 'feature maps, as stored'),
        ('examples/vspp_16bit_small.py', 'grey', 'as decoded'),
    ],
)
def test_inputs_that_are_no_colours_are_not_called_so(name, channels, values, tmp_path):
    model = init_model(str(CONFIGS / name), device='cpu')
    done = export_model(model, tmp_path / 'f.pt2', part='feature', check=False)
    note = json.loads(done.path.with_suffix('.json').read_text())['input']
    assert (note['channels'], note['values']) == (channels, values)


@needs_newer_exporter
def test_tuples_of_clips(tmp_path):
    head = dict(type='auxskd_mm.ClipOrderHead', in_channels=32, hidden_channels=8)
    sampler = dict(type='auxskd_mm.ClipOrderSample', clip_len=8, interval=2)
    model = build(head=head, sampler=sampler, mean=[100.0] * 3, std=[50.0] * 3)
    done = export_model(model, tmp_path / 'vcop.pt2')
    clips = torch.randint(0, 256, (2, 3, 3, 8, 32, 32), dtype=torch.uint8)
    found = torch.export.load(done.path).module()(clips.float())
    torch.testing.assert_close(found, reference(model, clips), atol=1e-4, rtol=0)
    note = json.loads(done.path.with_suffix('.json').read_text())
    assert note['input']['shape'] == ['batch', 3, 3, 8, 32, 32]
    assert note['outputs']['order']['classes'][1] == '0-2-1'


def test_pooled_features_are_the_mean_of_the_map(tmp_path):
    model = build()
    done = export_model(model, tmp_path / 'f.pt2', part='feature', shape=(8, 48, 32))
    clips = torch.rand(1, 3, 8, 48, 32) * 255
    with torch.no_grad():
        maps = ClipNetwork(model, 'backbone')(clips)
    torch.testing.assert_close(torch.export.load(done.path).module()(clips), maps.mean((2, 3, 4)), atol=1e-4, rtol=0)


def test_a_file_of_another_network_is_found_out(tmp_path):
    export_model(build(), tmp_path / 'a.pt2', part='feature')
    other = build()
    other.backbone.bn1.weight.data.mul_(1.1)
    with pytest.raises(InputError, match=r'a\.pt2: its outputs differ from those of the model by .* for a batch of 1'):
        compare(tmp_path / 'a.pt2', ClipNetwork(other, 'feature'), torch.rand(2, 3, 8, 32, 32))


def test_what_cannot_be_exported(tmp_path, monkeypatch):
    model = build()
    with pytest.raises(InputError, match=r'x\.pth: expected a file that ends in \.onnx or \.pt2'):
        export_model(model, tmp_path / 'x.pth')
    (tmp_path / 'file').touch()
    with pytest.raises(InputError, match=r'x\.pt2: cannot be written'):
        export_model(model, tmp_path / 'file' / 'x.pt2')
    with pytest.raises(InputError, match="part='neck'"):
        export_model(model, tmp_path / 'x.pt2', part='neck')
    with pytest.raises(InputError, match='expected T H W'):
        export_model(model, tmp_path / 'x.pt2', shape=(8, 32))
    with pytest.raises(InputError, match='has no backbone'):
        ClipNetwork(nn.Linear(1, 1))
    headless = nn.Module()
    headless.backbone = nn.Identity()
    with pytest.raises(InputError, match=r"has no cls_head: export part='backbone'"):
        ClipNetwork(headless)

    class Odd(nn.Module):
        def forward(self, clips):
            return clips * int(clips.sum())

    headless.backbone = Odd()
    with pytest.raises(InputError, match=r'Odd: torch\.export cannot follow it with a free batch size'):
        _program(ClipNetwork(headless, 'backbone'), torch.rand(2, 3, 4, 8, 8))
    monkeypatch.setitem(sys.modules, 'onnxscript', None)
    with pytest.raises(InputError, match=r"onnxscript is not installed; run `pip install 'auxskd_mm\[export\]'`"):
        check_export_path(tmp_path / 'x.onnx')


def write_and_compare(program, network, example, path):
    _write(program, example, path, ['map'])
    compare(path, network, example)


@pytest.mark.parametrize(
    ('part', 'name'), [('written', 'torch.onnx.export'), ('read back', 'onnxruntime.InferenceSession')]
)
def test_versions_of_onnx_that_do_not_fit_are_one_line(monkeypatch, tmp_path, part, name):
    def fails(*args, **kwargs):
        raise TypeError('Field onnx.AttributeProto.i: Expected an int, got a boolean.\nmore')

    network, example = nn.Conv3d(3, 2, 1).eval(), torch.rand(2, 3, 2, 4, 4)
    program = torch.export.export(network, (example,))
    monkeypatch.setattr(name, fails)
    with pytest.raises(
        InputError, match=rf'a\.onnx: cannot be {part} with torch .*, onnx .*, protobuf .*got a boolean'
    ) as error:
        write_and_compare(program, network, example, tmp_path / 'a.onnx')
    assert '\n' not in str(error.value)


def test_what_onnx_cannot_say_is_named(monkeypatch, tmp_path):
    """The exporter wraps the reason into advice for its own authors."""

    def fails(*args, **kwargs):
        raise RuntimeError('Failed. \x1b[96mStep 3/3') from ValueError('No ONNX function found for aten.strange\nmore')

    program = torch.export.export(nn.Conv3d(3, 2, 1).eval(), (torch.rand(2, 3, 2, 4, 4),))
    monkeypatch.setattr('torch.onnx.export', fails)
    with pytest.raises(InputError, match=r'\(No ONNX function found for aten\.strange\); take newer'):
        _write(program, torch.rand(2, 3, 2, 4, 4), tmp_path / 'a.onnx', ['map'])


def test_the_model_keeps_its_mode(tmp_path):
    model = build().train()
    norm = model.backbone.bn1
    before = norm.running_mean.clone()
    export_model(model, tmp_path / 'm.pt2', part='backbone', shape=(8, 32, 32), check=False)
    assert [part.training for part in (model, model.backbone, norm, model.cls_head)] == [True] * 4
    assert torch.equal(norm.running_mean, before)
    assert next(model.parameters()).data_ptr() == next(model.backbone.parameters()).data_ptr()
