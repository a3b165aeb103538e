"""Maps against the head's own logits and a finite difference; pictures and bad input through the tool."""

import cv2
import pytest
import torch
from conftest import write_video
from mmaction.registry import MODELS
from small_models import MMACTION, stock_recogniser
from tool_runs import CONFIGS, call_tool

from auxskd_mm.apis import init_model
from auxskd_mm.apis.pictures import activation
from auxskd_mm.apis.pictures.activation import class_activation, draw_activations, head_tasks
from auxskd_mm.errors import InputError
from auxskd_mm.models.backbones.frames import build_backbone
from auxskd_mm.models.modules import pool_features

BACKBONE = dict(type='auxskd_mm.C3DBN', base_channels=2)
HEADS = dict(
    vspp=dict(type='auxskd_mm.VSPPHead', in_channels=16),
    pace=dict(type='auxskd_mm.PaceHead', in_channels=16),
    vcop=dict(type='auxskd_mm.ClipOrderHead', in_channels=16, hidden_channels=8),
    classes=dict(type='I3DHead', num_classes=5, in_channels=16),
)
TOOL = 'visualization/activation.py'


def build(kind):
    torch.manual_seed(0)
    return MODELS.build(dict(type='Recognizer3D', backbone=BACKBONE, cls_head=HEADS[kind])).eval()


