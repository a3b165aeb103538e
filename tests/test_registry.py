import subprocess
import sys
from pathlib import Path

import mmaction.registry
import mmengine.registry
import torch
from mmengine.config.lazy import LazyAttr, LazyObject
from mmengine.registry import DefaultScope

import auxskd_mm.registry
from auxskd_mm.models.heads import VSPPHead
from auxskd_mm.registry import type_name


def test_a_type_has_one_name_whatever_form_the_config_gives_it():
    lazy = LazyAttr('VSPPHead', LazyObject('auxskd_mm.models.heads'))
    for kind in ('VSPPHead', 'auxskd_mm.VSPPHead', 'mmaction::VSPPHead', VSPPHead, lazy):
        assert type_name(kind) == 'VSPPHead'
    assert type_name(None) == ''


def test_a_model_is_built_in_a_plain_prompt():
    """Nobody has set a default scope, and the user takes whichever MODELS comes to hand."""
    code = """
import auxskd_mm, mmengine.registry, mmaction.registry
from mmengine.config import Config
cfg = Config.fromfile('configs/demo/vspp_motion.py')
for registry in (mmengine.registry.MODELS, mmaction.registry.MODELS, auxskd_mm.registry.MODELS):
    model = registry.build(cfg.model)
    print(type(model).__name__, type(model.data_preprocessor).__name__, type(model.cls_head).__name__)
"""
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, cwd=Path(__file__).parents[1])
    assert done.stdout.splitlines() == ['Recognizer3D ClipDataPreprocessor VSPPHead'] * 3, done.stderr


def test_our_types_are_found_from_every_registry_without_a_scope():
    DefaultScope._instance_dict.clear()
    for registry in (mmengine.registry.MODELS, mmaction.registry.MODELS, auxskd_mm.registry.MODELS):
        assert registry.build(dict(type='auxskd_mm.VSPPHead', in_channels=4)).tasks[0].name == 'pace'
    assert mmengine.registry.TRANSFORMS.get('auxskd_mm.PaceSample').__name__ == 'PaceSample'


def test_parts_of_a_config_that_inherits_ours_by_address_are_built_without_a_warning(caplog):
    """MMEngine gives them `_scope_='auxskd_mm'`, and warns where our scope has no registry of that kind."""
    scope = dict(_scope_='auxskd_mm')
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = mmengine.registry.OPTIMIZERS.build(dict(type='SGD', params=[parameter], lr=0.1, **scope))
    wrapper = mmengine.registry.OPTIM_WRAPPERS.build(dict(type='OptimWrapper', optimizer=optimizer, **scope))
    mmengine.registry.PARAM_SCHEDULERS.build(dict(type='LinearLR', optimizer=wrapper, **scope))
    mmengine.registry.EVALUATOR.build(dict(type='Evaluator', metrics=[], **scope))
    assert not [row for row in caplog.messages if 'Failed to search registry' in row]
    for registry in (
        mmengine.registry.OPTIM_WRAPPERS,
        mmengine.registry.PARAM_SCHEDULERS,
        mmengine.registry.TASK_UTILS,
    ):
        assert registry._search_child('auxskd_mm') is not None, registry.name
