"""A training step in several precisions and layouts: what each switch of a config gains on this machine.

    python benchmarks/step.py                                # VSPP and auxSKD on R(2+1)D, 16 x 112 x 112, batch 4
    python benchmarks/step.py --batch 30 --compile           # as in the configs, on a GPU (benchmarks/all.py does this)

The ways take turns in every round of one run, and all use the fused optimizer. The ratio is to float32 with torch's default
settings, which on a GPU compute convolutions in TF32. A separate row turns TF32 off.

The next column is the share of this machine's own rate for products of large bfloat16 matrices, measured in the same run. A
machine without bfloat16 uses float32. Forward and backward count as three forward passes (auxSKD: four), and only the
network's multiplications count. Loader cores are the cores that feed a step from a packed mp4 store: videos/s times the CPU
time per loaded video. This time is measured in the same run with the pipelines of the improved configs. A video is one clip
for VSPP and two for auxSKD.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
from clip_sets import ClipSets
from fvcore.nn import FlopCountAnalysis
from machine import machine
from mmengine.optim import OptimWrapper
from mmengine.registry import init_default_scope
from torch import nn

from auxskd_mm.apis import load_config
from auxskd_mm.config.pipelines import find_pipeline
from auxskd_mm.datasets import UnlabeledVideoDataset
from auxskd_mm.hooks.fast_step_hook import to_channels_last
from auxskd_mm.models.data_preprocessors import BatchColorJitter
from auxskd_mm.registry import MODELS

CONFIGS = Path(__file__).parents[1] / 'configs'
STRENGTH: dict[str, Any] = dict(brightness=0.8, contrast=0.8, saturation=0.8, hue=0.2, p=0.8)
VIEWS = {'vspp': 1, 'auxskd': 2}
PASSES = {'vspp': 3, 'auxskd': 4}  # forward passes that a step comes to


class Way(NamedTuple):
    """Switches of a step."""

    bf16: bool = False
    layout: bool = False
    compiled: bool = False
    tf32: bool = True
    beside: bool = False  # the teacher on a stream of its own


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--batch', type=int, default=4, help='default %(default)s')
    parser.add_argument('--size', type=int, default=112, help='height and width (default %(default)s)')
    parser.add_argument('--base-channels', type=int, default=64, help='default %(default)s')
    parser.add_argument('--methods', nargs='+', choices=list(VIEWS), default=list(VIEWS))
    parser.add_argument('--rounds', type=int, default=5, help='measured steps of each way (default %(default)s)')
    parser.add_argument('--compile', action='store_true', help='also compiled backbones; takes minutes')
    parser.add_argument('--videos', help='folder of clips to load; default: MotionClips')
    parser.add_argument('--count', type=int, default=16, help='videos to load (default %(default)s)')
    return parser.parse_args()


def ways(cuda: bool, bf16: bool, compiled: bool) -> dict[str, Way]:
    """Return the ways to measure on this kind of machine, float32 first."""
    found = {'float32': Way()}
    if cuda:
        found['float32, TF32 off'] = Way(tf32=False)
    found['float32, channels_last_3d'] = Way(layout=True)
    if bf16:
        found |= {'bf16': Way(bf16=True), 'bf16, channels_last_3d': Way(bf16=True, layout=True)}
    best = f'{"bf16" if bf16 else "float32"}, channels_last_3d'
    if compiled:
        found[f'{best}, compiled'] = found[best]._replace(compiled=True)
    if cuda:
        found |= {f'{name}, teacher beside': found[name]._replace(beside=True) for name in list(found) if best in name}
    return found


def build(method: str, channels: int, beside: bool = False) -> nn.Module:
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
                overlap_teacher=beside,
            )
        )
        model.teacher.copy_from(model.student_modules())
        return model
    return nn.ModuleDict(dict(backbone=MODELS.build(backbone), head=nn.Linear(width, 8)))


def step_of(method: str, args: argparse.Namespace, device: torch.device, way: Way) -> Callable[[], None]:
    """One training step: normalised clips in, weights moved."""
    model = build(method, args.base_channels, way.beside).to(device).train()
    if way.layout:
        to_channels_last(model)
    if way.compiled:
        model.backbone.compile()
        if method == 'auxskd':
            model.teacher.backbone.compile()
    parameters = [p for p in model.parameters() if p.requires_grad]
    wrapper = OptimWrapper(torch.optim.SGD(parameters, lr=1e-4, momentum=0.9, weight_decay=5e-3, fused=True))
    views = torch.rand(args.batch, VIEWS[method], 3, 16, args.size, args.size, device=device)
    labels = torch.randint(0, 8, (args.batch,), device=device)

    def loss() -> torch.Tensor:
        if method == 'auxskd':
            return model.loss(views)['loss_similarity']
        features = model.backbone(views[:, 0]).mean((2, 3, 4))
        return nn.functional.cross_entropy(model.head(features), labels)

    def step() -> None:
        torch.backends.cudnn.allow_tf32 = way.tf32
        with torch.autocast(device.type, torch.bfloat16, enabled=way.bf16):
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
    """Multiply-additions a second of large matrix products, the best of five tries."""
    side, many = (8192, 10) if device.type == 'cuda' else (1024, 1)
    a, b = (torch.randn(side, side, device=device, dtype=dtype) for _ in range(2))

    def products() -> None:
        for _ in range(many):
            torch.mm(a, b)

    products()
    return many * side**3 / min(seconds(products, device) for _ in range(5))


def multiplications(args: argparse.Namespace) -> int:
    """Multiply-additions of one clip through the backbone."""
    backbone = MODELS.build(dict(type='auxskd_mm.R2Plus1DVCOP', base_channels=args.base_channels)).eval()
    count = FlopCountAnalysis(backbone, torch.rand(1, 3, 16, args.size, args.size))
    return int(count.unsupported_ops_warnings(False).uncalled_modules_warnings(False).total())


def has_bf16(device: torch.device) -> bool:
    """Whether the machine multiplies bfloat16 in hardware; a CPU that does not is a hundred times slower at it."""
    if device.type == 'cuda':
        return torch.cuda.get_device_capability() >= (8, 0)
    info = Path('/proc/cpuinfo')
    flags = info.read_text() if info.exists() else ''
    return 'avx512_bf16' in flags or 'amx_bf16' in flags


def measure(
    args: argparse.Namespace, device: torch.device
) -> tuple[dict[tuple[str, str], list[float]], dict[tuple[str, str], str]]:
    """Return {(method, way): seconds per step, one value per round}, and {(method, way): reason for no measurement}."""
    times: dict[tuple[str, str], list[float]] = {}
    failed: dict[tuple[str, str], str] = {}
    for method in args.methods:
        torch.compiler.reset()
        steps: dict[str, Callable[[], None]] = {}
        for name, way in ways(device.type == 'cuda', has_bf16(device), args.compile).items():
            if way.beside and method != 'auxskd':
                continue
            try:
                step = step_of(method, args, device, way)
                for _ in range(3):
                    step()
                steps[name] = step
            except Exception as error:  # no memory for it, no compiler: the others are worth having
                failed[method, name] = f'{type(error).__name__}: {str(error).strip().splitlines()[0][:120]}'
        for _ in range(args.rounds):
            for name, step in steps.items():
                times.setdefault((method, name), []).append(seconds(step, device))
        del steps
        if device.type == 'cuda':
            torch.cuda.empty_cache()
    return times, failed


def jitter_seconds(views: int, args: argparse.Namespace, device: torch.device) -> float:
    """Measure the jitter of a batch with this number of views on the device."""
    jitter = BatchColorJitter(**STRENGTH)
    shape = (args.batch, views, 3, 16, args.size, args.size)
    clips = torch.randint(0, 256, shape, dtype=torch.uint8, device=device)
    for _ in range(3):
        jitter(clips)
    return float(np.median([seconds(lambda: jitter(clips), device) for _ in range(args.rounds)]))


def loading_seconds(args: argparse.Namespace) -> dict[str, float]:
    """{method: CPU time on one core until a video's clips are ready, from a packed mp4 store}."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        sets = ClipSets(Path(folder), args.videos, args.count, frames=150)
        sets.stored('mp4')
        for method in args.methods:
            config = load_config(str(CONFIGS / f'{method}_r21d_k100_improved.py'))
            pipeline = find_pipeline(config, ('train_dataloader',))
            dataset = UnlabeledVideoDataset(f'{folder}/store_mp4', pipeline=pipeline)
            rounds = []
            for _ in range(args.rounds + 1):  # the first warms up
                start = time.process_time()
                for i in range(len(dataset)):
                    dataset[i]
                rounds.append((time.process_time() - start) / len(dataset))
            found[method] = float(np.median(rounds[1:]))
    return found


def report(
    times: dict[tuple[str, str], list[float]],
    batch: int,
    per_clip: int,
    rate: tuple[str, float],
    loading: dict[str, float],
) -> str:
    """Make the table.

    Args:
        times: Result of :func:`measure`.
        batch: Videos per step.
        per_clip: Multiply-additions per clip.
        rate: Name and rate of the matrix product to compare with.
        loading: Result of :func:`loading_seconds`.
    """
    lines = [
        f'| method | way | ms a step, median (range) | videos/s | share of {rate[0]} matmul rate | loader cores to feed it '
        '| speed over float32 |',
        '|---|---|---|---|---|---|---|',
    ]
    for (method, way), values in times.items():
        middle = float(np.median(values))
        share = PASSES[method] * per_clip * batch / middle / rate[1]
        speed = batch / middle
        base = times.get((method, 'float32'))
        ratio = f'{np.median(base) / middle:.2f}' if base else '-'
        lines.append(
            f'| {method} | {way} | {1000 * middle:.0f} ({1000 * min(values):.0f}-{1000 * max(values):.0f}) '
            f'| {speed:.1f} | {100 * share:.0f}% | {speed * loading[method]:.2f} | {ratio} |'
        )
    return '\n'.join(lines)


def main() -> None:
    args = parse_args()
    init_default_scope('mmaction')
    cv2.setNumThreads(1)
    device = torch.device('cuda' if torch.cuda.is_available() else 'cpu')
    torch.backends.cudnn.benchmark = True  # as the configs
    loading = loading_seconds(args)
    rates = {'float32': matmul_rate(torch.float32, device)}
    if has_bf16(device):
        rates['bf16'] = matmul_rate(torch.bfloat16, device)
    per_clip = multiplications(args)
    times, failed = measure(args, device)
    if not times:
        raise SystemExit(f'no step could be measured: {next(iter(failed.values()))}')
    print(f'{machine(("torch",))}; {torch.get_num_threads()} thread(s)')
    print(
        f'R(2+1)D, batch {args.batch}, 16 x {args.size} x {args.size}, {per_clip / 1e9:.1f} GMAC a clip forward; matrix '
        f'products in GMAC/s: {", ".join(f"{value / 1e9:.0f} {name}" for name, value in rates.items())}'
        + ('' if 'bf16' in rates else '; bf16 left out, this processor has no instructions for it')
    )
    print('aims on a GPU: 30% of the bf16 matmul rate, three times float32, jitter under 3% of the step\n')
    print(report(times, args.batch, per_clip, list(rates.items())[-1], loading))
    for (method, way), reason in failed.items():
        print(f'\n{method}, {way}: not measured, {reason}')
    for method in args.methods:
        steps = [float(np.median(values)) for (which, _), values in times.items() if which == method]
        if steps:
            cost = jitter_seconds(VIEWS[method], args, device)
            print(
                f'\ncolour jitter of {method} on the device ({VIEWS[method]} clip(s) a video): {1000 * cost:.1f} ms, '
                f'{100 * cost / min(steps):.1f}% of its fastest step; loading a video: {1000 * loading[method]:.2f} ms of a core'
            )


if __name__ == '__main__':
    main()
