"""auxSKD's step in its parts, on own, MMAction2's and pytorchvideo's networks, and what it refuses.

The step as a whole is compared with the original in test_aux_skd_parity.py.
"""

import copy

import pytest
import torch
import torch.nn.functional as F
import toy_distillation as toy
from mmaction.structures import ActionDataSample
from mmengine.optim import OptimWrapper

from auxskd_mm.errors import InputError
from auxskd_mm.registry import MODELS

SLOW_ONLY = dict(
    type='ResNet3dSlowOnly',
    depth=18,
    pretrained=None,
    lateral=False,
    base_channels=4,
    conv1_kernel=(1, 7, 7),
    inflate=(0, 0, 1, 1),
)
BACKBONES = {
    'mmaction': (SLOW_ONLY, 32),
    'pytorchvideo': (
        dict(type='auxskd_mm.PyTorchVideoBackbone', model='create_resnet', stem_dim_out=4, model_depth=50),
        128,
    ),
    'own': (dict(type='auxskd_mm.S3DG', width=1 / 32, stage_blocks=(1, 1, 1)), None),
}


def build(seed=0, **changes):
    torch.manual_seed(seed)
    return MODELS.build(toy.aux_skd(**changes))


def started(**changes):
    model = build(**changes)
    model.teacher.copy_from(model.student_modules())
    return model.train()


def views(batch=3, size=4, frames=2, seed=0):
    return torch.randn(batch, 2, 3, frames, size, size, generator=torch.Generator().manual_seed(seed))


def test_the_step_in_its_parts():
    # In float64: a bias in front of BatchNorm has no gradient but rounding, which differs from CPU to CPU.
    model, inputs = started().double(), views().double()
    reference = copy.deepcopy(model)
    losses = model.loss(inputs)
    student = reference.predictor(reference.neck(reference.backbone(inputs[:, 0]).mean((2, 3, 4))))
    teacher = reference.teacher.neck(reference.teacher.backbone(inputs[:, 1]).mean((2, 3, 4)))
    anchors = reference.queue.features
    log_p = (F.normalize(student, dim=1) @ anchors.T / 0.1).log_softmax(1)
    target = (F.normalize(teacher, dim=1) @ anchors.T / 0.02).softmax(1)
    expected = F.kl_div(log_p, target.detach(), reduction='batchmean')
    assert losses['loss_similarity'].item() == pytest.approx(expected.item(), rel=1e-10)
    # The keys entered after the loss was taken, in the order of the batch.
    assert torch.allclose(model.queue.features[:3], F.normalize(teacher, dim=1), atol=1e-6)
    assert torch.equal(model.queue.features[3:], anchors[3:])
    assert model.queue.pointer.item() == 3
    losses['loss_similarity'].backward()
    expected.backward()
    for (name, mine), other in zip(model.named_parameters(), reference.parameters()):
        assert mine.requires_grad != name.startswith('teacher.')
        if mine.requires_grad:
            assert torch.allclose(mine.grad, other.grad, rtol=1e-8, atol=1e-12), name


def test_only_the_loss_is_summed():
    model = started()
    losses = model.loss(views())
    assert [key for key in losses if 'loss' in key] == ['loss_similarity']
    assert set(losses) == {
        'loss_similarity',
        'teacher_entropy',
        'student_entropy',
        'anchor_agreement',
        'student_std',
        'teacher_std',
    }
    total, logged = model.parse_losses(losses)
    assert torch.equal(total, losses['loss_similarity'])
    assert set(logged) == {'loss', *losses}


def test_the_teacher_needs_no_memory_beside_the_student():
    """The teacher runs while no feature map of the student waits for the backward pass."""
    model, order = started(), []
    model.backbone.register_forward_hook(lambda *_: order.append('student'))
    model.teacher.backbone.register_forward_hook(lambda *_: order.append('teacher'))
    model.loss(views())
    assert order == ['teacher', 'student']


def test_losses_alone():
    frozen = dict(backbone=dict(type='auxskd_mm.ToyBackbone'), weight=0.5)
    found = []
    for with_diagnostics in (True, False):
        model = started(teacher=frozen)
        model.with_diagnostics = with_diagnostics
        found.append(model.loss(views()))
    assert list(found[1]) == ['loss_similarity', 'loss_frozen_similarity']
    assert all(torch.equal(found[0][key], value) for key, value in found[1].items())


