"""The packing tool as a user runs it: estimate, pack, check, and what it says of wrong input."""

import os
import re

import pytest
from conftest import write_video
from tool_runs import ROOT, TOOLS

from auxskd_mm.datasets.readers import READERS


@pytest.fixture
def tool():
    import subprocess
    import sys

    def run(*arguments, **environment):
        command = [sys.executable, '-W', 'ignore', str(TOOLS / 'data' / 'pack_videos.py'), *map(str, arguments)]
        return subprocess.run(
            command,
            capture_output=True,
            text=True,
            cwd=ROOT,
            env={**os.environ, 'OMP_NUM_THREADS': '1', **environment},
        )

    return run


def test_pack_and_check(tool, tmp_path):
    (tmp_path / 'v').mkdir()
    for i in range(3):
        write_video(tmp_path / 'v' / f'{i}.mp4')
    done = tool(tmp_path / 'v', tmp_path / 's', '--layout', 'jpg', '--workers', 2)
    assert done.returncode == 0, done.stderr
    assert re.search(r'^> jpg +\d+\.\d [MG]B +\d+\.\d (min|h) +\d+\.\d\d ms$', done.stdout, re.MULTILINE)
    assert f'{tmp_path}/s: 3 videos, 0 left out' in done.stdout
    assert 'ETA' in done.stderr
    done = tool('--check', tmp_path / 's')
    assert (done.returncode, done.stdout.splitlines()[-1]) == (
        0,
        f'{tmp_path}/s: 3 videos, 0 damaged, 0 sources changed',
    )
    write_video(tmp_path / 'v' / '1.mp4', num_frames=9)
    done = tool('--check', tmp_path / 's')
    assert done.returncode == 3
    assert f'its source has changed: {tmp_path}/v/1.mp4' in done.stdout


@pytest.mark.parametrize('installed', [True, False])
def test_an_estimate_alone_names_the_decoders_that_were_and_were_not_measured(tool, tmp_path, installed):
    (tmp_path / 'v').mkdir()
    write_video(tmp_path / 'v' / '0.mp4')
    (tmp_path / 'absent').mkdir()
    (tmp_path / 'absent' / 'torchcodec.py').write_text("raise ModuleNotFoundError('none', name='torchcodec')")
    paths = [os.environ.get('PYTHONPATH', ''), str(ROOT)]
    paths = paths if installed else [str(tmp_path / 'absent'), *paths]
    done = tool(
        tmp_path / 'v',
        tmp_path / 's',
        '--estimate-only',
        '--workers',
        1,
        PYTHONPATH=os.pathsep.join(filter(None, paths)),
    )
    assert done.returncode == 0, done.stderr
    usable = installed and not READERS['torchcodec'].missing()
    measured = set(re.findall(r'^  video, (\w+) +\d+\.\d MB +none +\d+\.\d\d ms$', done.stdout, re.MULTILINE))
    left_out = set(re.findall(r'^not measured: (\w+): .+$', done.stdout, re.MULTILINE))
    assert 'pyav' in measured
    assert measured | left_out == set(READERS)
    assert not measured & left_out
    assert ('torchcodec' in measured) == usable
    assert re.search(r'^best for 200 clips with 1 process\(es\): ', done.stdout, re.MULTILINE)
    assert not (tmp_path / 's').exists()


def test_wrong_input_is_one_line(tool, tmp_path):
    (tmp_path / 'v').mkdir()
    done = tool(tmp_path / 'v', tmp_path / 's')
    assert done.returncode == 1
    assert done.stderr.strip().startswith(f'error: {tmp_path}/v: no videos')
    assert done.stderr.strip().count('\n') == 0
