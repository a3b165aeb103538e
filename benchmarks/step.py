"""A training step in several precisions and layouts: what each switch of a config gains on this machine.

    python benchmarks/step.py                                # VSPP and auxSKD on R(2+1)D, 16 x 112 x 112, batch 4
    python benchmarks/step.py --batch 30 --compile           # as in the configs, on a GPU (benchmarks/all.py does this)

The ways take turns in every round of one run, and all use the fused optimizer. The ratio is to float32 with torch's default
settings, which on a GPU compute convolutions in TF32. A separate row turns TF32 off.

The next column is the share of this machine's own rate for products of large bfloat16 matrices, measured in the same run. A
machine without bfloat16 uses float32. Forward and backward count as three forward passes (auxSKD: four, RSPNet: five), and
only the network's multiplications count. Loader cores are the cores that feed a step from a packed mp4 store: videos/s
times the CPU time per loaded video. This time is measured in the same run with the pipelines of the improved configs. A
video is one clip for VSPP and two for auxSKD and RSPNet. `--methods lite0` fine-tunes an image network with public weights.
"""

from __future__ import annotations

import argparse
import gc
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
from clip_sets import ClipSets
from machine import machine
from mmengine.optim import OptimWrapper
from mmengine.registry import init_default_scope
from step_models import SUBJECTS, TEACHERS, build, loss_of, multiplications

from auxskd_mm.apis import load_config
from auxskd_mm.config.pipelines import find_pipeline
from auxskd_mm.datasets import UnlabeledVideoDataset
from auxskd_mm.hooks.fast_step_hook import to_channels_last
from auxskd_mm.models.data_preprocessors import BatchColorJitter

CONFIGS = Path(__file__).parents[1] / 'configs'
STRENGTH: dict[str, Any] = dict(brightness=0.8, contrast=0.8, saturation=0.8, hue=0.2, p=0.8)


class Way(NamedTuple):
    """Switches of a step."""

    bf16: bool = False
    layout: bool = False
    compiled: bool = False
    tf32: bool = True
    beside: bool = False  # the teacher on a stream of its own


