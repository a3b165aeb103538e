"""Options of tools/train.py that the config has a value for as well."""

import argparse
import importlib.util

import pytest
from mmengine.config import Config
from tool_runs import TOOLS


@pytest.fixture(scope='module')
def train():
    spec = importlib.util.spec_from_file_location('train_tool', TOOLS / 'train.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ('own', 'given', 'expected'),
    [
        (None, {}, dict(seed=None, diff_rank_seed=False, deterministic=False)),
        (None, dict(seed=3), dict(seed=3, diff_rank_seed=False, deterministic=False)),
        (dict(seed=5), {}, dict(seed=5)),
        (dict(seed=5, deterministic=True), dict(seed=0), dict(seed=0, deterministic=True)),
        (dict(seed=5), dict(diff_rank_seed=True), dict(seed=5, diff_rank_seed=True)),
        (dict(seed=5), dict(deterministic=True), dict(seed=5, deterministic=True)),
    ],
)
def test_a_given_seed_wins_over_that_of_the_config(train, tmp_path, own, given, expected):
    config = Config(dict(randomness=own))
    words = dict(
        config='c.py', work_dir=str(tmp_path), no_validate=False, launcher='none', amp=False, resume=None,
        auto_scale_lr=False, seed=None, diff_rank_seed=False, deterministic=False,
    )  # fmt: skip
    train.merge_args(config, argparse.Namespace(**{**words, **given}))
    assert dict(config.randomness) == expected