@pytest.mark.parametrize('name', BACKBONES)
def test_backbones_of_every_house(name):
    config, width = BACKBONES[name]
    width = width or MODELS.build(config).out_channels
    neck = dict(type='auxskd_mm.MLP', in_channels=width, out_channels=toy.WIDTH)
    model = started(backbone=config, neck=neck)
    optimizer = OptimWrapper(torch.optim.SGD((p for p in model.parameters() if p.requires_grad), lr=0.01))
    before = copy.deepcopy(model.state_dict())
    samples = [ActionDataSample(), ActionDataSample()]
    data = dict(inputs=list(views(2, 32, 8)), data_samples=samples)
    logged = model.train_step(data, optimizer)
    assert torch.isfinite(torch.stack([v for v in logged.values() if isinstance(v, torch.Tensor)])).all()
    for part in ('backbone', 'neck', 'predictor', 'teacher'):
        moved = [not torch.equal(p, before[f'{part}.{key}']) for key, p in getattr(model, part).named_parameters()]
        assert any(moved) == (part != 'teacher'), part
    assert model.queue.filled.item() == 2
    # A checkpoint has the student under the names that the next phase loads.
    recogniser = MODELS.build(
        dict(type='Recognizer3D', backbone=config, cls_head=dict(type='auxskd_mm.VSPPHead', in_channels=width))
    )
    missing, unexpected = recogniser.load_state_dict(model.state_dict(), strict=False)
    assert all(key.startswith('cls_head.') for key in missing)
    assert not any(key.startswith('backbone.') for key in unexpected)


def test_autocast_trains_too():
    model = started()
    with torch.autocast('cpu', torch.bfloat16):
        losses = model.loss(views())
    assert {value.dtype for value in losses.values()} == {torch.float32}
    losses['loss_similarity'].backward()
    assert all(torch.isfinite(p.grad).all() for p in model.backbone.parameters())
    assert torch.allclose(model.queue.features[:3].norm(dim=1), torch.ones(3), atol=1e-6)


@pytest.mark.parametrize(
    ('changes', 'says'),
    [
        (
            dict(predictor=dict(type='auxskd_mm.MLP', in_channels=8, out_channels=4)),
            r'model\.predictor\.in_channels=8: the neck yields 4 channels; set it to 4',
        ),
        (
            dict(predictor=dict(type='auxskd_mm.MLP', in_channels=4, out_channels=8)),
            r'model\.predictor\.out_channels=8: the neck yields 4',
        ),
        (
            dict(neck=dict(type='auxskd_mm.MLP', in_channels=512, out_channels=4)),
            r'model\.neck\.in_channels=512: the backbone yields 6 channels; set it to 6',
        ),
        (dict(neck=dict(type='auxskd_mm.PlainReLU')), r'model\.neck: ReLU has no out_channels; use auxskd_mm\.MLP'),
        (dict(queue_size=0), r'FeatureQueue\.size=0'),
        (dict(queue_init='zeros'), r"FeatureQueue\.init='zeros'"),
        (
            dict(loss=dict(type='auxskd_mm.SimilarityDistillationLoss', teacher_temperature=0.0)),
            r'SimilarityDistillationLoss\.teacher_temperature=0\.0',
        ),
        (
            dict(backbone={**SLOW_ONLY, 'out_indices': (2, 3)}),
            r'model\.backbone\.out_indices=\(2, 3\): ResNet3dSlowOnly yields 2 feature maps; set out_indices=\(3,\)',
        ),
    ],
)
def test_what_does_not_fit_is_refused_at_build_time(changes, says):
    MODELS.register_module('PlainReLU', force=True, module=torch.nn.ReLU)
    with pytest.raises(InputError, match=says) as error:
        build(**changes)
    assert '\n' not in str(error.value)


def test_a_neck_that_does_not_fit_a_network_of_mmaction2_is_named():
    neck = dict(type='auxskd_mm.MLP', in_channels=512, out_channels=4)
    model = started(backbone=SLOW_ONLY, neck=neck)
    with pytest.raises(
        InputError, match=r'model\.neck\.in_channels=512: the backbone yields 32 channels; set it to 32'
    ):
        model.loss(views(2, 32, 8))


def test_a_step_without_the_hook_or_with_one_view_is_refused():
    with pytest.raises(InputError, match=r'AuxSKD: the teacher was never started; .*SKDDistillerHook'):
        build().loss(views())
    for wrong in (views()[:, :1], torch.cat([views(), views()], 1)):
        with pytest.raises(InputError, match=r'AuxSKD takes \(B, 2, C, T, H, W\), got .*must draw 2 views'):
            started().loss(wrong)
