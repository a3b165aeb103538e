"""The teacher: an exponential moving average of the student."""

from __future__ import annotations

import copy
from collections.abc import Mapping

import torch
from mmengine.dist import broadcast
from torch import Tensor, nn
from torch.distributed.tensor import DTensor

from ...errors import InputError


def check_momentum(momentum: float, key: str) -> float:
    """Return ``momentum`` as a float.

    Raises:
        InputError: If it is not in [0, 1).
    """
    if isinstance(momentum, bool) or not isinstance(momentum, (int, float)) or not 0 <= momentum < 1:
        raise InputError(f'{key}={momentum!r}: expected a momentum in [0, 1), for instance 0.999 as in auxSKD')
    return float(momentum)


@torch.no_grad()
def momentum_update(teacher: nn.Module, student: nn.Module, momentum: float) -> None:
    """Set ``teacher = m * teacher + (1 - m) * student`` for all parameters, in the same order, in one fused call.
    Buffers do not change.

    ``m`` is the momentum of the papers, a value near 1. MMEngine's averaged models call ``1 - m`` the momentum.

    Raises:
        InputError: If the parameters do not correspond.
    """
    mine: list[Tensor] = list(teacher.parameters())
    theirs = [p.detach() for p in student.parameters()]
    if [p.shape for p in mine] != [p.shape for p in theirs]:
        raise InputError(f'teacher ({len(mine)} parameters) and student ({len(theirs)}) are not the same network')
    if mine:
        torch._foreach_lerp_(mine, theirs, 1 - momentum)


class MomentumEncoder(nn.Module):
    """Copies of the student's modules. Their weights are a moving average of the student's weights.

    ``MomentumEncoder(backbone=b, neck=n)`` has submodules ``backbone`` and ``neck``. Parameters get no gradient. The
    teacher has its own BatchNorm statistics: it stays in training mode and normalises with its own batches, as in
    auxSKD and MoCo.

    Args:
        modules: The student's modules by name. The constructor copies them.

    Attributes:
        started: Whether the weights come from a student or a checkpoint. Otherwise they are random.

    Source: Plrbear/auxSKD @ 79e99b8, ``encoder_k``.
    """

    def __init__(self, **modules: nn.Module) -> None:
        super().__init__()
        for name, module in modules.items():
            self.add_module(name, copy.deepcopy(module))
        self.requires_grad_(False)
        self.started = False

    @torch.no_grad()
    def copy_from(self, student: Mapping[str, nn.Module]) -> None:
        """Copy the student's weights and BatchNorm statistics, in the same way on every rank."""
        for name, module in self.named_children():
            module.load_state_dict(student[name].state_dict())
        self.broadcast()

    def broadcast(self) -> None:
        """Copy rank 0's weights to every rank, and set ``started``."""
        for tensor in [*self.parameters(), *self.buffers()]:
            if not isinstance(tensor, DTensor):  # of a shard no other rank has a copy
                broadcast(tensor.data, src=0)
        self.started = True

    def update(self, student: Mapping[str, nn.Module], momentum: float) -> None:
        """Make one step of the average. See :func:`momentum_update`."""
        for name, module in self.named_children():
            momentum_update(module, student[name], momentum)
