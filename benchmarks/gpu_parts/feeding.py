"""Does the loader keep up? CPU time of loading, the jitter on the device, and the data wait of an epoch."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any

import end_to_end
import step
import torch

from .record import Record
from .sizes import Sizes
from .speed import METHODS

LAYOUTS = ('mp4', 'jpg', 'raw')
_JITTERED = ('vspp', 'auxskd', 'rspnet')


def epoch(layout: str, sizes: Sizes, device: torch.device, clips: Path) -> dict[str, Any]:
    """Data wait of an epoch of VSPP from a store."""
    workers = max(1, (os.cpu_count() or 2) - 1)
    numbers: dict[str, Any] = {'--batch': sizes.batch, '--iterations': sizes.iterations, '--count': sizes.videos}
    numbers |= {'--workers': workers, '--layout': layout, '--keep': clips}
    words = [word for pair in numbers.items() for word in map(str, pair)]
    overrides: dict[str, Any] = {}
    if device.type == 'cpu':
        overrides = {'model.backbone.base_channels': sizes.channels, 'model.cls_head.in_channels': 8 * sizes.channels}
    with open(os.devnull, 'w') as nothing, contextlib.redirect_stdout(nothing):
        found = end_to_end.measure(end_to_end.parse_args([*words, '--channels-last']), overrides)
    return dict(workers=workers, times=found.times.tolist(), waits=found.waits.tolist(), share=found.share)


def run(record: Record, sizes: Sizes, device: torch.device, clips: Path) -> None:
    """All of it; the cores that feed a step are reckoned by the report, from these and from the steps."""
    for method in _JITTERED:
        args = sizes.step_args(method)
        record.measure(
            f'jitter of {method}',
            lambda method=method, args=args: dict(seconds=step.jitter_seconds(method, args, device)),
        )
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # CPU time of one core
    for layout in LAYOUTS:
        args = sizes.step_args(*METHODS)
        record.measure(
            f'loading from {layout}', lambda args=args, layout=layout: step.loading_seconds(args, layout, clips)
        )
    torch.set_num_threads(threads)
    for layout in ('mp4', 'jpg'):  # last, for cuDNN tries its kernels for half a minute
        record.measure(f'epoch from {layout}', lambda layout=layout: epoch(layout, sizes, device, clips), least=10)
