"""PECoP on I3D against values recorded from the original code: logits, features, three optimizer steps, one block.

The network is large: 224 x 224, up to 32 frames. What is compared in float32 costs half a minute of a core. The whole network
in float64 costs three times that, and can hardly fail where float32 and the block in float64 do not. So it is marked ``slow``
(`pytest -m slow`).
"""

import pytest
import seeded
import torch
import torch.nn.functional as F
from conftest import recorded
from tool_runs import CONFIGS
from torch import nn

from auxskd_mm.config.load import load_config
from auxskd_mm.models.adapters import ConvAdapter
from auxskd_mm.models.backbones.i3d import I3DBlock
from auxskd_mm.registry import MODELS
from auxskd_mm.zoo.convert_checkpoint import convert_state_dict

RECORD = recorded('pecop_i3d')
SEED = RECORD['seed']


@pytest.fixture(scope='module')
def network():
    """The faithful config's model; its weights file is not read."""
    model = MODELS.build(load_config(str(CONFIGS / 'pecop_i3d_k400.py')).model)
    model.cls_head.dropout.p = 0.0  # as recorded; the original has 0.5
    return model


@pytest.fixture(scope='module')
def original():
    return seeded.state_dict(SEED, RECORD['shapes'])


@pytest.fixture(scope='module')
def ours(original):
    """Our state dict, and our name of each of the original's tensors: the converter is part of what is compared."""
    state = convert_state_dict({f'module.{key}': value for key, value in original.items()}).state_dict
    places = {value.data_ptr(): key for key, value in state.items()}
    return state, {key: places[value.data_ptr()] for key, value in original.items() if value.data_ptr() in places}


@pytest.fixture
def model(network, ours):
    network.float().load_state_dict(ours[0], strict=True)
    network.zero_grad()
    return network


def clips(name, batch, frames, dtype=torch.float32):
    return seeded.clips(SEED, name, batch, frames, RECORD['size']).to(dtype) / 255


def logits(model, inputs):
    return model.cls_head(model.backbone(inputs))


def check_eval(model, wanted, name, dtype, tolerance):
    model.eval()
    norms = {}
    watched = [(key, part) for key, part in model.backbone.named_children() if key in wanted['stage_norms']]
    assert len(watched) == len(wanted['stage_norms']) - 1  # the average pooling is the head's
    hooks = [
        part.register_forward_hook(lambda part, x, out, key=key: norms.update({key: out.double().norm().item()}))
        for key, part in watched
    ]
    with torch.no_grad():
        feats = model.backbone(clips(name, wanted['batch'], wanted['frames'], dtype))
        speed, segment = model.cls_head(feats)
    for hook in hooks:
        hook.remove()
    feature = F.avg_pool3d(feats, (2, 7, 7), 1)
    assert list(feature.shape) == wanted['feature_shape']
    norms['avg_pool'] = feature.double().norm().item()
    assert norms == pytest.approx(wanted['stage_norms'], rel=tolerance)
    assert norms['avg_pool'] == pytest.approx(wanted['feature_norm'], rel=tolerance)
    assert feature.mean().item() == pytest.approx(wanted['feature_mean'], rel=tolerance)
    for found, key in ((feature[:, :8].flatten(3).squeeze(3), 'feature_first8'), (speed, 'speed_logits')):
        assert torch.allclose(found.double(), torch.tensor(wanted[key]).double(), rtol=0, atol=tolerance), key
    found, expected = segment.double(), torch.tensor(wanted['segment_logits']).double()
    assert torch.allclose(found, expected, rtol=0, atol=tolerance)


@pytest.mark.parametrize('name', ['eval', 'eval32'])
def test_logits_and_features(model, name):
    check_eval(model, RECORD['eval'][name], name, torch.float32, 1e-4)


def check_moved(model, record, names, when, before, rel):
    """Compare how far the trained tensors and the BatchNorm buffers have moved."""
    state = model.state_dict()
    for kind in ('update', 'buffer_change'):
        for key, wanted in record[f'{kind}_norms_{when}'].items():
            moved = (state[names[key]] - before[names[key]]).norm().item()
            assert moved == pytest.approx(wanted, rel=40 * rel, abs=0.1 * rel), key


