"""A distillation small enough for a test: clips in memory, a backbone of one layer, MMAction2's default hooks."""

from __future__ import annotations

import copy
import functools
import json
import os
import signal
import uuid
from pathlib import Path
from typing import Any

import torch
from mmaction.structures import ActionDataSample
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import Tensor, nn
from torch.utils.data import Dataset

from auxskd_mm.apis import build_runner
from auxskd_mm.registry import DATASETS, MODELS

WIDTH = 4


class ToyBackbone(nn.Module):
    """Convolution, BN, ReLU; or the same map for all clips."""

    out_channels = 6

    def __init__(self, constant: bool = False) -> None:
        super().__init__()
        self.conv1 = nn.Conv3d(3, 6, 3, padding=1)
        self.bn1 = nn.BatchNorm3d(6)
        self.constant = constant

    def forward(self, x: Tensor) -> Tensor:
        maps = torch.relu(self.bn1(self.conv1(x)))
        return 0 * maps + 1 if self.constant else maps


class ToyClips(Dataset):
    """Videos of a colour and noise, two views each: the second is the first with some more noise."""

    metainfo: dict[str, Any] = {}

    def __init__(self, size: int = 8) -> None:
        generator = torch.Generator().manual_seed(0)
        colours = 2 * torch.randn(size, 1, 3, 1, 1, 1, generator=generator)
        videos = colours + torch.randn(size, 1, 3, 2, 4, 4, generator=generator)
        self.views = torch.cat([videos, videos + 0.3 * torch.randn(videos.shape, generator=generator)], 1)

    def __len__(self) -> int:
        return len(self.views)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return dict(inputs=self.views[index], data_samples=ActionDataSample())


for registry, kind in ((MODELS, ToyBackbone), (DATASETS, ToyClips)):
    registry.register_module(kind.__name__, force=True, module=kind)


def aux_skd(**changes: Any) -> dict[str, Any]:
    """Config of AuxSKD on the toy backbone."""
    model = dict(
        type='auxskd_mm.AuxSKD',
        backbone=dict(type='auxskd_mm.ToyBackbone'),
        neck=dict(type='auxskd_mm.MLP', in_channels=6, out_channels=WIDTH),
        predictor=dict(type='auxskd_mm.MLP', in_channels=WIDTH, out_channels=WIDTH, hidden_channels=8),
        queue_size=5,
    )
    return {**model, **changes}


@functools.cache
def _default_runtime() -> Config:
    parsed = Config.fromstring("_base_ = 'mmaction::_base_/default_runtime.py'", '.py')
    return Config(parsed.to_dict(), format_python_code=False)  # pretty printing takes longer than the training


def toy_config(work_dir: str | Path, checkpoint: dict[str, Any] | None = None, **changes: Any) -> Config:
    """Two epochs of four batches of two; ``changes`` replace top-level keys, ``checkpoint`` adds to that hook.

    MessageHub and visualizer are global and known by the experiment's name, so every run gets one of its own.
    """
    config = copy.deepcopy(_default_runtime())
    loader = dict(
        dataset=dict(type='auxskd_mm.ToyClips'),
        batch_size=2,
        num_workers=0,
        sampler=dict(type='DefaultSampler', shuffle=True, seed=3),
    )
    settings: dict[str, Any] = dict(
        work_dir=str(work_dir),
        experiment_name=uuid.uuid4().hex,
        randomness=dict(seed=1),
        model=aux_skd(),
        train_dataloader=loader,
        train_cfg=dict(type='EpochBasedTrainLoop', max_epochs=2),
        optim_wrapper=dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=0.05, momentum=0.9)),
        custom_hooks=[dict(type='auxskd_mm.SKDDistillerHook', momentum=0.9, interval=1)],
    )
    for key, value in {**settings, **copy.deepcopy(changes)}.items():
        config[key] = value
    config.default_hooks.logger.interval = 1
    config.default_hooks.checkpoint.update(save_best=None, **(checkpoint or {}))
    return config


def toy_runner(work_dir: str | Path, *hooks: Hook, **changes: Any) -> Runner:
    """Runner of :func:`toy_config` with further hooks."""
    runner = build_runner(toy_config(work_dir, **changes))
    for hook in hooks:
        runner.register_hook(hook, priority=hook.priority)
    return runner


class StopAt(Hook):
    """End the process as a crash or a power cut would, at the beginning of an iteration (from 0)."""

    priority = 'VERY_HIGH'

    def __init__(self, iteration: int, kill: bool) -> None:
        self.iteration, self.kill = iteration, kill

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        if runner.iter == self.iteration:
            if self.kill:
                os.kill(os.getpid(), signal.SIGKILL)
            raise KeyboardInterrupt


def logged_scalars(work_dir: str | Path) -> list[dict[str, Any]]:
    """What the LoggerHook of the work dir's last run wrote, one dict per iteration."""
    path = max(Path(work_dir).glob('*/vis_data/scalars.json'), key=lambda path: path.stat().st_mtime)
    return [json.loads(line) for line in path.read_text().splitlines()]


def log_text(work_dir: str | Path) -> str:
    """The log file of a work dir with one run."""
    (path,) = Path(work_dir).glob('*/*.log')
    return path.read_text()


def same(first: dict[str, Tensor], second: dict[str, Tensor]) -> list[str]:
    """Keys at which two state dicts are not bit-equal; an empty list means that they are the same."""
    keys = {*first, *second}
    return sorted(k for k in keys if k not in first or k not in second or not torch.equal(first[k], second[k]))
