"""Trainings on two ranks with and without shards: what tests/integration/test_fully_sharded.py compares.

``python sharded_runs.py OUT DATA`` leaves work dirs ``OUT/METHOD_ddp``, ``OUT/METHOD_fsdp``, ``OUT/auxskd_fp16``,
``OUT/auxskd_fsdp_resumed``, ``OUT/auxskd_fp16_resumed`` and ``OUT/facts.pth``, what rank 0 saw of the sharded model.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Any

import cpu_amp  # noqa: F401
import runs
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from mmengine.runner import Runner
from ports import free_port
from torch.distributed.tensor import DTensor

from auxskd_mm.launch.resume import choose_checkpoint

WORLD = 2
# A checkpoint within an accumulated step, after 3 of 4 iterations.
OPTIONS = {
    'train_dataloader.batch_size': 2,
    'train_cfg.max_epochs': 1,
    'default_hooks.checkpoint.by_epoch': False,
    'default_hooks.checkpoint.interval': 3,
    'default_hooks.checkpoint.max_keep_ckpts': -1,
    'optim_wrapper.accumulative_counts': 2,
    'optim_wrapper.optimizer': dict(type='SGD', lr=0.01, momentum=0.9),
    'optim_wrapper.clip_grad': dict(max_norm=1.0),
}
SHARDS = {'model_wrapper_cfg': dict(type='auxskd_mm.FullyShardedModel')}
HALF = {  # the scale of the loss doubles after each step; gradients of 1,200 leave it room below float16's 65,504
    'optim_wrapper.type': 'CpuAmp',
    'optim_wrapper.dtype': 'float16',
    'optim_wrapper.loss_scale': dict(init_scale=8.0, growth_interval=1),
}


def trained(method: str, data: Path, folder: Path, options: dict[str, Any]) -> Runner:
    """Train, or go on where the folder's newest checkpoint is."""
    config = runs.config_of(method, data, folder, {**OPTIONS, **options})
    config.launcher = 'pytorch'
    choose_checkpoint(config)
    runner = runs.runner_of(config)
    if torch.get_default_dtype() == torch.float64:
        runner.model.module.data_preprocessor.register_forward_hook(_double)
    runner.train()
    return runner


def _double(module: Any, args: Any, batch: dict[str, Any]) -> dict[str, Any]:
    return {**batch, 'inputs': batch['inputs'].double()}


def facts_of(runner: Runner) -> dict[str, Any]:
    """Numbers of parameters of the model and held here, and whether all of them and the optimizer's states are shards."""
    parameters = list(runner.model.parameters())
    states = [value for state in runner.optim_wrapper.optimizer.state.values() for value in state.values()]
    return dict(
        whole=sum(p.numel() for p in parameters),
        here=sum(p.to_local().numel() for p in parameters if isinstance(p, DTensor)),
        shards=all(isinstance(value, DTensor) for value in [*parameters, *states]),
        states=len(states),
    )


def resume(whole: Path, data: Path, options: dict[str, Any]) -> None:
    """Go on from the third of four iterations, in a folder beside."""
    resumed = whole.with_name(f'{whole.name}_resumed')
    if dist.get_rank() == 0:
        resumed.mkdir()
        shutil.copy2(whole / 'iter_3.pth', resumed)
    dist.barrier()
    trained('auxskd', data, resumed, options)


def work(rank: int, port: int, out: Path, data: Path) -> None:
    """One rank."""
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)  # so small networks make 1e-3 of a rounding error in float32
    names = dict(RANK=rank, LOCAL_RANK=rank, WORLD_SIZE=WORLD, MASTER_ADDR='127.0.0.1', MASTER_PORT=port)
    os.environ.update({key: str(value) for key, value in names.items()})
    dist.init_process_group('gloo')
    for method in ('auxskd', 'rspnet', 'vspp'):
        trained(method, data, out / f'{method}_ddp', {})
        runner = trained(method, data, out / f'{method}_fsdp', SHARDS)
        if rank == 0 and method == 'auxskd':
            torch.save(facts_of(runner), out / 'facts.pth')
    resume(out / 'auxskd_fsdp', data, SHARDS)
    torch.set_default_dtype(torch.float32)
    trained('auxskd', data, out / 'auxskd_fp16', {**SHARDS, **HALF})
    resume(out / 'auxskd_fp16', data, {**SHARDS, **HALF})
    dist.barrier()
    dist.destroy_process_group()


def main() -> None:
    """Start the group."""
    mp.start_processes(work, (free_port(), *map(Path, sys.argv[1:3])), nprocs=WORLD, start_method='fork')


if __name__ == '__main__':
    main()
