"""Builds the Runner that trains or tests a config."""

from __future__ import annotations

from mmengine.config import Config
from mmengine.runner import Runner

from ..config.loading.new_style import name_types
from .changes import apply_changes
from .start_checks import check_load_from, check_optimizer_type, check_resume, check_work_dir
from .training_defaults import compile_backbones


def build_runner(config: Config) -> Runner:
    """Runner of a config, or the one it names in ``runner_type``; :data:`.changes.CHANGES` lists what it changes.

    Raises:
        InputError: If ``load_from`` is no checkpoint, or one that the run cannot resume from; if the work dir cannot be
            written to; or if the optimizer's type is unknown.
    """
    from mmaction.registry import RUNNERS

    from ..models.wrappers import FullyShardedModel

    config = name_types(config)
    check_work_dir(config)
    checkpoint = check_load_from(config)
    check_optimizer_type(config)
    compiling = apply_changes(config)['compile']
    runner = RUNNERS.build(config) if 'runner_type' in config else Runner.from_cfg(config)
    check_resume(runner, checkpoint)
    if isinstance(runner.model, FullyShardedModel):
        runner._init_model_weights = lambda: None  # done, before there were shards
    if compiling is not None:
        compile_backbones(runner.model, compiling)
    return runner