def clips(count=3):
    return torch.randn(count, 3, 16, 64, 64, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize(
    ('kind', 'task', 'layer'),
    [
        ('vspp', 'pace', 'fc_speed'),
        ('vspp', 'segment', 'fc_segment'),
        ('pace', 'pace', 'fc_pace'),
        ('classes', 'class', 'fc_cls'),
    ],
)
@pytest.mark.parametrize('target', [None, 2])
def test_with_a_linear_head_mean_and_bias_are_the_logit(kind, task, layer, target):
    model = build(kind)
    found = class_activation(model, clips(), task, target)
    linear = getattr(model.cls_head, layer)
    assert found.maps.shape == (3, 2, 4, 4)
    assert found.chosen.tolist() == (found.logits.argmax(1).tolist() if target is None else [target] * 3)
    logit = found.logits.gather(1, found.chosen[:, None])[:, 0]
    torch.testing.assert_close(found.maps.mean((1, 2, 3)) + linear.bias[found.chosen], logit)
    # And each position is the weights' product with its feature: Zhou et al.'s definition.
    with torch.no_grad():
        by_hand = torch.einsum('bcthw,bc->bthw', model.backbone(clips()), linear.weight[found.chosen])
    torch.testing.assert_close(found.maps, by_hand)


def test_other_heads_get_the_first_order():
    """Shrinking the whole map a little changes the logit by the share of the map's mean."""
    model = build('vcop').double()
    batch = clips().double()
    found = class_activation(model, batch, 'order', 4)
    assert found.logits.shape == (1, 6)
    with torch.no_grad():
        feats, step = model.backbone(batch), 1e-6
        change = (model.cls_head(feats * (1 + step)) - model.cls_head(feats * (1 - step)))[0, 4] / (2 * step)
    torch.testing.assert_close(found.maps.double().mean((1, 2, 3)).sum(), change, rtol=1e-5, atol=1e-8)


def test_an_earlier_layer_is_finer_and_parameters_get_no_gradient():
    model = build('vspp')
    assert class_activation(model, clips(), 'pace', layer='conv3b').maps.shape == (3, 8, 16, 16)
    assert all(parameter.grad is None for parameter in model.parameters())


@pytest.mark.parametrize('name', ['ResNetTSM', 'ResNet3dSlowFast', 'MViT', 'UniFormer'])
def test_mean_and_bias_are_the_logit_on_other_backbones(name):
    torch.manual_seed(0)
    backbone, frames, size = MMACTION[name]
    batch = torch.rand(2, 3, frames, size, size)
    width = pool_features(build_backbone(backbone)(batch), token_pool='patch').shape[1]
    head = dict(type='auxskd_mm.VSPPHead', in_channels=width, token_pool='patch')
    kind = 'auxskd_mm.FrameRecognizer' if name == 'ResNetTSM' else 'Recognizer3D'
    model = MODELS.build(dict(type=kind, backbone=backbone, cls_head=head)).eval()
    found = class_activation(model, batch, 'pace', 1)
    expected = found.logits[:, 1] - model.cls_head.fc_speed.bias[1]
    torch.testing.assert_close(found.maps.mean((1, 2, 3)), expected, rtol=1e-4, atol=1e-5)
    if name == 'ResNetTSM':
        assert class_activation(model, batch, 'pace', 1, layer='layer3').maps.shape == (2, frames, 1, 1)


def test_what_has_no_map_is_refused():
    model = build('vspp')
    for settings, says in (
        (dict(task='order'), "task='order': the head tells pace, segment"),
        (dict(task='pace', target=9), 'target=9: pace has the classes 0 to 3'),
        (dict(task='pace', layer='nothing'), "layer='nothing': the backbone has .*conv1"),
    ):
        with pytest.raises(InputError, match=says):
            class_activation(model, clips(), **settings)
    with pytest.raises(InputError, match='Linear has no logits to explain'):
        head_tasks(torch.nn.Linear(1, 1))


@pytest.fixture(scope='module')
def video(tmp_path_factory):
    return write_video(tmp_path_factory.mktemp('v') / 'one.mp4', num_frames=72)


# Text grows with a sheet of 16 frames, not with one of 8.
@pytest.mark.parametrize(
    ('config', 'rows', 'task', 'zoom'), [('vspp', 1, 'segment', 15.2 / 10), ('vcop', 3, 'order', 1.0)]
)
def test_the_tool_draws_every_clip(config, rows, task, zoom, video, tmp_path, monkeypatch, capfd):
    words = [CONFIGS / f'demo/{config}_motion.py', 'none', video, '--out-dir', tmp_path / 'new', '--task', task]
    ended = call_tool(monkeypatch, capfd, TOOL, *words)
    assert ended.code == 0, ended.err
    picture = cv2.imread(str(tmp_path / 'new' / f'0000_one_{task}.png'))
    assert picture.shape[0] == pytest.approx(100 * (0.4 * zoom + rows * (2 * 0.91 + 0.75 + 0.85 * zoom)), abs=2)


@pytest.mark.parametrize(
    ('words', 'says'),
    [
        (['vspp', 'gone.pth', 'VIDEO'], 'gone.pth: no such checkpoint file'),
        (['vspp', 'WRONG', 'VIDEO'], 'backbone'),
        (['vspp', 'none', 'gone.mp4'], 'gone.mp4: no such file or folder'),
        (['vspp', 'none', 'VIDEO', '--out-dir', '/proc/x/y'], '/proc/x/y: cannot be written to'),
        (['vspp', 'none', 'VIDEO', '--task', 'order'], "task='order'"),
        (['auxskd', 'none', 'VIDEO'], 'AuxSKD has no logits to explain'),
        (['vcop', 'none', 'VIDEO', '--question', 'as_is'], "question='task'"),
    ],
)
def test_bad_input_is_one_line(words, says, video, tmp_path, monkeypatch, capfd):
    torch.save(dict(state_dict={'fc.weight': torch.ones(2)}), tmp_path / 'wrong.pth')
    words = [{'VIDEO': video, 'WRONG': tmp_path / 'wrong.pth'}.get(word, word) for word in words]
    line = call_tool(monkeypatch, capfd, TOOL, CONFIGS / f'demo/{words[0]}_motion.py', *words[1:]).error_line()
    assert says in line


@pytest.mark.parametrize(('crop', 'rows'), [('CenterCrop', 2), ('ThreeCrop', 6)])
def test_each_crop_has_the_frames_of_its_clip(crop, rows, video, tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(activation, 'draw_activation', lambda clips, path, title: drawn.extend(clips) or path)
    model = init_model(stock_recogniser('clips', crop), device='cpu')
    draw_activations(model, str(video), tmp_path, num_clips=2, question='as_is')
    assert [clip.numbers for clip in drawn] == [clip.numbers for clip in drawn[:2]] * (rows // 2)
    assert drawn[0].numbers == [0, 1, 2, 3]
    assert drawn[1].numbers[0] == 68  # the last start that fits into 72 frames
    assert len(drawn) == rows


def test_single_frames_have_no_map_over_a_clip(video, tmp_path):
    model = init_model(stock_recogniser('frames', 'CenterCrop'), device='cpu')
    with pytest.raises(InputError, match=r'Recognizer2D takes single frames \(8, 3, 32, 32\)'):
        draw_activations(model, str(video), tmp_path, num_clips=2, question='as_is')
