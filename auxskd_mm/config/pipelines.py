"""Walker over configs: the data sets of a loader, their pipelines, and the steps of a pipeline."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..choices import SPLITS
from ..errors import InputError
from ..registry import DATASETS, TRANSFORMS, is_a, registered, type_name

if TYPE_CHECKING:
    from ..typing import ConfigLike

Step = Mapping[str, Any]
# The order in which tools that want "the" pipeline of a config look: as it is tested, else as it is trained.
LOADERS = tuple(f'{split}_dataloader' for split in reversed(SPLITS))

# Of MMAction2. Types of this package start with these or with "Random", or extend one.
_RANDOM = ('ColorJitter', 'ClipColorJitter', 'ClipRandomGrayscale', 'ImgAug', 'MultiScaleCrop')
# Steps that run a transform of another library, and their transforms without chance.
_WRAPPERS = ('PytorchVideoWrapper', 'TorchVisionWrapper')
_CALM_OPS = ('CenterCrop', 'Grayscale', 'Pad', 'Resize', 'ShortSideScale')


def takes_source(dataset: Mapping[str, Any]) -> bool:
    """Whether a data set is an ``UnlabeledVideoDataset``. A ``LabeledVideoDataset`` extends it, and takes a list."""
    kind = dataset.get('type')
    return is_a(DATASETS, kind, 'UnlabeledVideoDataset') and not is_a(DATASETS, kind, 'LabeledVideoDataset')


def data_sets(part: object, key: str = '') -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield every data set that a part of a config builds.

    A wrapper yields its inner data sets (``RepeatDataset``: ``dataset``; ``ConcatDataset``: ``datasets``). A
    ``GalleryQueryDataset`` yields the gallery and then the queries. Each includes the settings in ``common``.

    Args:
        part: A loader, a list of loaders, or a part that holds loaders (``custom_hooks``). None yields nothing.
        key: Key of the part. It is put before each yielded key.

    Yields:
        Dotted key of the data set, and its config. If a data set shares no settings, this is the object in the config
        itself, so changes reach the config.
    """
    if isinstance(part, Mapping):
        if isinstance(part.get('dataset'), (Mapping, list, tuple)):
            yield from _inside(part['dataset'], f'{key}.dataset')
        else:
            for name, value in part.items():
                yield from data_sets(value, f'{key}.{name}')
    elif isinstance(part, (list, tuple)):
        for i, item in enumerate(part):
            yield from data_sets(item, f'{key}.{i}')


