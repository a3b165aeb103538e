"""Published checkpoints: the same weights under names that a next phase loads, and nothing else."""

import hashlib
import json

import pytest
import torch
from mmengine.logging.history_buffer import HistoryBuffer
from tool_runs import CONFIGS

from auxskd_mm.apis import init_model, load_config
from auxskd_mm.errors import InputError
from auxskd_mm.zoo.publish import publish_model, without_paths

OPTIONS = {'model.backbone.base_channels': 2, 'model.neck.in_channels': 16, 'model.queue_size': 8}


@pytest.fixture
def model():
    config = load_config(str(CONFIGS / 'demo' / 'auxskd_motion.py'), OPTIONS)
    model = init_model(config, device='cpu', seed=1)
    for parameter in model.teacher.parameters():
        parameter.data.add_(1)
    return model


@pytest.fixture
def checkpoint(model, tmp_path):
    path = tmp_path / 'epoch_2.pth'
    meta = dict(
        epoch=2,
        cfg="load_from = '/home/me/secret/epoch_1.pth'\nsource = 'data/a'\n",
        env_info='machine',
        hook_msgs=dict(last_ckpt='/home/me/epoch_2.pth'),
        init_history=[dict(method='auxSKD', checkpoint='/home/me/epoch_1.pth')],
    )
    hub = dict(log_scalars={'train/loss': HistoryBuffer([0.5], [1])})
    torch.save(
        dict(meta=meta, state_dict=model.state_dict(), optimizer=dict(big=torch.zeros(9)), message_hub=hub), path
    )
    return path


def load(path):
    return torch.load(path, weights_only=True)


def test_a_backbone_starts_the_next_phase(checkpoint, model, tmp_path):
    path = publish_model(checkpoint, tmp_path / 'sub' / 'auxskd.pth')
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert path.name == f'auxskd-{digest[:8]}.pth'  # torch.hub checks names of this form
    assert torch.hub.HASH_REGEX.search(path.name).group(1) == digest[:8]
    assert [p.name for p in path.parent.iterdir()] == [path.name]
    content = load(path)
    assert set(content) == {'meta', 'state_dict'}
    expected = {k: v for k, v in model.state_dict().items() if k.startswith('backbone.')}
    assert set(content['state_dict']) == set(expected)
    vspp = load_config(
        str(CONFIGS / 'demo' / 'vspp_motion.py'), {'model.backbone.base_channels': 2, 'model.cls_head.in_channels': 16}
    )
    started = init_model(vspp, path, 'cpu', require='backbone').state_dict()
    for key, value in expected.items():
        torch.testing.assert_close(started[key], value, rtol=0, atol=0)


def test_where_it_comes_from_stays_and_the_machine_does_not(checkpoint, tmp_path):
    meta = load(publish_model(checkpoint, tmp_path / 'x.pth'))['meta']
    assert meta['epoch'] == 2
    assert meta['part'] == 'backbone'
    assert meta['cfg'] == "load_from = 'epoch_1.pth'\nsource = 'data/a'\n"
    assert meta['init_history'] == [dict(method='auxSKD', checkpoint='epoch_1.pth')]
    assert not {'env_info', 'hook_msgs'} & set(meta)
    assert '/home' not in json.dumps(meta)
    assert 'cfg' not in load(publish_model(checkpoint, tmp_path / 'y.pth', config=False))['meta']


@pytest.mark.parametrize(
    ('value', 'kept'),
    [
        ('/home/me/data/', 'data'),
        ('file:///home/me/x.mp4', 'x.mp4'),
        ('C:\\Users\\me\\x', 'x'),
        ('/', '/'),
        ("root = '/home/me/ucf101/'\nout = \"/home/o'neill/z\"\n", 'root = \'ucf101\'\nout = "z"\n'),
        (r"win = 'C:\\Users\\me\\x.pth', there = 's3://b/x'", "win = 'x.pth', there = 's3://b/x'"),
        (r"group_pattern = '\\w+_g(\\d+)_'", r"group_pattern = '\\w+_g(\\d+)_'"),  # a backslash alone is no root
    ],
)
def test_of_a_path_the_last_name_stays(value, kept):
    assert without_paths(value) == kept


def test_other_parts(checkpoint, model, tmp_path):
    whole = load(publish_model(checkpoint, tmp_path / 'whole.pth', part='model'))['state_dict']
    assert {key.split('.')[0] for key in whole} == {'backbone', 'neck', 'predictor'}
    teacher = load(publish_model(checkpoint, tmp_path / 'teacher.pth', part='teacher'))['state_dict']
    key = next(key for key in whole if key.startswith('backbone.'))
    torch.testing.assert_close(teacher[key], model.state_dict()[f'teacher.{key}'], rtol=0, atol=0)
    assert not torch.equal(teacher[key], whole[key])


def test_the_same_weights_have_the_same_name(checkpoint, tmp_path):
    assert publish_model(checkpoint, tmp_path / 'a.pth').name == publish_model(checkpoint, tmp_path / 'a.pth').name


def test_what_cannot_be_published(checkpoint, tmp_path):
    torch.save(dict(state_dict=dict(head=torch.zeros(1))), tmp_path / 'head.pth')
    torch.save([1], tmp_path / 'list.pth')
    (tmp_path / 'file').touch()
    cases = [
        ((tmp_path / 'none.pth', tmp_path / 'x.pth'), {}, r'none\.pth: no such checkpoint file'),
        ((tmp_path / 'file', tmp_path / 'x.pth'), {}, r'file: not a checkpoint of torch'),
        ((tmp_path / 'list.pth', tmp_path / 'x.pth'), {}, r'list\.pth: holds a list'),
        ((tmp_path / 'head.pth', tmp_path / 'x.pth'), {}, r'head\.pth: has no backbone to publish; its keys are head'),
        ((checkpoint, tmp_path / 'x.onnx'), {}, r'x\.onnx: expected a name that ends in \.pth'),
        ((checkpoint, tmp_path / 'file' / 'x.pth'), {}, r'x\.pth: cannot be written'),
        ((checkpoint, tmp_path / 'x.pth'), dict(part='neck'), "part='neck'"),
    ]
    for paths, options, says in cases:
        with pytest.raises(InputError, match=says):
            publish_model(*paths, **options)
    assert not [path for path in tmp_path.rglob('*') if '.tmp' in path.name]
