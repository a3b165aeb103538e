"""A training step in several precisions and layouts: what each switch of a config gains on this machine.

    python benchmarks/step.py                                # VSPP and auxSKD on R(2+1)D, 16 x 112 x 112, batch 4
    python benchmarks/step.py --batch 30 --compile           # as in the configs, on a GPU

Ways take turns in every round of one run. Beside the ratio to float32 stands the share of this machine's own rate of
multiplying large matrices in the way's precision, measured in the same run: forward and backward are counted as three
forward passes (auxSKD: four), of the network's multiplications alone.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from fvcore.nn import FlopCountAnalysis
from machine import machine
from mmengine.optim import OptimWrapper
from mmengine.registry import init_default_scope
from torch import nn

from auxskd_mm.hooks.fast_step_hook import to_channels_last
from auxskd_mm.models.data_preprocessors import BatchColorJitter
from auxskd_mm.registry import MODELS

STRENGTH: dict[str, Any] = dict(brightness=0.8, contrast=0.8, saturation=0.8, hue=0.2, p=0.8)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--batch', type=int, default=4, help='default %(default)s')
    parser.add_argument('--size', type=int, default=112, help='height and width (default %(default)s)')
    parser.add_argument('--base-channels', type=int, default=64, help='default %(default)s')
    parser.add_argument('--methods', nargs='+', choices=['vspp', 'auxskd'], default=['vspp', 'auxskd'])
    parser.add_argument('--rounds', type=int, default=5, help='measured steps of each way (default %(default)s)')
    parser.add_argument('--compile', action='store_true', help='also compiled backbones; takes minutes')
    return parser.parse_args()


def build(method: str, channels: int) -> nn.Module:
    """The models of the k100 configs."""
    backbone = dict(type='auxskd_mm.R2Plus1DVCOP', base_channels=channels)
    width = 8 * channels
    if method == 'auxskd':
        model = MODELS.build(
            dict(
                type='auxskd_mm.AuxSKD',
                backbone=backbone,
                neck=dict(type='auxskd_mm.MLP', in_channels=width, out_channels=128),
                predictor=dict(type='auxskd_mm.MLP', in_channels=128, hidden_channels=1024, out_channels=128),
                queue_size=15360,
            )
        )
        model.teacher.copy_from(model.student_modules())
        return model
    return nn.ModuleDict(dict(backbone=MODELS.build(backbone), head=nn.Linear(width, 8)))


def step_of(
    method: str, args: argparse.Namespace, device: torch.device, bf16: bool, layout: bool, compiled: bool
) -> Callable[[], None]:
    """One training step: normalised clips in, weights moved."""
    model = build(method, args.base_channels).to(device).train()
    if layout:
        to_channels_last(model)
    if compiled:
        model.backbone.compile()
        if method == 'auxskd':
            model.teacher.backbone.compile()
    parameters = [p for p in model.parameters() if p.requires_grad]
    wrapper = OptimWrapper(torch.optim.SGD(parameters, lr=1e-4, momentum=0.9, weight_decay=5e-3, fused=True))
    views = torch.rand(args.batch, 2, 3, 16, args.size, args.size, device=device)
    labels = torch.randint(0, 8, (args.batch,), device=device)

    def loss() -> torch.Tensor:
        if method == 'auxskd':
            return model.loss(views)['loss_similarity']
        features = model.backbone(views[:, 0]).mean((2, 3, 4))
        return nn.functional.cross_entropy(model.head(features), labels)

    def step() -> None:
        with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
            value = loss()
        wrapper.update_params(value)
        if method == 'auxskd':
            model.teacher.update(model.student_modules(), 0.999)

    return step


def seconds(call: Callable[[], object], device: torch.device) -> float:
    """Duration of a call, its work on the device included."""
    if device.type == 'cuda':
        torch.cuda.synchronize()
    start = time.perf_counter()
    call()
    if device.type == 'cuda':
        torch.cuda.synchronize()
    return time.perf_counter() - start


def matmul_rate(dtype: torch.dtype, device: torch.device) -> float:
    """Multiply-additions a second of a large matrix product."""
    side = 8192 if device.type == 'cuda' else 1024
    a, b = (torch.randn(side, side, device=device, dtype=dtype) for _ in range(2))
    a @ b
    return side**3 / min(seconds(lambda: a @ b, device) for _ in range(5))


def multiplications(args: argparse.Namespace) -> int:
    """Multiply-additions of one clip through the backbone."""
    backbone = MODELS.build(dict(type='auxskd_mm.R2Plus1DVCOP', base_channels=args.base_channels)).eval()
    count = FlopCountAnalysis(backbone, torch.rand(1, 3, 16, args.size, args.size))
    return int(count.unsupported_ops_warnings(False).uncalled_modules_warnings(False).total())


def has_bf16(device: torch.device) -> bool:
    """Whether the machine multiplies bfloat16 in hardware; a CPU that does not is a hundred times slower at it."""
    info = Path('/proc/cpuinfo')
    flags = info.read_text() if info.exists() else ''
    return device.type == 'cuda' or 'avx512_bf16' in flags or 'amx_bf16' in flags


def measure(args: argparse.Namespace, device: torch.device) -> dict[tuple[str, str], list[float]]:
    """{(method, way): seconds of a step, one value a round}."""
    ways = {'float32': (False, False, False), 'float32, channels_last_3d': (False, True, False)}
    bf16 = has_bf16(device)
    if bf16:
        ways |= {'bf16': (True, False, False), 'bf16, channels_last_3d': (True, True, False)}
    if args.compile:
        ways[f'{"bf16" if bf16 else "float32"}, channels_last_3d, compiled'] = (bf16, True, True)
    times: dict[tuple[str, str], list[float]] = {}
    for method in args.methods:
        steps = {way: step_of(method, args, device, *switches) for way, switches in ways.items()}
        for step in steps.values():
            step()
            step()
        for _ in range(args.rounds):
            for way, step in steps.items():
                times.setdefault((method, way), []).append(seconds(step, device))
    return times


def main() -> None:
    args = parse_args()
    init_default_scope('mmaction')
    device = torch.device('cuda' if torch.cuda.is_available() else 'cpu')
    rates = {'f': matmul_rate(torch.float32, device)}
    if has_bf16(device):
        rates['b'] = matmul_rate(torch.bfloat16, device)
    per_clip = multiplications(args)
    times = measure(args, device)
    where = torch.cuda.get_device_name() if device.type == 'cuda' else f'{torch.get_num_threads()} thread(s)'
    print(f'{machine(("torch",))}; {where}')
    bf16 = (
        f'{rates["b"] / 1e9:.0f} bf16' if 'b' in rates else 'bf16 left out, this processor has no instructions for it'
    )
    print(
        f'R(2+1)D, batch {args.batch}, 16 x {args.size} x {args.size}, {per_clip / 1e9:.1f} GMAC a clip forward; matrix '
        f'products in GMAC/s: {rates["f"] / 1e9:.0f} float32, {bf16}\n'
    )
    print('| method | way | ms a step, median (range) | clips/s | share of matmul rate | speed over float32 |')
    print('|---|---|---|---|---|---|')
    for (method, way), values in times.items():
        middle = float(np.median(values))
        share = (4 if method == 'auxskd' else 3) * per_clip * args.batch / middle / rates[way[0]]
        low, high = 1000 * min(values), 1000 * max(values)
        ratio = np.median(times[method, 'float32']) / middle
        print(
            f'| {method} | {way} | {1000 * middle:.0f} ({low:.0f}-{high:.0f}) | {args.batch / middle:.1f} '
            f'| {100 * share:.0f}% | {ratio:.2f} |'
        )
    jitter = BatchColorJitter(**STRENGTH)
    clips = torch.randint(0, 256, (args.batch, 1, 3, 16, args.size, args.size), dtype=torch.uint8, device=device)
    jitter(clips)
    cost = float(np.median([seconds(lambda: jitter(clips), device) for _ in range(args.rounds)]))
    fastest = min(float(np.median(values)) for values in times.values())
    print(
        f'\ncolour jitter of one view on the device: {1000 * cost:.1f} ms, {100 * cost / fastest:.1f}% of the fastest step'
    )


if __name__ == '__main__':
    main()
