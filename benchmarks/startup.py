"""What a start costs: ``import auxskd_mm`` against MMAction2's models and datasets, and ``--help`` of tools.

    python benchmarks/startup.py --rounds 5

Each import runs in its own process, and the ways take turns in every round. The release of MMAction2 on PyPI lacks the
module ``drn``, and its models cannot be imported without it. So MMAction2 gets the same stand-in as this package.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path

from machine import machine

ROOT = Path(__file__).resolve().parents[1]
BASE, OURS = 'mmaction.models and mmaction.datasets', 'auxskd_mm'
MEASURED = r"""
import json, re, sys, time
{code}
seconds = time.process_time()  # of the whole process
# Not getrusage: its maximum includes the process that started this one.
peak = int(re.search(r'VmHWM:\s+(\d+)', open('/proc/self/status').read())[1]) / 1024
print(json.dumps([seconds, peak]))
"""
STAND_IN = """
import types
name = 'mmaction.models.localizers.drn'
package, module = types.ModuleType(name), types.ModuleType(name + '.drn')
package.__path__, package.drn = [], module
module.DRN = package.DRN = type('DRN', (), {})
sys.modules[name], sys.modules[name + '.drn'] = package, module
import mmaction.models, mmaction.datasets
"""
HELP = """
import contextlib, io, runpy
sys.argv = [{path!r}, '--help']
sys.path.insert(0, {folder!r})
with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
    runpy.run_path({path!r}, run_name='__main__')
"""


def measured(code: str) -> tuple[float, float]:
    """Measure CPU seconds and peak memory in MB of code in a separate process."""
    program = f'import sys; sys.path.insert(0, {str(ROOT)!r})\n{MEASURED.format(code=code)}'
    done = subprocess.run([sys.executable, '-W', 'ignore', '-c', program], capture_output=True, text=True, check=True)
    seconds, peak = json.loads(done.stdout)
    return seconds, peak


def help_code(tool: str) -> str:
    """Code that prints a tool's help to nowhere."""
    path = ROOT / 'tools' / tool
    return HELP.format(path=str(path), folder=str(path.parent))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--rounds', type=int, default=5, help='starts of each way')
    args = parser.parse_args()
    tools = ('train.py', 'predict.py', 'data/make_motion_clips.py')
    ways = {BASE: STAND_IN, OURS: 'import auxskd_mm', **{f'tools/{tool} --help': help_code(tool) for tool in tools}}
    for code in ways.values():
        measured(code)  # files into the page cache
    found = {way: [] for way in ways}
    for _ in range(args.rounds):
        for way, code in ways.items():
            found[way].append(measured(code))
    print(f'{machine()}; median (range) of {args.rounds} starts\n')
    print(f'| start | CPU, s | against {BASE} | peak memory, MB | against it |')
    print('|---|---|---|---|---|')
    medians = {way: [statistics.median(column) for column in zip(*rows)] for way, rows in found.items()}
    for way, rows in found.items():
        seconds, peak = medians[way]
        low, high = min(row[0] for row in rows), max(row[0] for row in rows)
        ratios = [value / base for value, base in zip(medians[way], medians[BASE])]
        print(f'| {way} | {seconds:.2f} ({low:.2f}-{high:.2f}) | {ratios[0]:.2f} | {peak:.0f} | {ratios[1]:.2f} |')


if __name__ == '__main__':
    main()
