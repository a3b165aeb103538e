"""What a start changes: listed, in words, and little of it in the configs of this package."""

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import CheckpointHook
from mmengine.runner import EpochBasedTrainLoop
from tool_runs import CONFIGS, call_tool
from toy_distillation import toy_config

from auxskd_mm.config.load import load_config
from auxskd_mm.hooks import NonFiniteLossHook
from auxskd_mm.launch.changes import BESIDE, CHANGES, apply_changes, changes_of
from auxskd_mm.launch.runner import build_runner
from auxskd_mm.registry import type_name


@pytest.fixture
def on_the_cpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)


def names(config):
    return [change.name for change in changes_of(config)]


def test_configs_of_this_package_name_what_runs(on_the_cpu):
    for path in (
        'vspp_r21d_k100.py',
        'auxskd_r21d_k100.py',
        'demo/vspp_motion.py',
        'downstream/finetune_r21d_ucf101.py',
    ):
        config = load_config(str(CONFIGS / path))
        assert names(config) == [], path
        assert config.default_hooks.preemption.type == 'auxskd_mm.PreemptionHook'


def test_each_change_is_named_and_leaves_a_trial_alone(on_the_cpu):
    config = Config(
        dict(
            launcher='pytorch',
            train_cfg=dict(type='EpochBasedTrainLoop', max_epochs=1),
            train_dataloader=dict(num_workers=0, persistent_workers=True),
            optim_wrapper=dict(type='AmpOptimWrapper', loss_scale='dynamic'),
            compile=True,
        )
    )
    before = config.to_dict()
    assert names(config) == ['float32', 'device_ids', 'safe', 'loaders', 'compile']
    assert config.to_dict() == before
    assert apply_changes(config)['compile'] == {}
    assert config.optim_wrapper.to_dict() == dict(type='OptimWrapper')
    assert config.train_dataloader.to_dict() == dict(num_workers=0)
    assert len({change.name for change in CHANGES}) == len(CHANGES)


def test_pinned_memory_is_named_where_there_is_a_device(monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    assert 'pinned' in names(Config(dict(train_dataloader=dict(num_workers=1))))


def test_types_as_classes_are_replaced_like_types_as_text(on_the_cpu):
    class OwnHook(CheckpointHook):
        pass

    config = Config(
        dict(
            train_cfg=dict(type=EpochBasedTrainLoop, max_epochs=1),
            default_hooks=dict(checkpoint=dict(type=CheckpointHook, interval=1)),
        )
    )
    apply_changes(config)
    assert config.train_cfg.type == 'auxskd_mm.ResumableEpochTrainLoop'
    assert config.default_hooks.checkpoint.type == 'auxskd_mm.AtomicCheckpointHook'
    own = Config(dict(default_hooks=dict(checkpoint=dict(type=OwnHook))))
    apply_changes(own)
    assert own.default_hooks.checkpoint.type is OwnHook
    other = Config(dict(train_cfg=dict(type='other.EpochBasedTrainLoop')))
    apply_changes(other)
    assert other.train_cfg.type == 'other.EpochBasedTrainLoop'


def test_check_config_prints_the_changes(monkeypatch, capfd):
    options = {'train_dataloader.num_workers': 0}
    ended = call_tool(monkeypatch, capfd, 'analysis/check_config.py', CONFIGS / 'demo/vspp_motion.py', options=options)
    assert 'changed at the start' in ended.out
    assert 'lose persistent_workers' in ended.out
    ended = call_tool(monkeypatch, capfd, 'analysis/check_config.py', CONFIGS / 'demo/vspp_motion.py')
    assert 'nothing: what runs is what the config says' in ended.out
    assert 'beside the config\n  ScreenRunner builds the run' in ended.out


def test_each_hook_that_no_config_names_is_on_the_list(tmp_path):
    config = load_config(str(CONFIGS / 'demo/vspp_motion.py'))
    config.work_dir = str(tmp_path)
    named = {type_name(hook['type']) for hook in (*config.default_hooks.values(), *config.get('custom_hooks', ()))}
    runner = build_runner(config)
    ours = [type(part).__name__ for part in (runner, *runner.hooks) if type(part).__module__.startswith('auxskd_mm.')]
    added = set(ours) - named
    assert added == {'ScreenRunner', 'RunHeadHook', 'FeatureCheckHook'}
    assert all(name in ' '.join(BESIDE) for name in added)


def test_a_second_run_of_a_config_starts_from_the_same(tmp_path, on_the_cpu, monkeypatch):
    """compile, and hooks that are switched off, were gone from the config after the first."""
    compiled = []
    monkeypatch.setattr('auxskd_mm.launch.runner.compile_backbones', lambda model, options: compiled.append(options))
    config = toy_config(tmp_path, compile=True)
    config.default_hooks.non_finite = None
    before = config.to_dict()
    for run in ('first', 'second'):
        config.experiment_name = before['experiment_name'] = run
        runner = build_runner(config)
        assert config.to_dict() == before
        assert not any(isinstance(own, NonFiniteLossHook) for own in runner.hooks)
        assert 'compile' not in runner.cfg
    assert compiled == [{}, {}]
