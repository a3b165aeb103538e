"""What makes a step faster leaves its result alone."""

import copy
from types import SimpleNamespace

import pytest
import torch
from mmengine.optim import OptimWrapper

from auxskd_mm.errors import InputError
from auxskd_mm.hooks import FastStepHook
from auxskd_mm.registry import MODELS

STEPS = 3


def model(channels=2):
    torch.manual_seed(0)
    built = MODELS.build(
        dict(
            type='auxskd_mm.AuxSKD',
            backbone=dict(type='auxskd_mm.R2Plus1DVCOP', base_channels=channels),
            neck=dict(type='auxskd_mm.MLP', in_channels=8 * channels, out_channels=8),
            predictor=dict(type='auxskd_mm.MLP', in_channels=8, hidden_channels=8, out_channels=8),
            queue_size=16,
        )
    )
    built.teacher.copy_from(built.student_modules())
    return built.double().train()


def trained(hook=None, **options):
    """State and losses after a few steps."""
    net = model()
    if hook is not None:
        hook.before_train(SimpleNamespace(model=net))
    parameters = [p for p in net.parameters() if p.requires_grad]
    wrapper = OptimWrapper(torch.optim.SGD(parameters, lr=1e-3, momentum=0.9, weight_decay=5e-3, **options))
    generator = torch.Generator().manual_seed(1)
    losses = []
    for _ in range(STEPS):
        views = torch.rand(3, 2, 3, 8, 16, 16, generator=generator, dtype=torch.float64)
        loss = net.loss(views)['loss_similarity']
        wrapper.update_params(loss)
        net.teacher.update(net.student_modules(), 0.9)
        losses.append(float(loss.detach()))
    return net, losses


@pytest.fixture(scope='module')
def plain():
    return trained()


def assert_same(run, reference):
    net, losses = run
    expected, expected_losses = reference
    assert losses == pytest.approx(expected_losses, rel=1e-9)
    state = net.state_dict()
    assert list(state) == list(expected.state_dict())
    for name, tensor in expected.state_dict().items():
        torch.testing.assert_close(state[name], tensor, rtol=1e-7, atol=1e-9)


def test_channels_last(plain):
    run = trained(FastStepHook())
    kernels = [p for p in run[0].parameters() if p.dim() == 5]
    assert len(kernels) > 20
    assert all(p.is_contiguous(memory_format=torch.channels_last_3d) for p in kernels)
    assert_same(run, plain)


def test_feature_maps_follow_the_weights():
    net = model()
    FastStepHook().before_train(SimpleNamespace(model=net))
    out = net.backbone(torch.rand(2, 3, 8, 16, 16, dtype=torch.float64))
    out = out[0] if isinstance(out, tuple) else out
    assert out.is_contiguous(memory_format=torch.channels_last_3d)


def test_an_image_network_is_laid_out_as_well():
    """Equal features, gradients and kernels; a Conv3d on top of it is in its own layout."""
    torch.manual_seed(0)
    config = dict(
        type='auxskd_mm.TimmBackbone', model='test_efficientnet', temporal=dict(type='auxskd_mm.TemporalConvs')
    )
    plain = MODELS.build(config).double().train()
    fast = copy.deepcopy(plain)
    fast.position = torch.nn.Parameter(torch.rand(1, 3, 4, 5).double())  # four axes, but no kernel
    before = {name: id(p) for name, p in fast.named_parameters()}
    FastStepHook().before_train(SimpleNamespace(model=fast))
    assert {name: id(p) for name, p in fast.named_parameters()} == before
    assert fast.position.is_contiguous()
    layouts = {4: torch.channels_last, 5: torch.channels_last_3d}
    kernels = {name: p for name, p in fast.named_parameters() if p.dim() in layouts and name != 'position'}
    assert {p.dim() for p in kernels.values()} == {4, 5}
    assert all(p.is_contiguous(memory_format=layouts[p.dim()]) for p in kernels.values())
    clips, maps = torch.rand(2, 3, 4, 32, 32, dtype=torch.float64), []
    for net in (plain, fast):
        maps.append(net(clips))
        maps[-1].square().sum().backward()
    torch.testing.assert_close(maps[1], maps[0], rtol=1e-9, atol=1e-12)
    for name, parameter in plain.named_parameters():
        torch.testing.assert_close(fast.get_parameter(name).grad, parameter.grad, rtol=1e-7, atol=1e-9)


def test_compiled(plain):
    run = trained(FastStepHook(channels_last=False, compile=dict(backend='aot_eager')))
    assert run[0].backbone._compiled_call_impl is not None
    assert run[0].teacher.backbone._compiled_call_impl is not None
    assert_same(run, plain)


def test_fused_optimizer(plain):
    assert_same(trained(fused=True), plain)


def test_bfloat16_errs_as_rounding_does():
    """Features under autocast are off by no more than a few times what rounding the weights alone to bfloat16 does."""
    net = model(channels=8).float()
    rounded = model(channels=8).float()
    for parameter in rounded.parameters():
        parameter.data = parameter.data.bfloat16().float()
    views = torch.rand(8, 3, 16, 32, 32, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        exact, reference = net.embed(net, views), rounded.embed(rounded, views)
        with torch.autocast('cpu', torch.bfloat16):
            near = net.embed(net, views).float()
    off, scale = (near - exact).norm(), (reference - exact).norm()
    assert 0 < off < 4 * scale
    assert off < 0.2 * exact.norm()


def test_the_teacher_leaves_no_graph():
    net = model()
    assert not net.teacher_features(torch.rand(2, 3, 8, 16, 16, dtype=torch.float64)).requires_grad
    saved = []
    with torch.autograd.graph.saved_tensors_hooks(lambda tensor: saved.append(tensor) or tensor, lambda tensor: tensor):
        net.teacher_features(torch.rand(2, 3, 8, 16, 16, dtype=torch.float64))
    assert saved == []


def test_unknown_setting():
    with pytest.raises(InputError, match=r"FastStepHook\.compile='yes'"):
        FastStepHook(compile='yes')
