"""The recipe of own videos with its numbers filled in: families of features, rows, steps and splits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmengine.config import Config

from ..config.load import load_config
from ..config.loading.shipped import shipped_file
from ..errors import InputError, as_typed
from ..files import write_whole

RECIPE = 'recipes/own_videos.py'
TRUNK_CONFIG = 'warm_start/trunk_warm_start.py'
TUNED_CONFIG = 'warm_start/finetune_features.py'
_ENTRIES = (
    'seeds', 'lists', 'shared_cells', 'keep_checkpoints', 'phases', 'inits', 'evaluations', 'comparisons', 'report',
)  # fmt: skip


def read_content(variables: Mapping[str, Any]) -> Config:
    """The recipe with other values of its variables, such as ``tune_steps`` and ``public``."""
    return load_config(str(shipped_file(f'configs/{RECIPE}')), dict(variables))


def rows_of(content: Config) -> dict[str, dict[str, Any]]:
    """The rows of a recipe by name, each with its ``family`` of maps, ``learner`` (an entry of ``learners``), ``phase`` (or
    None), ``trains``, ``still`` and ``title``.
    """
    found = {}
    for init in content.inits:
        options = init.get('options') or {}
        # Names begin with the learner's: late_stage_tuned is of late_stage, not of late.
        learner = max((name for name in content.learners if init['name'].startswith(f'{name}_')), key=len)
        found[init['name']] = dict(
            family=content.learners[learner]['family'],
            learner=learner,
            phase=init.get('init_from'),
            trains='tuned' in init['evaluations'],
            still=bool(options.get('still')),
            title=init['title'],
        )
    return found


def plan_of(content: Config) -> dict[str, Any]:
    """The recipe's ``always`` and ``additions`` for :class:`auxskd_mm.own_videos.planner.Task`.

    Raises:
        InputError: If they name a row that the recipe lacks.
    """
    additions = [(tuple(addition['rows']), float(addition['worth'])) for addition in content.additions]
    known = rows_of(content)
    for name in (*content.always, *(row for rows, _ in additions for row in rows)):
        if name not in known:
            raise InputError(
                f'{RECIPE}: always and additions name the row {name!r}; expected one of {", ".join(known)}'
            )
    return dict(always=tuple(content.always), additions=tuple(additions))


def planned_phases(content: Config) -> list[dict[str, Any]]:
    """The phases that the rows of :func:`plan_of` start from, as the recipe has them."""
    rows, plan = rows_of(content), plan_of(content)
    names = [*plan['always'], *(name for added, _ in plan['additions'] for name in added)]
    used = {rows[name]['phase'] for name in names}
    return [phase for phase in content.phases if phase['name'] in used]


def chosen_content(content: Config, rows: Sequence[str], seeds: Sequence[int], lists: str) -> dict[str, Any]:
    """The entries of the recipe with some of its rows, for :func:`auxskd_mm.recipes.plan.make_plan`."""
    plain = {key: value for key, value in content.to_dict().items() if key in _ENTRIES}
    inits = [init for init in plain['inits'] if init['name'] in rows]
    used = {init.get('init_from') for init in inits}
    asked = {name for init in inits for name in init['evaluations']}
    plain.update(
        seeds=list(seeds),
        lists=lists,
        inits=inits,
        phases=[phase for phase in plain['phases'] if phase['name'] in used],
        evaluations=[evaluation for evaluation in plain['evaluations'] if evaluation['name'] in asked],
    )
    for entry in [*plain['phases'], *plain['evaluations']]:
        entry['config'] = str(config_of(entry['config']))
    return plain


def config_of(name: str) -> Path:
    """The file of a config that the recipe names."""
    return (shipped_file(f'configs/{RECIPE}').parent / name).resolve()


def write_recipe(path: Path, entries: Mapping[str, Any]) -> Path:
    """Write a filled recipe, to be run by hand."""
    text = '# Written by tools/own_videos.py; run it by hand with: python tools/run_recipe.py THIS_FILE --work-dir OUT --jobs 2\n'
    write_whole(path, as_typed(text) + Config(dict(entries)).pretty_text)
    return path
