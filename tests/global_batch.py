"""The same global batch on one rank and on several: what tests/integration/test_global_batch.py compares.

``python global_batch.py OUT DATA WORLD ...`` leaves ``OUT/WORLD_RANK.pth``. SyncBatchNorm of torch has no CPU code, so a
BatchNorm stands in for it here that normalises with the statistics of all ranks.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import runs
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from mmaction.structures import ActionDataSample
from mmengine.evaluator import BaseMetric
from mmengine.hooks import Hook
from mmengine.model import MMDistributedDataParallel
from mmengine.registry import init_default_scope
from ports import free_port
from torch import Tensor, nn
from torch.distributed._functional_collectives import all_gather_tensor_autograd

from auxskd_mm.models.modules import MomentumEncoder
from auxskd_mm.random_state import STEP, seed_generators
from auxskd_mm.registry import METRICS, MODELS

GLOBAL_BATCH, STEPS = 8, 3
SAMPLE_SHAPES = dict(
    vspp=(1, 3, 8, 16, 16),
    auxskd=(2, 3, 8, 16, 16),
    pace=(1, 3, 8, 16, 16),
    vcop=(3, 3, 4, 16, 16),
    rspnet=(2, 3, 8, 16, 16),
    rank=(3, 3, 8, 16, 16),
)


class GlobalBatchNorm(nn.modules.batchnorm._BatchNorm):
    """BatchNorm over the batches of all ranks; its gradient goes through the sums."""

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return super().forward(x)
        others, tail = [0, *range(2, x.ndim)], (-1, *[1] * (x.ndim - 2))
        given, x = x.dtype, x.to(torch.promote_types(x.dtype, torch.float32))  # as torch's own under autocast
        count = x.numel() // x.shape[1] * dist.get_world_size()
        mean = _sum_over_ranks(x.sum(others)) / count
        centred = x - mean.view(tail)
        variance = _sum_over_ranks(centred.square().sum(others)) / count
        with torch.no_grad():
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * count / (count - 1), self.momentum)
        scale = self.weight * (variance + self.eps).rsqrt()
        return (centred * scale.view(tail) + self.bias.view(tail)).to(given)

    def _check_input_dim(self, x: Tensor) -> None:
        pass


def _sum_over_ranks(values: Tensor) -> Tensor:
    """Sum of (C,) over the ranks, with a gradient, and in a form that ``torch.compile`` can trace."""
    return all_gather_tensor_autograd(values[None], 0, dist.group.WORLD).sum(0)


def to_global(module: nn.Module) -> None:
    """Replace every BatchNorm in place."""
    for child in module.modules():
        if isinstance(child, nn.modules.batchnorm._BatchNorm):
            child.__class__ = GlobalBatchNorm


def samples_of(generator: torch.Generator) -> list[ActionDataSample]:
    """Labels for all methods."""
    samples = []
    for _ in range(GLOBAL_BATCH):
        sample = ActionDataSample()
        for key in ('pace_label', 'segment_label', 'order_label'):
            sample.set_field(torch.randint(0, 4, (1,), generator=generator), key)
        # Equal speeds, so that videos, and the ranks' shares of them, differ in their pairs.
        sample.set_field(torch.randint(1, 4, (3,), generator=generator), 'clip_speed')
        samples.append(sample)
    return samples


def steps(method: str, rank: int, world: int, sync: bool) -> dict[str, Any]:
    """Losses of three steps, then weights, statistics, teacher and queue."""
    torch.manual_seed(0)
    init_default_scope('mmaction')
    settings = runs._parts(method)[0]
    if method == 'vcop':
        settings['cls_head']['dropout'] = 0.0  # drawn by each rank for itself
    model = MODELS.build(settings)
    if sync:
        to_global(model)
    teacher = getattr(model, 'teacher', None)
    if isinstance(teacher, MomentumEncoder):
        teacher.copy_from(model.student_modules())
        model.queue.broadcast()
    wrapped = MMDistributedDataParallel(model, device_ids=None, broadcast_buffers=False)
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.05, momentum=0.9)
    generator, losses = torch.Generator().manual_seed(1), []
    share = slice(rank, None, world)  # as samplers deal them out
    for step in range(STEPS):
        seed_generators(STEP, 0, rank, step)  # as the training loops do
        clips = torch.randn(GLOBAL_BATCH, *SAMPLE_SHAPES[method], generator=generator)[share].contiguous()
        parsed = wrapped(clips, samples_of(generator)[share], mode='loss')
        loss, _ = model.parse_losses(parsed)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if isinstance(teacher, MomentumEncoder):
            teacher.update(model.student_modules(), 0.9)
        mean = loss.detach().clone()
        dist.all_reduce(mean)
        losses.append(mean / world)
    return dict(losses=torch.stack(losses), **model.state_dict())


class Losses(Hook):
    """The loss of every iteration, its mean over the ranks."""

    def __init__(self) -> None:
        self.seen: list[Tensor] = []

    def after_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        loss = outputs['loss'].detach().clone()
        dist.all_reduce(loss)
        self.seen.append(loss / dist.get_world_size())


def train(method: str, data: Path, out: Path, world: int) -> dict[str, Tensor]:
    """Losses and queue of a whole training by our tools: loader, augmentation, draws. Its weights stand still (rate 0)."""
    options = {
        'train_dataloader.batch_size': GLOBAL_BATCH // world,
        'train_dataloader.dataset.repeat': 1,  # repeats side by side in a rank's batch are decoded, and drawn for, together
        'train_cfg.max_epochs': 4,
        'optim_wrapper.optimizer.lr': 0.0,
    }
    config = runs.config_of(method, data, out / f'{method}_{world}', options)
    config.launcher = 'pytorch'
    losses = Losses()
    runner = runs.runner_of(config, losses)
    to_global(runner.model.module)
    runner.train()
    return dict(losses=torch.stack(losses.seen), queue=runner.model.module.queue.features)


@METRICS.register_module(force=True)
class SeenOnce(BaseMetric):
    """How many results there are, and of how many samples."""

    def process(self, data_batch: Any, data_samples: Any) -> None:
        self.results += [sample['sample_idx'] for sample in data_samples]

    def compute_metrics(self, results: list) -> dict[str, int]:
        return dict(results=len(results), samples=len(set(results)))


def evaluate(data: Path, out: Path, rank: int, world: int) -> dict[str, float]:
    """A test over 15 samples, which two ranks cannot share evenly."""
    config = runs.config_of('vspp', data, out / f'test_{world}')
    loader = config.pop('train_dataloader')
    pipeline = [dict(step) for step in loader['dataset']['pipeline']]
    pipeline[1]['seed'] = 0
    pipeline[4] = dict(type='CenterCrop', crop_size=16)
    del pipeline[5:7]  # flip and jitter
    dataset = dict(loader['dataset'], pipeline=pipeline, test_mode=True, repeat=5, source=str(data / 'test'))
    dataset['indices'] = 3  # of the 4 clips
    config.test_dataloader = dict(
        dataset=dataset, batch_size=2, num_workers=0, sampler=dict(type='DefaultSampler', shuffle=False)
    )
    config.test_evaluator = [dict(type='auxskd_mm.SegmentPaceMetric'), dict(type='auxskd_mm.SeenOnce')]
    config.test_cfg = dict(type='TestLoop')
    for key in ('train_cfg', 'optim_wrapper', 'param_scheduler'):
        config.pop(key)
    config.launcher = 'pytorch'
    runner = runs.runner_of(config)
    return runner.test()


def work(rank: int, world: int, port: int, out: Path, data: Path) -> None:
    """One rank."""
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)  # in float32 three steps of so small networks grow a rounding error to 1e-3
    names = dict(RANK=rank, LOCAL_RANK=rank, WORLD_SIZE=world, MASTER_ADDR='127.0.0.1', MASTER_PORT=port)
    os.environ.update({key: str(value) for key, value in names.items()})
    dist.init_process_group('gloo')
    results: dict[str, Any] = {method: steps(method, rank, world, sync=True) for method in SAMPLE_SHAPES}
    results['vspp_without_sync'] = steps('vspp', rank, world, sync=False)
    try:
        nn.SyncBatchNorm(2)(torch.ones(2, 2, 1, 1, 1))
    except ValueError as error:
        results['sync_batch_norm'] = str(error)
    torch.set_default_dtype(torch.float32)
    results['evaluation'] = evaluate(data, out, rank, world)
    results['trained'] = {method: train(method, data, out, world) for method in ('auxskd', 'rspnet')}
    torch.save(results, out / f'{world}_{rank}.pth')
    dist.barrier()
    dist.destroy_process_group()


def main() -> None:
    """Start the groups, one after the other."""
    out, data = map(Path, sys.argv[1:3])
    for world in map(int, sys.argv[3:]):
        mp.start_processes(work, (world, free_port(), out, data), nprocs=world, start_method='fork')


if __name__ == '__main__':
    main()
