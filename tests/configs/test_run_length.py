"""One key shortens a run, and the schedule follows: no run is all warm-up, and none ends before its cosine does."""

import pytest
import torch
from mmengine.registry import PARAM_SCHEDULERS
from tool_runs import CONFIGS

from auxskd_mm.config.load import load_config

_STEPS = 8  # an epoch


def rates(config):
    """Learning rate of each step, in shares of the config's."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], lr=1.0)
    schedulers = []
    for settings in map(dict, config.param_scheduler):
        assert settings.pop('convert_to_iter_based')
        kind = PARAM_SCHEDULERS.get(settings.pop('type'))
        schedulers.append(kind.build_iter_from_epoch(optimizer=optimizer, epoch_length=_STEPS, **settings))
    found = []
    for _ in range(config.train_cfg.max_epochs * _STEPS):
        found.append(optimizer.param_groups[0]['lr'])
        optimizer.step()
        for scheduler in schedulers:
            scheduler.step()
    return found


@pytest.mark.parametrize(
    ('name', 'warmup'),
    [
        ('examples/auxskd_r21d_small.py', 2),
        ('examples/vspp_r21d_small.py', 2),
        ('examples/vspp_features_small.py', 2),
        ('examples/vspp_efficientnet_lite0_small.py', 2),
        ('examples/finetune_r21d_small.py', 2),
        ('demo/finetune_motion.py', 1),
        ('vspp_r21d_k100_improved.py', 1),
        ('auxskd_r21d_k100_improved.py', 1),
        ('pecop_i3d_k400_improved.py', 1),
    ],
)
def test_the_schedule_follows_the_epochs(name, warmup, tmp_path):
    for epochs, warm in ((None, warmup), (1, 0), (3, 0), (4, 1)):
        config = load_config(str(CONFIGS / name), None if epochs is None else {'epochs': epochs})
        assert epochs in (None, config.train_cfg.max_epochs)
        lr = rates(config)
        assert max(lr) == pytest.approx(1.0)
        assert lr[0] == pytest.approx(0.1 if warm else 1.0)
        assert lr.index(max(lr)) == max(warm * _STEPS - 1, 0)
        assert lr[-1] < 0.05
