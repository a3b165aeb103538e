"""Trainings of a number of steps, from configs that count in epochs and from configs that count in steps."""

import math

import pytest
import torch
from mmengine.registry import PARAM_SCHEDULERS
from tool_runs import CONFIGS

from auxskd_mm.apis import load_config
from auxskd_mm.loops.schedules import reaching_schedules
from auxskd_mm.recipes.running.budgets import budget_options

EPOCHS = CONFIGS / 'demo' / 'vspp_motion.py'
STEPS = CONFIGS / 'warm_start' / 'finetune.py'


@pytest.mark.parametrize(('steps', 'warm_up'), [(100, 20), (10, 5), (1, 0)])
def test_a_config_of_epochs_gets_steps_a_warm_up_and_a_cosine_to_zero(steps, warm_up):
    options = budget_options(EPOCHS, {'crop': 24}, steps)
    first, second = (
        load_config(str(EPOCHS), options),
        load_config(str(EPOCHS), options),
    )  # the options may be used again
    assert first.to_dict() == second.to_dict()
    assert first.train_cfg.max_iters == steps
    assert 'max_epochs' not in first.train_cfg
    linear, cosine = first.param_scheduler
    assert (linear.end, cosine.begin, cosine.end) == (max(warm_up, 1), warm_up, steps)
    assert cosine.T_max == max(steps - warm_up, 1)
    assert first.val_cfg is None


def rates(schedule, steps):
    """The learning rates of a training by our tools whose optimizer has 1."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    schedulers = [PARAM_SCHEDULERS.build(dict(one, optimizer=optimizer)) for one in reaching_schedules(schedule)]
    found = []
    for _ in range(steps):
        found.append(optimizer.param_groups[0]['lr'])
        optimizer.step()
        for scheduler in schedulers:
            scheduler.step()
    return found


@pytest.mark.parametrize('config', [EPOCHS, STEPS, CONFIGS / 'warm_start' / '_base_maps.py'])
@pytest.mark.parametrize('steps', [1, 2, 3, 4, 5, 7, 9, 13, 25])
def test_the_rate_comes_to_its_full_height_and_falls(config, steps):
    """A training of a few steps once had a tenth of its rate, from the first step to the last."""
    options = budget_options(config, {'crop': 24} if config == EPOCHS else {}, steps)
    found = rates(load_config(str(config), options).param_scheduler, steps)
    assert max(found) == pytest.approx(1)
    highest = found.index(max(found))
    assert found[: highest + 1] == sorted(found[: highest + 1])
    assert found[highest:] == sorted(found[highest:], reverse=True)


def test_the_rates_of_ten_steps_by_hand():
    schedule = budget_options(EPOCHS, {'crop': 24}, 10)['param_scheduler']
    cosine = [(1 + math.cos(math.pi * step / 5)) / 2 for step in range(5)]
    assert rates(schedule, 10) == pytest.approx([0.1, 0.325, 0.55, 0.775, 1, *cosine])


def test_a_config_of_steps_keeps_its_own_schedule():
    options = budget_options(STEPS, {'num_classes': 3}, 40)
    assert options == {'steps': 40, 'num_classes': 3}
    config = load_config(str(STEPS), options)
    assert config.train_cfg.max_iters == 40
    assert config.param_scheduler[1].end == 40


def test_hooks_join_those_of_the_config_and_the_options_win():
    hook = dict(type='auxskd_mm.FastStepHook')
    options = budget_options(EPOCHS, {'default_hooks.checkpoint.interval': 3}, 8, [hook])
    config = load_config(str(EPOCHS), options)
    own = load_config(str(EPOCHS)).custom_hooks
    assert [one['type'] for one in config.custom_hooks] == [*(one['type'] for one in own), hook['type']]
    assert config.default_hooks.checkpoint.interval == 3
    assert config.default_hooks.checkpoint.max_keep_ckpts == 1


def test_an_option_of_the_user_wins_over_the_same_key_of_the_budget():
    assert budget_options(EPOCHS, {'log_processor.by_epoch': True}, 8)['log_processor.by_epoch'] is True
    assert budget_options(STEPS, {'steps': 9}, 8) == {'steps': 9}
