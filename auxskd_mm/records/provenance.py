"""Provenance of weights: the trainings that led to a checkpoint, read from the checkpoints."""

from __future__ import annotations

import os.path as osp
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Optional

import torch
from mmengine.runner.checkpoint import find_latest_checkpoint

from ..checkpoint_files import PACKAGED, packaged_file
from ..config.input_convention import input_convention
from ..config.pipelines import all_steps, data_sets, find_pipeline
from ..config.text import read_config_text
from ..registry import MODELS, registered, type_name

if TYPE_CHECKING:
    from mmengine.config import Config

# A phase of a training, or None where it is known that there was one but not which.
History = list[Optional[dict[str, Any]]]
KEY = 'init_history'
_DEEPEST = 20


def read_meta(path: str) -> dict[str, Any]:
    """Read ``meta`` of a checkpoint. Empty if it is missing or the file cannot be read here."""
    if path.startswith(PACKAGED):
        path = str(packaged_file(path))
    if not osp.isfile(path):
        return {}
    for mapped in (True, False):  # mapped spares reading the tensors, but not every format allows it
        try:
            content = torch.load(path, map_location='cpu', mmap=mapped, weights_only=True)
        except Exception:
            continue
        meta = content.get('meta') if isinstance(content, Mapping) else None
        return dict(meta) if isinstance(meta, Mapping) else {}
    return {}


def training_meta(config: Mapping[str, Any], depth: int = 0) -> dict[str, Any]:
    """Make the entry of a checkpoint's ``meta`` about its training. Epochs and seed stand elsewhere in ``meta``.

    Args:
        config: Config of the training.
        depth: Depth of the recursion through ``load_from``.

    Returns:
        ``training``: a dict with ``method``, ``data`` (lists or folders), ``input`` (see :func:`input_convention`),
        ``history`` (the earlier trainings) and ``optimizer`` (the optimizer's type). ``fps`` is the rate at which the
        sampler draws clips; it is missing if the sampler counts frames.
    """
    model = config.get('model') or {}
    pipeline = find_pipeline(config, ('train_dataloader', 'test_dataloader'))
    optimizer = (config.get('optim_wrapper') or {}).get('optimizer') or {}
    fps = _fps_of(pipeline)
    return dict(
        training=dict(
            method=method_of(model),
            data=data_of(config, 'train_dataloader'),
            input=input_convention(model.get('data_preprocessor'), pipeline),
            **({} if fps is None else {'fps': fps}),
            history=_before(config, depth),
            optimizer=type_name(optimizer.get('type')) if optimizer.get('type') else None,
        )
    )


def training_of(meta: object, depth: int = 0) -> dict[str, Any] | None:
    """Read ``training`` from a checkpoint's ``meta``. For an older file, read it from the config's text.

    Returns:
        See :func:`training_meta`. None if nothing is known or the entry has another form.
    """
    meta = meta if isinstance(meta, Mapping) else {}
    known, text = meta.get('training'), meta.get('cfg')
    if known is None and isinstance(text, str):
        config = read_config_text(text)
        known = None if config is None else training_meta(config, depth)['training']
    return dict(known) if known is not None and _is_training(known) else None


def _is_training(value: object) -> bool:
    """Whether a file's ``training`` has the form of :func:`training_meta`, in all parts that are read."""
    if not isinstance(value, Mapping) or not {'method', 'data', 'input', 'history'} <= set(value):
        return False
    history, data, method, taught = (value[key] for key in ('history', 'data', 'method', 'input'))
    phases = [phase for phase in history if phase is not None] if isinstance(history, (list, tuple)) else [None]
    convention = isinstance(taught, Mapping) and {'channel_order', 'mean', 'std'} <= set(taught)
    return (
        isinstance(method, (str, type(None)))
        and (data is None or isinstance(data, (list, tuple)))
        and (taught is None or convention)
        and all(isinstance(phase, Mapping) and {'method', 'data'} <= set(phase) for phase in phases)
    )


