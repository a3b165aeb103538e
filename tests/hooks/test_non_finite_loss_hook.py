"""A loss that is not finite changes no weight: the run ends, or the batch is left out, a few in a row at most."""

from types import SimpleNamespace

import pytest
import torch
from mmengine.optim import OptimWrapper
from torch import nn

from auxskd_mm.errors import InputError
from auxskd_mm.hooks import NonFiniteLossHook


@pytest.fixture
def runner():
    torch.manual_seed(0)
    model = nn.Sequential(nn.BatchNorm1d(2), nn.Linear(2, 1))
    wrapper = OptimWrapper(torch.optim.SGD(model.parameters(), lr=0.1))
    return SimpleNamespace(model=model, optim_wrapper=wrapper, iter=0)


def train(runner, hook, factors):
    """One step for each factor of the loss. Return the state after it."""
    hook.before_train(runner)
    batch = dict(data_samples=[SimpleNamespace(filename='bad.mp4')])
    for factor in factors:
        hook.before_train_iter(runner, runner.iter, batch)
        runner.optim_wrapper.update_params(runner.model(torch.rand(4, 2)).mean() * factor)
        runner.iter += 1
    hook.after_train(runner)
    return {name: value.clone() for name, value in runner.model.state_dict().items()}


def test_a_run_stops_before_the_step(runner):
    before = {name: value.clone() for name, value in runner.model.named_parameters()}
    with pytest.raises(InputError, match=r'the loss is nan at iteration 1 on rank 0; .*non_finite\.action=skip'):
        train(runner, NonFiniteLossHook(), [float('nan')])
    assert all(torch.equal(value, before[name]) for name, value in runner.model.named_parameters())


def test_a_skipped_batch_leaves_no_trace(runner):
    before = {name: value.clone() for name, value in runner.model.state_dict().items()}
    hook = NonFiniteLossHook('skip')
    after = train(runner, hook, [float('nan')] * 3)
    assert hook.skipped == 3
    assert all(torch.equal(after[name], value) for name, value in before.items())  # BatchNorm's statistics, too
    assert not torch.equal(train(runner, hook, [1.0])['1.bias'], before['1.bias'])


def test_at_most_so_many_batches_in_a_row_are_skipped(runner):
    nan = float('nan')
    hook = NonFiniteLossHook('skip', max_skips=2)
    train(runner, hook, [nan, nan, 1.0, nan, nan, 1.0])
    assert hook.skipped == 4
    with pytest.raises(InputError, match='the loss is nan at iteration 9 '):
        train(runner, hook, [nan] * 3)