def parse_args(words: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--batch', type=int, default=4, help='default %(default)s')
    parser.add_argument('--size', type=int, default=112, help='height and width (default %(default)s)')
    parser.add_argument('--base-channels', type=int, default=64, help='default %(default)s')
    parser.add_argument('--methods', nargs='+', choices=list(SUBJECTS), default=['vspp', 'auxskd'])
    parser.add_argument('--rounds', type=int, default=5, help='measured steps of each way (default %(default)s)')
    parser.add_argument('--compile', action='store_true', help='also compiled backbones; takes minutes')
    parser.add_argument('--backend', default='inductor', help='of the compiler (default %(default)s)')
    parser.add_argument('--every-way', action='store_true', help='also the ways that differ on a GPU alone')
    parser.add_argument('--videos', help='folder of clips to load; default: MotionClips')
    parser.add_argument('--count', type=int, default=16, help='videos to load (default %(default)s)')
    return parser.parse_args(words)


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


def step_of(method: str, args: argparse.Namespace, device: torch.device, way: Way) -> Callable[[], None]:
    """One training step: normalised clips in, weights moved."""
    model = build(method, args.base_channels, way.beside).to(device).train()
    if way.layout:
        to_channels_last(model)
    if way.compiled:
        model.backbone.compile(backend=args.backend)  # a failure must show: no way around it as in trainings
        if method in TEACHERS:
            model.teacher.backbone.compile(backend=args.backend)
    parameters = [p for p in model.parameters() if p.requires_grad]
    wrapper = OptimWrapper(torch.optim.SGD(parameters, lr=1e-4, momentum=0.9, weight_decay=5e-3, fused=True))
    subject = SUBJECTS[method]
    views = torch.rand(args.batch, subject.views, 3, subject.frames, args.size, args.size, device=device)
    labels = torch.randint(0, 8, (args.batch,), device=device)
    loss = loss_of(method, model, views, labels)

    def step() -> None:
        torch.backends.cudnn.allow_tf32 = way.tf32
        with torch.autocast(device.type, torch.bfloat16, enabled=way.bf16):
            value = loss()
        wrapper.update_params(value)
        if method in TEACHERS:
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
    """Multiply-additions per second of large matrix products, the best of five tries."""
    side, many = (8192, 10) if device.type == 'cuda' else (1024, 1)
    a, b = (torch.randn(side, side, device=device, dtype=dtype) for _ in range(2))

    def products() -> None:
        for _ in range(many):
            torch.mm(a, b)

    products()
    return many * side**3 / min(seconds(products, device) for _ in range(5))


def has_bf16(device: torch.device) -> bool:
    """Whether the machine multiplies bfloat16 in hardware; a CPU that does not is a hundred times slower at it."""
    if device.type == 'cuda':
        return torch.cuda.get_device_capability() >= (8, 0)
    info = Path('/proc/cpuinfo')
    flags = info.read_text() if info.exists() else ''
    return 'avx512_bf16' in flags or 'amx_bf16' in flags


Times = dict[tuple[str, str], list[float]]


def measure(
    args: argparse.Namespace,
    device: torch.device,
    chosen: Callable[[Way], bool] = lambda way: True,
    peaks: dict[tuple[str, str], int] | None = None,
) -> tuple[Times, dict[tuple[str, str], str]]:
    """Measure the ways, in turns.

    Args:
        args: Arguments of this script.
        device: Device of the steps.
        chosen: Which ways to measure.
        peaks: Gets the peak memory of each way in bytes, without what the other ways hold. None on the CPU.

    Returns:
        {(method, way): seconds per step, one value per round}, and {(method, way): reason for no measurement}.
    """
    times: Times = {}
    failed: dict[tuple[str, str], str] = {}
    for method in args.methods:
        torch.compiler.reset()
        steps: dict[str, Callable[[], None]] = {}
        for name, way in ways(device.type == 'cuda' or args.every_way, has_bf16(device), args.compile).items():
            if (way.beside and method != 'auxskd') or not chosen(way):
                continue
            try:
                before = torch.cuda.memory_allocated() if device.type == 'cuda' else 0
                step = step_of(method, args, device, way)
                for _ in range(3):
                    step()
                if device.type == 'cuda' and peaks is not None:
                    torch.cuda.reset_peak_memory_stats()
                    step()
                    peaks[method, name] = torch.cuda.max_memory_allocated() - before
                steps[name] = step
            except Exception as error:  # no memory for it, no compiler: the others are worth having
                failed[method, name] = f'{type(error).__name__}: {str(error).strip().splitlines()[0][:120]}'
            release(device)
        for _ in range(args.rounds):
            for name, step in steps.items():
                times.setdefault((method, name), []).append(seconds(step, device))
        steps.clear()
        release(device)
    return times, failed


def release(device: torch.device) -> None:
    """Give back the memory of what is no longer referred to."""
    gc.collect()
    if device.type == 'cuda':
        torch.cuda.empty_cache()


def jitter_seconds(method: str, args: argparse.Namespace, device: torch.device) -> float:
    """Measure the jitter of a method's batch on the device."""
    jitter = BatchColorJitter(**STRENGTH)
    subject = SUBJECTS[method]
    shape = (args.batch, subject.views, 3, subject.frames, args.size, args.size)
    clips = torch.randint(0, 256, shape, dtype=torch.uint8, device=device)
    for _ in range(3):
        jitter(clips)
    return float(np.median([seconds(lambda: jitter(clips), device) for _ in range(args.rounds)]))


def loading_seconds(args: argparse.Namespace, layout: str = 'mp4', keep: Path | None = None) -> dict[str, float]:
    """{method: CPU time on one core until a video's clips are ready, from a packed store}.

    Args:
        args: Arguments of this script.
        layout: Layout of the store.
        keep: Folder to make the videos and the store in and to keep them. None takes a temporary one.
    """
    with tempfile.TemporaryDirectory() as folder:
        sets = ClipSets(keep or Path(folder), args.videos, args.count, frames=150)
        sets.stored(layout)
        return {method: _loading(method, f'{sets.out}/store_{layout}', args.rounds) for method in args.methods}


def _loading(method: str, store: str, rounds: int) -> float:
    pipeline = find_pipeline(load_config(str(CONFIGS / SUBJECTS[method].config)), ('train_dataloader',))
    dataset = UnlabeledVideoDataset(store, pipeline=pipeline)
    taken = []
    for _ in range(rounds + 1):  # the first warms up
        start = time.process_time()
        for i in range(len(dataset)):
            dataset[i]
        taken.append((time.process_time() - start) / len(dataset))
    return float(np.median(taken[1:]))


def report(
    times: Times,
    batch: int,
    per_clip: Mapping[str, int],
    rate: tuple[str, float],
    loading: Mapping[str, float],
) -> str:
    """Make the table.

    Args:
        times: Result of :func:`measure`.
        batch: Videos per step.
        per_clip: Multiply-additions per clip, by method.
        rate: Name and rate of the matrix product to compare with.
        loading: CPU time per video, by method.
    """
    lines = [
        f'| method | way | ms per step, median (range) | videos/s | share of {rate[0]} matmul rate | loader cores to feed it '
        '| speed over float32 |',
        '|---|---|---|---|---|---|---|',
    ]
    for (method, way), values in times.items():
        middle = float(np.median(values))
        share = SUBJECTS[method].passes * per_clip[method] * batch / middle / rate[1]
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
    per_clip = {method: multiplications(method, args.base_channels, args.size) for method in args.methods}
    times, failed = measure(args, device)
    if not times:
        raise SystemExit(f'no step could be measured: {next(iter(failed.values()))}')
    print(f'{machine(("torch",))}; {torch.get_num_threads()} thread(s)')
    print(
        f'R(2+1)D, batch {args.batch}, 16 x {args.size} x {args.size}, '
        f'{", ".join(f"{value / 1e9:.1f} GMAC per clip forward ({name})" for name, value in per_clip.items())}; matrix '
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
            cost = jitter_seconds(method, args, device)
            print(
                f'\ncolour jitter of {method} on the device ({SUBJECTS[method].views} clip(s) per video): {1000 * cost:.1f} ms, '
                f'{100 * cost / min(steps):.1f}% of its fastest step; loading a video: {1000 * loading[method]:.2f} ms of a core'
            )


if __name__ == '__main__':
    main()
