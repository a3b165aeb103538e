"""How auxSKD scales over processes: measured here, predicted by a small model, and the model's word on clusters.

    python benchmarks/scaling.py                       # 1, 2 and 4 processes on this machine, against the prediction
    python benchmarks/scaling.py --no-measure --step-ms 300   # only the clusters, for a measured step of one GPU

The model is in scaling_model.py and has three inputs. The first is the steps of one process (wrapped by DDP). The
second is the slowdown of processes without communication, on all cores against one core. The third is the time of two
all-reduces between two processes. From these it simulates a step rank by rank on the cores of the machine. If there are
more ranks than cores, the ranks take turns. The prediction for 2 or 4 processes uses no measurement of 2 or 4 processes
that train together.

The groups of processes take turns, round by round. Rounds in which other programs used more than ``--others`` of the cores
are left out. If too few rounds are quiet, the five quietest rounds count. The model's cores are reduced by the share that
other programs used in these rounds.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import torch
from scaling_model import Link, Machine, Sizes, cluster_step, simulate
from scaling_runs import ARRAYS, Group, Round, quiet, sizes_of


def measure(args: argparse.Namespace) -> tuple[dict[str, list[Round]], Link]:
    """Rounds of every group, and the link between two processes."""
    cores = os.cpu_count() or 1
    local = sorted({1, *(world for world in (*args.worlds, cores) if 1 < world <= cores)})
    groups = {f'{world} apart': Group(world, args, connected=False) for world in local}
    groups.update({f'{world} together': Group(world, args, connected=True) for world in sorted({1, 2, *args.worlds})})
    for group in groups.values():
        group.steps(2)
    rounds: dict[str, list[Round]] = {name: [] for name in groups}
    arrays: dict[int, list[tuple[float, float]]] = {size: [] for size in ARRAYS}
    end = time.monotonic() + args.seconds
    while time.monotonic() < end or len(rounds['1 apart']) < 3:
        for name, group in groups.items():
            rounds[name].append(group.steps(args.steps))
        for size in ARRAYS:
            seconds, others = groups['2 together'].transfers(size)
            arrays[size].append((others, seconds))
    fast, slow = (
        min(seconds for others, seconds in sorted(found)[: max(len(found) // 2, 1)]) for found in arrays.values()
    )
    # 2 (W - 1) / W = 1 for two: a transfer of the array's size, in two rounds.
    return rounds, Link(fast / 2, (ARRAYS[1] - ARRAYS[0]) / max(slow - fast, slow / 10))


def here(args: argparse.Namespace) -> None:
    """Measured against predicted, on this machine."""
    sizes = sizes_of(args)
    found, link = measure(args)
    kept = {name: quiet(rounds, args.others) for name, rounds in found.items()}
    alone = _median_step(kept['1 apart'])
    wrapped = [part for one in kept['1 together'] for part in one.parts[0]]  # with what DDP does in each process
    apart = {int(name.split()[0]): rounds for name, rounds in kept.items() if name.endswith('apart')}
    machine = Machine(os.cpu_count() or 1, {world: _median_step(rounds) / alone for world, rounds in apart.items()})
    print(
        f'gradient {sizes.gradient / 1e6:.2f} MB, keys {sizes.keys / 1e3:.1f} kB, clips {sizes.clips / 1e6:.2f} MB per rank\n'
        '\n| processes | ms per step | predicted | off by | clips per second over one process | rounds kept, use by others |\n'
        '|---|---|---|---|---|---|'
    )
    for world in args.worlds:
        name = f'{world} together' if world > 1 else '1 apart'
        step = statistics.median(one.step for one in kept[name])
        others = statistics.fmean(one.others for one in kept[name])
        shared = machine._replace(others=others)
        guess = simulate(wrapped, sizes, world, link, shared, args.shuffle) if world > 1 else alone
        print(
            f'| {world} | {1000 * step:.0f} | {1000 * guess:.0f} | {100 * (guess / step - 1):+.0f}% | '
            f'{world * alone / step:.2f} | {len(kept[name])} of {len(found[name])}, {others:.0%} |'
        )
    slower = ', '.join(f'{world}: {factor:.2f}' for world, factor in machine.slowdown.items())
    print(f'\nprocesses that send nothing, times as long as one: {slower}; {machine.cores} cores')
    print(f'between two processes here: {1e6 * link.latency:.0f} us, {link.bandwidth / 1e9:.2f} GB/s')


def _median_step(rounds: list[Round]) -> float:
    return statistics.median(sum(part) for one in rounds for rank in one.parts for part in rank)


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
        '| GPUs | efficiency | with batch shuffle | clips/s | MB/s from disk at 2.5 MB per clip |\n|---|---|---|---|---|'
    )
    for world in (8, 64, 512):
        link = Link(10e-6, (200 if world <= 8 else args.network_gb) * 1e9)
        single = statistics.fmean(compute)
        plain, shuffled = (single / cluster_step(compute, sizes, world, link, flag) for flag in (False, True))
        rate = world * args.gpu_batch * plain / single
        print(f'| {world} | {plain:.1%} | {shuffled:.1%} | {rate:.0f} | {rate * args.clip_mb:.0f} |')


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--worlds', type=int, nargs='+', default=[1, 2, 4])
    parser.add_argument('--batch', type=int, default=4, help='clips per process')
    parser.add_argument('--base-channels', type=int, default=8)
    parser.add_argument('--frames', type=int, default=8)
    parser.add_argument('--size', type=int, default=56)
    parser.add_argument('--steps', type=int, default=4, help='steps of a round')
    parser.add_argument('--seconds', type=float, default=90.0, help='time to measure for')
    parser.add_argument('--others', type=float, default=0.1, help='most that others may use of the cores in a round')
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
