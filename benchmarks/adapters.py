"""A training step with adapters against full training: parameters, time and memory, VSPP on R(2+1)D.

    python benchmarks/adapters.py                      # 16 x 112 x 112, batch 2
    python benchmarks/adapters.py --batch 16 --rounds 10

The ways take turns in every round. Memory on a CPU is what torch's profiler counts as allocated at the same time in one more
step, without weights and optimizer states, which the other columns give. On a GPU it is torch's own peak of a step. Ratios
are to full training.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np
import torch
from machine import machine
from mmaction.structures import ActionDataSample
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope
from torch import nn
from torch.profiler import ProfilerActivity, profile

from auxskd_mm.registry import MODELS

WAYS = {
    'full training': None,
    'adapters, conv2-5': 'batch',
    'adapters, frozen BN': 'frozen',
}


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--batch', type=int, default=2, help='default %(default)s')
    parser.add_argument('--frames', type=int, default=16, help='default %(default)s')
    parser.add_argument('--size', type=int, default=112, help='height and width (default %(default)s)')
    parser.add_argument('--base-channels', type=int, default=64, help='default %(default)s')
    parser.add_argument('--rounds', type=int, default=5, help='measured steps of each way (default %(default)s)')
    return parser.parse_args()


class Step:
    """One way to train: a model, its optimizer and a batch."""

    def __init__(self, norm: str | None, args: argparse.Namespace, device: str) -> None:
        torch.manual_seed(0)
        backbone: dict[str, Any] = dict(type='auxskd_mm.R2Plus1DVCOP', base_channels=args.base_channels)
        if norm is not None:
            adapters = dict(patterns='conv[2-5]', type='auxskd_mm.ConvAdapter', reduction=4)
            backbone = dict(type='auxskd_mm.AdaptedBackbone', backbone=backbone, adapters=adapters, norm=norm)
        head = dict(type='auxskd_mm.VSPPHead', in_channels=8 * args.base_channels)
        processor = dict(type='auxskd_mm.ClipDataPreprocessor', mean=[127.5] * 3, std=[64.0] * 3)
        model = dict(type='Recognizer3D', backbone=backbone, cls_head=head, data_preprocessor=processor)
        self.model: nn.Module = MODELS.build(model).to(device)
        self.model.train()
        self.optimizer = build_optim_wrapper(
            self.model, dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=1e-3, momentum=0.9, weight_decay=5e-3))
        )
        shape = (args.batch, 1, 3, args.frames, args.size, args.size)
        samples = []
        for i in range(args.batch):
            sample = ActionDataSample()
            sample.set_field(torch.tensor([i % 4]), 'pace_label')
            sample.set_field(torch.tensor([i % 4]), 'segment_label')
            samples.append(sample)
        self.batch = dict(inputs=list(torch.randint(0, 256, shape, dtype=torch.uint8)), data_samples=samples)
        self.times: list[float] = []

    def run(self) -> float:
        """One step; returns seconds."""
        begin = time.perf_counter()
        self.model.train_step(self.batch, self.optimizer)  # type: ignore[operator]
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        return time.perf_counter() - begin

    def peak(self) -> float:
        """Memory of a step in MiB."""
        if torch.cuda.is_available():
            torch.cuda.reset_peak_memory_stats()
            self.run()
            return torch.cuda.max_memory_allocated() / 2**20
        with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
            self.run()
        now = highest = 0
        events = [e for e in profiler.profiler.kineto_results.events() if e.name() == '[memory]']  # type: ignore[union-attr]
        for event in sorted(events, key=lambda e: e.start_ns()):
            now += event.nbytes()
            highest = max(highest, now)
        return highest / 2**20


def main() -> None:
    args = parse_args()
    init_default_scope('mmaction')
    device = 'cuda' if torch.cuda.is_available() else 'cpu'
    steps = {name: Step(norm, args, device) for name, norm in WAYS.items()}
    for round_number in range(args.rounds + 1):
        for step in steps.values():
            seconds = step.run()
            if round_number:  # the first round warms up
                step.times.append(seconds)
    print(f'{machine()}; {args.batch} clips of {args.frames} x {args.size} x {args.size}, {args.rounds} rounds')
    print(f'{"":22}{"trained":>12}{"of":>12}{"ms":>8}{"(least)":>9}{"ratio":>7}{"MiB":>8}{"ratio":>7}')
    base: tuple[float, float] | None = None
    for name, step in steps.items():
        trained = sum(p.numel() for p in step.model.parameters() if p.requires_grad)
        count = sum(p.numel() for p in step.model.parameters())
        middle, peak = 1000 * float(np.median(step.times)), step.peak()
        base = base or (middle, peak)
        print(
            f'{name:22}{trained:12,}{count:12,}{middle:8.0f}{1000 * min(step.times):9.0f}{middle / base[0]:7.2f}'
            f'{peak:8.0f}{peak / base[1]:7.2f}'
        )


if __name__ == '__main__':
    main()
