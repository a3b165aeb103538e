"""Explains a config: method, data, effective batch, learning rate, and the origin of each key."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from mmaction.registry import MODELS
from mmengine.config import Config
from mmengine.registry import OPTIMIZERS
from torch import Tensor

from ..choices import SPLITS
from ..datasets.video_list import UnlabeledVideoDataset
from ..errors import InputError, as_typed
from ..models.pretext import PretextModel
from ..models.tasks import forward_sample, method_summary, model_tasks
from ..registry import DATASETS, HOOKS, is_a, registered, type_name, use_scope
from .explain_pipeline import describe_pipeline
from .explain_recipe import describe_recipe
from .explain_training import schedule_in_words, starting_weights
from .origins import ConfigFile, config_chain, origins
from .parts import as_list, model_settings
from .pipelines import find_pipeline, takes_source
from .sample_shape import network_shape, sample_shape

if TYPE_CHECKING:
    from ..typing import VideoModel


def describe_config(config: Config, path: str, *, gpus: int = 1) -> str:
    """Explain a config.

    Args:
        config: Config of :func:`load_config`, with its overrides.
        path: File of the config.
        gpus: Number of training processes, at least 1. The effective batch depends on it.

    Returns:
        Lines of the form ``subject: text``, in sections.

    Raises:
        InputError: If the config has neither a model nor phases, or its parts do not fit together.
    """
    if gpus < 1:
        raise InputError(f'gpus={gpus}: expected at least 1 process')
    chain = config_chain(path)
    sections = [('config', [str(path), *_faithful(chain)])]
    if config.get('phases') or config.get('evaluations'):
        sections.append(('phases', describe_recipe(config, Path(path).parent)))
    elif config.get('model') is None:
        raise InputError(f'{path}: has neither a model nor phases to explain')
    else:
        use_scope(config)
        splits = [split for split in SPLITS if find_pipeline(config, (f'{split}_dataloader',))]
        shapes = {split: sample_shape(config, split) for split in splits}
        sections += [
            ('model', _model(config, shapes)),
            ('data', _data(config, shapes)),
            ('training', _training(config, gpus)),
            ('evaluation', _evaluation(config)),
        ]
    sections.append(('inherited', _inherited(chain, config)))
    return '\n'.join(f'{name}\n' + '\n'.join(f'  {line}' for line in lines) for name, lines in sections if lines)


def _faithful(chain: Sequence[ConfigFile]) -> list[str]:
    """The config's own header. A base that is faithful to a paper does not make this config faithful."""
    lines = [chain[0].header] if chain[0].header else []
    if 'aithful' in chain[0].header:
        return lines
    text = 'it does not say that it is faithful to a paper'
    place = next((i for i, file in enumerate(chain) if 'aithful' in file.header), None)
    if place is not None:
        changed = ', '.join(dict.fromkeys(name for file in chain[:place] for name in file.sets)) or 'nothing'
        text += f'; its base {chain[place].path.name} says so of itself, and this one sets {changed}'
    return [*lines, text]


def _model(config: Config, shapes: Mapping[str, tuple[int, ...]]) -> list[str]:
    try:
        with torch.device('meta'):
            built = _build(config)
    except (NotImplementedError, RuntimeError):  # TANet and UniFormerV2 look at numbers when they are built
        built = _build(config)
    parameters = sum(p.numel() for p in built.backbone.parameters()) / 1e6
    lines = [
        method_summary(built),
        f'backbone {type_name(config.model.backbone.type)}, {parameters:.2f} M parameters',
        *(_forward(config, built, network_shape(config, shape)) for shape in list(shapes.values())[:1]),
    ]
    if not _trains(config):
        return [*lines, as_typed('takes the weights of the checkpoint that tools/test.py is given')]
    trained = sum(p.numel() for p in built.parameters() if p.requires_grad) / 1e6
    lines.append(f'{trained:.2f} M parameters get gradients in all')
    if hasattr(built, 'queue'):
        lines.append(f'queue of {built.queue.features.shape[0]} anchors of {built.queue.features.shape[1]} numbers')
    lines += built.describe() if isinstance(built, PretextModel) else []
    hooks = [hook for hook in config.get('custom_hooks') or [] if is_a(HOOKS, hook.get('type'), 'SKDDistillerHook')]
    if hooks and hasattr(built, 'teacher'):
        lines.append(f'teacher = {hooks[0].get("momentum", 0.999)} teacher + the rest student, after each step')
    start = starting_weights(config)
    hint = '' if config.get('load_from') else ' (load_from=<checkpoint> to start from an earlier phase)'
    lines.append(f'starts from {start}{hint}')
    return lines


