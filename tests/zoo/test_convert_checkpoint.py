"""Original checkpoints, built module by module as the original code does, through files and the command line."""

import argparse
import os
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

import auxskd_mm
from auxskd_mm.errors import InputError
from auxskd_mm.registry import MODELS
from auxskd_mm.zoo.convert_checkpoint import convert_checkpoint, convert_state_dict, load_original

ROOT = Path(auxskd_mm.__file__).parents[1]
TOOL = ROOT / 'tools' / 'model_converters' / 'convert_auxskd.py'
BACKBONES = {
    'r2plus1d': dict(type='auxskd_mm.R2Plus1DVCOP', base_channels=2),
    'r3d': dict(type='auxskd_mm.R3DVCOP', base_channels=2),
    'c3d': dict(type='auxskd_mm.C3DBN', base_channels=2),
    's3dg': dict(type='auxskd_mm.S3DG', width=1 / 32),
}


def network(kind, **layers):
    """A backbone, with the original's layers beside its own, that has seen a batch."""
    torch.manual_seed(0)
    backbone = MODELS.build(BACKBONES[kind])
    backbone(torch.randn(2, 3, 8, 32, 32))
    for name, out in layers.items():
        backbone.add_module(name, nn.Linear(backbone.out_channels, out))
    return backbone


def clips():
    return torch.randn(6, 3, 8, 32, 32, generator=torch.Generator().manual_seed(1))


def pooled(model):
    return model.eval()(clips()).mean((2, 3, 4))


def through_the_tool(content, tmp_path, monkeypatch, capsys, **save):
    """State dict of what the command line makes of a file, and what it says."""
    source, target = tmp_path / 'original.pth', tmp_path / 'new' / 'converted.pth'
    torch.save(content, source, **save)
    monkeypatch.setattr(sys, 'argv', ['convert_auxskd.py', str(source), str(target)])
    tool = runpy.run_path(str(TOOL))
    tool['main'](tool['parse_args']())
    converted = torch.load(target, weights_only=True)
    assert converted['meta']['source'] == 'original.pth'
    assert [path.name for path in target.parent.iterdir()] == ['converted.pth']
    return converted['state_dict'], capsys.readouterr().out


@pytest.mark.parametrize('kind', ['r2plus1d', 's3dg'])
def test_auxskd(kind, tmp_path, monkeypatch, capsys):
    original = nn.Module()
    original.encoder_q = nn.DataParallel(network(kind, linear=6))
    original.encoder_k = nn.DataParallel(network(kind, linear=6))
    nn.init.normal_(original.encoder_k.module.linear.weight)
    predictor = nn.Sequential(nn.Linear(6, 12), nn.BatchNorm1d(12), nn.ReLU(inplace=True), nn.Linear(12, 6))
    original.predict_q_c = nn.DataParallel(predictor)
    original.register_buffer('queue', torch.randn(10, 6))
    original.register_buffer('queue_ptr', torch.tensor([4]))
    student = original.encoder_q.module
    content = dict(
        opt=argparse.Namespace(model='r21d', lr=0.001, gpus=[0, 1], cos=False),
        state_dict=original.state_dict(),
        optimizer=torch.optim.SGD(student.parameters(), lr=0.1).state_dict(),
        epoch=18,
    )
    state, said = through_the_tool(content, tmp_path, monkeypatch, capsys)
    assert f'{len(state)} tensors of auxskd' in said
    assert 'left out' not in said
    model = MODELS.build(
        dict(
            type='auxskd_mm.AuxSKD',
            backbone=BACKBONES[kind],
            neck=dict(type='auxskd_mm.MLP', in_channels=student.out_channels, out_channels=6),
            predictor=dict(type='auxskd_mm.MLP', in_channels=6, out_channels=6, hidden_channels=12),
            queue_size=10,
        )
    )
    model.load_state_dict(state, strict=True)
    model.eval()
    features = student.linear(pooled(student))
    assert torch.equal(model.embed(model, clips()), features)
    assert torch.equal(model.predictor(features), predictor.eval()(features))
    teacher = original.encoder_k.module
    assert torch.equal(model.embed(model.teacher, clips()), teacher.linear(pooled(teacher)))
    assert torch.equal(model.queue.features, original.queue)
    assert model.queue.pointer.item() == 4
    assert model.queue.pointer.ndim == 0
    # After any epoch of the original, whose queue is shorter than that, every anchor is a real one.
    assert model.queue.filled.item() == 10
    assert model.queue.age.tolist() == [0] * 10


