"""Running one cell in this process."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any

import torch
from cells import CONFIGS, STATE, Cell
from mmengine.config import Config

from auxskd_mm.apis import build_runner, load_config
from auxskd_mm.errors import InputError
from auxskd_mm.evaluation import FeatureBank, KNNMetric, LinearProbeMetric, RetrievalMetric
from auxskd_mm.evaluation.linear_probe import ProbeSettings, fit_probe
from auxskd_mm.recipes.step_records import last_checkpoint, run_restartable
from auxskd_mm.records.protocol import protocol_of, write_protocol
from auxskd_mm.records.provenance import set_init_history
from auxskd_mm.records.scalars import last_scalars
from auxskd_mm.registry import type_name

WARM_UP = 20


def run_cell(cell: Cell, root: Path) -> dict[str, Any]:
    """Train or measure a cell that has not been, and write ``result.json`` and its protocol.

    Raises:
        InputError: If the cell was run with other options, or its checkpoint is missing.
    """
    return run_restartable(cell.name, cell.folder(root), cell.fingerprint(), lambda _: _run(cell, root), STATE)[0]


def _run(cell: Cell, root: Path) -> dict[str, Any]:
    folder = cell.folder(root)
    for path in folder.glob('*'):  # a cell is minutes at most: one that was cut off starts again
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != STATE:
            path.unlink()
    config = cell_config(cell, root)
    set_init_history(config)
    runner = build_runner(config)
    if cell.steps:
        runner.train()
    elif config.load_from is None:
        runner._init_model_weights()
    metrics = runner.test() if config.get('test_dataloader') is not None else {}
    trained = str(folder / f'iter_{cell.steps}.pth') if cell.steps else config.load_from
    protocol = protocol_of(config, trained, part='test' if metrics else 'train')
    result: dict[str, Any] = dict(cell=cell.name, seed=cell.seed, steps=cell.steps)
    if cell.labels:
        metrics = by_labels(cell, folder / 'features')
    if cell.steps:
        result['train'] = last_scalars(folder)
    result['metrics'] = plain(metrics)
    write_protocol(folder / STATE, protocol, result['metrics'])
    return result


def cell_config(cell: Cell, root: Path) -> Config:
    """The config that a cell runs."""
    config = load_config(str(CONFIGS / cell.config), cell.options)
    folder = cell.folder(root)
    config.update(work_dir=str(folder), experiment_name=f'{cell.name}-{time.time_ns()}', log_level='ERROR')
    config.randomness = dict(seed=cell.seed)
    config.load_from = checkpoint_of(cell, root)
    for part in ('train', 'test'):
        loader = config.get(f'{part}_dataloader')
        if loader is None:
            continue
        loader.update(num_workers=0, persistent_workers=False)
        pipeline = (loader.dataset.common if 'common' in loader.dataset else loader.dataset).pipeline
        if cell.still:
            decode = next(i for i, step in enumerate(pipeline) if type_name(step['type']) == 'DecodeClips')
            pipeline.insert(decode, dict(type='auxskd_mm.StillFrames'))
    if cell.steps:
        config.train_cfg = dict(type='IterBasedTrainLoop', max_iters=cell.steps, val_interval=10**9)
        config.param_scheduler = [
            dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=WARM_UP),
            dict(type='CosineAnnealingLR', by_epoch=False, begin=WARM_UP, end=cell.steps, T_max=cell.steps - WARM_UP),
        ]
        config.log_processor.by_epoch = False
        config.default_hooks.logger.interval = 10
        config.default_hooks.checkpoint = dict(
            type='CheckpointHook', by_epoch=False, interval=cell.steps, save_optimizer=False, save_param_scheduler=False
        )
        config.custom_hooks = [*config.custom_hooks, dict(type='auxskd_mm.FastStepHook')]
    else:
        config.train_dataloader = config.train_cfg = config.optim_wrapper = config.param_scheduler = None
    if cell.labels:
        config.test_evaluator = [dict(type='auxskd_mm.KNNMetric', k=10, save_to=str(folder / 'features'))]
    return config


def checkpoint_of(cell: Cell, root: Path) -> str | None:
    """Weights that a cell starts from.

    Raises:
        InputError: If they have not been trained.
    """
    if cell.init is None:
        return None
    found = last_checkpoint(root / 'cells' / cell.init)
    if found is None:
        raise InputError(f'{cell.name}: starts from {cell.init}, which has no checkpoint yet')
    return str(found)


def by_labels(cell: Cell, folder: Path) -> dict[str, float]:
    """k-NN, linear probe and retrieval among the clips of each label list, keys such as ``knn/5``; 0 is all labels."""
    gallery, queries = FeatureBank.load(folder / 'gallery.npz'), FeatureBank.load(folder / 'query.npz')
    metrics = {}
    for budget, path in cell.labels.items():
        part = subset(gallery, {line.rsplit(' ', 1)[0] for line in Path(path).read_text().splitlines()})
        metrics[f'knn/{budget}'] = KNNMetric(k=min(10, budget or 10)).measure(part, queries)['top1']
        metrics[f'R@1/{budget}'] = RetrievalMetric(ks=(1,)).measure(part, queries)['R@1']
        if budget == 1:  # nothing can be held out to choose the weight decay on
            probe = fit_probe(part.features, part.labels, ProbeSettings(weight_decay=1e-2))
            metrics['linear/1'] = probe.accuracy(queries.features, queries.labels)
        else:
            metrics[f'linear/{budget}'] = LinearProbeMetric(seed=cell.seed).measure(part, queries)['top1']
    return metrics


def subset(bank: FeatureBank, names: set[str]) -> FeatureBank:
    """The features of the named videos.

    Raises:
        InputError: If a name is not in the bank.
    """
    rows = [i for i, name in enumerate(bank.names) if name in names]
    if len(rows) != len(names):
        raise InputError(
            f'{len(names) - len(rows)} labelled clips have no features, e.g. {min(names - set(bank.names))}'
        )
    return FeatureBank(bank.features[rows], bank.labels[rows], [bank.names[i] for i in rows], bank.protocol)


def plain(metrics: dict[str, Any]) -> dict[str, Any]:
    """The numbers among metrics, as JSON types."""
    return {
        key: float(value) for key, value in metrics.items() if isinstance(value, (int, float)) or torch.is_tensor(value)
    }
