"""FSDP2: parameters, gradients and optimizer states in shards, one shard per process."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import torch
from mmengine.dist import broadcast, get_world_size
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor

from ...registry import MODEL_WRAPPERS

if TYPE_CHECKING:
    from mmengine.model import BaseModel
    from mmengine.optim import OptimWrapper


@MODEL_WRAPPERS.register_module()
class FullyShardedModel(nn.Module):
    """A model in shards (torch's ``fully_shard``), for networks that do not fit one device.

    A config selects it by ``model_wrapper_cfg=dict(type='auxskd_mm.FullyShardedModel')``. FSDP shards the blocks of
    every network (the children of the student's and the teacher's backbone), the networks and the model. It gathers
    each of them when it computes, and frees it afterwards. This class initialises the weights and copies those of rank
    0 to all ranks. MMEngine's own initialisation of a wrapped model broadcasts tensors, which does not work for shards.
    ``build_runner`` switches it off.

    ``load_state_dict`` takes whole tensors. ``state_dict`` returns shards, and :func:`full_state` puts them together.
    BatchNorm statistics and queues are not sharded.

    Args:
        module: The model, on its device.

    Source: torch's FSDP2; https://pytorch.org/docs/stable/distributed.fsdp.fully_shard.html
    """

    def __init__(self, module: BaseModel) -> None:
        super().__init__()
        if hasattr(module, 'init_weights'):
            module.init_weights()
        for value in module.state_dict().values():
            broadcast(value, src=0)
        device = next(module.parameters()).device
        mesh = init_device_mesh(device.type, (get_world_size(),))
        for part in [*_parts(module), module]:
            fully_shard(part, mesh=mesh)
        module._register_load_state_dict_pre_hook(_shard_what_is_loaded, with_module=True)
        self.module: BaseModel = module

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Call ``forward`` of the model."""
        return self.module(*args, **kwargs)

    def train_step(self, data: dict | tuple | list, optim_wrapper: OptimWrapper) -> dict[str, Tensor]:
        """Call ``train_step`` of the model."""
        return self.module.train_step(data, optim_wrapper)

    def val_step(self, data: dict | tuple | list) -> list:
        """Call ``val_step`` of the model."""
        return self.module.val_step(data)

    def test_step(self, data: dict | tuple | list) -> list:
        """Call ``test_step`` of the model."""
        return self.module.test_step(data)


def is_sharded(model: nn.Module) -> bool:
    """Whether a model or the model that it wraps has parameters in shards."""
    return any(isinstance(parameter, DTensor) for parameter in model.parameters())


def full_state(state: object) -> Any:
    """Put the shards of a nested state (dicts, lists, tuples) together on the CPU. Every rank must call it."""
    if isinstance(state, DTensor):
        return state.full_tensor().cpu()
    if isinstance(state, Mapping):
        return {key: full_state(value) for key, value in state.items()}
    if isinstance(state, (list, tuple)):
        return type(state)(full_state(value) for value in state)
    return state.cpu() if isinstance(state, Tensor) else state


def sharded_like(value: Tensor, like: Tensor) -> Tensor:
    """Shard rank 0's whole tensor as ``like`` is sharded, or leave it as it is if ``like`` is not sharded.

    Every rank must call it.
    """
    if not isinstance(like, DTensor) or isinstance(value, DTensor) or value.shape != like.shape:
        return value
    return distribute_tensor(value.to(like.device), like.device_mesh, like.placements)


def shard_optimizer_state(optimizer: torch.optim.Optimizer, state: Mapping[str, Any]) -> dict[str, Any]:
    """Shard an optimizer's ``state_dict`` of whole tensors in the same way as the optimizer's parameters."""
    parameters = [parameter for group in optimizer.param_groups for parameter in group['params']]
    numbers = [number for group in state['param_groups'] for number in group['params']]
    of_number = dict(zip(numbers, parameters))
    sharded = {
        number: {
            key: sharded_like(value, of_number[number]) if isinstance(value, Tensor) else value
            for key, value in values.items()
        }
        for number, values in state['state'].items()
    }
    return {**state, 'state': sharded}


def _parts(model: nn.Module) -> Iterator[nn.Module]:
    """Modules to shard, inner ones first: blocks of networks, and networks.

    FSDP gathers a module when it is called. A container without a forward pass of its own (``ModuleList``, the teacher)
    is never called, so its children are sharded instead.
    """
    for network in _called(model):
        for block in _called(network):
            if any(True for _ in block.parameters()):
                yield block
        if any(True for _ in network.parameters()):
            yield network


def _called(module: nn.Module) -> Iterator[nn.Module]:
    for child in module.children():
        if type(child).forward is nn.Module.forward or isinstance(child, nn.ModuleList):
            yield from _called(child)
        else:
            yield child


def _shard_what_is_loaded(module: nn.Module, state: dict[str, Any], prefix: str, *_: object) -> None:
    for name, parameter in module.named_parameters():
        if prefix + name in state:
            state[prefix + name] = sharded_like(state[prefix + name], parameter)
