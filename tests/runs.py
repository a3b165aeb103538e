"""Trainings of a few steps on real clips, in this process, and the comparison of what they left."""

from __future__ import annotations

import os
import signal
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner
from tool_runs import forget_runs

from auxskd_mm.apis import build_runner

METHODS = ('vspp', 'auxskd', 'pace', 'vcop', 'rspnet')
_WIDTH = 16  # of R2Plus1DVCOP(base_channels=2)


def _pipeline(sample: dict[str, Any], labels: tuple[str, ...], per_view: bool) -> list[dict[str, Any]]:
    """Random in every step that can be."""
    views = [
        dict(type='Resize', scale=(32, 24), keep_ratio=False),
        dict(type='auxskd_mm.ClipRandomCrop', size=16),
        dict(type='Flip', flip_ratio=0.5),
        dict(type='auxskd_mm.ClipColorJitter', brightness=0.4, hue=0.1),
    ]
    return [
        dict(type='auxskd_mm.OpenVideo'),
        sample,
        dict(type='auxskd_mm.DecodeClips'),
        *([dict(type='auxskd_mm.PerView', transforms=views)] if per_view else views),
        dict(type='FormatShape', input_format='NCTHW'),
        dict(type='PackActionInputs', algorithm_keys=labels, meta_keys=('filename', 'sample_idx', 'frame_inds')),
    ]


def _parts(method: str) -> tuple[dict[str, Any], list[dict[str, Any]], list[dict[str, Any]]]:
    """Model, pipeline and further hooks of a method."""
    backbone = dict(type='auxskd_mm.R2Plus1DVCOP', base_channels=2)
    scale = dict(type='auxskd_mm.ClipDataPreprocessor', mean=[127.5] * 3, std=[64.0] * 3)
    segment = dict(type='auxskd_mm.SegmentPaceSample', clip_len=8, num_segments=4, num_speeds=4, mode='fit')
    teacher = [dict(type='auxskd_mm.SKDDistillerHook', momentum=0.9, final_momentum=1.0, interval=1)]
    if method == 'auxskd':
        model = dict(
            type='auxskd_mm.AuxSKD',
            neck=dict(type='auxskd_mm.MLP', in_channels=_WIDTH, out_channels=8),
            predictor=dict(type='auxskd_mm.MLP', in_channels=8, hidden_channels=16, out_channels=8),
            queue_size=18,
        )
        labels = ('pace_label', 'segment_label')
        return (
            dict(model, backbone=backbone, data_preprocessor=scale),
            _pipeline(dict(segment, num_views=2), labels, True),
            teacher,
        )
    if method == 'rspnet':
        head = dict(type='auxskd_mm.RelativeSpeedHead', in_channels=_WIDTH, out_channels=8)
        model = dict(type='auxskd_mm.RSPNet', head_a=head, queue_size=18)
        sample = dict(type='auxskd_mm.RelativeSpeedSample', clip_len=4, max_speed=2)
        return dict(model, backbone=backbone, data_preprocessor=scale), _pipeline(sample, (), True), teacher
    heads = dict(
        vspp=(dict(type='auxskd_mm.VSPPHead', num_speeds=4, num_segments=4), segment, ('pace_label', 'segment_label')),
        pace=(
            dict(type='auxskd_mm.PaceHead', num_paces=4),
            dict(type='auxskd_mm.PaceSample', clip_len=8),
            ('pace_label',),
        ),
        vcop=(
            dict(type='auxskd_mm.ClipOrderHead', tuple_len=3),
            dict(type='auxskd_mm.ClipOrderSample', clip_len=4, interval=2, tuple_len=3),
            ('order_label',),
        ),
        rank=(
            dict(type='auxskd_mm.SpeedRankHead', num_views=3, hidden_channels=8),
            dict(type='auxskd_mm.PaceSample', clip_len=8, num_views=3),
            ('clip_speed',),
        ),
    )
    head, sample, labels = heads[method]
    model = dict(type='Recognizer3D', backbone=backbone, data_preprocessor=scale)
    return (
        dict(model, cls_head=dict(head, in_channels=_WIDTH)),
        _pipeline(sample, labels, method in ('vcop', 'rank')),
        [],
    )