def _inside(dataset: object, key: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if isinstance(dataset, (list, tuple)):
        for i, item in enumerate(dataset):
            yield from _inside(item, f'{key}.{i}')
    elif isinstance(dataset, Mapping):
        wrapped = next((name for name in ('dataset', 'datasets') if isinstance(dataset.get(name), _NESTED)), None)
        if isinstance(dataset.get('common'), Mapping):
            for name in ('gallery', 'query'):
                yield f'{key}.{name}', {**dataset['common'], **(dataset.get(name) or {})}
        elif wrapped is None:
            yield key, dataset
        else:
            for where, inner in _inside(dataset[wrapped], f'{key}.{wrapped}'):
                own = dataset.get('pipeline')  # a wrapper's steps follow those of what it wraps
                yield where, ({**inner, 'pipeline': [*(inner.get('pipeline') or []), *own]} if own else inner)


_NESTED = (Mapping, list, tuple)


def find_pipeline(config: ConfigLike, loaders: Sequence[str] = LOADERS) -> list[Step]:
    """Return the steps of the first pipeline in these loaders.

    Args:
        config: Config as a mapping.
        loaders: Keys such as ``('test_dataloader', 'val_dataloader')``, in order.

    Returns:
        Transform configs. Empty if there is no pipeline.
    """
    for loader in loaders:
        for _, dataset in data_sets(config.get(loader), loader):
            if dataset.get('pipeline'):
                return list(dataset['pipeline'])
    return []


def evaluation_steps(config: ConfigLike, or_training: bool = False) -> list[Step]:
    """Return the transform configs of the test loader, or else of the validation loader.

    Args:
        config: Any config.
        or_training: If the config has neither loader, use the training loader's steps without the random steps.

    Raises:
        InputError: If no loader has a pipeline.
    """
    steps = find_pipeline(config, LOADERS[:2])
    if not steps and or_training:
        steps = calm_steps(find_pipeline(config, LOADERS[2:]))
    if not steps:
        raise InputError('the config has no test_dataloader or val_dataloader to take a pipeline from: give a pipeline')
    return steps


def all_steps(steps: object) -> Iterator[Step]:
    """Yield every step of a pipeline. Steps inside ``PerView`` and other ``transforms`` follow their outer step."""
    for step in [steps] if isinstance(steps, Mapping) else steps if isinstance(steps, (list, tuple)) else ():
        if isinstance(step, Mapping):
            yield step
            yield from all_steps(step.get('transforms'))
        else:  # one of several pipelines, as in mmcv's RandomChoice
            yield from all_steps(step)


def find_steps(steps: object, *names: str) -> list[Step]:
    """Return every step of these types, at any depth of a pipeline.

    Args:
        steps: A pipeline.
        names: Bare names. 'OpenVideo' finds both ``auxskd_mm.OpenVideo`` and the class.
    """
    return [step for step in all_steps(steps) if type_name(step.get('type')) in names]


def frame_channels(steps: object) -> int | None:
    """Channels that a pipeline gives to frames, ``OpenVideo.channels``; None leaves those of the files."""
    return next((step['channels'] for step in find_steps(steps, 'OpenVideo') if step.get('channels')), None)


def is_random(step: Step) -> bool:
    """Whether a step draws a crop, a flip or colours at random. Inner steps are not checked.

    A transform says so by its class attribute ``is_random``. One without it is random if it is, or extends, one that is
    known, or whose name starts with 'Random', or if mmcv's ``cache_randomness`` marks a method of it.
    """
    kind: Any = registered(TRANSFORMS, step.get('type'))
    names = [type_name(one) for one in (kind.__mro__ if kind else (step.get('type'),))]
    if names[0] in _WRAPPERS:
        return step.get('op') not in _CALM_OPS
    if (said := getattr(kind, 'is_random', None)) is not None:
        return bool(said)
    for name in names:
        if name == 'Flip':
            return bool(step.get('flip_ratio', 0.5))
        if name == 'CenterCrop':  # extends RandomCrop
            return False
        if name.startswith('Random') or name in _RANDOM:
            return True
    return bool(getattr(kind, '_methods_with_randomness', None))


def calm_steps(steps: Sequence[Step]) -> list[Step]:
    """A training pipeline without chance: crops from the centre, no flips, no jitter, the same for every view.

    A crop of random size becomes the central square of the short side, and a random scale its smallest one. Where no step
    before it tells the short side, the whole frame stays.
    """
    return _calmed(steps, None)[0]


def _calmed(steps: Sequence[Step], short: int | None) -> tuple[list[Step], int | None]:
    """Steps without chance, and the short side of the frames behind them. ``short`` is that before them, None if unknown."""
    calm: list[Step] = []
    for step in steps:
        name = str(step.get('op')) if type_name(step['type']) in _WRAPPERS else type_name(step['type'])
        if name == 'PerView':
            inside, short = _calmed(step['transforms'], short)
            calm += inside
            continue
        if name in ('RandomCrop', 'ClipRandomCrop'):
            step = dict(type='CenterCrop', crop_size=step['size'])
        elif name in ('RandomResizedCrop', 'MultiScaleCrop') and short:
            step = dict(type='CenterCrop', crop_size=short)
        elif name in ('RandomRescale', 'RandomShortSideScale'):
            scales = step['scale_range'] if name == 'RandomRescale' else (step['min_size'],)
            step = dict(type='Resize', scale=(-1, min(scales)))
        elif is_random(step):
            continue
        calm.append(step)
        short = _short_side(step, short)
    return calm, short


def _short_side(step: Step, before: int | None) -> int | None:
    """Short side of the frames behind a step without chance."""
    name, scale = type_name(step['type']), step.get('scale')
    if name == 'CenterCrop':
        size = step['crop_size']
        return int(min(size)) if isinstance(size, (tuple, list)) else int(size)
    if name in (*_WRAPPERS, 'MotionCrop'):  # these may leave frames of any size
        return None
    if name != 'Resize':
        return before
    if not isinstance(scale, (tuple, list)):  # a factor
        return None
    if -1 in scale:
        return int(max(scale))
    return None if step.get('keep_ratio', True) else int(min(scale))
