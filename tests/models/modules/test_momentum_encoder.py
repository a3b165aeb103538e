"""The average against a loop over every parameter."""

import copy

import pytest
import torch
from torch import nn

from auxskd_mm.errors import InputError
from auxskd_mm.models.modules import MomentumEncoder, check_momentum, momentum_update


def network(seed, width=5):
    torch.manual_seed(seed)
    body = nn.Sequential(nn.Conv3d(3, width, 3), nn.BatchNorm3d(width), nn.ReLU(), nn.Flatten(), nn.Linear(width, 2))
    nn.init.normal_(body[1].weight)
    body[1].running_mean.normal_()
    body[1].running_var.uniform_(1, 2)
    body[1].num_batches_tracked += seed
    return body


@pytest.mark.parametrize('momentum', [0.0, 0.3, 0.7, 0.999, 1.0])
def test_parameters_follow_and_buffers_stay(momentum):
    teacher, student = network(1), network(2)
    before = copy.deepcopy(teacher)
    wanted = copy.deepcopy(teacher).double()
    for _ in range(3):
        momentum_update(teacher, student, momentum)
        for name, parameter in wanted.named_parameters():
            parameter.data = momentum * parameter + (1 - momentum) * student.get_parameter(name).double()
    for name, parameter in teacher.named_parameters():
        assert torch.allclose(parameter.double(), wanted.get_parameter(name), rtol=1e-6, atol=1e-7)
        # BN's bias is zero in both.
        assert torch.equal(parameter, before.get_parameter(name)) == (momentum == 1 or name == '1.bias')
    for name, buffer in teacher.named_buffers():
        assert torch.equal(buffer, before.get_buffer(name))
        assert not torch.equal(buffer, student.get_buffer(name))


def test_the_student_is_left_alone():
    teacher, student = network(1), network(2)
    student(torch.randn(2, 3, 3, 3, 3)).sum().backward()
    before, gradients = copy.deepcopy(student.state_dict()), [p.grad.clone() for p in student.parameters()]
    momentum_update(teacher, student, 0.5)
    assert all(torch.equal(student.state_dict()[key], value) for key, value in before.items())
    assert all(torch.equal(p.grad, gradient) for p, gradient in zip(student.parameters(), gradients))
    assert all(p.grad_fn is None for p in teacher.parameters())


def test_other_networks_are_refused():
    for other in (network(1, width=6), nn.Linear(2, 2)):
        with pytest.raises(InputError, match='are not the same network'):
            momentum_update(network(1), other, 0.9)
    momentum_update(nn.ReLU(), nn.ReLU(), 0.9)


def test_momentum_in_range():
    assert check_momentum(0, 'a.momentum') == 0.0
    assert isinstance(check_momentum(0, 'a.momentum'), float)
    assert check_momentum(0.999, 'a.momentum') == 0.999
    for bad in (1, 1.0, -0.1, 2, float('nan'), '0.9', None, True):
        with pytest.raises(InputError, match=r'a\.momentum=.*expected a momentum in \[0, 1\)'):
            check_momentum(bad, 'a.momentum')


class TestMomentumEncoder:
    def test_copies_without_gradient(self):
        backbone, neck = network(1), nn.Linear(2, 2)
        teacher = MomentumEncoder(backbone=backbone, neck=neck)
        assert [name for name, _ in teacher.named_children()] == ['backbone', 'neck']
        assert not teacher.started
        assert not any(p.requires_grad for p in teacher.parameters())
        assert all(p.requires_grad for p in backbone.parameters())
        with torch.no_grad():
            backbone[0].weight.zero_()
        assert teacher.backbone[0].weight.abs().sum() > 0

    def test_starts_as_the_student_statistics_included(self):
        student = dict(backbone=network(1), neck=nn.Linear(2, 2))
        teacher = MomentumEncoder(**student)
        student = dict(backbone=network(7), neck=nn.Linear(2, 2))
        teacher.copy_from(student)
        assert teacher.started
        for name, module in student.items():
            for key, value in module.state_dict().items():
                assert torch.equal(getattr(teacher, name).state_dict()[key], value)
        assert not any(p.requires_grad for p in teacher.parameters())

    def test_a_start_from_a_checkpoint_keeps_the_weights(self):
        teacher = MomentumEncoder(backbone=network(1))
        before = copy.deepcopy(teacher.state_dict())
        teacher.broadcast()
        assert teacher.started
        assert all(torch.equal(teacher.state_dict()[key], value) for key, value in before.items())

    def test_update_follows_every_part_by_name(self):
        student = dict(neck=nn.Linear(2, 2), backbone=network(2))
        teacher = MomentumEncoder(backbone=network(1), neck=nn.Linear(2, 2))
        before = copy.deepcopy(teacher)
        teacher.update(student, 0.9)
        for name, module in student.items():
            for key, mine in getattr(teacher, name).named_parameters():
                wanted = 0.9 * getattr(before, name).get_parameter(key) + 0.1 * module.get_parameter(key)
                assert torch.allclose(mine, wanted)

    def test_its_batchnorm_keeps_its_own_statistics(self):
        teacher = MomentumEncoder(backbone=network(1))
        teacher.train()
        mean = teacher.backbone[1].running_mean.clone()
        with torch.no_grad():
            teacher.backbone(torch.randn(4, 3, 3, 3, 3) + 5)
        moved = teacher.backbone[1].running_mean.clone()
        assert not torch.equal(moved, mean)
        teacher.update(dict(backbone=network(2)), 0.5)
        assert torch.equal(teacher.backbone[1].running_mean, moved)