def history_of(checkpoint: str | None, depth: int = 0) -> History | None:
    """List all trainings that led to a checkpoint, in order. The last one wrote the checkpoint itself.

    A training by ``tools/train.py`` keeps the history of its starting weights. For other files, ``load_from`` is
    followed as long as the files exist.

    Args:
        checkpoint: Checkpoint file. None means random weights.
        depth: Depth of the recursion.

    Returns:
        ``method``, ``data``, ``epochs``, ``seed``, ``input``, ``fps`` and ``checkpoint`` for each phase. A phase of an older
        version has no ``fps``. If the earlier history is
        unknown, the first element is None. The list is empty for random weights. The result is None if nothing is known.
    """
    if checkpoint is None:
        return []
    meta = read_meta(checkpoint)
    training = training_of(meta, depth)
    if training is None:
        if 'converted_from' not in meta:
            return None
        converted = f'{meta["converted_from"]} (converted)'
        phase = dict.fromkeys(('method', 'data', 'epochs', 'seed', 'input'))
        return [None, {**phase, 'method': converted, 'checkpoint': checkpoint}]
    own: dict[str, Any] = {key: training[key] for key in ('method', 'data', 'input', 'fps') if key in training}
    return [
        *training['history'],
        dict(own, epochs=meta.get('epoch'), seed=meta.get('seed'), checkpoint=checkpoint),
    ]


def _fps_of(pipeline: Sequence[Mapping[str, Any]]) -> float | None:
    """Rate at which the sampler of a pipeline draws clips. None if it counts frames."""
    rates = [step.get('fps', step.get('target_fps')) for step in all_steps(pipeline) if 'clip_len' in step]
    return next(iter(rates), None)


def _before(config: Mapping[str, Any], depth: int) -> History:
    if KEY in config:
        known = config[KEY]
        return [None] if known is None else list(known)
    if config.get('resume') or depth > _DEEPEST:
        return [None]  # what a resumed training started from is in no config of its own
    backbone = (config.get('model') or {}).get('backbone') or {}
    if config.get('load_from') is None:
        own = backbone.get('pretrained') or (backbone.get('init_cfg') or {})
        foreign = isinstance(own, str) or (isinstance(own, Mapping) and own.get('type') == 'Pretrained')
        return [None] if foreign else []
    earlier = history_of(str(config['load_from']), depth + 1)
    return [None] if earlier is None else earlier


def method_of(model: Mapping[str, Any]) -> str | None:
    """Return the name of a model's method, from its class and its head's. Without such names, return the type names."""
    types = [type_name(part.get('type')) for part in (model, model.get('cls_head') or {}) if part]
    known = [name for kind in types if (name := getattr(registered(MODELS, kind), 'method', ''))]
    if not known:
        return ' + '.join(types) or None
    beside = ' with a frozen teacher' if model.get('teacher') and 'auxSKD' in known else ''
    return known[0] + beside + ''.join(f' + {name}' for name in known[1:])


def data_of(config: Mapping[str, Any], loader: str, key: str | None = None) -> list[str] | None:
    """Lists or folders that a loader reads.

    Args:
        config: Config as a mapping.
        loader: Such as ``'train_dataloader'``.
        key: 'gallery' or 'query' of a ``GalleryQueryDataset``.
    """
    found: list[str] = []
    for where, dataset in data_sets(config.get(loader), loader):
        source = dataset.get('source', dataset.get('ann_file'))
        if source is not None and (key is None or where.endswith(f'.{key}')):
            root = str(dataset.get('data_root') or '')
            found += [osp.join(root, str(item)) for item in ([source] if isinstance(source, str) else source)]
    return list(dict.fromkeys(found)) or None


def set_init_history(config: Config) -> None:
    """Write the history of the starting weights into a training's config. MMEngine keeps the config in every checkpoint.

    Args:
        config: Config that ``tools/train.py`` starts, with ``load_from``, ``resume`` and ``work_dir``.
    """
    path = config.get('load_from')
    if config.get('resume'):
        path = path or find_latest_checkpoint(config.work_dir)
        if path is not None:
            resumed = history_of(path)
            config[KEY] = [None] if resumed is None else resumed[:-1]
            return
    fresh = {key: value for key, value in config.to_dict().items() if key not in (KEY, 'resume')}
    config[KEY] = _before(fresh, 0)


def methods_text(history: History | None) -> str | None:
    """Describe a history, such as ``auxSKD, then VSPP`` or ``none (random weights)``. None if nothing is known."""
    if history is None:
        return None
    names = [(phase or {}).get('method') or 'unknown' for phase in history]
    return ', then '.join(names) or 'none (random weights)'
