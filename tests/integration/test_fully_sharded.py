"""FSDP2 on two gloo ranks against DDP: the same training, and checkpoints that anything reads. Jobs: tests/sharded_runs.py."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import runs
import sharded_runs
import torch
from tool_runs import tiny_clips


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    return tiny_clips(tmp_path_factory.mktemp('clips'))


@pytest.fixture(scope='module')
def out(tmp_path_factory, data):
    out, script = tmp_path_factory.mktemp('sharded'), Path(sharded_runs.__file__)
    path = os.pathsep.join([str(script.parents[1]), os.environ.get('PYTHONPATH', '')])
    done = subprocess.run(
        [sys.executable, str(script), str(out), str(data)],
        capture_output=True,
        text=True,
        timeout=900,
        env={**os.environ, 'PYTHONPATH': path},
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return out


@pytest.mark.parametrize('method', ['auxskd', 'rspnet', 'vspp'])
def test_shards_train_as_whole_networks_do(out, method):
    whole, shards = (runs.tensors_of(out / f'{method}_{kind}' / 'iter_4.pth') for kind in ('ddp', 'fsdp'))
    compared = [key for key in whole if not key.startswith('exact_resume')]
    assert len(compared) > 100
    assert set(compared) <= set(shards)
    for key in compared:
        assert shards[key].shape == whole[key].shape, key
        assert torch.allclose(shards[key].double(), whole[key].double(), atol=1e-8, rtol=1e-8), key
    first = runs.tensors_of(out / f'{method}_fsdp' / 'iter_3.pth')
    moved = [key for key in whole if 'conv' in key and not torch.equal(first[key], shards[key])]
    assert moved  # the last step, which a shard that stood still would miss


def test_a_rank_holds_half(out):
    facts = torch.load(out / 'facts.pth')
    assert facts['shards']
    assert facts['states'] > 30
    assert 0.45 * facts['whole'] < facts['here'] < 0.65 * facts['whole']  # a layer of few rows cannot be halved


@pytest.mark.parametrize('name', ['auxskd_fsdp', 'auxskd_fp16'])
def test_a_run_in_shards_goes_on_exactly(out, name):
    """From the middle of an accumulated step: weights, momentum, gradients that wait, queue, teacher, scale of the loss."""
    held = torch.load(out / f'{name}_resumed' / 'iter_3.pth', weights_only=True)['exact_resume']['ranks']
    assert all(rank['gradients'] for rank in held)
    paths = [out / folder / 'iter_4.pth' for folder in (name, f'{name}_resumed')]
    assert runs.unequal(*paths) == []
    if name == 'auxskd_fp16':  # two steps
        assert torch.load(paths[1], weights_only=True)['optimizer']['loss_scaler']['scale'] == 4 * 8


def test_one_process_reads_its_checkpoint(out, data, tmp_path):
    path = out / 'auxskd_fsdp' / 'iter_4.pth'
    runner = runs.runner_of(runs.config_of('auxskd', data, tmp_path, {'load_from': str(path)}))
    runner.load_or_resume()
    saved, loaded = torch.load(path, weights_only=True)['state_dict'], runner.model.state_dict()
    assert set(saved) == set(loaded)
    assert all(torch.equal(saved[key].to(loaded[key].dtype), loaded[key]) for key in saved)
