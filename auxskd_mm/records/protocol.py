"""The protocol of a number: a JSON file beside it with everything that the number depends on.

The values come from the config, the checkpoint and the process. An unknown value is null and never guessed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmaction.evaluation import AccMetric
from mmengine.config import Config

from ..config.explain_training import pretrained_parts
from ..config.input_convention import input_convention, same_convention
from ..config.pipelines import all_steps, data_sets, find_pipeline, find_steps
from ..files import write_whole
from ..registry import MODELS, TRANSFORMS, is_a, type_name
from .environment import command_of_process, git_revision, now, package_versions
from .measured import Measured, measured_by
from .provenance import KEY, History, data_of, history_of, methods_text, read_meta, training_of

_AVERAGE_CLIPS = dict(prob='probabilities', score='logits')
_NOT_UNIFORM = ('DenseSampleFrames', 'SampleAVAFrames')


def protocol_of(
    config: Config | Mapping[str, Any],
    checkpoint: str | None,
    *,
    part: str = 'test',
    command: str | None = None,
) -> dict[str, Any]:
    """Make the protocol of a measurement by a config with a checkpoint.

    Args:
        config: Config of the run, with its overrides.
        checkpoint: The measured checkpoint. None means random weights.
        part: 'test', 'val' or 'train'. 'val' is a validation during a training; it uses the config's own
            ``init_history``.
        command: Command line. None takes the command line of this process.

    Returns:
        Protocol of JSON types only. ``docs/recipes.md`` describes the keys.
    """
    name = Path(str(config.filename)).name if isinstance(config, Config) and config.filename else None
    config = config.to_dict() if isinstance(config, Config) else dict(config)
    model = config.get('model') or {}
    measured = measured_by(config.get(f'{part}_evaluator'))
    kinds = list(dict.fromkeys(one.measures for one in measured if one.measures))
    # A frozen network is measured as its checkpoint left it; a trained one started from what came before.
    meta = read_meta(checkpoint) if checkpoint is not None else {}
    frozen = bool(kinds) and all(one.frozen for one in measured if one.measures)
    history = _history(config, checkpoint, meta, own='classification' not in kinds, part=part)
    pipeline = find_pipeline(config, (f'{part}_dataloader',))
    parts = [model, *pipeline]  # the trunk of stored features stands in the pipeline
    used = input_convention(model.get('data_preprocessor'), pipeline)
    taught = history[-1].get('input') if history and history[-1] else None
    return dict(
        method=_method(history, parts),
        pretraining=history,
        pretraining_data=_data(history),
        init=_init(history, parts),
        backbone=_network(model.get('backbone')),
        evaluation=kinds or None,
        trained=_trained(model, frozen, kinds),
        clip=_clip(pipeline),
        crop=_crop(pipeline),
        input=used,
        input_as_in_pretraining=_as_taught(history, used, taught),
        averaging=_averaging(model, measured),
        data=_labelled(config, part),
        split=config.get('split'),
        # Source of randomness: the training of the classifier, or of the network whose features are compared.
        seed=_drawn(config) if checkpoint is None else meta.get('seed'),
        checkpoint=checkpoint,
        config=name,
        **_process(command),
    )


def protocol_of_features(
    config: Config,
    checkpoint: str | None,
    *,
    pipeline: Sequence[Mapping[str, Any]],
    pooling: str,
    videos: Sequence[str],
    seed: int | None = None,
) -> dict[str, Any]:
    """Make the protocol of features with their own pipeline and pooling; see :func:`protocol_of`.

    Args:
        config: Config of the network.
        checkpoint: Weights of the network. None means random weights, drawn from ``seed``.
        pipeline: Steps that made the clips.
        pooling: Pooling of the feature maps.
        videos: Folders or lists of the videos.
        seed: Seed of random weights.
    """
    run = config.to_dict()
    run['model'] = {**run['model'], 'cls_head': dict(type='ClipFeatureHead', pooling=pooling)}
    run['test_dataloader'] = dict(dataset=dict(source=list(videos), pipeline=list(pipeline)))
    run.update(test_evaluator=dict(type='KNNMetric'), train_dataloader=None, randomness=dict(seed=seed))
    name = Path(str(config.filename)).name if config.filename else None
    return {**protocol_of(run, checkpoint), 'evaluation': None, 'config': name}


def protocol_of_comparison(gallery: str | Path, queries: str | Path, evaluation: Sequence[str]) -> dict[str, Any]:
    """Make the protocol of measurements on two feature files, of the training split and of the test split, from their
    own protocols. ``evaluation`` are the settings of the measurements. Unknown values are null.
    """
    one, other = read_protocol(gallery) or {}, read_protocol(queries) or {}
    keys = [key for key in protocol_of({}, None) if key not in _process()]
    alike = {key: one.get(key) if one.get(key) == other.get(key) else None for key in keys}
    tested = (other.get('data') or {}).get('test')
    trained = (one.get('data') or {}).get('train') or (one.get('data') or {}).get('test')
    return {**alike, 'data': dict(train=trained, test=tested), 'evaluation': list(evaluation), **_process()}


def _process(command: str | None = None) -> dict[str, Any]:
    return dict(command=command or command_of_process(), git=git_revision(), versions=package_versions(), date=now())


def write_protocol(result: str | Path, protocol: Mapping[str, Any], metrics: Mapping[str, Any] | None = None) -> Path:
    """Write ``<result>.protocol.json`` beside a result, and return its path: ``protocol`` and, where given, the
    measured numbers as ``result``. The file of the result may be missing.
    """
    path = Path(result).with_suffix('.protocol.json')
    content = dict(result=dict(metrics), protocol=protocol) if metrics is not None else dict(protocol=protocol)
    return write_whole(path, json.dumps(content, indent=1, default=_plain) + '\n')


def read_protocol(result: str | Path) -> dict[str, Any] | None:
    """Read the protocol beside a result. None if there is none."""
    path = Path(result).with_suffix('.protocol.json')
    try:
        return json.loads(path.read_text(encoding='utf-8'))['protocol']
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _plain(value: object) -> Any:
    return value.item() if hasattr(value, 'item') else str(value)


def _name(entry: Mapping[str, Any]) -> str:
    return type_name(entry.get('type'))


def _history(
    config: Mapping[str, Any], checkpoint: str | None, meta: Mapping[str, Any], *, own: bool, part: str
) -> History | None:
    if part != 'test':
        return config.get(KEY)
    whole = history_of(checkpoint)
    if own or not whole:
        return whole
    # The last training of a classifier's checkpoint is the labelled one, unless it is unknown.
    return whole[:-1] if training_of(meta) is not None else None


def _as_taught(
    history: History | None, used: Mapping[str, Any] | None, taught: Mapping[str, Any] | None
) -> bool | str | None:
    if history is not None and not history:
        return 'no pretraining'
    return same_convention(used, taught) if used and taught else None


def _data(history: History | None) -> list[str] | None:
    if history is None or any(phase is None or phase.get('data') is None for phase in history):
        return None
    return list(dict.fromkeys(name for phase in history if phase for name in phase['data']))


def _method(history: History | None, parts: object) -> str | None:
    public = history is not None and not history and any(pretrained_parts(parts, 'model'))
    return 'none (public weights)' if public else methods_text(history)


def _init(history: History | None, parts: object = None) -> str | None:
    if history is None:
        return None
    if not history:
        return ', '.join(address for _, address in pretrained_parts(parts, 'model')) or 'random'
    return (history[-1] or {}).get('checkpoint')


def _network(backbone: Mapping[str, Any] | None) -> str | None:
    if not backbone:
        return None
    options = ', '.join(f'{key}={value!r}' for key, value in backbone.items() if key not in ('type', 'init_cfg'))
    return f'{_name(backbone)}({options})'


def _trained(model: Mapping[str, Any], frozen: bool, kinds: Sequence[str]) -> str | None:
    if frozen:
        return 'backbone frozen'
    if 'classification' not in kinds:
        return None
    backbone = model.get('backbone') or {}
    stages = backbone.get('frozen_stages', -1)
    if stages == 'all':  # of an image network
        return (
            'all but the image network' if isinstance(backbone.get('temporal'), Mapping) else 'linear, backbone frozen'
        )
    if stages == -1:
        return 'all layers'
    return 'linear, backbone frozen' if stages == 4 else f'stages after {stages}'  # 0 is the stem, 4 the last stage


def _clip(pipeline: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    for step in all_steps(pipeline):
        if 'clip_len' not in step:
            continue
        sampler = _name(step)
        kind = step.get('type')
        # MMAction2's dense samplers extend SampleFrames, and take other clips.
        uniform = is_a(TRANSFORMS, kind, 'SampleFrames') and not is_a(TRANSFORMS, kind, *_NOT_UNIFORM)
        interval = step.get('frame_interval', 1) if uniform else None
        counted = uniform or is_a(TRANSFORMS, kind, 'UniformSample')
        return dict(
            frames=step['clip_len'],
            stride=interval,
            per_video=step.get('num_clips', 1) if counted else None,
            fps=step.get('fps', step.get('target_fps')),
            sampler=sampler,
            still=any(step.get('enabled', True) for step in find_steps(pipeline, 'StillFrames')),
        )
    return None


def _crop(pipeline: Sequence[Mapping[str, Any]]) -> str | None:
    words = ('Resize', 'Crop', 'Flip')
    steps = [
        f'{_name(step)} {step.get("scale", step.get("crop_size", step.get("size", "")))}'.strip()
        for step in all_steps(pipeline)
        if any(word in _name(step) for word in words)
    ]
    if any(step.get('all_variants') for step in find_steps(pipeline, 'DecodeFeatures')):
        steps.append('all variants of the store')
    return ', '.join(steps) or None


def _averaging(model: Mapping[str, Any], measured: Sequence[Measured]) -> str | None:
    head = model.get('cls_head') or {}
    for one in measured:
        if one.average is not None:
            return one.average
        if one.kind is not None and issubclass(one.kind, AccMetric):
            return _AVERAGE_CLIPS.get(str(head.get('average_clips', 'prob')))
        if one.frozen:
            pooling = head.get('pooling', 'average') if is_a(MODELS, head.get('type'), 'ClipFeatureHead') else None
            return f'features ({pooling} pooling)' if pooling else 'features'
    return None


def _labelled(config: Mapping[str, Any], part: str) -> dict[str, Any]:
    loader = f'{part}_dataloader'
    if any(where.endswith('.gallery') for where, _ in data_sets(config.get(loader), loader)):
        return dict(train=data_of(config, loader, 'gallery'), test=data_of(config, loader, 'query'))
    return dict(train=data_of(config, 'train_dataloader'), test=None if part == 'train' else data_of(config, loader))


def _drawn(config: Mapping[str, Any]) -> int | None:
    return (config.get('randomness') or {}).get('seed')
