"""A device without memory for the batch: the line names the largest that fits. The memory is made up."""

import re
from types import SimpleNamespace

import pytest
import torch
from mmengine.optim import OptimWrapper
from runs import config_of, runner_of
from tool_runs import tiny_clips
from torch import nn

from auxskd_mm.errors import InputError, is_out_of_memory
from auxskd_mm.loops import memory
from auxskd_mm.loops.memory import first_samples, largest_batch, no_memory


@pytest.mark.parametrize('limit', [0, 1, 2, 12, 28, 29])
def test_the_largest_batch_is_exact_in_few_trials(limit):
    tried = []

    def fits(count):
        tried.append(count)
        return count <= limit

    assert largest_batch(fits, 0, 30) == limit
    assert len(tried) <= 5


def test_a_tolerance_saves_trials():
    tried = []
    found = largest_batch(lambda n: tried.append(n) or n <= 700, 512, 1024, tolerance=0.05)
    assert 0.95 * 700 <= found <= 700
    assert tried == [768, 640, 704, 672]


def test_first_samples_of_a_batch():
    batch = dict(inputs=[torch.zeros(2), torch.ones(2), torch.ones(2)], data_samples=['a', 'b', 'c'], more=torch.eye(3))
    part = first_samples(batch, 2)
    assert (len(part['inputs']), part['data_samples'], part['more'].shape) == (2, ['a', 'b'], (2, 3))


class Small(nn.Module):
    """A model whose steps take memory for each sample, on a device with room for ``room`` of them."""

    def __init__(self, room):
        super().__init__()
        self.weight, self.room = nn.Parameter(torch.zeros(1)), room

    def train_step(self, batch, optim_wrapper):
        if len(batch['inputs']) > self.room:
            raise torch.OutOfMemoryError('CUDA out of memory. Tried to allocate 2 GiB.\nMore.')


@pytest.mark.parametrize(
    ('room', 'ending'),
    [
        (12, r'fits is 12: set train_dataloader.batch_size=12, or 10 with optim_wrapper.accumulative_counts=3 for'),
        (1, r'the largest that fits is 1: set train_dataloader.batch_size=1$'),
        (0, r'nor for one sample of it \(CUDA .* 2 GiB\.\); take shorter or smaller clips, or a smaller network$'),
    ],
)
def test_the_line(room, ending):
    runner = SimpleNamespace(model=Small(room), optim_wrapper=SimpleNamespace(zero_grad=lambda set_to_none: None))
    batch = dict(inputs=[torch.zeros(1)] * 30, data_samples=[None] * 30)
    line = no_memory(runner, batch, 30, 'CUDA out of memory. Tried to allocate 2 GiB.')
    assert line.startswith('train_dataloader.batch_size=30: the device cpu has no memory for a step of this batch')
    assert re.search(ending, line), line


def test_batches_that_were_accumulated_already_stay_so_many_samples():
    layer = nn.Linear(1, 1)
    wrapper = OptimWrapper(torch.optim.SGD(layer.parameters(), lr=1.0), accumulative_counts=4)
    runner = SimpleNamespace(model=Small(12), optim_wrapper=wrapper)
    line = no_memory(runner, dict(inputs=[torch.zeros(1)] * 30), 30, 'why')
    assert line.endswith('or 10 with optim_wrapper.accumulative_counts=12 for gradients of 120 samples')


def test_several_processes_do_not_try(monkeypatch):
    monkeypatch.setattr(memory, 'get_world_size', lambda: 2)
    runner = SimpleNamespace(model=Small(1), optim_wrapper=None)
    line = no_memory(runner, dict(inputs=[1, 2]), 2, 'why')
    assert line.endswith('has no memory for a step of this batch (why); lower it')


def test_errors_without_memory():
    for text in (
        'CUDA out of memory. Tried',
        'CUDA error: CUBLAS_STATUS_ALLOC_FAILED when',
        "can't allocate memory: you",
    ):
        assert is_out_of_memory(RuntimeError(text))
    assert is_out_of_memory(torch.OutOfMemoryError('CUDA out of memory'))
    assert not is_out_of_memory(RuntimeError('shapes cannot be multiplied'))
    assert not is_out_of_memory(ValueError('out of memory'))


@pytest.mark.parametrize('loop', ['EpochBasedTrainLoop', 'IterBasedTrainLoop'])
def test_a_training_ends_with_the_line(loop, tmp_path):
    options = {
        'train_cfg': dict(_delete_=True, type=loop, **({'max_epochs': 1} if 'Epoch' in loop else {'max_iters': 1}))
    }
    runner = runner_of(config_of('vspp', tiny_clips(tmp_path / 'clips'), tmp_path / 'run', options))
    backbone = runner.model.backbone
    forward = backbone.forward

    def limited(clips):
        if len(clips) > 2:
            raise torch.OutOfMemoryError('CUDA out of memory.')
        return forward(clips)

    backbone.forward = limited
    with pytest.raises(InputError, match=r'batch_size=4: .*fits is 2: set train_dataloader.batch_size=2, or 2 with'):
        runner.train()
