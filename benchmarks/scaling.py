"""How auxSKD scales over processes: measured here, predicted by a small model, and the model's word on clusters.

    python benchmarks/scaling.py                       # 1, 2 and 4 processes on this machine, against the prediction
    python benchmarks/scaling.py --no-measure --step-ms 300   # only the clusters, for a measured step of one GPU

The model: a step lasts as long as the slowest rank computes, plus what is sent. Compute times are drawn from those of one
process; how much slower processes beside each other compute (shared cores and caches, other users) is measured with work that
sends nothing. Sent are the gradient (ring all-reduce, 2 (W - 1) / W of its
bytes), the keys (all-gather, W - 1 times a rank's) and, with batch shuffle, the key clips before and after the teacher. Each
transfer takes a latency and its bytes over a bandwidth, both measured with two processes on transfers of two sizes.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import socket
import statistics
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
import torch.distributed as dist
from mmengine.registry import init_default_scope
from torch.nn.parallel import DistributedDataParallel

import auxskd_mm  # noqa: F401
from auxskd_mm.registry import MODELS


class Sizes(NamedTuple):
    """Bytes: of the gradient, of a rank's keys and of a rank's clips for one view."""

    gradient: int
    keys: int
    clips: int


class Link(NamedTuple):
    """Seconds of latency, bytes a second."""

    latency: float
    bandwidth: float

    def seconds(self, size: float, hops: int = 1) -> float:
        """Time for ``size`` bytes in ``hops`` rounds."""
        return self.latency * hops + size / self.bandwidth


def sent_seconds(sizes: Sizes, world: int, link: Link, shuffle: bool) -> float:
    """What communication adds to a step of ``world`` ranks."""
    if world == 1:
        return 0.0
    total = link.seconds(2 * (world - 1) / world * sizes.gradient, 2 * (world - 1))
    total += link.seconds((world - 1) * sizes.keys, world - 1)
    if shuffle:  # clips before the teacher, features after it
        total += link.seconds((world - 1) * (sizes.clips + sizes.keys), 2 * (world - 1))
    return total


def predict(compute: list[float], sizes: Sizes, world: int, link: Link, shuffle: bool, share: float = 1.0) -> float:
    """Mean seconds of a step: the slowest of ``world`` draws, ``share`` times slower side by side, and communication."""
    rng = random.Random(0)
    slowest = statistics.fmean(max(rng.choices(compute, k=world)) for _ in range(2000))
    # On one machine the copies of a transfer are work of the same cores.
    return slowest * share + sent_seconds(sizes, world, link, shuffle) * share


def build(args: argparse.Namespace) -> Any:
    """AuxSKD at the size that is asked for, and its optimizer's parameters."""
    init_default_scope('mmaction')
    torch.manual_seed(0)
    width = 8 * args.base_channels
    model = MODELS.build(
        dict(
            type='auxskd_mm.AuxSKD',
            backbone=dict(type='auxskd_mm.R2Plus1DVCOP', base_channels=args.base_channels),
            neck=dict(type='auxskd_mm.MLP', in_channels=width, out_channels=128),
            predictor=dict(type='auxskd_mm.MLP', in_channels=128, hidden_channels=1024, out_channels=128),
            queue_size=1024,
            shuffle=args.shuffle,
        )
    )
    model.teacher.copy_from(model.student_modules())
    return model


