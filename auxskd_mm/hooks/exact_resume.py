"""State for an exact resume that MMEngine's checkpoints lack, gathered from all ranks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mmengine.dist import all_gather_object, get_rank, get_world_size
from mmengine.optim import OptimWrapper
from torch import Tensor
from torch.distributed.tensor import DTensor

from ..models.modules.feature_queue import named_rank_buffers
from ..unwrap import unwrap

if TYPE_CHECKING:
    from mmengine.runner import Runner

KEY = 'exact_resume'


def gather_rank_state(runner: Runner) -> dict[str, Any]:
    """State for :func:`apply_rank_state`; call it on every rank.

    Within an epoch each rank has its own BatchNorm statistics, which MMEngine averages at the end of the epoch. With
    accumulated gradients each rank also has a part of a step. Both would be lost with rank 0's ``state_dict`` alone.

    Returns:
        ``position`` of the loop (see ``ResumableEpochTrainLoop``), None for MMEngine's own loops, and ``ranks``: a dict
        ``buffers``, ``gradients`` of CPU tensors for each rank.
    """
    model = unwrap(runner.model)
    own = dict(
        buffers=_to_cpu(dict(named_rank_buffers(model))) if get_world_size() > 1 else {},
        gradients=_to_cpu({k: p.grad for k, p in model.named_parameters() if p.grad is not None})
        if _accumulating(runner.optim_wrapper)
        else {},
    )
    position = getattr(runner.train_loop, 'position', None)
    return dict(
        position=position() if position else None, ranks=all_gather_object(own) if get_world_size() > 1 else [own]
    )


def apply_rank_state(runner: Runner, state: Mapping[str, Any] | None) -> bool:
    """Restore this rank's part, and set the position of the loop.

    Args:
        runner: Runner whose weights, optimizer and schedules MMEngine has resumed.
        state: Result of :func:`gather_rank_state`; None for checkpoints without one.

    Returns:
        Whether the run continues exactly.
    """
    go_on = getattr(runner.train_loop, 'go_on_from', None)
    if go_on is None or not go_on(state['position'] if state else None) or state is None:
        return False
    own, model = state['ranks'][get_rank()], unwrap(runner.model)
    buffers, parameters = dict(model.named_buffers()), dict(model.named_parameters())
    for name, value in own['buffers'].items():
        buffers[name].copy_(value)
    for name, value in own['gradients'].items():
        parameter = parameters[name]
        gradient = value.to(parameter.device)
        if isinstance(parameter, DTensor):
            gradient = DTensor.from_local(
                gradient,
                parameter.device_mesh,
                parameter.placements,
                shape=parameter.shape,
                stride=parameter.stride(),
            )
        parameter.grad = gradient
    return True


def _accumulating(optim_wrapper: object) -> bool:
    """Whether gradients wait for the next step, as seen by a hook after the iteration."""
    return isinstance(optim_wrapper, OptimWrapper) and not optim_wrapper.should_update()


def _to_cpu(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    local = {name: value.to_local() if isinstance(value, DTensor) else value for name, value in tensors.items()}
    return {name: value.detach().cpu().clone() for name, value in local.items()}
