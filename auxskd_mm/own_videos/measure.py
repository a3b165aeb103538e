"""Measures what the planner needs: seconds of a training step, and of packing a frame."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from mmengine.config import Config

from ..apis.feature_trunk import TrunkSpec, build_trunk
from ..recipes.running.in_process import silent
from ..registry import MODELS
from .planner import Costs
from .splits import BATCH
from .stores import write_trunk

_WARM_UP, _STEPS = 2, 4
# Reading a batch from the store, logging and saving, beside the step itself.
_BESIDE = 1.25
_PRETEXT_FRAMES = 8
_FRAMES_TRIED = 16


def measure_costs(out: Path, content: Config, clip_len: int) -> Costs:
    """Measure one step and one packed frame of each family, on this machine and as it is used now.

    Args:
        out: Folder for the configs of the trunks.
        content: The recipe.
        clip_len: Frames per clip of the measurements.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as every training runs
    try:
        packing, tuning, pretext, sizes = {}, {}, {}, {}
        for name, family in content.families.items():
            maps = family['maps']
            packing[name] = _frame_seconds(out, name, family) * family['variants']
            tuning[name] = _BESIDE * _step_seconds(content, maps, clip_len)
            pretext[name] = _BESIDE * _step_seconds(content, maps, _PRETEXT_FRAMES)
            sizes[name] = 2.0 * family['variants'] * maps['channels'] * int(np.prod(maps['grid']))
    finally:
        torch.set_num_threads(threads)
    return Costs(packing, tuning, pretext, sizes)


def _frame_seconds(out: Path, name: str, family: Mapping[str, Any]) -> float:
    with silent():
        trunk = build_trunk(TrunkSpec(str(write_trunk(out, name, family))))
    frames = list(np.random.RandomState(0).randint(0, 256, (_FRAMES_TRIED, 120, 160, 3)).astype(np.uint8))
    return _seconds(lambda: trunk.maps(frames), 1, 2) / _FRAMES_TRIED


def _step_seconds(content: Config, maps: Mapping[str, Any], frames: int) -> float:
    """Seconds of a forward pass, a backward pass and an update of the temporal module."""
    strides = dict(spatial_strides=(2, 1, 2), temporal_strides=(1, 2, 1)) if content.blocks == 3 else {}
    module = MODELS.build(
        dict(
            type='auxskd_mm.TemporalConvs',
            in_channels=maps['channels'],
            channels=content.width,
            blocks=content.blocks,
            factorised=True,
            **strides,
        )
    )
    clips = torch.rand(BATCH, maps['channels'], frames, *maps['grid'])
    optimizer = torch.optim.AdamW(module.parameters())

    def step() -> None:
        optimizer.zero_grad()
        module(clips).mean().backward()
        optimizer.step()

    return _seconds(step, _WARM_UP, _STEPS)


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