def _build(config: Config) -> VideoModel:
    settings = model_settings(config)
    settings.pop('init_cfg', None)
    return MODELS.build(settings).eval()


def _forward(config: Config, built: VideoModel, shape: Sequence[int]) -> str:
    """Shapes of one forward pass, or the reason why it fails.

    The model on the meta device computes only shapes, quickly. If it could not be built there, or fails there, a real model
    runs on a random clip.
    """
    try:
        try:
            device = next(built.parameters()).device
            return _shapes(built, torch.rand(1, *shape, device=device))
        except InputError:
            raise
        except Exception:
            return _shapes(_build(config), torch.rand(1, *shape))
    except Exception as error:
        name = '' if isinstance(error, InputError) else f'{type(error).__name__}: '
        return f'a forward pass fails: {name}{" ".join(str(error).split())[:200]}'


@torch.no_grad()
def _shapes(model: VideoModel, inputs: Tensor) -> str:
    maps: list[Any] = []
    model.backbone.register_forward_hook(lambda _, __, output: maps.append(output))
    outputs = torch.utils._pytree.tree_leaves(forward_sample(model, inputs))
    names = [task.name for task in model_tasks(model)]
    if len(names) != len(outputs):
        names = ['output'] * len(outputs)
    found = [('backbone', one) for one in torch.utils._pytree.tree_leaves(maps[:1])] + list(zip(names, outputs))
    words = [f'{name} {" x ".join(map(str, one.shape))}' for name, one in found if isinstance(one, Tensor)]
    return f'a forward pass takes {" x ".join(map(str, inputs.shape))} and yields {", ".join(words)}'


def _trains(config: Config) -> bool:
    return config.get('train_dataloader') is not None and config.get('train_cfg') is not None


def _data(config: Config, shapes: Mapping[str, tuple[int, ...]]) -> list[str]:
    lines = []
    for split, shape in shapes.items():
        lines.append(f'{split}: {_source(config[f"{split}_dataloader"].dataset)}')
        words = describe_pipeline(find_pipeline(config, (f'{split}_dataloader',)))
        lines += [f'  {i}. {step}' for i, step in enumerate(words, 1)]
        lines.append(f'  a sample is {" x ".join(map(str, shape))} (clips, channels, frames, height, width)')
    lines.append('on the device: ' + _preprocessor(config.model.get('data_preprocessor') or {}))
    return lines


def _source(dataset: Mapping[str, Any]) -> str:
    kind = type_name(dataset.get('type'))
    source = dataset.get('source', dataset.get('ann_file'))
    repeat = dataset.get('repeat', 1)
    text = f'{kind} of {source}' if source else kind
    text += f', gone through {repeat} times per epoch' if repeat > 1 else ''
    count = count_samples(dataset)
    if count is not None:
        return f'{text}, {count} samples per epoch'
    return text + (', which is not there yet' if takes_source(dataset) else '')


def count_samples(dataset: Mapping[str, Any]) -> int | None:
    """Count the samples per epoch of an :class:`UnlabeledVideoDataset`. None for missing data or another data set."""
    if not takes_source(dataset) or 'source' not in dataset:
        return None
    kind: Any = registered(DATASETS, dataset['type']) or UnlabeledVideoDataset
    # A config that inherits by address (`auxskd_mm::...`) has `_scope_` in its dicts, which registries take out.
    settings = {key: value for key, value in dataset.items() if key not in ('type', 'pipeline', '_scope_')}
    try:
        return len(kind(**settings))
    except (InputError, OSError):
        return None