def recogniser(kind, head, in_channels):
    return MODELS.build(
        dict(type='Recognizer3D', backbone=BACKBONES[kind], cls_head=dict(in_channels=in_channels, **head))
    ).eval()


@pytest.mark.parametrize('wrap', [nn.DataParallel, lambda module: module])
def test_vspp(wrap, tmp_path, monkeypatch, capsys):
    original = network('r2plus1d', linear=4, linear_segment=5)
    content = dict(epoch=3, state_dict=wrap(original).state_dict())
    state, said = through_the_tool(content, tmp_path, monkeypatch, capsys)
    assert 'tensors of vspp' in said
    model = recogniser('r2plus1d', dict(type='auxskd_mm.VSPPHead', num_speeds=4, num_segments=5), 16)
    model.load_state_dict(state, strict=True)
    speed, segment = model.cls_head(model.backbone(clips()))
    feature = pooled(original)
    assert torch.equal(speed, original.linear(feature))
    assert torch.equal(segment, original.linear_segment(feature))


@pytest.mark.parametrize(
    ('kind', 'layer'), [('r3d', 'linear'), ('c3d', 'linear'), ('r2plus1d', 'linear'), ('s3dg', 'fc')]
)
def test_videopace(kind, layer, tmp_path, monkeypatch, capsys):
    original = network(kind, **{layer: 4})
    content = dict(epoch=1, state_dict=nn.DataParallel(original).state_dict(), opt_dict={})
    state, said = through_the_tool(content, tmp_path, monkeypatch, capsys)
    assert 'tensors of videopace' in said
    assert 'left out' not in said
    model = recogniser(kind, dict(type='auxskd_mm.PaceHead'), original.out_channels)
    model.load_state_dict(state, strict=True)
    assert torch.equal(model.cls_head(model.backbone(clips())), getattr(original, layer)(pooled(original)))


@pytest.mark.parametrize('kind', ['r2plus1d', 'r3d', 'c3d'])
def test_vcop(kind, tmp_path, monkeypatch, capsys):
    original = nn.Module()
    original.base_network = network(kind)
    original.fc7, original.fc8 = nn.Linear(2 * 16, 8), nn.Linear(3 * 8, 6)
    # VCOP saves the bare state dict, in the format of torch 0.4.
    state, said = through_the_tool(
        original.state_dict(), tmp_path, monkeypatch, capsys, _use_new_zipfile_serialization=False
    )
    assert 'tensors of vcop' in said
    model = recogniser(kind, dict(type='auxskd_mm.ClipOrderHead', tuple_len=3, hidden_channels=8), 16)
    model.load_state_dict(state, strict=True)
    feature = pooled(original.base_network).view(2, 3, 16)
    pairs = [original.fc7(torch.cat([feature[:, i], feature[:, j]], 1)).relu() for i, j in ((0, 1), (0, 2), (1, 2))]
    expected = original.fc8(torch.cat(pairs, 1))
    assert torch.allclose(model.cls_head(model.backbone(clips())), expected, atol=1e-6)


def test_layers_without_a_place_are_left_out_and_named(tmp_path, monkeypatch, capsys):
    original = network('r3d', linear=4)
    original.some_layer = nn.Linear(2, 2)
    state, said = through_the_tool(original.state_dict(), tmp_path, monkeypatch, capsys)
    assert 'left out 2: some_layer.weight, some_layer.bias' in said
    assert not any('some_layer' in key for key in state)


def test_what_lies_beside_the_weights_does_not_matter(tmp_path):
    path = tmp_path / 'a.pth'
    state = network('c3d', linear=4).state_dict()
    for extra in (dict(best=np.float64(0.5), history=np.zeros(3)), dict(args=argparse.Namespace(a=1))):
        torch.save(dict(state_dict=state, **extra), path)
        assert set(load_original(path)) == set(state)
    for key in ('model', 'model_state_dict'):
        torch.save({key: state}, path)
        assert set(load_original(path)) == set(state)


