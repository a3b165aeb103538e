"""The head of a run: ten lines on the training, its data, its duration and the place of its files."""

from __future__ import annotations

import os
from typing import Any

from mmengine.device import get_device
from mmengine.dist import get_world_size
from mmengine.hooks import Hook, LoggerHook
from mmengine.runner import EpochBasedTrainLoop, Runner

from ..config.explain_training import starting_weights
from ..registry import type_name
from ..unwrap import unwrap


class RunHeadHook(Hook):
    """Print the head of a training or a test, once everything is built and loaded.

    Call points: ``before_train``, ``before_test``. It is not part of a config: :func:`build_runner` registers it.
    """

    priority = 'VERY_LOW'

    def before_train(self, runner: Runner) -> None:
        """Of a training."""
        rows = [_config(runner), _model(runner), ('data', _training_data(runner)), *_validation(runner)]
        rows += [_device(runner), ('length', _length(runner)), ('start', _start(runner)), *_places(runner)]
        rows += [('stop', 'Ctrl-C saves a checkpoint first; the same command with --resume goes on from it')]
        runner.logger.info(_laid_out('training', rows))

    def before_test(self, runner: Runner) -> None:
        """Of a test."""
        loader = runner.test_dataloader
        data = f'{_videos(loader.dataset)}, {_count(len(loader), "batch", "batches")} of {loader.batch_size}'
        start = str(runner._load_from or 'random weights')
        rows = [_config(runner), _model(runner), ('weights', start), ('data', data), _device(runner), *_places(runner)]
        runner.logger.info(_laid_out('test', rows))


def _laid_out(what: str, rows: list[tuple[str, str]]) -> str:
    return '\n'.join([what, *(f'  {name:8}{text}' for name, text in rows)])


def _count(number: int, one: str, many: str = '') -> str:
    return f'{number:,} {one if number == 1 else many or one + "s"}'


def _config(runner: Runner) -> tuple[str, str]:
    return 'config', str(runner.cfg.filename or 'made in Python')


def _model(runner: Runner) -> tuple[str, str]:
    model = unwrap(runner.model)
    parts = [type_name(type(part)) for part in (getattr(model, n, None) for n in ('backbone', 'cls_head')) if part]
    millions = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad) / 1e6
    inside = f' of {" and ".join(parts)}' if parts else ''
    return 'model', f'{type(model).__name__}{inside}, {millions:.2f} M parameters to train'


def _videos(dataset: Any) -> str:
    """How many samples a data set has, and how they come about."""
    repeat = getattr(dataset, 'repeat', 1)
    if repeat > 1:
        return f'{_count(len(dataset) // repeat, "video")}, {repeat} clips of each'
    return _count(len(dataset), 'video')


def _training_data(runner: Runner) -> str:
    loader = runner.train_dataloader
    try:
        steps = f'{_count(len(loader), "step")} per epoch'
    except TypeError:  # an iterable data set
        return f'batches of {loader.batch_size}'
    return f'{_videos(loader.dataset)}; {steps} with batches of {loader.batch_size}'


def _validation(runner: Runner) -> list[tuple[str, str]]:
    loop = runner.val_loop
    if loop is None:
        return []
    return [('check', f'{_videos(runner.val_dataloader.dataset)} for validation')]


def _device(runner: Runner) -> tuple[str, str]:
    # The trunk's own maps are measured by a model without parameters.
    parameter = next(unwrap(runner.model).parameters(), None)
    device = get_device() if parameter is None else parameter.device
    ranks = '' if get_world_size() == 1 else f', {get_world_size()} processes'
    wrapper = getattr(runner, 'optim_wrapper', None)
    mixed = 'Amp' in type(wrapper).__name__
    precision = f'mixed precision ({getattr(wrapper, "cast_dtype", None) or "float16"})' if mixed else 'float32'
    return 'device', f'{device}{ranks}, {precision}'


def _length(runner: Runner) -> str:
    loop: Any = runner.train_loop
    every = next((hook.interval for hook in runner.hooks if isinstance(hook, LoggerHook)), None)
    report = '' if every is None else f'; a report every {_count(every, "step")}'
    epochs = f'{_count(loop.max_epochs, "epoch")}, ' if isinstance(loop, EpochBasedTrainLoop) else ''
    return f'{epochs}{_count(loop.max_iters, "step")}{report}'


def _start(runner: Runner) -> str:
    if not runner._has_loaded:
        return starting_weights(runner.cfg)
    if runner._resume:
        return f'resumed at epoch {runner.epoch + 1}, step {runner.iter + 1}'
    return f'weights of {runner._load_from}'


def _places(runner: Runner) -> list[tuple[str, str]]:
    log = runner.logger.log_file or runner.log_dir
    return [
        ('folder', str(runner.work_dir)),
        ('log', f'{os.path.relpath(log, runner.work_dir)} there; it holds everything'),
    ]
