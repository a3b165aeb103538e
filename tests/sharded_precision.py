"""FSDP2 with mixed precision, compiled networks and accumulated gradients, beside DDP and one process.

``python sharded_precision.py OUT [METHOD ...]`` leaves ``OUT/METHOD_ROW_KIND_RANK.pth`` for each method, row and kind
('one' process, 'ddp', 'fsdp'), and ``OUT/overflow_RANK.pth``. Each group of ranks is forked once and runs all its
cases. tests/integration/test_sharded_precision.py compares them, and :data:`ROWS` with docs/multi_node.md.
"""

from __future__ import annotations

import itertools
import logging
import os
import sys
from pathlib import Path
from typing import Any, NamedTuple

import runs
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from cpu_amp import CpuAmp
from global_batch import GLOBAL_BATCH, SAMPLE_SHAPES, samples_of, to_global
from mmengine.model import MMDistributedDataParallel
from mmengine.optim import OptimWrapper
from mmengine.registry import init_default_scope
from ports import free_port
from torch import Tensor, nn
from torch._dynamo.utils import counters

from auxskd_mm.models.compiling import compile_backbones
from auxskd_mm.models.modules import MomentumEncoder
from auxskd_mm.models.wrappers import FullyShardedModel, full_state
from auxskd_mm.random_state import STEP, seed_generators
from auxskd_mm.registry import MODELS

STEPS, WORLD = 3, 2
DTYPES = {'float32': None, 'bf16': 'bfloat16', 'fp16': 'float16'}


class Row(NamedTuple):
    """What FSDP2 is combined with in a row of the table."""

    precision: str
    compiled: bool = False
    accumulated: int = 1

    @property
    def name(self) -> str:
        """The row's name in the table."""
        parts = [self.precision, 'compile' if self.compiled else '', 'accumulation' if self.accumulated > 1 else '']
        return ', '.join(filter(None, parts))


ROWS = [Row(*parts) for parts in itertools.product(DTYPES, (False, True), (1, 2))]


def _double(module: Any, args: Any, batch: dict[str, Any]) -> dict[str, Any]:
    return {**batch, 'inputs': batch['inputs'].double()}


def model_of(method: str, precision: str) -> nn.Module:
    """A method on a stem and one stage, whose BatchNorm sees the batches of all ranks. float64 stands in for float32."""
    torch.manual_seed(0)
    init_default_scope('mmaction')
    settings = runs._parts(method)[0]
    settings['backbone'].update(base_channels=16, stage_blocks=(1,))  # as wide as the heads take
    if method == 'vcop':
        settings['cls_head']['dropout'] = 0.0  # drawn by each rank for itself
    model = MODELS.build(settings)
    to_global(model)
    if DTYPES[precision] is None:
        model.double().data_preprocessor.register_forward_hook(_double)
    if isinstance(teacher := getattr(model, 'teacher', None), MomentumEncoder):
        teacher.copy_from(model.student_modules())
        model.queue.broadcast()
    return model.train()


def wrapper_of(model: nn.Module, row: Row, **scaler: Any) -> OptimWrapper:
    """SGD in the precision of a row. The scale of the loss is so small that no step is left out."""
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.01, momentum=0.9)
    settings: dict[str, Any] = dict(optimizer=optimizer, accumulative_counts=row.accumulated)
    settings['clip_grad'] = dict(max_norm=5.0)
    dtype = DTYPES[row.precision]
    return OptimWrapper(**settings) if dtype is None else CpuAmp(dtype, scaler or dict(init_scale=128.0), **settings)


def wrapped(model: nn.Module, kind: str) -> Any:
    """The model as a Runner would wrap it."""
    if kind == 'ddp':
        return MMDistributedDataParallel(model, device_ids=None, broadcast_buffers=False)
    return FullyShardedModel(model) if kind == 'fsdp' else model


def batch_of(method: str, generator: torch.Generator) -> dict[str, Any]:
    """This rank's part of the next global batch, as samplers deal it out."""
    clips = torch.randint(0, 256, (GLOBAL_BATCH, *SAMPLE_SHAPES[method]), generator=generator, dtype=torch.uint8)
    share = slice(dist.get_rank(), None, dist.get_world_size())
    return dict(inputs=list(clips[share]), data_samples=samples_of(generator)[share])