def work(rank: int, world: int, port: int, args: argparse.Namespace, results: Any) -> None:
    """Steps of one rank, then single transfers."""
    torch.set_num_threads(1)
    names = dict(RANK=rank, LOCAL_RANK=rank, WORLD_SIZE=world, MASTER_ADDR='127.0.0.1', MASTER_PORT=port)
    os.environ.update({key: str(value) for key, value in names.items()})
    dist.init_process_group('gloo')
    model = build(args)
    wrapped = DistributedDataParallel(model)
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.SGD(trained, lr=1e-3)
    clips = torch.randn(args.batch, 2, 3, args.frames, args.size, args.size)

    def step() -> None:
        losses = wrapped(clips, mode='loss')
        optimizer.zero_grad()
        losses['loss_similarity'].backward()
        optimizer.step()
        model.teacher.update(model.student_modules(), 0.999)

    def timed(function: Callable[[], Any], rounds: int) -> list[float]:
        function()
        times = []
        for _ in range(rounds):
            dist.barrier()
            start = time.perf_counter()
            function()
            times.append(time.perf_counter() - start)
        return times

    image, kernel = torch.randn(4, 8, 8, 56, 56), torch.randn(8, 8, 3, 3, 3, requires_grad=True)

    def alone() -> None:
        for _ in range(5):
            torch.nn.functional.conv3d(image, kernel, padding=1).sum().backward()

    beside = statistics.fmean(timed(alone, args.rounds))
    steps = timed(step, args.rounds)
    links = {}
    for size in (1 << 12, 1 << 22):
        block = torch.zeros(size // 4)
        links[size] = min(timed(lambda block=block: dist.all_reduce(block), 10))
    sizes = Sizes(sum(p.numel() for p in trained) * 4, args.batch * 128 * 4, clips[:, 0].numel() * 4)
    if rank == 0:
        results.put((steps, links, sizes, beside))
    dist.barrier()
    dist.destroy_process_group()


def measure(world: int, args: argparse.Namespace) -> tuple[list[float], dict[int, float], Sizes, float]:
    """Rank 0's step times, times of all-reduces by size, sizes, and seconds of work that sends nothing."""
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = free.getsockname()[1]
    context = multiprocessing.get_context('fork')
    results = context.Queue()
    ranks = [context.Process(target=work, args=(rank, world, port, args, results)) for rank in range(world)]
    for process in ranks:
        process.start()
    found = results.get(timeout=900)
    for process in ranks:
        process.join()
    return found


def here(args: argparse.Namespace) -> None:
    """Measured against predicted, on this machine."""
    compute, _, sizes, alone = measure(1, args)
    beside = alone
    measured = {1: compute}
    link = Link(0.0, 1.0)
    print(
        f'gradient {sizes.gradient / 1e6:.2f} MB, keys {sizes.keys / 1e3:.1f} kB, clips {sizes.clips / 1e6:.2f} MB a rank'
    )
    print(
        '| processes | ms a step | predicted | off by | clips a second over one process '
        '| work beside each other over alone |\n|---|---|---|---|---|---|'
    )
    for world in args.worlds:
        if world > 1:
            measured[world], links, _, beside = measure(world, args)
            if world == 2:  # 2 (W - 1) / W = 1: a transfer of its size, two rounds
                (small, fast), (large, slow) = sorted(links.items())
                link = Link(fast / 2, (large - small) / max(slow - fast, slow / 10))
        mean = statistics.fmean(measured[world])
        guess = predict(compute, sizes, world, link, args.shuffle, beside / alone)
        speed = world * statistics.fmean(compute) / mean
        print(
            f'| {world} | {1000 * mean:.0f} | {1000 * guess:.0f} | {100 * (guess / mean - 1):+.0f}% | {speed:.2f} '
            f'| {beside / alone:.2f} |',
            flush=True,
        )
    print(
        f'\nbetween two processes here: {1e6 * link.latency:.0f} us, {link.bandwidth / 1e9:.2f} GB/s; {os.cpu_count()} cores'
    )


def clusters(args: argparse.Namespace) -> None:
    """Expected efficiency of the paper's auxSKD on GPUs."""
    sizes = Sizes(args.gradient_mb * 10**6, args.gpu_batch * 128 * 4, args.gpu_batch * 3 * 16 * 112 * 112 * 4)
    rng = random.Random(0)
    compute = [args.step_ms / 1000 * rng.gauss(1, args.spread) for _ in range(1000)]
    print(
        f'\na step of {args.step_ms:g} ms (spread {args.spread:.0%}), batch {args.gpu_batch}, gradient {args.gradient_mb} MB; '
        f'{args.network_gb:g} GB/s and 10 us between nodes of 8'
    )
    print(
        '| GPUs | efficiency | with batch shuffle | clips/s | MB/s from disk at 2.5 MB a clip |\n|---|---|---|---|---|'
    )
    for world in (8, 64, 512):
        link = Link(10e-6, (200 if world <= 8 else args.network_gb) * 1e9)
        single = statistics.fmean(compute)
        plain, shuffled = (single / predict(compute, sizes, world, link, flag) for flag in (False, True))
        rate = world * args.gpu_batch * plain / single
        print(f'| {world} | {plain:.1%} | {shuffled:.1%} | {rate:.0f} | {rate * args.clip_mb:.0f} |')


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--worlds', type=int, nargs='+', default=[1, 2, 4])
    parser.add_argument('--batch', type=int, default=4, help='clips a process')
    parser.add_argument('--base-channels', type=int, default=8)
    parser.add_argument('--frames', type=int, default=8)
    parser.add_argument('--size', type=int, default=56)
    parser.add_argument('--rounds', type=int, default=20)
    parser.add_argument('--shuffle', action='store_true', help='batch shuffle across ranks')
    parser.add_argument('--no-measure', action='store_true')
    parser.add_argument(
        '--step-ms', type=float, default=300.0, help='of one GPU, measured by benchmarks/auxskd_step.py'
    )
    parser.add_argument('--spread', type=float, default=0.02, help='relative deviation of a step')
    parser.add_argument('--gpu-batch', type=int, default=30)
    parser.add_argument('--gradient-mb', type=int, default=59, help='of R(2+1)D with projector and predictor')
    parser.add_argument('--network-gb', type=float, default=25.0, help='GB/s between nodes (25: 200 Gb/s)')
    parser.add_argument('--clip-mb', type=float, default=2.5, help='file size of a clip')
    args = parser.parse_args()
    torch.set_num_threads(1)
    if not args.no_measure:
        here(args)
    clusters(args)


if __name__ == '__main__':
    main()
