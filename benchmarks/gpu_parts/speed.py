"""Speed of the training steps: matrix products, ways of a step, the largest batch, compiled networks."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import step
import torch
from step_models import SUBJECTS, multiplications

from auxskd_mm.errors import is_out_of_memory
from auxskd_mm.loops.memory import largest_batch

from .record import Record
from .sizes import Sizes

METHODS = tuple(SUBJECTS)
BEST = step.Way(bf16=True, layout=True)
BEST_NAME = 'bf16, channels_last_3d'


def rates(device: torch.device) -> dict[str, float]:
    """Multiply-additions per second of large matrix products, by precision."""
    found = {}
    for name, tf32 in (('float32', False), ('float32 as TF32', True)):
        if device.type == 'cuda':
            torch.backends.cuda.matmul.allow_tf32 = tf32
        elif tf32:
            continue
        found[name] = step.matmul_rate(torch.float32, device)
    torch.backends.cuda.matmul.allow_tf32 = False
    if step.has_bf16(device):
        found['bf16'] = step.matmul_rate(torch.bfloat16, device)
    return found


def way_of(method: str, way: step.Way, args: argparse.Namespace, device: torch.device) -> dict[str, Any]:
    """Times of one way of a method's step.

    Returns:
        ``batch``, ``multiplications`` of a clip, ``warm_up`` (seconds of the first three steps, in which cuDNN and the
        compiler choose their kernels), ``seconds`` of each timed step, and ``peak_bytes``, None on the CPU.
    """
    torch.compiler.reset()
    step.release(device)  # what an earlier way held
    found = _timed(step.step_of(method, args, device, way), args.rounds, device)
    return dict(found, batch=args.batch, multiplications=multiplications(method, args.base_channels, args.size))


def _timed(run: Callable[[], None], rounds: int, device: torch.device) -> dict[str, Any]:
    peak = None
    warm_up = step.seconds(lambda: [run() for _ in range(3)], device)
    if device.type == 'cuda':
        torch.cuda.reset_peak_memory_stats()
        run()
        peak = torch.cuda.max_memory_allocated()
    return dict(warm_up=warm_up, seconds=[step.seconds(run, device) for _ in range(rounds)], peak_bytes=peak)


def measure_ways(record: Record, sizes: Sizes, device: torch.device, *, compiled: bool, least: float) -> None:
    """Measure each way of each method as ``method: way``. What the targets need comes first."""
    ways = step.ways(device.type == 'cuda' or bool(sizes.room), step.has_bf16(device), compiled)
    pairs = [(method, name) for name in ways for method in METHODS if ways[name].compiled == compiled]
    for method, name in sorted(pairs, key=lambda pair: pair[1] not in ('float32', BEST_NAME)):
        if ways[name].beside and method != 'auxskd':
            continue
        args = sizes.step_args(method, compiled=compiled)
        record.measure(f'{method}: {name}', lambda m=method, w=ways[name], a=args: way_of(m, w, a, device), least=least)


def steps(record: Record, sizes: Sizes, device: torch.device) -> None:
    """Matrix products, and all ways of a step that need no compiler, at the configs' batch."""
    torch.backends.cudnn.benchmark = True  # as the configs
    record.measure('matrix products', lambda: rates(device))
    measure_ways(record, sizes, device, compiled=False, least=5)


def compiled(record: Record, sizes: Sizes, device: torch.device) -> None:
    """Compiled networks, to be compared with the same ways of :func:`steps`."""
    torch.backends.cudnn.benchmark = True
    measure_ways(record, sizes, device, compiled=True, least=20)


def search(fits: Callable[[int], bool], start: int, most: int) -> int:
    """Largest batch that fits, to 4%: doubled from ``start`` until it does not fit, then halved between.

    Args:
        fits: Whether a batch fits. A smaller one than one that fits must fit, too.
        start: First batch to try.
        most: Largest batch to try.
    """
    low, high = 0, start
    while high <= most and fits(high):
        low, high = high, 2 * high
    return low if high > most else largest_batch(fits, low, high, tolerance=0.04)


def largest(method: str, way: step.Way, sizes: Sizes, device: torch.device) -> dict[str, Any]:
    """The largest batch of a method that fits, and the step there."""
    torch.backends.cudnn.benchmark = False  # it would try many algorithms for each size

    def fits(batch: int) -> bool:
        if sizes.room and batch > sizes.room:
            return False
        run, reason = None, ''
        try:
            run = step.step_of(method, sizes.step_args(method, batch=batch), device, way)
            run()
            run()
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            reason = str(error)
        run = None
        step.release(device)  # behind the except clause, whose error holds the step's memory
        return not reason

    batch = search(fits, sizes.batch, sizes.most)
    torch.backends.cudnn.benchmark = True
    while batch:
        try:
            return way_of(method, way, sizes.step_args(method, batch=batch), device)
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
        batch = batch * 15 // 16  # the faster algorithms take more
    raise RuntimeError('not even one video fits')


def batches(record: Record, sizes: Sizes, device: torch.device) -> None:
    """The largest batch that fits, in the best way of each method and in float32 for VSPP."""
    name, best = (
        (BEST_NAME, BEST) if step.has_bf16(device) else ('float32, channels_last_3d', BEST._replace(bf16=False))
    )
    chosen = [*((method, name, best) for method in METHODS), ('vspp', 'float32', step.Way())]
    for method, title, way in chosen:
        record.measure(f'{method}: {title}', lambda m=method, w=way: largest(m, w, sizes, device), least=15)


def rate_of(items: Mapping[str, Any], method: str, way: str) -> float | None:
    """Videos per second of a way, by the median step. None if it was not measured."""
    item = items.get(f'{method}: {way}')
    return item['batch'] / float(np.median(item['seconds'])) if item else None
