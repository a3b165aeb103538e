"""One auxSKD step over one plain supervised step of the same backbone and batch, alternating in one run.

The lower bound of the ratio is 4/3. The supervised step is a forward and a backward pass (1 + 2), and auxSKD adds the
teacher's forward pass. The benchmark also measures the time outside both networks (projector, predictor, loss,
diagnostics, queue, teacher update) and the peak memory. On the CPU, peak memory is the growth of the resident size, and
each kind of step has its own process.

    python benchmarks/auxskd_step.py                  # R(2+1)D at 16 x 112 x 112, batch 4, on this machine's device
    python benchmarks/auxskd_step.py --batch 30 --amp # as in the configs, on a GPU
"""

from __future__ import annotations

import argparse
import gc
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from mmengine.registry import init_default_scope
from torch import nn

import auxskd_mm  # noqa: F401
from auxskd_mm.models.modules import pool_features
from auxskd_mm.registry import MODELS


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--batch', type=int, default=4)
    parser.add_argument('--size', type=int, default=112, help='height and width')
    parser.add_argument('--base-channels', type=int, default=64)
    parser.add_argument('--queue-size', type=int, default=15360)
    parser.add_argument('--rounds', type=int, default=7, help='measured steps of each kind')
    parser.add_argument('--amp', action='store_true', help='bfloat16 autocast')
    parser.add_argument('--channels-last', action='store_true')
    parser.add_argument('--threads', type=int, default=None)
    parser.add_argument('--memory-of', choices=['plain', 'auxskd'], help=argparse.SUPPRESS)
    return parser.parse_args()


def seconds(function: Callable[[], object], device: torch.device) -> float:
    """How long a call takes, its work on the device included."""

    def now() -> float:
        if device.type == 'cuda':
            torch.cuda.synchronize()
        return time.perf_counter()

    start = now()
    function()
    return now() - start


def build(args: argparse.Namespace, device: torch.device) -> tuple[nn.Module, nn.Module]:
    """AuxSKD as in its config, and the same backbone with a linear classifier."""
    width = 8 * args.base_channels
    backbone = dict(type='auxskd_mm.R2Plus1DVCOP', base_channels=args.base_channels)
    aux = MODELS.build(
        dict(
            type='auxskd_mm.AuxSKD',
            backbone=backbone,
            neck=dict(type='auxskd_mm.MLP', in_channels=width, out_channels=128),
            predictor=dict(type='auxskd_mm.MLP', in_channels=128, hidden_channels=1024, out_channels=128),
            queue_size=args.queue_size,
        )
    )
    aux.teacher.copy_from(aux.student_modules())
    plain = nn.ModuleDict(dict(backbone=MODELS.build(backbone), fc=nn.Linear(width, 101)))
    layout = torch.channels_last_3d if args.channels_last else torch.contiguous_format
    return aux.to(device, memory_format=layout).train(), plain.to(device, memory_format=layout).train()


def outside_seconds(aux: nn.Module, views: torch.Tensor, rounds: int) -> float:
    """Measure the median time of a step outside the two networks, on given features."""
    batch, width = len(views), aux.neck.in_channels
    pooled = [torch.randn(batch, width, device=views.device) for _ in range(2)]

    def rest() -> None:
        query = aux.predictor(aux.neck(pooled[0].requires_grad_()))
        with torch.no_grad():
            key = aux.teacher.neck(pooled[1])
        loss, _ = aux.similarity_loss(query, key, aux.queue.features, with_diagnostics=True)
        aux.queue.enqueue(F.normalize(key, dim=1))
        loss.backward()
        aux.teacher.update(aux.student_modules(), 0.999)

    rest()
    return statistics.median(seconds(rest, views.device) for _ in range(rounds))


def peak_memory(name: str, step: Callable[[], object], device: torch.device) -> float:
    """Measure the peak memory of a step beyond the memory before the model was built, in MiB."""
    if device.type == 'cuda':
        gc.collect()
        torch.cuda.reset_peak_memory_stats()
        step()
        return torch.cuda.max_memory_allocated() / 2**20
    command = [sys.executable, '-W', 'ignore', __file__, *sys.argv[1:], '--memory-of', name]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()[-1])


def resident() -> float:
    """Largest resident size of this process so far, in MiB (getrusage would count the parent's before the exec)."""
    status = Path('/proc/self/status').read_text()
    return int(status.split('VmHWM:')[1].split()[0]) / 1024


def main() -> None:
    args = parse_args()
    if args.threads:
        torch.set_num_threads(args.threads)
    init_default_scope('mmaction')
    device = torch.device('cuda' if torch.cuda.is_available() else 'cpu')
    torch.backends.cudnn.benchmark = True  # as the configs
    before = resident()
    aux, plain = build(args, device)
    optimizers = [
        torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=1e-3, momentum=0.9, weight_decay=5e-3)
        for model in (aux, plain)
    ]
    views = torch.randint(0, 256, (args.batch, 2, 3, 16, args.size, args.size), device=device).float()
    labels = torch.randint(0, 101, (args.batch,), device=device)

    def take(optimizer: torch.optim.Optimizer, loss: Callable[[], torch.Tensor]) -> None:
        with torch.autocast(device.type, torch.bfloat16, enabled=args.amp):
            value = loss()
        optimizer.zero_grad()
        value.backward()
        optimizer.step()

    def aux_step() -> None:
        take(optimizers[0], lambda: aux.loss(views)['loss_similarity'])
        aux.teacher.update(aux.student_modules(), 0.999)

    def plain_step() -> None:
        take(optimizers[1], lambda: F.cross_entropy(plain.fc(pool_features(plain.backbone(views[:, 0]))), labels))

    steps = dict(plain=plain_step, auxskd=aux_step)
    if args.memory_of:
        for _ in range(2):  # the second step has the optimizer's momentum too
            steps[args.memory_of]()
        print(f'{resident() - before:.0f}')
        return
    for step in steps.values():
        step()
    times: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(args.rounds):
        for name, step in steps.items():
            times[name].append(seconds(step, device))
    name = (
        torch.cuda.get_device_name() if device.type == 'cuda' else f'{platform.processor() or platform.machine()} CPU'
    )
    print(
        f'{name}, {torch.get_num_threads()} thread(s), torch {torch.__version__}; R(2+1)D, batch {args.batch}, '
        f'16 x {args.size} x {args.size}, {args.queue_size} anchors{", bf16" if args.amp else ""}\n'
    )
    print('| step | ms, median (range) | peak MiB |\n|---|---|---|')
    for key, step in steps.items():
        ms = [1000 * t for t in times[key]]
        print(
            f'| {key} | {statistics.median(ms):.0f} ({min(ms):.0f}-{max(ms):.0f}) | {peak_memory(key, step, device):.0f} |'
        )
    # Pairs stand next to each other in time, so their ratio is steadier than that of the medians.
    ratios = [a / p for a, p in zip(times['auxskd'], times['plain'])]
    outside = outside_seconds(aux, views, args.rounds) / statistics.median(times['auxskd'])
    print(f'\noutside the two networks: {100 * outside:.2f}% of an auxSKD step')
    print(f'ratio auxSKD / plain: {statistics.median(ratios):.3f} (floor 1.333)')


if __name__ == '__main__':
    main()