def copied(model: nn.Module) -> dict[str, Tensor]:
    """The whole state, which the next steps do not change."""
    return {name: value.clone() for name, value in full_state(model.state_dict()).items()}


def steps(method: str, row: Row, model: nn.Module, outer: Any) -> dict[str, Tensor]:
    """Losses of three optimizer steps, then weights, statistics, teacher and queue.

    Args:
        method: One of ``runs.METHODS``.
        row: Precision and accumulation.
        model: Result of :func:`model_of`.
        outer: Result of :func:`wrapped`.
    """
    wrapper, teacher = wrapper_of(model, row), getattr(model, 'teacher', None)
    generator, losses = torch.Generator().manual_seed(1), []
    wrapper.initialize_count_status(model, 0, STEPS * row.accumulated)
    for step in range(STEPS * row.accumulated):
        seed_generators(STEP, 0, dist.get_rank(), step)  # as the training loops do
        loss = outer.train_step(batch_of(method, generator), wrapper)['loss'].detach().double()
        if isinstance(teacher, MomentumEncoder) and wrapper.should_update():
            teacher.update(model.student_modules(), 0.9)
        dist.all_reduce(loss)
        losses.append(loss / dist.get_world_size())
    return dict(losses=torch.stack(losses), **copied(model))


def cases(method: str, precision: str, compiled: bool, kind: str) -> dict[str, dict[str, Any]]:
    """Results by row of those that can share a network, which is compiled once."""
    model = model_of(method, precision)
    start = {name: value.clone() for name, value in model.state_dict().items()}
    outer = wrapped(model, kind)
    if compiled:
        torch._dynamo.reset()
        counters.clear()
        compile_backbones(outer, dict(backend='aot_eager'))
    found = {}
    for row in ROWS:
        if (row.precision, row.compiled) == (precision, compiled):
            model.load_state_dict(start)
            found[row.name] = dict(steps(method, row, model, outer), start=start)
            found[row.name]['graphs'] = counters['stats']['unique_graphs'] if compiled else 0
    return found


def overflow() -> dict[str, Any]:
    """A step in float16 whose gradient is infinite in the shard of rank 0 alone."""
    model = model_of('auxskd', 'fp16')
    outer, row = FullyShardedModel(model), Row('fp16')
    wrapper = wrapper_of(model, row, init_scale=128.0)
    before = copied(model)

    weight, backward = next(model.backbone.parameters()), wrapper.backward

    def spoilt(loss: Tensor, **kwargs: Any) -> None:
        backward(loss, **kwargs)
        if dist.get_rank() == 0:
            weight.grad.to_local().view(-1)[0] = torch.inf

    wrapper.backward = spoilt  # type: ignore[method-assign]
    outer.train_step(batch_of('auxskd', torch.Generator().manual_seed(1)), wrapper)
    return dict(before=before, after=copied(model), scale=wrapper.loss_scaler.get_scale())


def work(rank: int, world: int, port: int, out: Path, methods: list[str]) -> None:
    """One rank: all cases of its group."""
    torch.set_num_threads(1)
    logging.disable(logging.WARNING)  # a line for each parameter of each model
    names = dict(RANK=rank, LOCAL_RANK=rank, WORLD_SIZE=world, MASTER_ADDR='127.0.0.1', MASTER_PORT=port)
    os.environ.update({key: str(value) for key, value in names.items()})
    dist.init_process_group('gloo')
    kinds = [('one', False)] if world == 1 else [('ddp', False), ('fsdp', False), ('fsdp', True)]
    for (kind, compiled), method, precision in itertools.product(kinds, methods, DTYPES):
        for name, result in cases(method, precision, compiled, kind).items():
            torch.save(result, out / f'{method}_{name}_{kind}_{rank}.pth')
    if world > 1:
        torch.save(overflow(), out / f'overflow_{rank}.pth')
    dist.barrier()
    dist.destroy_process_group()


def main() -> None:
    """Start the groups, one after the other."""
    out, methods = Path(sys.argv[1]), sys.argv[2:] or list(runs.METHODS)
    for world in (1, WORLD):
        mp.start_processes(work, (world, free_port(), out, methods), nprocs=world, start_method='fork')


if __name__ == '__main__':
    main()
