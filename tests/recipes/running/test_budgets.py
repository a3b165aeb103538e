"""Trainings of a number of steps, from configs that count in epochs and from configs that count in steps."""

import pytest
from tool_runs import CONFIGS

from auxskd_mm.apis import load_config
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
