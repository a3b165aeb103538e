"""One step of auxSKD and of RSPNet over one plain supervised step of the same backbone and batch, in turns in one run.

A plain step is a forward and a backward pass, three forward passes in all. The teacher adds one forward pass in auxSKD
and two in RSPNet, so their steps take at least 4/3 and 5/3 of it. Counted in multiplications the floor is a little
higher, because the backward pass of the first convolution needs no gradient of the clips. The benchmark prints the
ratios, the share of each part of a step, and the peak memory.

On the CPU the ratios are those of CPU time (user and system), which other programs disturb less than the clock. On a
GPU they are those of the clock. Peak memory on the CPU is the growth of the resident size in a process of its own.

    python benchmarks/auxskd_step.py                  # R(2+1)D at 16 x 112 x 112, batch 4, on this machine's device
    python benchmarks/auxskd_step.py --batch 30 --amp # as in the configs, on a GPU
"""

from __future__ import annotations

import argparse
import gc
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from fvcore.nn import FlopCountAnalysis
from machine import machine
from mmengine.registry import init_default_scope
from torch import nn

import auxskd_mm  # noqa: F401
from auxskd_mm.models.modules import pool_features
from auxskd_mm.registry import MODELS

PASSES = {'plain': 0, 'auxskd': 1, 'rspnet': 2}  # forward passes of the teacher
FRAMES = {'plain': 16, 'auxskd': 16, 'rspnet': 32}  # of a view; RSPNet takes its clips of 16 out of them
AIMS = {'auxskd': 1.345}


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
    parser.add_argument('--memory-of', choices=list(PASSES), help=argparse.SUPPRESS)
    return parser.parse_args()


class Clock:
    """Seconds since the last reading, of the clock and of the CPU. The work on the device is included."""

    def __init__(self, device: torch.device) -> None:
        self.device = device

    def read(self) -> tuple[float, float]:
        """(clock, CPU time), each since some moment."""
        if self.device.type == 'cuda':
            torch.cuda.synchronize()
        return time.perf_counter(), time.process_time()

    def time(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> tuple[Any, tuple[float, float]]:
        """Result of a call, and how long it takes."""
        before = self.read()
        result = function(*args, **kwargs)
        after = self.read()
        return result, (after[0] - before[0], after[1] - before[1])


def build(name: str, args: argparse.Namespace, device: torch.device) -> nn.Module:
    """A method as in its config, or the same backbone with a linear classifier."""
    width = 8 * args.base_channels
    backbone = dict(type='auxskd_mm.R2Plus1DVCOP', base_channels=args.base_channels)
    if name == 'plain':
        model: Any = nn.ModuleDict(dict(backbone=MODELS.build(backbone), fc=nn.Linear(width, 101)))
    elif name == 'rspnet':
        head = dict(type='auxskd_mm.RelativeSpeedHead', in_channels=width)
        model = MODELS.build(dict(type='auxskd_mm.RSPNet', backbone=backbone, head_a=head, queue_size=args.queue_size))
    else:
        neck = dict(type='auxskd_mm.MLP', in_channels=width, out_channels=128)
        predictor = dict(type='auxskd_mm.MLP', in_channels=128, hidden_channels=1024, out_channels=128)
        parts = dict(backbone=backbone, neck=neck, predictor=predictor, queue_size=args.queue_size)
        model = MODELS.build(dict(type='auxskd_mm.AuxSKD', **parts))
    if name != 'plain':
        model.teacher.copy_from(model.student_modules())
    layout = torch.channels_last_3d if args.channels_last else torch.contiguous_format
    return model.to(device, memory_format=layout).train()


class Step:
    """A training step of one kind, and the time that its parts take.

    Attributes:
        parts: {part: seconds in each step since :meth:`watch`}, of the CPU or the clock.
    """

    def __init__(self, name: str, args: argparse.Namespace, device: torch.device) -> None:
        self.name, self.amp, self.clock = name, args.amp, Clock(device)
        self.model: Any = build(name, args, device)
        parameters = [p for p in self.model.parameters() if p.requires_grad]
        self.optimizer = torch.optim.SGD(parameters, lr=1e-3, momentum=0.9, weight_decay=5e-3)
        shape = (args.batch, 2, 3, FRAMES[name], args.size, args.size)
        self.views = torch.randint(0, 256, shape, device=device).float()
        self.labels = torch.randint(0, 101, (args.batch,), device=device)
        self.parts: dict[str, list[float]] = {}

    def loss(self) -> torch.Tensor:
        """The loss of the batch."""
        if self.name == 'plain':
            pooled = pool_features(self.model.backbone(self.views[:, 0]))
            return F.cross_entropy(self.model.fc(pooled), self.labels)
        losses = self.model.loss(self.views)
        return sum(value for key, value in losses.items() if 'loss' in key)

    def forward(self) -> torch.Tensor:
        """The loss in the precision of the run."""
        with torch.autocast(self.views.device.type, torch.bfloat16, enabled=self.amp):
            return self.loss()

    def __call__(self) -> None:
        """Take the step."""
        value = self.forward()
        self.optimizer.zero_grad()
        self._backward(value)
        self.optimizer.step()
        if self.name != 'plain':
            self.model.teacher.update(self.model.student_modules(), 0.999)

    def _backward(self, value: torch.Tensor) -> None:
        value.backward()

    def watch(self) -> None:
        """Time each part of the steps from now on. On a GPU the parts no longer overlap."""
        model = self.model
        self._time('backward pass', self, '_backward')
        self._time('optimizer', self.optimizer, 'step')
        self._time('forward pass of the student', model.backbone, 'forward')
        if self.name == 'plain':
            return
        self._time('forward pass of the teacher', model.teacher.backbone, 'forward')
        self._time('queue', model, 'enqueue')
        self._time('update of the teacher', model.teacher, 'update')
        if self.name == 'auxskd':
            self._time('loss and diagnostics', model.similarity_loss, 'forward')
        else:
            self._time('loss and diagnostics', model.contrastive_loss, 'with_accuracy')
            self._time('loss and diagnostics', model.speed_loss, 'forward')
            self._time('clips at both speeds', model, 'clips')

    def _time(self, part: str, owner: Any, method: str) -> None:
        inner, times = getattr(owner, method), self.parts.setdefault(part, [])

        def timed(*args: Any, **kwargs: Any) -> Any:
            result, seconds = self.clock.time(inner, *args, **kwargs)
            times.append(seconds[counted(self.clock.device)])
            return result

        setattr(owner, method, timed)


def counted(device: torch.device) -> int:
    """Which of the two times counts on a device: 0 for the clock, 1 for the CPU."""
    return 1 if device.type == 'cpu' else 0


def floor(name: str, forward: float, first: float) -> float:
    """Least time of a step over a plain one, by multiplications.

    Args:
        name: Kind of step.
        forward: Multiplications of a forward pass.
        first: Those of the first convolution, whose backward pass computes no gradient of the clips.
    """
    return 1 + PASSES[name] * forward / (3 * forward - first)


def multiplications(args: argparse.Namespace) -> tuple[float, float]:
    """Multiplications of one clip through the backbone, and through its first convolution."""
    backbone = MODELS.build(dict(type='auxskd_mm.R2Plus1DVCOP', base_channels=args.base_channels)).eval()
    count = FlopCountAnalysis(backbone, torch.rand(1, 3, 16, args.size, args.size))
    count.unsupported_ops_warnings(False).uncalled_modules_warnings(False)
    first = next(name for name, module in backbone.named_modules() if isinstance(module, nn.Conv3d))
    return float(count.total()), float(count.by_module()[first])


def shares(parts: dict[str, list[float]], total: float, rounds: int) -> dict[str, float]:
    """Share of each part in ``rounds`` steps that took ``total`` seconds together, and of the rest."""
    found = {name: sum(times) / total for name, times in parts.items()}
    return {**found, 'rest': 1 - sum(found.values())}


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


def measure(steps: dict[str, Step], rounds: int) -> dict[str, list[tuple[float, float]]]:
    """(Clock, CPU time) of each step, taken in turns. Every other round goes backwards: no step is always first."""
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in steps}
    for number in range(rounds + 1):
        order: Iterable[str] = steps if number % 2 else reversed(steps)
        for name in order:
            _, seconds = steps[name].clock.time(steps[name])
            if number:  # the first round warms up
                times[name].append(seconds)
    return times


