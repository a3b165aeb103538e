"""The packing tool as a user runs it: estimate, pack, check, and what it says of wrong input."""

import functools
import re

import pytest
from conftest import write_video
from tool_runs import call_tool, start_tool

from auxskd_mm.datasets.readers import READERS

TOOL = 'data/pack_videos.py'


@pytest.fixture
def call(monkeypatch, capfd):
    return functools.partial(call_tool, monkeypatch, capfd, TOOL)


def test_pack_and_check(call, tmp_path):
    (tmp_path / 'v').mkdir()
    for i in range(3):
        write_video(tmp_path / 'v' / f'{i}.mp4')
    # A real process, with real workers.
    done = start_tool(TOOL, tmp_path / 'v', tmp_path / 's', '--layout', 'jpg', '--workers', 2, cwd=tmp_path)
    assert done.code == 0, done.err
    assert re.search(r'^> jpg +\d+\.\d [kMG]B +\d+\.\d (min|h) +\d+\.\d\d ms$', done.out, re.MULTILINE)
    assert f'{tmp_path}/s: 3 videos, 0 left out' in done.out
    assert 'ETA' in done.err
    done = call('--check', tmp_path / 's')
    assert (done.code, done.out.splitlines()[-1]) == (0, f'{tmp_path}/s: 3 videos, 0 damaged, 0 sources changed')
    write_video(tmp_path / 'v' / '1.mp4', num_frames=9)
    done = call('--check', tmp_path / 's')
    assert done.code == 3
    assert f'its source has changed: {tmp_path}/v/1.mp4' in done.out


@pytest.mark.parametrize('installed', [True, False])
def test_an_estimate_alone_names_the_decoders_that_were_and_were_not_measured(call, monkeypatch, tmp_path, installed):
    if not installed:
        monkeypatch.setattr(READERS['torchcodec'], 'missing', classmethod(lambda cls: 'torchcodec is not installed'))
    (tmp_path / 'v').mkdir()
    write_video(tmp_path / 'v' / '0.mp4')
    done = call(tmp_path / 'v', tmp_path / 's', '--estimate-only', '--workers', 1)
    assert done.code == 0, done.err
    measured = set(re.findall(r'^  video, (\w+) +\d+\.\d [kM]B +none +\d+\.\d\d ms$', done.out, re.MULTILINE))
    left_out = set(re.findall(r'^not measured: (\w+): .+$', done.out, re.MULTILINE))
    assert 'pyav' in measured
    assert measured | left_out == set(READERS)
    assert not measured & left_out
    assert ('torchcodec' in measured) == (not READERS['torchcodec'].missing())
    assert re.search(r'^best for 200 clips with 1 process\(es\): ', done.out, re.MULTILINE)
    assert not (tmp_path / 's').exists()


def test_wrong_input_is_one_line(call, tmp_path):
    (tmp_path / 'v').mkdir()
    done = call(tmp_path / 'v', tmp_path / 's')
    assert done.code == 1
    assert done.err.strip().startswith(f'error: {tmp_path}/v: no videos')
    assert done.err.strip().count('\n') == 0


@pytest.mark.parametrize(
    ('words', 'expected'),
    [
        (['--variants', 3], '--variants: has no effect without --layout features'),
        (['--layout', 'raw', '--no-flip'], '--no-flip: has no effect without --layout features'),
        (
            ['--layout', 'features', '--trunk', 'a.py', '--size', 64, 64],
            '--size: has no effect without --layout mp4, jpg or raw',
        ),
    ],
)
def test_options_of_another_layout_are_refused(call, tmp_path, words, expected):
    done = call(tmp_path / 'v', tmp_path / 's', *words)
    assert done.code == 2
    assert f'error: {expected}; add that, or leave it out' in done.err


@pytest.mark.parametrize('words', [['--window', 3], ['--layout', 'raw'], ['--split-at-cuts']])
def test_options_of_packing_are_refused_with_a_check(call, tmp_path, words):
    done = call(tmp_path / 's', '--check', *words)
    assert done.code == 2
    assert f'error: {words[0]}: has no effect with --check; leave it out' in done.err


@pytest.mark.parametrize('grid', [['0'], ['-1'], ['4', '0'], ['4', '5', '6']])
def test_a_grid_that_is_none_is_refused_before_the_trunk_is_built(call, tmp_path, grid):
    done = call(
        tmp_path / 'v', tmp_path / 's', '--layout', 'features', '--trunk', tmp_path / 'none.py', '--grid', *grid
    )
    assert done.code == 2
    assert done.err.splitlines()[-1].endswith(
        f'error: --grid {" ".join(grid)}: expected 1 or 2 whole numbers from 1, rows (and columns)'
    )
