"""Run every speed benchmark and write one Markdown file with their tables.

    python benchmarks/all.py --out speed.md                       # about half an hour on two cores
    python benchmarks/all.py --out speed.md --quick               # smallest sizes, to see that all run
    python benchmarks/all.py --out speed.md --videos FOLDER       # your clips where a benchmark takes clips
    python benchmarks/all.py --out speed.md --only loader step

On a GPU the training benchmarks use the configs' batch of 30, every precision and layout, and compiled networks. The table
of steps then also has the share of the GPU's own matmul rate, the loader cores that feed the GPU, and the jitter's share.

The benchmarks run one after the other, each in its own process. If one fails, the file shows its last line. The others
still run, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import datetime
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import torch
from machine import machine

HERE = Path(__file__).parent


class Benchmark(NamedTuple):
    """A script: its subject, its arguments for ``--quick`` and on a GPU, and whether it takes ``--videos``."""

    title: str
    quick: tuple[str, ...]
    videos: bool = False
    gpu: tuple[str, ...] = ()


WORKERS = str(max(1, (os.cpu_count() or 2) - 1))


BENCHMARKS = {
    'startup': Benchmark('Start of the package and of its tools', ('--rounds', '1')),
    'loader': Benchmark('From disk to clip', ('--count', '4', '--frames', '60', '--rounds', '2'), videos=True),
    'scale': Benchmark('Length of the list', ('--entries', '100', '1000', '--clips', '100')),
    'jitter': Benchmark('Colour jitter', ('--clips', '1', '--rounds', '3')),
    'step': Benchmark(
        'Training step',
        ('--batch', '2', '--size', '32', '--base-channels', '8', '--rounds', '2', '--count', '4'),
        videos=True,
        gpu=('--batch', '30', '--rounds', '20', '--compile'),
    ),
    'auxskd_step': Benchmark(
        'auxSKD over a plain step',
        ('--batch', '2', '--size', '32', '--base-channels', '8', '--rounds', '2'),
        gpu=('--batch', '30', '--rounds', '20', '--amp', '--channels-last'),
    ),
    'losses': Benchmark('Losses against a queue', ('--rounds', '3')),
    'end_to_end': Benchmark(
        'Data wait of a training epoch',
        ('--batch', '1', '--iterations', '3'),
        videos=True,
        gpu=('--batch', '30', '--iterations', '100', '--workers', WORKERS),
    ),
}


def run(name: str, arguments: list[str]) -> tuple[bool, str]:
    """Whether a benchmark succeeded, and its output (or its last line of errors)."""
    command = [sys.executable, '-W', 'ignore', str(HERE / f'{name}.py'), *arguments]
    print(' '.join(command[3:]), flush=True)
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ['no message']
        return False, f'failed: `{lines[-1]}`'
    # MMEngine logs to the same stream as the tables, each message with a date.
    lines = [line for line in done.stdout.strip().splitlines() if not re.match(r'\d\d/\d\d \d\d:\d\d:\d\d ', line)]
    return True, '\n'.join(lines)


def arguments_of(name: str, quick: bool, gpu: bool, videos: str | None) -> list[str]:
    """Arguments of a benchmark."""
    benchmark = BENCHMARKS[name]
    sizes = benchmark.quick if quick else benchmark.gpu if gpu else ()
    return [*sizes, *(('--videos', videos) if videos and benchmark.videos else ())]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--out', required=True, help='Markdown file to write')
    parser.add_argument('--only', nargs='+', choices=list(BENCHMARKS), default=list(BENCHMARKS))
    parser.add_argument('--videos', help='folder of clips instead of MotionClips')
    parser.add_argument('--quick', action='store_true', help='smallest sizes')
    args = parser.parse_args()
    parts = [f'# Speed\n\n{machine()}; {datetime.date.today()}{", quick" if args.quick else ""}']
    failed = []
    for name in args.only:
        well, text = run(name, arguments_of(name, args.quick, torch.cuda.is_available(), args.videos))
        failed += [] if well else [name]
        parts.append(f'## {BENCHMARKS[name].title} (`benchmarks/{name}.py`)\n\n{text}')
        Path(args.out).write_text('\n\n'.join(parts) + '\n')  # after each, so that an interruption keeps what there is
    print(f'{args.out}: {len(args.only)} benchmarks' + (f', failed: {", ".join(failed)}' if failed else ''))
    sys.exit(bool(failed))


if __name__ == '__main__':
    main()
