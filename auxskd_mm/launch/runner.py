"""Builds the Runner that trains or tests a config."""

from __future__ import annotations

import copy

from mmengine.config import Config
from mmengine.runner import Runner

from ..compat import remember_formatting
from ..config.loading.new_style import name_types
from ..models.compiling import compile_backbones
from ..unwrap import unwrap
from .changes import apply_changes
from .feature_check import FeatureCheckHook
from .run_head import RunHeadHook
from .screen import ScreenRunner
from .setting_checks import check_parts, check_settings
from .shard_checks import check_shards
from .start_checks import check_load_from, check_optimizer_type, check_resume, check_work_dir
from .training_defaults import prepare_determinism


def build_runner(config: Config) -> Runner:
    """Build the Runner of a config, of the type ``runner_type`` if given. :data:`.changes.CHANGES` lists the changes.
    ``runner.cfg`` has them. The config itself does not change, so that a second run of it starts from the same.

    The screen shows a head of ten lines and the progress. The log file holds everything.

    Raises:
        InputError: If ``load_from`` is not a checkpoint, or the run cannot resume from it. If the work dir cannot be
            written to, or the optimizer's type is unknown. If a number in the settings is not valid
            (:func:`check_settings`), or a part is missing (:func:`check_parts`). If a setting does not go together with
            a model in shards (:func:`check_shards`).
    """
    from mmaction.registry import RUNNERS

    from ..models.wrappers import FullyShardedModel

    remember_formatting()
    config = name_types(copy.deepcopy(config))
    check_settings(config)
    check_work_dir(config)
    checkpoint = check_load_from(config)
    check_optimizer_type(config)
    check_shards(config)
    compiling = apply_changes(config)['compile']
    prepare_determinism(config)
    check_parts(config)  # a stock config gets its missing parts from the changes
    runner: Runner = (
        RUNNERS.build(config)  # type: ignore[arg-type]  # build takes a Config too
        if 'runner_type' in config
        else ScreenRunner.from_cfg(config)
    )
    runner.register_hook(RunHeadHook())
    runner.register_hook(FeatureCheckHook())
    check_resume(runner, checkpoint)
    if isinstance(runner.model, FullyShardedModel):
        runner._init_model_weights = lambda: None  # type: ignore[method-assign]  # done, before there were shards
    if compiling is not None:
        compile_backbones(unwrap(runner.model), compiling)
    return runner
