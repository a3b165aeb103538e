"""One line about the machine and the versions that matter, and the table that every benchmark prints."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

_PACKAGES = ('torch', 'torchvision', 'numpy', 'opencv-python', 'av', 'pillow')


def machine(packages: Sequence[str] = _PACKAGES) -> str:
    """Processor and GPU, cores, Python and the versions of packages."""
    info = Path('/proc/cpuinfo')
    found = re.search(r'model name\s*: (.*)', info.read_text()) if info.exists() else None
    versions = []
    for name in packages:
        try:
            versions.append(f'{name} {importlib.metadata.version(name)}')
        except importlib.metadata.PackageNotFoundError:
            continue
    processor = found[1].strip() if found else platform.machine()
    if torch.cuda.is_available():
        processor += f' and {torch.cuda.get_device_name()} (CUDA {torch.version.cuda})'
    return f'{processor}, {os.cpu_count()} core(s); Python {platform.python_version()}, {", ".join(versions)}'


def table(times: Mapping[str, Sequence[float]], unit: str, base: str, ratio: str) -> str:
    """Make a Markdown table: median, range and, in the last column, the ratio of medians to the way ``base``.

    Args:
        times: One value per round for each way, in ``unit``. Smaller is better.
        unit: Head of the column.
        base: The way with ratio 1.
        ratio: Head of the last column.
    """
    lines = [f'| way | {unit}, median (range) | {ratio} |', '|---|---|---|']
    for name, values in times.items():
        middle = np.median(values)
        speed = np.median(times[base]) / middle
        lines.append(f'| {name} | {middle:.2f} ({min(values):.2f}-{max(values):.2f}) | {speed:.2f} |')
    return '\n'.join(lines)