class Hostile:
    """Runs a command when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize('zipped', [True, False])
def test_a_hostile_file_is_refused_and_not_run(zipped, tmp_path):
    path, sign = tmp_path / 'hostile.pth', tmp_path / 'payload'
    content = dict(state_dict=network('r3d', linear=4).state_dict(), opt=Hostile(sign))
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(
        InputError, match=r'hostile\.pth: refused, because it holds posix\.mkdir beside tensors'
    ) as error:
        convert_checkpoint(path, tmp_path / 'out.pth')
    assert '\n' not in str(error.value)
    assert not sign.exists()
    assert not (tmp_path / 'out.pth').exists()
    torch.load(path, weights_only=False)  # the payload is real
    assert sign.exists()


def test_the_command_line_ends_with_one_line(tmp_path):
    path, sign = tmp_path / 'hostile.pth', tmp_path / 'payload'
    torch.save(dict(state_dict={}, opt=Hostile(sign)), path)
    environment = {**os.environ, 'PYTHONPATH': str(ROOT), 'PYTHONWARNINGS': 'ignore'}
    command = [sys.executable, str(TOOL), str(path), str(tmp_path / 'out.pth')]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith('error: ')
    assert done.stderr.count('\n') == 1
    assert str(path) in done.stderr
    assert not sign.exists()


@pytest.mark.parametrize(
    ('content', 'says'),
    [
        (None, 'no such checkpoint'),
        (b'', 'not a checkpoint of torch, or damaged'),
        (b'hello world' * 50, 'not a checkpoint of torch, or damaged'),
        ([1, 2], 'holds a list, expected a dict of tensors'),
        ({}, 'expected keys with .* found no tensors'),
        (
            {'layer.weight': torch.zeros(1)},
            r'not a checkpoint of auxSKD, VSPP, VideoPace, VCOP, RSPNet or PECoP; .* found layer\.weight',
        ),
        ({0: torch.zeros(1)}, 'expected keys with .* found 0'),
        ({'backbone.conv1.weight': torch.zeros(1)}, r'its keys start with backbone\. already; it needs no conversion'),
        ({'encoder_q.conv1.weight': torch.zeros(1)}, r'has encoder_q\. but not the predict_q_c\. of auxSKD'),
    ],
)
def test_bad_files(content, says, tmp_path):
    path = tmp_path / 'bad.pth'
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        torch.save(content, path)
    with pytest.raises(InputError, match=says) as error:
        convert_checkpoint(path, tmp_path / 'out.pth')
    assert str(error.value).startswith(str(path))
    assert '\n' not in str(error.value)
    assert list(tmp_path.glob('out*')) == []


def test_a_truncated_file(tmp_path):
    path = tmp_path / 'cut.pth'
    torch.save(network('r3d', linear=4).state_dict(), path)
    for zipped in (True, False):
        torch.save(network('r3d', linear=4).state_dict(), path, _use_new_zipfile_serialization=zipped)
        path.write_bytes(path.read_bytes()[:5000])
        with pytest.raises(InputError, match=r'cut\.pth: not a checkpoint of torch, or damaged'):
            load_original(path)


def test_a_converted_file_is_told_from_an_original_one(tmp_path):
    source, target = tmp_path / 'a.pth', tmp_path / 'b.pth'
    torch.save(network('r3d', linear=4).state_dict(), source)
    convert_checkpoint(source, target)
    with pytest.raises(InputError, match=r'b\.pth: its keys start with backbone\. already'):
        convert_checkpoint(target, tmp_path / 'c.pth')


def test_tensors_are_passed_on_as_they_are():
    state = network('r2plus1d', linear=4, linear_segment=4).state_dict()
    converted = convert_state_dict({**state, 'epoch': 3})
    assert converted.kind == 'vspp'
    assert converted.state_dict['backbone.conv1.spatial_conv.weight'] is state['conv1.spatial_conv.weight']
    assert len(converted.state_dict) == len(state)
    assert F.mse_loss(converted.state_dict['cls_head.fc_speed.weight'], state['linear.weight']) == 0


def test_a_queue_without_its_pointer_is_one_line():
    state = {'encoder_q.conv1.weight': torch.ones(2), 'predict_q_c.0.weight': torch.ones(2), 'queue': torch.ones(4, 2)}
    with pytest.raises(InputError, match=r'a\.pth: has a queue without its queue_ptr'):
        convert_state_dict(state, 'a.pth')
