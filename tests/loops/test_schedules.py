"""A warm-up of a single step does not keep the low rate to the end of the training."""

import pytest
import torch
from mmengine.optim import LinearLR
from toy_distillation import aux_skd, logged_scalars, toy_runner

from auxskd_mm.loops.schedules import ReachingLinearLR, reaching_schedules


def rates(kind, steps, **settings):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = kind(optimizer, by_epoch=False, **settings)
    found = []
    for _ in range(steps):
        found.append(optimizer.param_groups[0]['lr'])
        optimizer.step()
        scheduler.step()
    return found


def test_a_ramp_of_one_step_has_the_end_factor():
    assert rates(LinearLR, 4, start_factor=0.1, end=1) == pytest.approx([0.1] * 4), 'MMEngine has mended it'
    assert rates(ReachingLinearLR, 4, start_factor=0.1, end=1) == pytest.approx([1] * 4)
    assert rates(ReachingLinearLR, 4, start_factor=1.0, end_factor=0.2, end=1) == pytest.approx([0.2] * 4)
    late = rates(ReachingLinearLR, 5, start_factor=0.1, end_factor=0.5, begin=2, end=3)
    assert late == pytest.approx([1, 1, 0.5, 0.5, 0.5])


@pytest.mark.parametrize('settings', [{}, dict(end=2), dict(start_factor=0.25, end=5), dict(begin=1, end=3)])
def test_a_longer_ramp_is_that_of_mmengine(settings):
    assert rates(ReachingLinearLR, 8, **settings) == rates(LinearLR, 8, **settings)


def test_only_linear_schedules_of_mmengine_are_replaced():
    cosine, own = dict(type='CosineAnnealingLR', T_max=3), dict(type=ReachingLinearLR, end=3)
    for kind in ('LinearLR', 'mmengine.LinearLR', LinearLR):
        ramp = dict(type=kind, end=1)
        there = dict(type=ReachingLinearLR, end=1)
        assert reaching_schedules(ramp) == there
        assert reaching_schedules([ramp, cosine, own]) == [there, cosine, own]
        assert reaching_schedules(dict(a=[ramp], b=cosine)) == dict(a=[there], b=cosine)
        assert ramp == dict(type=kind, end=1)
    built = ReachingLinearLR(torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0))
    assert reaching_schedules(built) is built
    assert reaching_schedules(None) is None


@pytest.mark.parametrize(
    ('batch', 'expected'),
    [(8, [0.05, 0.05]), (2, [0.005, 0.02, 0.035, 0.05, 0.05, 0.05, 0.05, 0.05])],
)
def test_a_warm_up_of_one_epoch_by_the_batches_in_it(batch, expected, tmp_path):
    """With one batch per epoch, the whole training once had a tenth of its rate."""
    ramp = dict(type='LinearLR', start_factor=0.1, end=1, convert_to_iter_based=True)
    loader = dict(
        dataset=dict(type='auxskd_mm.ToyClips'),
        batch_size=batch,
        num_workers=0,
        sampler=dict(type='DefaultSampler', shuffle=True, seed=3),
    )
    runner = toy_runner(tmp_path, param_scheduler=[ramp], train_dataloader=loader, model=aux_skd(queue_size=8))
    runner.train()
    assert [row['lr'] for row in logged_scalars(tmp_path)] == pytest.approx(expected)