def config_of(method: str, data: Path, work_dir: Path, options: Mapping[str, Any] | None = None) -> Config:
    """A method at its smallest: batches of 4 of 16 samples, two epochs, in deterministic mode."""
    model, pipeline, hooks = _parts(method)
    config = Config(
        dict(
            custom_imports=dict(imports=['auxskd_mm'], allow_failed_imports=False),
            default_scope='mmaction',
            default_hooks=dict(
                logger=dict(type='LoggerHook', interval=1),
                checkpoint=dict(type='CheckpointHook', interval=1, max_keep_ckpts=2),
                sync_buffers=dict(type='SyncBuffersHook'),
            ),
            custom_hooks=[dict(type='auxskd_mm.CheckedTransferHook'), dict(type='auxskd_mm.BadVideoHook'), *hooks],
            env_cfg=dict(
                mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0), dist_cfg=dict(backend='gloo', timeout=120)
            ),
            visualizer=dict(type='ActionVisualizer', vis_backends=[dict(type='LocalVisBackend')]),
            model=model,
            train_dataloader=dict(
                batch_size=4,
                num_workers=0,
                drop_last=True,
                sampler=dict(type='DefaultSampler', shuffle=True),
                dataset=dict(
                    type='auxskd_mm.UnlabeledVideoDataset', source=str(data / 'train'), repeat=2, pipeline=pipeline
                ),
            ),
            train_cfg=dict(type='EpochBasedTrainLoop', max_epochs=2),
            optim_wrapper=dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=1e-3, weight_decay=1e-4)),
            param_scheduler=dict(type='CosineAnnealingLR', T_max=2, convert_to_iter_based=True),
            randomness=dict(seed=5, deterministic=True),
            experiment_name=uuid.uuid4().hex,
            work_dir=str(work_dir),
            load_from=None,
            resume=False,
        )
    )
    config.merge_from_dict(dict(options or {}))
    return config


def runner_of(config: Any, *hooks: Hook) -> Runner:
    """Runner with further hooks."""
    forget_runs()
    runner = build_runner(config)
    for hook in hooks:
        runner.register_hook(hook)
    return runner


class SignalAt(Hook):
    """Send this process a signal at the beginning of an iteration (from 0)."""

    priority = 'VERY_HIGH'

    def __init__(self, iteration: int, number: int = signal.SIGTERM) -> None:
        self.iteration, self.number = iteration, number

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        if runner.iter == self.iteration:
            os.kill(os.getpid(), self.number)


class Noted(Hook):
    """What every iteration saw: its number in the epoch, the videos and a digest of the batch."""

    def __init__(self) -> None:
        self.seen: list[tuple[int, int, tuple[str, ...], float]] = []

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        names = tuple(os.path.basename(sample.filename) for sample in data_batch['data_samples'])
        digest = float(sum((clip.double() * 1e-3).pow(2).sum() for clip in data_batch['inputs']))
        self.seen.append((runner.iter, batch_idx, names, digest))


def tensors_of(path: str | Path) -> dict[str, torch.Tensor]:
    """Everything in a checkpoint that a run goes on with, numbers as tensors, by its place."""
    content = torch.load(path, weights_only=True)
    found: dict[str, torch.Tensor] = {}

    def walk(value: Any, place: str) -> None:
        if isinstance(value, torch.Tensor):
            found[place] = value
        elif isinstance(value, Mapping):
            for key, item in value.items():
                walk(item, f'{place}.{key}')
        elif isinstance(value, (list, tuple)):
            for i, item in enumerate(value):
                walk(item, f'{place}.{i}')
        elif isinstance(value, (bool, int, float)):
            found[place] = torch.tensor(value, dtype=torch.float64)

    for part in ('state_dict', 'optimizer', 'param_schedulers', 'exact_resume'):
        walk(content[part], part)
    walk({key: content['meta'][key] for key in ('epoch', 'iter')}, 'meta')
    return found


def unequal(first: Path, second: Path) -> list[str]:
    """Places at which two checkpoints are not equal to the bit."""
    a, b = tensors_of(first), tensors_of(second)
    return sorted(key for key in {*a, *b} if key not in a or key not in b or not torch.equal(a[key], b[key]))
