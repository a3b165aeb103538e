"""What runs on every rank of a gloo group, for tests/integration/test_two_ranks.py.

``python rank_jobs.py OUT WORLD ...`` starts groups of the given sizes one after the other and leaves in ``OUT`` a file
``JOB_WORLD_RANK.pth`` of what each job returned on each rank. The processes are forked from one that has imported all.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
import toy_distillation as toy
from mmengine.evaluator import Evaluator
from mmengine.hooks import Hook
from mmengine.optim import OptimWrapper
from mmengine.registry import init_default_scope
from ports import free_port
from torch import Tensor

from auxskd_mm.evaluation import MultiClipAccuracy
from auxskd_mm.evaluation.left_out import leave_out_replacements
from auxskd_mm.hooks import NonFiniteLossHook
from auxskd_mm.models.modules import (
    FeatureQueue,
    FrozenNetwork,
    MomentumEncoder,
    batch_shuffle,
    batch_unshuffle,
    gather_batch,
    own_part,
    random_order,
)
from auxskd_mm.registry import MODELS

BATCH = 4


def shuffle(rank: int, world: int, out: Path) -> dict[str, Any]:
    """Rows that say where they come from, shuffled and brought back, ten times."""
    torch.manual_seed(100 + rank)
    rows = torch.arange(rank * BATCH, (rank + 1) * BATCH, dtype=torch.float32)[:, None] + torch.tensor([0.0, 0.5])
    shuffled, restored = [], []
    for _ in range(10):
        mixed, restore = batch_shuffle(rows)
        shuffled.append(mixed)
        restored.append(batch_unshuffle(mixed * 2, restore))
    return dict(rows=rows, shuffled=shuffled, restored=restored)


def order(rank: int, world: int, out: Path) -> dict[str, Any]:
    """The whole batch 0, 1, 2 ... as it is dealt out and gathered, and places in an order drawn by rank 0."""
    torch.manual_seed(rank)
    whole = torch.arange(world * BATCH)[:, None]
    own = whole[rank::world]
    return dict(
        gathered=gather_batch(own), part=own_part(whole), own=own, places=random_order(BATCH, torch.device('cpu'))
    )


def start(rank: int, world: int, out: Path) -> dict[str, Any]:
    """Queue and teacher made under another seed on every rank, then made equal."""
    torch.manual_seed(100 + rank)
    queue, backbone = FeatureQueue(6, 3), toy.ToyBackbone()
    queue.pointer.fill_(rank)
    backbone.bn1.running_mean.fill_(rank)
    before = {name: value.clone() for name, value in {**queue.state_dict(), **backbone.state_dict()}.items()}
    teacher = MomentumEncoder(backbone=backbone)
    queue.broadcast()
    teacher.copy_from(dict(backbone=backbone))
    return dict(before=before, queue=queue.state_dict(), teacher=teacher.state_dict())


def frozen(rank: int, world: int, out: Path) -> dict[str, Any]:
    """A frozen network without weights from a file, made under another seed on every rank, then made equal."""
    torch.manual_seed(100 + rank)
    network = FrozenNetwork(dict(type='auxskd_mm.ToyBackbone'))
    network.init_weights()
    before = network.fingerprint.clone()
    network.broadcast()
    return dict(before=before, after=network.fingerprint.clone(), weights=network.network.state_dict())


def fixed_model() -> Any:
    """AuxSKD whose features depend on the clip alone, the same in every process."""
    torch.manual_seed(0)
    init_default_scope('mmaction')
    model = MODELS.build(toy.aux_skd(queue_size=9)).eval()
    model.teacher.copy_from(model.student_modules())
    return model


def fixed_batches(world: int) -> Tensor:
    """Three global batches (3, world * BATCH, 2, C, T, H, W)."""
    return torch.randn(3, world * BATCH, 2, 3, 2, 4, 4, generator=torch.Generator().manual_seed(7))


def keys(rank: int, world: int, out: Path) -> dict[str, Any]:
    """The queue after three batches, each rank with its share."""
    model = fixed_model()
    torch.manual_seed(100 + rank)
    for batch in fixed_batches(world):
        model.loss(batch[rank::world])
    return model.queue.state_dict()


def speed_keys(rank: int, world: int, out: Path) -> dict[str, Any]:
    """RSPNet's queue and BatchNorm after three batches, each rank with its own clips, draws and gradients."""
    init_default_scope('mmaction')
    torch.manual_seed(0)
    head = dict(type='auxskd_mm.RelativeSpeedHead', in_channels=16, out_channels=8)
    backbone = dict(type='auxskd_mm.R3DVCOP', base_channels=2)
    model = MODELS.build(dict(type='auxskd_mm.RSPNet', backbone=backbone, head_a=head, queue_size=5 * BATCH))
    model.teacher.copy_from(model.student_modules())
    torch.manual_seed(100 + rank)
    model.queue.features.normal_()  # broadcast makes them one
    model.queue.broadcast()
    first = model.queue.features.clone()
    for _ in range(3):
        model.loss(torch.randn(BATCH, 2, 3, 8, 8, 8))
    return dict(first=first, queue=model.queue.state_dict())


