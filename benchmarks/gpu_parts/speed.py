"""Speed of the training steps: matrix products, ways of a step, the largest batch, compiled networks."""

from __future__ import annotations

import argparse
from collections.abc import Callable
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


def ways_of(args: argparse.Namespace, device: torch.device, chosen: Callable[[step.Way], bool]) -> dict[str, Any]:
    """Times, peak memory and failures of the ways of one method, in turns."""
    method = args.methods[0]
    peaks: dict[tuple[str, str], int] = {}
    times, failed = step.measure(args, device, chosen, peaks)
    if not times:
        raise RuntimeError('; '.join(f'{way}: {reason}' for (_, way), reason in failed.items()))
    return dict(
        batch=args.batch,
        multiplications=multiplications(method, args.base_channels, args.size),
        seconds={way: values for (_, way), values in times.items()},
        peak_bytes={way: value for (_, way), value in peaks.items()},
        not_measured={way: reason for (_, way), reason in failed.items()},
    )


def steps(record: Record, sizes: Sizes, device: torch.device) -> None:
    """Matrix products, and all ways of a step that need no compiler, at the configs' batch."""
    torch.backends.cudnn.benchmark = True  # as the configs
    record.measure('matrix products', lambda: rates(device))
    for method in METHODS:
        args = sizes.step_args(method)
        record.measure(method, lambda args=args: ways_of(args, device, lambda way: not way.compiled), least=15)


def compiled(record: Record, sizes: Sizes, device: torch.device) -> None:
    """Compiled networks, beside the same way without the compiler."""
    torch.backends.cudnn.benchmark = True

    def chosen(way: step.Way) -> bool:
        return way.layout and way.bf16 == step.has_bf16(device)

    for method in METHODS:
        args = sizes.step_args(method, compiled=True)
        record.measure(method, lambda args=args: ways_of(args, device, chosen), least=20)


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
            return ways_of(sizes.step_args(method, batch=batch), device, way.__eq__)
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
        batch = batch * 15 // 16  # the faster algorithms take more
    raise RuntimeError('not even one video fits')


def batches(record: Record, sizes: Sizes, device: torch.device) -> None:
    """The largest batch that fits, in the best way of each method and in float32 for VSPP."""
    best = BEST if step.has_bf16(device) else BEST._replace(bf16=False)
    for method in METHODS:
        record.measure(method, lambda method=method: largest(method, best, sizes, device), least=15)
    record.measure('vspp in float32', lambda: largest('vspp', step.Way(), sizes, device), least=15)


def middle(item: dict[str, Any], way: str) -> float | None:
    """Median seconds of a way, or None."""
    values = item.get('seconds', {}).get(way)
    return float(np.median(values)) if values else None
