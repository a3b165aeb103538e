"""Trains the chosen row on all labels, and writes the model with its config for predictions on videos."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from mmengine.config import Config

from ..apis.inference import init_model
from ..apis.join_trunk import join_trunk
from ..checkpoint_files import read_state
from ..config.load import load_config
from ..config.loading.shipped import shipped_file
from ..errors import as_typed
from ..evaluation.feature_bank import FeatureBank
from ..files import save_tensors, write_whole
from ..functional.transfer import plain_keys
from ..recipes.execute import FEATURES
from ..recipes.plan import Plan, Step, make_plan
from ..recipes.run_recipe import run_plan
from ..recipes.running.in_process import silent
from ..recipes.step_records import last_checkpoint
from .content import TUNED_CONFIG, config_of, write_recipe
from .probes import choose_probe, fit_choice, known_name
from .scores import Row
from .splits import everything, write_lists
from .stores import MAPS
from .videos import Found

VIDEO_CONFIG = 'own_videos/finetuned_on_videos.py'
_FINAL = 'final'


class Model(NamedTuple):
    """The trained model: its config, its weights, and the command that uses it."""

    config: Path
    checkpoint: Path
    command: str


def write_model(
    out: Path, content: Config, row: Row, plan: Plan, states: Sequence[Mapping[str, Any]], found: Found, example: str
) -> Model:
    """Train the row on all labels, if it trains, and write ``out/model``.

    Args:
        out: Work dir.
        content: The recipe.
        row: The chosen row.
        plan: Plan of the recipe, and in the same order the states of its steps.
        states: See ``plan``.
        found: The videos.
        example: A video for the printed command.
    """
    folder = out / 'model'
    folder.mkdir(parents=True, exist_ok=True)
    with silent():
        config = _video_config(content, row, found)
    if row.trains:
        step = _train(out, content, row, found)
        path = _dump(config, folder)
        with silent():
            store = str(out / MAPS / row.family)
            join_trunk(load_config(str(path)), str(last_checkpoint(step.folder)), store, folder / 'model.pth')
    else:
        path = _write_probe(config, folder, row, plan, states, found)
    checkpoint = folder / 'model.pth'
    words = ['python', 'tools/predict.py', str(path), str(checkpoint), example, '--question', 'task']
    return Model(path, checkpoint, as_typed(shlex.join(words)))


def remove_model(out: Path) -> None:
    """Remove the model of an earlier start, whose labels or groups were others."""
    for name in ('model.pth', 'config.py'):
        (out / 'model' / name).unlink(missing_ok=True)


def _settings(content: Config, row: Row) -> dict[str, Any]:
    """Overrides of the row that are settings of its network and clips, not of its lists."""
    options = next(init for init in content.to_dict()['inits'] if init['name'] == row.name)['options']
    return {
        key: value for key, value in options.items() if 'dataloader' not in key and key not in ('lists', 'still', 'lr')
    }


def _video_config(content: Config, row: Row, found: Found) -> Config:
    options = {**_settings(content, row), 'num_classes': len(found.classes), 'classes': tuple(found.classes)}
    # With the trunk: a network on top that is its next stage starts from the same weights.
    return load_config(str(shipped_file(f'configs/{VIDEO_CONFIG}')), options)


def _dump(config: Config, folder: Path) -> Path:
    """Write the config. The weights beside it may be those of another row, so they go first."""
    (folder / 'model.pth').unlink(missing_ok=True)
    return write_whole(folder / 'config.py', config.pretty_text)


def _train(out: Path, content: Config, row: Row, found: Found) -> Step:
    """Pretrain and fine-tune on everything, with the lengths that the rows had."""
    lists = write_lists(out / 'lists' / 'all', everything(found), found)
    plain = content.to_dict()
    init = next(init for init in plain['inits'] if init['name'] == row.name)
    tuned = next(one for one in plain['evaluations'] if one['name'] == 'tuned')
    phases = [dict(phase, test=False) for phase in plain['phases'] if phase['name'] == row.phase]
    for phase in phases:
        phase['config'] = str(config_of(phase['config']))
    options = {**tuned['options'], **init['options'], 'test_dataloader': None, 'test_cfg': None, 'test_evaluator': None}
    options = {key: value for key, value in options.items() if not key.startswith('test_dataloader.')}
    final = dict(
        name=_FINAL, config=str(shipped_file(f'configs/{TUNED_CONFIG}')), options=options, steps=tuned['steps']
    )
    if row.phase is not None:
        final['init_from'] = row.phase
    entries = dict(seeds=[0], lists=str(lists), shared_cells=str(out / 'cells'), phases=[*phases, final])
    recipe = write_recipe(out / 'model' / 'recipe.py', entries)
    plan = make_plan(recipe, entries, out / 'model')
    run_plan(plan, jobs=1)
    return plan.steps[-1]


def _write_probe(
    config: Config, folder: Path, row: Row, plan: Plan, states: Sequence[Mapping[str, Any]], found: Found
) -> Path:
    """Fit the probe on all labels; its features are those of the first split, whose cell has every labelled clip."""
    step = next(step for step in plan.steps if step.row is not None and step.row.name == row.name)
    banks = [FeatureBank.load(step.folder / FEATURES / f'{name}.npz') for name in ('gallery', 'query')]
    features, labels = (np.concatenate([getattr(bank, key) for bank in banks]) for key in ('features', 'labels'))
    groups = {video.name: video.group for video in found.labeled}
    own = [groups.get(known_name(name, groups) or '', name) for bank in banks for name in bank.names]
    choice = choose_probe(features, labels, own)
    probe = fit_choice(features, labels, choice, len(found.classes))
    head = dict(
        _delete_=True,
        type='auxskd_mm.ProbeHead',
        num_classes=len(found.classes),
        in_channels=len(probe.mean),
        over_time=choice.pooling,
    )
    config.merge_from_dict({'model.cls_head': head})
    path = _dump(config, folder)
    with silent():
        model = init_model(config, None, 'cpu', pretrained=True)
    state = model.state_dict()
    if step.init is not None:
        held = plain_keys(read_state(_checkpoint(step, plan, states)))
        moved = {
            f'backbone.temporal.{k.removeprefix("backbone.")}': v for k, v in held.items() if k.startswith('backbone.')
        }
        state.update({key: value for key, value in moved.items() if key in state})
    weight, bias = probe.as_linear()
    state.update({'cls_head.fc.weight': weight, 'cls_head.fc.bias': bias})
    model.load_state_dict(state)
    save_tensors(folder / 'model.pth', dict(state_dict=model.state_dict(), meta=dict(probe=choice.text())))
    return path


def _checkpoint(step: Step, plan: Plan, states: Sequence[Mapping[str, Any]]) -> str:
    state = next(state for one, state in zip(plan.steps, states) if one.folder == step.init)
    found = Path(str(state['checkpoint']))
    return str(found if found.is_file() else Path(str(step.init)) / found.name)