class AroundSync(Hook):
    """The whole state before and after what other hooks do at the end of an epoch."""

    def __init__(self) -> None:
        self.epochs: list[list[dict[str, Tensor]]] = []

    def _note(self, runner: Any) -> dict[str, Tensor]:
        return {key: value.clone() for key, value in runner.model.module.state_dict().items()}

    def after_train_epoch(self, runner: Any) -> None:
        self.epochs.append([self._note(runner)])


class AfterSync(Hook):
    """The second half of :class:`AroundSync`."""

    priority = 'LOWEST'

    def __init__(self, first: AroundSync) -> None:
        self.first = first

    def after_train_epoch(self, runner: Any) -> None:
        self.first.epochs[-1].append(self.first._note(runner))


def train(rank: int, world: int, out: Path) -> dict[str, Any]:
    """Two epochs under DDP: MMAction2's default hooks, another seed on every rank, a queue that is never full."""
    around = AroundSync()
    loader = dict(
        dataset=dict(type='auxskd_mm.ToyClips', size=12),
        batch_size=2,
        num_workers=0,
        sampler=dict(type='DefaultSampler', shuffle=True),
    )
    runner = toy.toy_runner(
        out / f'run_{world}',
        launcher='pytorch',
        experiment_name=f'ranks_{world}',
        randomness=dict(seed=1, diff_rank_seed=True),
        model=toy.aux_skd(queue_size=64),
        train_dataloader=loader,
    )
    start = {key: value.clone() for key, value in runner.model.module.state_dict().items()}
    runner.register_hook(around, priority='VERY_HIGH')
    runner.register_hook(AfterSync(around), priority='LOWEST')
    runner.train()
    return dict(
        wrapper=type(runner.model).__name__,
        hooks=[type(hook).__name__ for hook in runner.hooks],
        start=start,
        epochs=around.epochs,
        end=runner.model.module.state_dict(),
        optimizer=[v for s in runner.optim_wrapper.state_dict()['state'].values() for v in s.values()],
    )


def adapters(rank: int, world: int, out: Path) -> dict[str, Any]:
    """One epoch under DDP with a frozen base, its adapters and their checkpoint."""
    model = toy.aux_skd(queue_size=64)
    model['backbone'] = dict(
        type='auxskd_mm.AdaptedBackbone', backbone=model['backbone'], adapters=dict(patterns='bn1', reduction=2)
    )
    loader = dict(
        dataset=dict(type='auxskd_mm.ToyClips', size=12),
        batch_size=2,
        num_workers=0,
        sampler=dict(type='DefaultSampler', shuffle=True),
    )
    runner = toy.toy_runner(
        out / f'adapters_{world}',
        launcher='pytorch',
        experiment_name=f'adapters_{world}',
        randomness=dict(seed=1, diff_rank_seed=True),
        model=model,
        train_dataloader=loader,
        train_cfg=dict(type='EpochBasedTrainLoop', max_epochs=1),
        custom_hooks=[dict(type='auxskd_mm.SKDDistillerHook', momentum=0.9), dict(type='auxskd_mm.AdapterHook')],
    )
    start = {key: value.clone() for key, value in runner.model.module.state_dict().items()}
    runner.train()
    return dict(wrapper=type(runner.model).__name__, start=start, end=runner.model.module.state_dict())


