"""Parameters and FLOPs, compared with hand counts and with torch's own counter."""

import pytest
import torch
from mmengine.config import Config
from tool_runs import CONFIGS
from torch.utils.flop_counter import FlopCounterMode

from auxskd_mm.apis import init_model, load_config
from auxskd_mm.config.explain import describe_config
from auxskd_mm.config.sample_shape import sample_shape
from auxskd_mm.errors import InputError
from auxskd_mm.zoo.model_summary import SampleForward, model_summary, readable

TINY = {'model.backbone.base_channels': 2}


def test_a_head_is_counted_by_hand():
    config = load_config(str(CONFIGS / 'demo' / 'vspp_motion.py'), {**TINY, 'model.cls_head.in_channels': 16})
    found = model_summary(config)
    assert found.shape == sample_shape(config, 'train')
    parts = {part.name: part for part in found.parts}
    assert parts['cls_head'].parameters == 2 * (16 * 4 + 4)
    assert parts['cls_head'].flops == 2 * 16 * 4
    assert found.flops == parts['backbone'].flops + parts['cls_head'].flops
    assert found.parameters == found.trained == parts['backbone'].parameters + 2 * (16 * 4 + 4)
    assert 'backbone' in found.table


@pytest.mark.parametrize(
    ('name', 'options'),
    [
        ('demo/vspp_motion.py', {'model.cls_head.in_channels': 16}),
        ('demo/vcop_motion.py', {'model.cls_head.in_channels': 16}),
        ('demo/rspnet_motion.py', {f'model.{head}.in_channels': 16 for head in ('head_a', 'head_m')}),
        ('demo/auxskd_motion.py', {'model.neck.in_channels': 16}),
    ],
)
def test_convolutions_and_layers_are_those_that_torch_counts(name, options):
    config = load_config(str(CONFIGS / name), {**TINY, **options})
    found = model_summary(config)
    forward = SampleForward(init_model(config, device='cpu'))
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        forward(torch.zeros(1, *found.shape))
    # torch counts a multiply-add as two and leaves BatchNorm out, which is a few hundredths of so narrow a network.
    assert found.flops == pytest.approx(counter.get_total_flops() / 2, rel=0.2)
    assert found.flops >= counter.get_total_flops() / 2


def test_a_teacher_is_counted_and_not_trained():
    found = model_summary(
        load_config(str(CONFIGS / 'demo' / 'auxskd_motion.py'), {**TINY, 'model.neck.in_channels': 16})
    )
    parts = {part.name: part for part in found.parts}
    assert list(parts) == ['backbone', 'neck', 'predictor', 'teacher']
    assert parts['teacher'].parameters == parts['backbone'].parameters + parts['neck'].parameters
    assert parts['teacher'].flops == parts['backbone'].flops + parts['neck'].flops
    assert found.trained == found.parameters - parts['teacher'].parameters


def test_a_measurement_is_counted_for_one_clip():
    config = load_config(str(CONFIGS / 'downstream' / 'retrieval_r21d_ucf101.py'), {'model.backbone.base_channels': 2})
    found = model_summary(config)
    assert found.shape == (1, 3, 16, 112, 112)
    assert [part.name for part in found.parts] == ['backbone']


def test_another_shape():
    config = load_config(str(CONFIGS / 'demo' / 'vspp_motion.py'), {**TINY, 'model.cls_head.in_channels': 16})
    whole, half = (model_summary(config, shape=(frames, 32, 32)) for frames in (32, 16))
    assert whole.shape == (1, 3, 32, 32, 32)
    assert whole.parts[0].flops == 2 * half.parts[0].flops


@pytest.mark.parametrize(
    ('name', 'shape'),
    [('vspp_16bit_small.py', (1, 1, 8, 32, 32)), ('vspp_features_small.py', (1, 320, 8, 5, 5))],
)
def test_a_test_of_another_shape_keeps_the_channels_of_the_network(name, shape):
    config = load_config(str(CONFIGS / 'examples' / name))
    config.train_dataloader = None
    assert model_summary(config, shape=shape[2:]).shape == shape


def test_grey_frames_become_those_of_the_network():
    """A mean for each of three channels makes three of one."""
    config = load_config(str(CONFIGS / 'demo' / 'vspp_motion.py'), {**TINY, 'model.cls_head.in_channels': 16})
    config.train_dataloader.dataset.pipeline[0].channels = 1
    assert sample_shape(config, 'train') == (1, 1, 16, 40, 40)
    assert model_summary(config).shape == (1, 3, 16, 40, 40)
    text = describe_config(config, str(CONFIGS / 'demo' / 'vspp_motion.py'))
    assert 'a forward pass takes 1 x 1 x 3 x 16 x 40 x 40 and' in text
    assert 'a sample is 1 x 1 x 16 x 40 x 40 (' in text


def test_what_cannot_be_counted():
    with pytest.raises(InputError, match=r'shape=\(8, 0, 32\): expected T H W'):
        model_summary(load_config(str(CONFIGS / 'demo' / 'vspp_motion.py')), shape=(8, 0, 32))
    with pytest.raises(InputError, match='the config has no model'):
        model_summary(Config(dict(a=1)))
    config = load_config(str(CONFIGS / 'examples' / 'vspp_slowonly_mmaction.py'))
    config.model.backbone.update(depth=18, base_channels=4, in_channels=4)
    with pytest.raises(InputError, match=r'the model does not take clips of \(8, 32, 32\)'):
        model_summary(config, shape=(8, 32, 32))


@pytest.mark.parametrize(
    ('count', 'words'), [(21439e6, '21.44 G'), (14365303, '14.37 M'), (4100, '4.10 k'), (12, '12')]
)
def test_readable(count, words):
    assert readable(count) == words