def _preprocessor(settings: Mapping[str, Any]) -> str:
    words = ['float' if settings.get('mean') is None else f'(x - {list(settings["mean"])}) / {list(settings["std"])}']
    if settings.get('to_rgb'):
        words.insert(0, 'channels turned round')
    if settings.get('blending'):
        words.append(f'in training batches are blended ({type_name(settings["blending"].get("type"))})')
    return ', '.join([*describe_pipeline(as_list(settings.get('photometric'))), *words])


def _training(config: Config, gpus: int) -> list[str]:
    if not _trains(config):
        return ['none']
    loader = config.train_dataloader
    wrapper = config.optim_wrapper
    batch, steps = int(loader.batch_size), int(wrapper.get('accumulative_counts', 1))
    effective = batch * gpus * steps
    sizes = f'{batch} samples x {gpus} process{"es" if gpus > 1 else ""}' + (
        f' x {steps} accumulated' if steps > 1 else ''
    )
    optimizer, rate = wrapper.optimizer, _rate(wrapper.optimizer)
    rest = ', '.join(f'{k} {v}' for k, v in optimizer.items() if k not in ('type', 'lr', '_scope_'))
    lines = [
        f'effective batch {effective} ({sizes})',
        f'{type_name(optimizer.type)}, learning rate {rate:g}{", " + rest if rest else ""}',
        _scaling(config, rate, batch * gpus),
        *_schedule(config),
    ]
    if 'Amp' in str(wrapper.get('type')):
        lines.append(f'mixed precision, {wrapper.get("dtype", "float16")}')
    epochs, count = config.train_cfg.get('max_epochs'), count_samples(loader.dataset)
    if epochs:
        each = '' if count is None else f', {_iterations(-(-count // gpus), batch, loader)} iterations each'
        lines.append(f'{epochs} epochs{each}')
    if steps_in_all := config.train_cfg.get('max_iters'):
        lines.append(f'{steps_in_all} iterations')
    return lines


def _iterations(count: int, batch: int, loader: Mapping[str, Any]) -> int:
    """Batches of the samples of a process in an epoch."""
    return count // batch if loader.get('drop_last') else -(-count // batch)


def _rate(optimizer: Mapping[str, Any]) -> float:
    """Learning rate of an optimizer: that of the config, or else the default of its class."""
    kind: Any = registered(OPTIMIZERS, optimizer['type'])
    known = inspect.signature(kind).parameters if kind is not None else {}
    rate = optimizer['lr'] if 'lr' in optimizer else getattr(known.get('lr'), 'default', None)
    if not isinstance(rate, (int, float)):
        raise InputError(f'optim_wrapper.optimizer.lr={rate!r}: expected a number, the learning rate')
    return rate


def _scaling(config: Config, rate: float, batch: int) -> str:
    scale = config.get('auto_scale_lr') or {}
    base = scale.get('base_batch_size')
    if base is None:
        return 'the learning rate is not scaled with the batch (no auto_scale_lr)'
    scaled = rate * batch / base
    if scale.get('enable'):
        return f'scaled with the batch: {rate:g} x {batch} / {base} = {scaled:g}'
    would = 'the same' if batch == base else f'{scaled:g}'
    return f'not scaled; made for batches of {base}: --auto-scale-lr would make it {would} for {batch}'


def _schedule(config: Config) -> list[str]:
    entries = as_list(config.get('param_scheduler'))
    return [f'schedule: {schedule_in_words(entry)}' for entry in entries] or ['constant learning rate']


def _evaluation(config: Config) -> list[str]:
    lines = []
    for split in ('val', 'test'):
        evaluators = config.get(f'{split}_evaluator')
        if evaluators is None:
            continue
        lines.append(f'{split}: ' + ', '.join(type_name(entry['type']) for entry in as_list(evaluators)))
    return lines or ['none']


def _inherited(chain: Sequence[ConfigFile], config: Config) -> list[str]:
    """The files as a tree, and for each file (or pile of files) the keys that come from it."""
    tree = ['  ' * file.depth + (f'{file.package}::' if file.package else '') + file.path.name for file in chain]
    piles: dict[str, list[str]] = {}
    for key, files in origins(chain).items():
        if key in config:
            piles.setdefault(' over '.join(files), []).append(key)
    return [*tree, *(f'{pile}: {", ".join(keys)}' for pile, keys in piles.items())]
