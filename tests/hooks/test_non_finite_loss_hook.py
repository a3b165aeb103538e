"""A loss that is not finite changes no weight: the run ends, or the batch is left out, a few in a row at most."""

from types import SimpleNamespace

import pytest
import torch
from cpu_amp import CpuAmp
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


def test_one_value_of_several_is_enough(runner):
    hook = NonFiniteLossHook()
    hook.before_train(runner)
    with pytest.raises(InputError, match='the loss is nan'):
        runner.optim_wrapper.update_params(torch.tensor([1.0, float('nan')]))


@pytest.mark.parametrize('precision', ['float32', 'float16'])
@pytest.mark.parametrize(
    ('factors', 'expected'),
    [  # two batches a step of half their sum
        ([1, 1, 1, 1], [0, -1, -1, -2]),
        ([1, None, 1, 1], [0, -0.5, -0.5, -1.5]),  # not 1.5 in the second step
        ([None, 1, 1, 1], [0, -0.5, -0.5, -1.5]),
        ([None, None, 1, 1], [0, 0, 0, -1]),
        ([1, 1, 1, None], [0, -1, -1, -1.5]),
        ([1, 1, None], [0, -1, -1]),
    ],
)
def test_a_batch_left_out_of_an_accumulated_step_leaves_the_others_in_it(factors, expected, precision):
    layer = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(layer.weight)
    options = dict(optimizer=torch.optim.SGD(layer.parameters(), lr=1.0), accumulative_counts=2)
    # float16 has a scale of the loss, which a step without any gradient would refuse.
    wrapper = OptimWrapper(**options) if precision == 'float32' else CpuAmp('float16', dict(init_scale=4.0), **options)
    wrapper.initialize_count_status(layer, 0, len(factors))
    runner = SimpleNamespace(model=layer, optim_wrapper=wrapper, iter=0)
    hook = NonFiniteLossHook('skip')
    hook.before_train(runner)
    seen, stepless = [], []
    for factor in factors:
        hook.before_train_iter(runner, runner.iter, {})
        wrapper.update_params(layer(torch.ones(1, 1)).sum() * (float('nan') if factor is None else factor))
        runner.iter += 1
        seen.append(layer.weight.item())
        stepless.append(hook.stepless)
    assert seen == expected
    before = [0, *expected]
    assert stepless == [factor is None and before[i] == expected[i] for i, factor in enumerate(factors)]
