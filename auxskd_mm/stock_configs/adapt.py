"""Adapts a config of MMAction2, made for action labels and frames, to a pretext task on clips."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from mmengine.config import Config
from mmengine.logging import print_log

from ..choices import SPLITS
from ..config.origins import config_chain
from ..config.pipelines import LOADERS, find_pipeline
from ..errors import InputError
from ..models.adapters.widths import FRAME_OPTIONS
from ..models.backbones.frames import is_network_of_frames
from ..models.heads import ClipFeatureHead, PooledHead
from ..models.pretext import PretextModel
from ..registry import MODELS, TRANSFORMS, type_name
from .training import complete_training

if TYPE_CHECKING:
    from collections.abc import Sequence


def adapt_stock_config(config: Config) -> list[str]:
    """Adapt the config of a Runner that has a model or a head of this package, in place. Print and return a line for
    each change.

    Configs of other models do not change, and a second call changes nothing. A 2-D recogniser, or a recogniser of a 2-D
    network, becomes a ``FrameRecognizer``, and its clips keep their time axis. Blending of labels and auxiliary
    classifiers are removed. Backbones get the number of frames that the sampler draws. A recipe that only tests gets the
    settings of a training.

    Raises:
        InputError: If the recipe is for optical flow, or the clips cannot be divided into the two rates of SlowFast.
    """
    model = config.get('model')
    if not isinstance(model, Mapping):
        return []
    head, method = class_of(model.get('cls_head')), class_of(model)
    if not _is_a(method, PretextModel) and not _is_a(head, (PooledHead, ClipFeatureHead)):
        return []
    for key in ('model', *LOADERS):  # what is built, not variables
        _drop_deletions(config.get(key))
    _check_channels(config)
    lines = [
        *_label_parts(model),
        *_recogniser(config),
        *_stages(config),
        *_format(config),
        *_frames(config),
    ]
    if not _is_a(head, ClipFeatureHead):
        lines += complete_training(config)
    for line in lines:
        print_log(f'recipe adapted to the pretext task: {line}', logger='current')
    return lines


def _drop_deletions(part: object) -> None:
    """Remove ``_delete_=True``, which MMEngine leaves in a config if the recipe has nothing to delete."""
    for value in part.values() if isinstance(part, Mapping) else part if isinstance(part, (list, tuple)) else ():
        _drop_deletions(value)
    if isinstance(part, dict):
        part.pop('_delete_', None)


def _check_channels(config: Config) -> None:
    """Refuse a network of other channels than the frames have, as far as the config tells.

    Without ``OpenVideo.channels`` the files decide, and a file of the wrong number is refused when it is read. A stock recipe
    of other channels is one for flow.
    """
    channels = (config.model.get('backbone') or {}).get('in_channels', 3)
    steps = find_pipeline(config, ('train_dataloader',))
    opened = [step.get('channels') for step in steps if type_name(step.get('type')) == 'OpenVideo']
    stock = type_name((config.model.get('data_preprocessor') or {}).get('type')) != 'ClipDataPreprocessor'
    if channels != 3 and stock and opened and opened[0] is None:
        raise InputError(
            f'model.backbone.in_channels={channels}: the recipe is for optical flow, but OpenVideo gives frames of 3 '
            'channels: set in_channels=3, and mean and std of model.data_preprocessor to 3 numbers'
        )
    if opened and opened[0] not in (None, channels):
        raise InputError(
            f'model.backbone.in_channels={channels}, but OpenVideo.channels={opened[0]}: give both one number'
        )


def class_of(part: object) -> type | None:
    """Class of a config's part, if the registry knows it."""
    kind = part.get('type') if isinstance(part, Mapping) else None
    if isinstance(kind, type):
        return kind
    found = MODELS.get(type_name(kind)) if kind is not None else None
    return found if isinstance(found, type) else None


def _is_a(kind: type | None, of: Any) -> bool:
    return kind is not None and issubclass(kind, of)


def _label_parts(model: Mapping[str, Any]) -> Iterator[str]:
    """Blending and auxiliary classifiers need action labels, which pretext samples do not have."""
    preprocessor = model.get('data_preprocessor')
    if isinstance(preprocessor, dict) and preprocessor.get('blending') is not None:
        preprocessor['blending'] = None
        yield 'model.data_preprocessor.blending is set aside, because it mixes action labels'
    neck = model.get('neck')
    if isinstance(neck, dict) and neck.get('aux_head_cfg') is not None:
        neck['aux_head_cfg'] = None
        yield 'model.neck.aux_head_cfg is set aside, because it classifies actions'


