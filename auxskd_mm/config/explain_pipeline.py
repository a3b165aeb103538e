"""Describes transforms in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..datasets.transforms.time_true import uniform_in_words
from ..registry import MODELS, TRANSFORMS, registered, type_name

Step = Mapping[str, Any]


def describe_pipeline(steps: Sequence[Step]) -> list[str]:
    """A phrase for each step that changes the clip; packing and marking are left out.

    A registered type with a method ``describe() -> str | None`` gives its phrase itself. '' lists its settings, and None
    leaves the step out.
    """
    phrases = (_phrase(step) for step in steps)
    return [phrase for phrase in phrases if phrase is not None]


def _phrase(step: Step) -> str | None:
    name = type_name(step['type'])
    if name in ('PackActionInputs', 'FormatShape'):
        return None
    kind: Any = registered(TRANSFORMS, step['type']) or registered(MODELS, step['type'])
    if hasattr(kind, 'describe'):
        said = kind(**_settings(step)).describe()
        if said != '':
            return said
    return _WORDS[name](step) if name in _WORDS else _plain(name, step)


def _settings(step: Step) -> dict[str, Any]:
    """Options of a step, without the scope that MMEngine writes into configs of other packages."""
    return {key: value for key, value in step.items() if key not in ('type', '_scope_')}


def _plain(name: str, step: Step) -> str:
    return f'{name}({", ".join(f"{key}={value}" for key, value in _settings(step).items())})'


def _uniform(step: Step) -> str:
    every, test_mode = step.get('frame_interval', 1), step.get('test_mode', False)
    return uniform_in_words(step.get('num_clips', 1), step.get('clip_len', 1), every, test_mode)


def _resize(step: Step) -> str:
    scale = step.get('scale')
    if not isinstance(scale, (tuple, list)):
        return f'resize by {scale}'
    if -1 in scale:
        return f'resize the short side to {max(scale)}'
    how = 'whatever the aspect' if step.get('keep_ratio', True) is False else 'at most, aspect kept'
    return f'resize to {scale[0]} x {scale[1]} {how}'


# MMAction2's steps, and those that hold other steps. A step of this package has a method ``describe``.
_WORDS: dict[str, Callable[[Step], str]] = dict(
    DecordInit=lambda step: 'open the video with decord, frames RGB',
    PyAVInit=lambda step: 'open the video with PyAV, frames RGB',
    OpenCVInit=lambda step: 'open the video with OpenCV, frames RGB',
    SampleFrames=_uniform,
    UniformSample=lambda step: (
        f'{step.get("num_clips", 1)} clip{"s" if step.get("num_clips", 1) > 1 else ""} of {step["clip_len"]} frames, one '
        'from each equal part of the video'
    ),
    DecordDecode=lambda step: 'decode with decord',
    PyAVDecode=lambda step: 'decode with PyAV',
    OpenCVDecode=lambda step: 'decode with OpenCV',
    RawFrameDecode=lambda step: 'read the frames from a folder of images',
    PerView=lambda step: 'in each clip on its own: ' + ', '.join(describe_pipeline(step['transforms'])),
    Resize=_resize,
    RandomCrop=lambda step: f'crop {step["size"]} at random',
    CenterCrop=lambda step: f'crop {step["crop_size"]} from the centre',
    RandomResizedCrop=lambda step: (
        f'crop {" to ".join(map(str, step.get("area_range", (0.08, 1.0))))} of the area at random'
    ),
    Flip=lambda step: f'flip with p = {step.get("flip_ratio", 0.5)}',
)