def image_network(rank: int, world: int, out: Path) -> dict[str, Any]:
    """A step under DDP of a network of timm with shift and a frozen stem. DDP waits for parameters without gradient."""
    init_default_scope('mmaction')
    torch.manual_seed(0)
    backbone = MODELS.build(
        dict(type='auxskd_mm.TimmBackbone', model='test_vit', img_size=32, temporal='shift', frozen_stages=0)
    )
    wrapped = torch.nn.parallel.DistributedDataParallel(backbone)
    optimizer = torch.optim.SGD([p for p in backbone.parameters() if p.requires_grad], lr=0.1)
    start = {key: value.clone() for key, value in backbone.state_dict().items()}
    torch.manual_seed(100 + rank)
    for _ in range(2):
        optimizer.zero_grad()
        wrapped(torch.randn(2, 3, 2, 32, 32)).square().mean().backward()
        optimizer.step()
    return dict(start=start, end=backbone.state_dict())


def unreadable(rank: int, world: int, out: Path) -> dict[str, Any]:
    """Top-1 of 7 videos, which a sampler fills up to whole rounds with the first ones. Video 1 cannot be read, and the
    network knows video 0 alone."""
    metric = MultiClipAccuracy()
    leave_out_replacements(Evaluator(metric))
    for number in range(rank, -(-7 // world) * world, world):
        video = number % 7
        scores = torch.tensor([[1.0, 0.0] if video == 0 else [0.0, 1.0]])
        mark = dict(replacement=True) if video == 1 else {}
        metric.process(None, [dict(pred_score=scores, gt_label=torch.tensor([0]), **mark)])
    return metric.evaluate(7)


def left_out_batch(rank: int, world: int, out: Path) -> list[float]:
    """The weight after each of four batches, two a step, under DDP. The second batch has no loss on rank 0. The first one
    has the gradient rank + 1, the others have 1."""
    layer = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.zeros_(layer.weight)
    model = torch.nn.parallel.DistributedDataParallel(layer)
    wrapper = OptimWrapper(torch.optim.SGD(layer.parameters(), lr=1.0), accumulative_counts=2)
    wrapper.initialize_count_status(model, 0, 4)
    runner: Any = SimpleNamespace(model=model, optim_wrapper=wrapper, iter=0)
    hook = NonFiniteLossHook('skip')
    hook.before_train(runner)
    seen = []
    for factor in (rank + 1.0, float('nan') if rank == 0 else 1.0, 1.0, 1.0):
        hook.before_train_iter(runner, runner.iter, {})
        with wrapper.optim_context(model):
            loss = model(torch.ones(1, 1)).sum() * factor
        wrapper.update_params(loss)
        runner.iter += 1
        seen.append(layer.weight.item())
    return seen


JOBS = (shuffle, order, start, frozen, keys, speed_keys, train, adapters, image_network, unreadable, left_out_batch)


def work(rank: int, world: int, port: int, out: Path) -> None:
    """One rank."""
    torch.set_num_threads(1)
    os.environ.update(
        RANK=str(rank),
        LOCAL_RANK=str(rank),
        WORLD_SIZE=str(world),
        LOCAL_WORLD_SIZE=str(world),
        MASTER_ADDR='127.0.0.1',
        MASTER_PORT=str(port),
        GLOO_SOCKET_IFNAME='lo',
    )
    dist.init_process_group('gloo')
    for job in JOBS:
        torch.save(job(rank, world, out), out / f'{job.__name__}_{world}_{rank}.pth')
        dist.barrier()
    dist.destroy_process_group()


def main() -> None:
    """Start the groups."""
    out = Path(sys.argv[1])
    for world in map(int, sys.argv[2:]):
        mp.start_processes(work, (world, free_port(), out), nprocs=world, start_method='fork')


if __name__ == '__main__':
    main()