def _recogniser(config: Config) -> Iterator[str]:
    """Recognisers that cannot hand clips to a head."""
    model = config.model
    name = type_name(model.get('type'))
    if name == 'Recognizer2D':
        model['type'] = 'auxskd_mm.FrameRecognizer'
        yield 'model.type is auxskd_mm.FrameRecognizer in place of Recognizer2D, so that the head gets whole clips'
    kind = (model.get('backbone') or {}).get('type')
    if name == 'Recognizer3D' and is_network_of_frames(kind):
        model['type'] = 'auxskd_mm.FrameRecognizer'
        yield f'model.type is auxskd_mm.FrameRecognizer in place of Recognizer3D, because {type_name(kind)} takes frames'
    if name == 'RecognizerOmni':
        model['type'] = 'Recognizer3D'
        yield 'model.type is Recognizer3D in place of RecognizerOmni, because there are no images to learn from'
    loop = config.get('train_cfg')
    if isinstance(loop, dict) and type_name(loop.get('type')) == 'MultiLoaderEpochBasedTrainLoop':
        loop['type'] = 'EpochBasedTrainLoop'
        loop.pop('other_loaders', None)
        yield 'train_cfg.type is EpochBasedTrainLoop, without the other loaders'


def _stages(config: Config) -> Iterator[str]:
    """A recipe's backbone that fed a neck of several stages, in a model that has no neck."""
    backbone = config.model.get('backbone') or {}
    indices = backbone.get('out_indices')
    if not isinstance(indices, (list, tuple)) or len(indices) < 2:
        return
    if type_name((config.model.get('neck') or {}).get('type')) != 'TPN' and _extends_mmaction(config):
        backbone['out_indices'] = (max(indices),)
        yield f'model.backbone.out_indices={tuple(indices)} is ({max(indices)},), the last stage'


def _extends_mmaction(config: Config) -> bool:
    """Whether a file of MMAction2 is among the bases. Without one, several stages are a mistake of the config's own."""
    path = config.filename
    return path is not None and any(file.package == 'mmaction' for file in config_chain(str(path)))


def _format(config: Config) -> Iterator[str]:
    """Clips keep their time axis: 'NCHW' puts the frames of all clips of a sample in one row."""
    shapes = []
    for split in SPLITS:
        steps: list[Any] = find_pipeline(config, (f'{split}_dataloader',))
        for step in steps:
            if type_name(step.get('type')) != 'FormatShape':
                continue
            if step.get('input_format') == 'NCHW' and (_sampled(steps) or (1, 1))[0] > 1:
                step['input_format'] = 'NCTHW'
                yield f"FormatShape of {split}_dataloader has input_format='NCTHW' in place of 'NCHW'"
            shapes.append(step.get('input_format'))
    preprocessor = config.model.get('data_preprocessor')
    if not shapes or not isinstance(preprocessor, dict) or shapes[0] not in ('NCHW', 'NCTHW'):
        return
    default = 'NCHW' if type_name(preprocessor.get('type')) == 'ActionDataPreprocessor' else 'NCTHW'
    before = preprocessor.get('format_shape', default)
    if before != shapes[0]:
        preprocessor['format_shape'] = shapes[0]
        yield f"model.data_preprocessor.format_shape is '{shapes[0]}' in place of '{before}', as in the pipeline"


def _frames(config: Config) -> Iterator[str]:
    """Backbones that are built for one number of frames get the sampler's."""
    backbone, kind = config.model.get('backbone'), class_of(config.model.get('backbone'))
    pipelines = (find_pipeline(config, (f'{split}_dataloader',)) for split in SPLITS)
    sampled = next((found for steps in pipelines if (found := _sampled(steps))), None)
    if not isinstance(backbone, dict) or kind is None or sampled is None:
        return
    length, clips = sampled
    frames = clips if length == 1 else length  # TSN's samplers draw clips of one frame: together they are one clip
    for key, default in _options(kind).items():
        before = backbone.get(key, default)
        if key in FRAME_OPTIONS and before != frames:
            backbone[key] = frames
            was = f' in place of {before}' if isinstance(before, int) else ''
            yield f'model.backbone.{key} is {frames}{was}, the frames of a clip'
    rate = backbone.get('resample_rate', 8)
    if type_name(backbone.get('type')) == 'ResNet3dSlowFast' and frames % rate:
        raise InputError(
            f'the sampler draws clips of {frames} frames, but the slow pathway of ResNet3dSlowFast takes every '
            f'{rate}-th: set clip_len to a multiple of {rate}, or model.backbone.resample_rate'
        )


def _options(kind: type) -> dict[str, Any]:
    """Return the default options of a class, including its base classes (``ResNetTIN(depth, **kwargs)``)."""
    found: dict[str, Any] = {}
    for owner in reversed(kind.__mro__):
        if '__init__' in vars(owner) and owner is not object:
            found |= {key: option.default for key, option in inspect.signature(owner).parameters.items()}
    return found


def _sampled(steps: Sequence[Mapping[str, Any]]) -> tuple[int, int] | None:
    """(clip_len, num_clips) of a pipeline's sampler; None without a sampler."""
    for step in steps:
        kind = step.get('type')
        sampler = kind if isinstance(kind, type) else TRANSFORMS.get(type_name(kind))
        known = _options(sampler) if isinstance(sampler, type) else {}
        if 'clip_len' in known:
            return step.get('clip_len', known['clip_len']), step.get('num_clips', known.get('num_clips', 1))
    return None
