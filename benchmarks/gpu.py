"""Everything that one GPU can tell about this package, in one command of at most ten minutes.

    python benchmarks/gpu.py --pack DATA/avletters26 DATA/miracl_words --out sets   # before, on any machine: at most 15 MB
    python benchmarks/gpu.py --out gpu --sets sets            # on the GPU; the same command again goes on where it ended
    python benchmarks/gpu.py --out dry --dry-run              # all parts on the CPU, tiny: shows that they run
    python benchmarks/gpu.py --out gpu --report               # gpu/gpu.md again from the files of the parts

Each part is a process of its own, has a share of the minutes and writes OUT/<part>.json after each measurement. What a part
leaves of its time goes to those behind it. A part that runs out of time keeps what it has and says what is missing. A part
whose file is complete is skipped, as long as card, versions and sizes are the same. OUT/gpu.md shows all of it, with the
targets.

The parts:

- `steps`: matrix products. VSPP, auxSKD, RSPNet and a public image network at the configs' batch, in float32, in bf16, in
  channels_last_3d and with the teacher beside.
- `feeding`: loader cores, jitter, data wait of an epoch.
- `batches`: the largest batch that fits.
- `compiled`: steps of compiled networks.
- `equality`: three steps against the CPU, resume to the bit, fp16 and bf16 over 300 steps.
- `chain`, beside it: trainings on the sets of --pack, see configs/recipes/warm_start_pixels.py.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
# From the checkout, whether it is installed or not; in the processes of the parts, too.
os.environ['PYTHONPATH'] = os.pathsep.join(filter(None, [str(HERE.parent), os.environ.get('PYTHONPATH')]))
sys.path.insert(1, str(HERE.parent))

# Seconds of the parts in a run of 9.5 minutes, in its order. What stands in one line runs at the same time: equality is no
# speed, and the chain is fed by the processor.
WEIGHTS: dict[tuple[str, ...], float] = {
    ('steps',): 190,
    ('feeding',): 110,
    ('batches',): 40,
    ('compiled',): 50,
    ('equality', 'chain'): 180,
}
PARTS = [name for group in WEIGHTS for name in group]
LEAST = 20  # seconds: with fewer left, a part is not started
GRACE = 8  # seconds to write the file, behind the end of a part's time


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--out', type=Path, required=True, help='folder of the results; of the sets with --pack')
    parser.add_argument('--minutes', type=float, default=9.5, help='for all parts (default %(default)s)')
    parser.add_argument('--parts', nargs='+', choices=PARTS, default=PARTS, help='default: all')
    parser.add_argument('--sets', type=Path, help='folder of --pack; without it the chain is left out')
    parser.add_argument('--work', type=Path, help='folder of the trainings; default: a temporary one')
    parser.add_argument('--dry-run', action='store_true', help='on the CPU, at tiny sizes')
    parser.add_argument('--pack', nargs='+', metavar='FOLDER[=GROUPS.csv]', help='pack these sets into OUT, and stop')
    parser.add_argument('--report', action='store_true', help='only write OUT/gpu.md again')
    parser.add_argument('--run-part', choices=PARTS, help=argparse.SUPPRESS)
    parser.add_argument('--until', type=float, help=argparse.SUPPRESS)
    return parser.parse_args()


def settings_of(args: argparse.Namespace, part: str) -> dict[str, Any]:
    """What the figures of a part depend on."""
    import torch
    from gpu_parts import sizes

    return dict(
        dry_run=args.dry_run,
        device='cpu' if args.dry_run else torch.cuda.get_device_name(),
        torch=str(torch.__version__),
        cuda=torch.version.cuda,
        sets=sorted(path.parent.name for path in args.sets.glob('*/lists')) if args.sets and part == 'chain' else [],
        sizes=dict((sizes.DRY if args.dry_run else sizes.GPU)._asdict(), jobs=None),  # jobs change no figure
    )


def run_part(args: argparse.Namespace) -> None:
    """Run one part in this process."""
    import cv2
    import torch
    from gpu_parts import chain, equality, feeding, sizes, speed
    from gpu_parts.record import Record
    from mmengine.registry import init_default_scope

    init_default_scope('mmaction')
    cv2.setNumThreads(1)
    device = torch.device('cpu' if args.dry_run else 'cuda')
    chosen = sizes.DRY if args.dry_run else sizes.GPU
    record = Record(args.out / f'{args.run_part}.json', settings_of(args, args.run_part), args.until)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    call = {
        'steps': lambda: speed.steps(record, chosen, device),
        'compiled': lambda: speed.compiled(record, chosen, device),
        'batches': lambda: speed.batches(record, chosen, device),
        'feeding': lambda: feeding.run(record, chosen, device, args.work / 'clips'),
        'equality': lambda: equality.run(record, chosen, device, args.work / 'equality'),
        'chain': lambda: chain.run(record, chosen, args.work / 'chain', args.sets),
    }[args.run_part]
    complete = False
    try:
        call()
        complete = True
    finally:
        record.write(complete)


def start(args: argparse.Namespace, names: Sequence[str], seconds: float) -> None:
    """Run parts at the same time, each in a process of its own, which ends in time."""
    end = time.time() + seconds
    processes = {name: subprocess.Popen(command_of(args, name, end), start_new_session=True) for name in names}
    try:
        for name, process in processes.items():
            try:
                process.wait(max(0.0, end + GRACE - time.time()))
            except subprocess.TimeoutExpired:
                print(f'  the time of {name} is up', flush=True)
    finally:
        for process in processes.values():
            _end(process)


def command_of(args: argparse.Namespace, name: str, end: float) -> list[str]:
    """Command line of a part."""
    words = ['--out', args.out, '--work', args.work, '--run-part', name, '--until', end]
    words += ['--sets', args.sets] if args.sets else []
    words += ['--dry-run'] if args.dry_run else []
    return [sys.executable, '-W', 'ignore', str(HERE / 'gpu.py'), *map(str, words)]


def _end(process: subprocess.Popen[bytes]) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is None:
            os.killpg(process.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(GRACE)


def run_parts(args: argparse.Namespace) -> None:
    """Run the parts that are not complete, and write the report after each."""
    from gpu_parts.record import budgets, is_done

    def waits(name: str) -> bool:
        return not is_done(args.out / f'{name}.json', settings_of(args, name))

    end = time.time() + 60 * args.minutes
    todo = [name for name in args.parts if waits(name)]
    if args.sets is None and not args.dry_run and 'chain' in todo:
        todo.remove('chain')
        print('chain: left out, no --sets', flush=True)
    left = {group: names for group in WEIGHTS if (names := [name for name in group if name in todo])}
    while left:
        group, names = next(iter(left.items()))
        seconds = budgets(WEIGHTS, left, end - time.time() - 2 * GRACE)[group]
        del left[group]
        if seconds < LEAST:
            print(f'{", ".join(names)}: no time left; the same command goes on with it', flush=True)
            continue
        print(f'{" and ".join(names)}: up to {seconds:.0f} s', flush=True)
        start(args, names, seconds)
        write_report(args)
    unfinished = [name for name in todo if waits(name)]
    print(f'{args.out / "gpu.md"}' + (f'; not complete: {", ".join(unfinished)}' if unfinished else ''))


def write_report(args: argparse.Namespace) -> None:
    """Write OUT/gpu.md from the files of the parts; in a run, from those of its own settings."""
    from gpu_parts import report
    from gpu_parts.record import read_part
    from machine import machine

    from auxskd_mm.errors import InputError
    from auxskd_mm.files import write_whole

    parts = {
        name: read_part(args.out / f'{name}.json', None if args.report else settings_of(args, name)) for name in PARTS
    }
    found = {name: part for name, part in parts.items() if part is not None}
    if not found:
        raise InputError(f'{args.out}: no file of a part; run benchmarks/gpu.py --out {args.out} first')
    command = 'python benchmarks/gpu.py ' + ' '.join(word for word in sys.argv[1:] if word != '--report')
    write_whole(args.out / 'gpu.md', report.page(found, machine(), command))


def main(args: argparse.Namespace) -> None:
    import torch

    from auxskd_mm.errors import InputError

    if args.pack:
        from gpu_parts import chain

        chain.pack(args.pack, args.out)
        return
    if args.report:
        write_report(args)
        return
    if not args.dry_run and not torch.cuda.is_available():
        raise InputError(
            'no CUDA device here: run this on a machine with a GPU, or --dry-run to try all parts on the CPU'
        )
    args.out.mkdir(parents=True, exist_ok=True)
    if args.run_part:
        run_part(args)
        return
    with tempfile.TemporaryDirectory() as folder:
        args.work = args.work or Path(folder)
        run_parts(args)


if __name__ == '__main__':
    sys.path.append(str(HERE.parent / 'tools'))
    from tool_start import start as start_tool

    start_tool(parse_args, main)  # a package that is missing or too old is one line
