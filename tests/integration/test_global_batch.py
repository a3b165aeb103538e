"""2 ranks x 4 = 1 rank x 8: losses, weights, statistics, teacher and queue; and a test that counts each video once."""

import os
import subprocess
import sys
from pathlib import Path

import global_batch
import pytest
import torch
from tool_runs import tiny_clips


@pytest.fixture(scope='module')
def results(tmp_path_factory):
    out = tmp_path_factory.mktemp('ranks')
    data = tiny_clips(out / 'clips')
    script = Path(global_batch.__file__)
    path = os.pathsep.join([str(script.parents[1]), os.environ.get('PYTHONPATH', '')])
    done = subprocess.run(
        [sys.executable, str(script), str(out), str(data), '1', '2'],
        capture_output=True,
        text=True,
        timeout=900,
        env={**os.environ, 'PYTHONPATH': path},
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    load = {(world, rank): torch.load(out / f'{world}_{rank}.pth') for world, rank in ((1, 0), (2, 0), (2, 1))}
    return load


@pytest.mark.parametrize('method', global_batch.SAMPLE_SHAPES)
def test_two_ranks_of_four_are_one_of_eight(results, method):
    one = results[1, 0][method]
    for rank in range(2):
        two = results[2, rank][method]
        assert set(two) == set(one)
        for key, value in one.items():
            assert torch.allclose(two[key].double(), value.double(), atol=1e-5, rtol=1e-5), key
    assert one['losses'].std() > 1e-3  # something was learnt, so weights moved
    if method in ('auxskd', 'rspnet'):
        assert one['queue.filled'].item() == 18
        assert one['queue.pointer'].item() == 3 * 8 % 18


@pytest.mark.parametrize('method', ['auxskd', 'rspnet'])
def test_a_training_sees_the_same_on_one_rank_and_on_two(results, method):
    """The same with all that is random: order, clips, crops, flips, jitter and RSPNet's speeds."""
    one = results[1, 0]['trained'][method]
    assert len(one['losses']) == 4
    assert one['losses'].std() > 1e-3
    for rank in range(2):
        two = results[2, rank]['trained'][method]
        for key, value in one.items():
            assert torch.allclose(two[key], value, atol=1e-5, rtol=1e-5), key


def test_statistics_of_each_rank_alone_would_not_do(results):
    """The comparison sees differences: without synchronised BatchNorm there are some."""
    one, two = (results[world, 0]['vspp_without_sync'] for world in (1, 2))
    assert not torch.allclose(one['losses'], two['losses'], atol=1e-4)


def test_torchs_own_needs_an_accelerator(results):
    assert 'expected input tensor to be on GPU' in results[2, 0]['sync_batch_norm']


def test_an_evaluation_counts_each_video_once(results):
    one, *two = (results[key]['evaluation'] for key in ((1, 0), (2, 0), (2, 1)))
    assert (one['results'], one['samples']) == (15, 15)
    assert two == [one, one]
