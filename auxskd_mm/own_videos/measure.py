"""Measures what the planner needs: seconds of a training step, and of packing a frame."""

from __future__ import annotations

import functools
import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import numpy as np
import torch
from mmengine.config import Config

from ..apis.feature_trunk import TrunkSpec, build_trunk
from ..config.load import load_config
from ..hooks.fast_step_hook import to_channels_last
from ..recipes.running.in_process import silent
from ..registry import MODELS
from .content import config_of, planned_phases, rows_of
from .planner import Costs
from .stores import write_trunk

_WARM_UP, _STEPS = 2, 4
# A step that takes longer than these seconds is measured once, after one that does not count.
_LONG_STEP = 1.0
# Reading a batch from the store, logging and saving, beside the step itself.
_BESIDE = 1.25
_FRAMES_TRIED = 16


def measure_costs(out: Path, content: Config) -> Costs:
    """Measure one step of each network and one packed frame of each family, on this machine and as it is used now.

    Args:
        out: Folder for the configs of the trunks.
        content: The recipe.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as every training runs
    try:
        packing = {
            name: _frame_seconds(out, name, family) * family['variants'] for name, family in content.families.items()
        }
        step_seconds = functools.cache(_step_seconds)
        tuning, pretext = (
            {name: _BESIDE * step_seconds(step) for name, step in steps.items()} for steps in _steps_of(content)
        )
    finally:
        torch.set_num_threads(threads)
    sizes = {
        name: 2.0 * family['variants'] * family['maps']['channels'] * int(np.prod(family['maps']['grid']))
        for name, family in content.families.items()
    }
    return Costs(packing, tuning, pretext, sizes)


class _Step(NamedTuple):
    """What decides the time of a training step: config of the network as JSON, and the shape (B, C, T, h, w) of its input."""

    network: str
    shape: tuple[int, ...]
    channels_last: bool


def _steps_of(content: Config) -> tuple[dict[str, _Step], dict[str, _Step]]:
    """The step of a fine-tuning by learner, and that of a pretraining by phase that a plan can take."""
    rows = rows_of(content)
    tuned = next(evaluation for evaluation in content.evaluations if evaluation['name'] == 'tuned')
    tunings = {rows[init['name']]['learner']: init['options'] for init in content.inits if rows[init['name']]['trains']}
    return (
        {name: _step(tuned['config'], {**options, 'num_classes': 2}) for name, options in tunings.items()},
        {phase['name']: _step(phase['config'], phase['options']) for phase in planned_phases(content)},
    )


def _step(name: str, options: Mapping[str, Any]) -> _Step:
    with silent():  # the lists are not written yet
        config = load_config(str(config_of(name)), dict(options))
    sample, loader = config.sample, config.train_dataloader
    frames = config.get('pretext_len', config.clip_len)
    clips = loader.batch_size * sample.get('num_views', 1)
    shape = (clips, config.channels, frames, *config.grid)
    return _Step(json.dumps(config.backbone.to_dict()), shape, config.default_hooks.fast_step.channels_last)


def _frame_seconds(out: Path, name: str, family: Mapping[str, Any]) -> float:
    with silent():
        trunk = build_trunk(TrunkSpec(str(write_trunk(out, name, family))))
    frames = list(np.random.RandomState(0).randint(0, 256, (_FRAMES_TRIED, 120, 160, 3)).astype(np.uint8))
    return _seconds(lambda: trunk.maps(frames), 1, 2) / _FRAMES_TRIED


def _step_seconds(step: _Step) -> float:
    """Seconds of a forward pass, a backward pass and an update of the network on the maps."""
    with silent():
        network = MODELS.build(json.loads(step.network)).train()
    if step.channels_last:
        to_channels_last(network)
    maps = torch.rand(step.shape)
    optimizer = torch.optim.AdamW(parameter for parameter in network.parameters() if parameter.requires_grad)

    def train() -> None:
        optimizer.zero_grad()
        network(maps).mean().backward()
        optimizer.step()

    first = _seconds(train, 0, 1)
    return _seconds(train, *((0, 1) if first > _LONG_STEP else (_WARM_UP - 1, _STEPS)))


def _seconds(work: Callable[[], Any], warm_up: int, times: int) -> float:
    """Median time of a call, after some calls that do not count."""
    for _ in range(warm_up):
        work()
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return median(taken)