def check_steps(model, record, names, dtype, tolerance, later):
    """Run the optimizer steps and compare losses, gradients, weights and buffers.

    ``tolerance`` is for the first step and ``later`` for the others: BatchNorm over two clips amplifies rounding.
    """
    before = {key: value.clone() for key, value in model.state_dict().items()}
    trained = {key: p for key, p in model.named_parameters() if p.requires_grad}
    assert set(trained) == {names[key] for key in RECORD['trained']}
    assert len(trained) == 49
    assert sum(p.numel() for p in trained.values()) == RECORD['trained_parameters'] == 1_118_293
    frozen = {key for key, p in model.named_parameters() if not p.requires_grad}
    assert len(frozen) == 173 - 2  # the original's two tensors of the Kinetics classifier are not ours
    model.train()
    # As in the original, the optimizer holds the frozen tensors too; weight decay must not move them.
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, weight_decay=1e-4)
    for i, step in enumerate(record['steps']):
        rel = tolerance if i == 0 else later
        outputs = logits(model, clips(f'step{i}', RECORD['batch'], RECORD['frames'], dtype))
        labels = [seeded.labels(SEED, f'{task}{i}', RECORD['batch'], k) for task, k in (('speed', 5), ('segment', 4))]
        losses = [F.cross_entropy(x, y) for x, y in zip(outputs, labels)]
        assert [y.tolist() for y in labels] == [step['speed'], step['segment']]
        assert [loss.item() for loss in losses] == pytest.approx([step['loss_speed'], step['loss_segment']], rel=rel)
        optimizer.zero_grad()
        sum(losses).backward()
        norm = nn.utils.get_total_norm([p.grad for p in trained.values()]).item()
        assert norm == pytest.approx(step['grad_norm'], rel=rel)
        for key, wanted in step['grad_norms'].items():
            # The gradient of an adapter's last bias nearly cancels in the next block's BatchNorm.
            found = trained[names[key]].grad.norm().item()
            assert found == pytest.approx(wanted, rel=40 * rel, abs=rel * norm), key
        optimizer.step()
        after = nn.utils.get_total_norm(list(trained.values())).item()
        assert after == pytest.approx(step['param_norm_after'], rel=rel / 10)
        if i == 0:
            check_moved(model, record, names, 'step0', before, rel)
    check_moved(model, record, names, 'end', before, later)
    state = model.state_dict()
    assert all(torch.equal(state[key], before[key]) for key in frozen)
    counters = {value.item() for key, value in state.items() if key.endswith('num_batches_tracked')}
    assert counters == {3}  # frozen norms run in training mode


def test_three_optimizer_steps(model, ours):
    check_steps(model, RECORD, ours[1], torch.float32, 1e-4, 1e-3)


@pytest.mark.slow
@pytest.mark.parametrize('name', ['eval', 'eval32'])
def test_logits_and_features_in_float64(model, name):
    check_eval(model.double(), RECORD['float64']['eval'][name], name, torch.float64, 1e-6)


@pytest.mark.slow
def test_three_optimizer_steps_in_float64(model, ours):
    check_steps(model.double(), RECORD['float64'], ours[1], torch.float64, 1e-6, 1e-6)


def test_a_block_with_its_adapter_in_float64():
    """All outputs and all gradients of the adapter; the input is mostly negative, so that the zero padding shows."""
    record = RECORD['mixed_block_float64']
    names = {'se': 'scale', 'conv1': 'down', 'conv2': 'up'}
    state = seeded.state_dict(SEED, record['shapes'])
    block, adapter = I3DBlock(record['in_channels'], record['out_channels']), ConvAdapter(16)
    block.register_forward_hook(adapter.behind)
    block.load_state_dict({key: value for key, value in state.items() if not key.startswith('tuning_module.')})
    tuned = {key.removeprefix('tuning_module.'): value for key, value in state.items() if 'tuning_module' in key}
    adapter.load_state_dict({'.'.join([names[k.split('.')[0]], *k.split('.')[1:]]): v for k, v in tuned.items()})
    block.double(), adapter.double()
    inputs = seeded.normal(SEED, 'mixed_input', record['input_shape']).double() - 1
    assert block.eval()(inputs).flatten().tolist() == pytest.approx(record['out_eval'], abs=1e-10)
    out = block.train()(inputs)
    assert list(out.shape) == record['out_shape']
    assert out.flatten().tolist() == pytest.approx(record['out_train'], abs=1e-10)
    (out * seeded.normal(SEED, 'mixed_weight', record['out_shape']).double()).sum().backward()
    gradients = dict(adapter.named_parameters())
    for key, wanted in record['grad_tuning_module'].items():
        layer, *leaf = key.split('.')
        found = gradients['.'.join([names[layer], *leaf])].grad
        assert found.flatten().tolist() == pytest.approx(wanted, rel=1e-9, abs=1e-9), key