def spread(values: Iterable[float], digits: int) -> str:
    """Median and range."""
    values = list(values)
    return f'{statistics.median(values):.{digits}f} ({min(values):.{digits}f}-{max(values):.{digits}f})'


def report(
    times: dict[str, list[tuple[float, float]]], floors: dict[str, float], memory: dict[str, float], column: int
) -> str:
    """Make the table of ratios.

    Args:
        times: Result of :func:`measure`.
        floors: Result of :func:`floor` for each step.
        memory: Peak memory of each step in MiB.
        column: Result of :func:`counted`.
    """
    what = ('clock', 'CPU time')[column]
    lines = [f'| step | ms by the clock | ms of CPU | over plain, {what} | floor | aim | peak MiB |', '|---' * 7 + '|']
    for name, values in times.items():
        # A step and the plain one of the same round, so that slow rounds count for both.
        ratios = [mine[column] / plain[column] for mine, plain in zip(values, times['plain'])]
        bound = f'{1 + PASSES[name] / 3:.3f}, by multiplications {floors[name]:.3f}' if PASSES[name] else ''
        columns = [spread((1000 * value[i] for value in values), 0) for i in range(2)]
        ratio = spread(ratios, 3) if PASSES[name] else '1'
        lines.append(
            f'| {name} | {" | ".join(columns)} | {ratio} | {bound} | {AIMS.get(name, "")} | {memory[name]:.0f} |'
        )
    return '\n'.join(lines)


def main() -> None:
    args = parse_args()
    if args.threads:
        torch.set_num_threads(args.threads)
    init_default_scope('mmaction')
    device = torch.device('cuda' if torch.cuda.is_available() else 'cpu')
    torch.backends.cudnn.benchmark = True  # as the configs
    if args.memory_of:
        before, step = resident(), Step(args.memory_of, args, device)
        for _ in range(2):  # the second step has the optimizer's momentum too
            step()
        print(f'{resident() - before:.0f}')
        return
    steps = {name: Step(name, args, device) for name in PASSES}
    times = measure(steps, args.rounds)
    memory = {name: peak_memory(name, step, device) for name, step in steps.items()}
    floors = {name: floor(name, *multiplications(args)) for name in steps}
    print(
        f'{machine(("torch",))}; {torch.get_num_threads()} thread(s); R(2+1)D, batch {args.batch}, 16 x {args.size} x '
        f'{args.size}, {args.queue_size} anchors{", bf16" if args.amp else ""}\n'
    )
    print(report(times, floors, memory, counted(device)))
    few, found = max(1, args.rounds // 2), {}
    for name, step in steps.items():
        step.watch()
        total = sum(step.clock.time(step)[1][counted(device)] for _ in range(few))
        found[name] = shares(step.parts, total, few)
    print(f'\n| share of a step | {" | ".join(found)} |\n|---|{"---|" * len(found)}')
    for part in dict.fromkeys(part for own in found.values() for part in own):
        cells = [f'{100 * own[part]:.2f}%' if part in own else '' for own in found.values()]
        print(f'| {part} | {" | ".join(cells)} |')


if __name__ == '__main__':
    main()
