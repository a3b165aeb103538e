"""The tutorial, run as a user runs it."""

from __future__ import annotations

import os
import re
import subprocess
import sys

from tool_runs import ROOT

TUTORIAL = ROOT / 'docs' / 'tutorial.py'


def test_it_is_short():
    lines = [line for line in TUTORIAL.read_text().splitlines() if line.strip() and not line.startswith('#')]
    assert len(lines) <= 35


def test_it_runs(tmp_path):
    done = subprocess.run(
        [sys.executable, str(TUTORIAL)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, 'OMP_NUM_THREADS': '1'},
    )
    assert done.returncode == 0, done.stderr
    assert len(re.findall(r'^\w+_0000\d\.mp4: pace [1248]x, true [1248]x$', done.stdout, re.MULTILINE)) == 4
    as_it_is = re.search(r'as it is: 1x (\S+) 2x (\S+) 4x (\S+) 8x (\S+)', done.stdout)
    assert as_it_is is not None
    assert abs(sum(map(float, as_it_is.groups())) - 1) < 0.03
    assert len(re.findall(r'^\w+_0000\d: nearest is \w+_0000\d$', done.stdout, re.MULTILINE)) == 4
    assert (tmp_path / 'work_dirs' / 'tutorial' / 'vspp.pt2').is_file()
