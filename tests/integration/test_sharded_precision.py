"""FSDP2 on two ranks with every precision, compiled or not, accumulated or not. Jobs: tests/sharded_precision.py."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import runs
import sharded_precision
import torch
from sharded_precision import DTYPES, ROWS, STEPS, Row
from tool_runs import ROOT

# All limits are shares of the way that the values went in three steps. float64 stands in for float32, whose rounding
# errors grow to 1e-3 in so small networks.
EXACT = 1e-8
# In half precision FSDP2 computes what DDP computes on the same ranks. Where their sums over the ranks differ in the
# last bit, a weight may be rounded the other way.
LIKE_DDP = 0.01
# Half precision rounds the gradients of 4 and of 8 samples differently. Two ranks may be as far from one process as
# this many times the distance of that process from float64, or as LIKE_DDP if that is more.
TIMES_THE_ROUNDING = 3
PARTS = ('losses', 'weights', 'statistics', 'teacher', 'queue')


@pytest.fixture(scope='module')
def out(tmp_path_factory):
    out, script = tmp_path_factory.mktemp('precision'), Path(sharded_precision.__file__)
    path = os.pathsep.join([str(script.parents[1]), os.environ.get('PYTHONPATH', '')])
    done = subprocess.run(
        [sys.executable, str(script), str(out)],
        capture_output=True,
        text=True,
        timeout=1500,
        env={**os.environ, 'PYTHONPATH': path},
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return out


def part_of(key):
    """The part of :data:`PARTS` that an entry of a result belongs to. Counters of the queue belong to none."""
    if key == 'losses':
        return 'losses'
    if key.startswith('queue.'):
        return 'queue' if key == 'queue.features' else ''
    if key.startswith('teacher.'):
        return 'teacher'
    if key.endswith('num_batches_tracked'):
        return ''
    return 'statistics' if 'running_' in key else 'weights'


def vector(result, part):
    """All values of a part as one vector, less those from which they started."""
    start = result['start']
    values = [result[key].double() - start.get(key, torch.zeros(())).double() for key in start if part_of(key) == part]
    return torch.cat([value.flatten() for value in ([result['losses']] if part == 'losses' else values)])


def distance(one, other, part):
    """Distance of two results over the way that the second went."""
    a, b = vector(one, part), vector(other, part)
    return float((a - b).norm() / b.norm())


def load(out, method, row, kind, rank=0):
    return torch.load(out / f'{method}_{row.name}_{kind}_{rank}.pth')


@pytest.mark.parametrize('method', runs.METHODS)
@pytest.mark.parametrize('row', ROWS, ids=[row.name for row in ROWS])
def test_two_ranks_in_shards_train_as_one_process(out, method, row):
    plain = row._replace(compiled=False)
    shards, other = (load(out, method, row, 'fsdp', rank) for rank in range(2))
    ddp, one = load(out, method, plain, 'ddp'), load(out, method, plain, 'one')
    exact = load(out, method, plain._replace(precision='float32'), 'one')
    assert set(shards) == set(one) == set(ddp)
    assert len(one['losses']) == STEPS * row.accumulated
    assert all(torch.equal(shards[key], other[key]) for key in one['start'])
    assert all(torch.equal(shards[key], one[key]) for key in one['start'] if not one[key].is_floating_point())
    for part in PARTS if method in ('auxskd', 'rspnet') else PARTS[:3]:
        assert vector(one, part).norm() > 0, part  # it moved
        from_ddp, from_one = distance(shards, ddp, part), distance(shards, one, part)
        if DTYPES[row.precision] is None:
            assert max(from_ddp, from_one) < EXACT, part
        else:
            assert from_ddp < LIKE_DDP, part
            assert from_one < max(TIMES_THE_ROUNDING * distance(one, exact, part), LIKE_DDP), part
    assert abs(shards['losses'][0] / one['losses'][0] - 1) < 1e-2  # before the first step


@pytest.mark.parametrize('method', runs.METHODS)
@pytest.mark.parametrize('precision', DTYPES)
def test_networks_in_shards_are_compiled(out, method, precision):
    """A graph for each block at least. Dynamo may also leave a network as it is and say nothing."""
    networks = 2 if method in ('auxskd', 'rspnet') else 1
    assert load(out, method, Row(precision, compiled=True), 'fsdp')['graphs'] >= 2 * networks


@pytest.mark.parametrize('method', runs.METHODS)
def test_precisions_differ(out, method):
    """Half precision is on: its losses are near those of float32, and not the same."""
    losses = [load(out, method, Row(precision), 'fsdp')['losses'] for precision in DTYPES]
    for half in losses[1:]:
        assert 0 < abs(half[0] / losses[0][0] - 1) < 2e-2


def test_all_ranks_leave_out_a_step_that_overflows_on_one(out):
    """The scaler sees an infinite gradient in the shard of rank 0. Without word from it, rank 1 would take the step."""
    for rank in range(2):
        found = torch.load(out / f'overflow_{rank}.pth')
        weights = [key for key in found['before'] if part_of(key) == 'weights']
        assert all(torch.equal(found['before'][key], found['after'][key]) for key in weights)
        assert found['scale'] == 64.0  # half


def test_the_documented_table_is_the_tested_one():
    text = (ROOT / 'docs' / 'multi_node.md').read_text()
    table = text.partition('| FSDP2 with |')[2].partition('\n\n')[0]
    rows = [[cell.strip() for cell in line.strip('| ').split('|')] for line in table.splitlines()[2:]]
    assert [row[0] for row in rows] == [row.name for row in ROWS]
    assert all(row[1:] == ['works'] * len(runs.METHODS) for row in rows)
    said = r'float32 is within (\S+) of DDP and of one process. bf16 and fp16 are within (\S+) of DDP'
    limits = re.search(said, ' '.join(text.split()))
    assert limits is not None
    assert [float(limit) for limit in limits.groups()] == [EXACT, LIKE_DDP]
