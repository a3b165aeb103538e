"""Describes transforms in words."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..functional.jitter_params import OPERATIONS
from ..functional.tasks import ordinal
from ..registry import MODELS, TRANSFORMS, type_name
from .task_names import built_sampler

Step = Mapping[str, Any]


def describe_pipeline(steps: Sequence[Step]) -> list[str]:
    """A phrase for each step that changes the clip; packing and marking are left out."""
    phrases = []
    for step in steps:
        name = type_name(step['type'])
        if name in ('PackActionInputs', 'MarkSample', 'FormatShape'):
            continue
        if words := _WORDS.get(name):
            phrases.append(words({**_defaults(step), **step}))
        else:
            sampler = built_sampler(step)
            phrases.append((sampler.describe() if sampler else '') or _plain(name, step))
    return phrases


def _defaults(step: Step) -> Step:
    """Default arguments of a step, from its class."""
    kind = step['type']
    if isinstance(kind, str):
        kind = TRANSFORMS.get(kind) or MODELS.get(kind)
    parameters = inspect.signature(kind).parameters if isinstance(kind, type) else {}
    return {name: one.default for name, one in parameters.items() if one.default is not one.empty}


def _plain(name: str, step: Step) -> str:
    settings = ', '.join(f'{key}={value}' for key, value in step.items() if key != 'type')
    return f'{name}({settings})'


def _open(step: Step) -> str:
    order = 'BGR, as OpenCV reads' if step['channel_order'] == 'bgr' else 'RGB'
    rate = f', {step["source_fps"]:g} per second where none is stated' if step['source_fps'] else ''
    return f'open the video with {step["backend"]}, frames {order}{rate}'


def _uniform(step: Step) -> str:
    clips, every = step.get('num_clips', 1), step.get('frame_interval', 1)
    where = 'evenly spread' if step.get('test_mode') else 'at random'
    apart = '' if every == 1 else f', every {ordinal(every)}'
    fps = step.get('fps')
    seconds = '' if fps is None else f' at {fps:g} frames per second ({step.get("clip_len", 1) * every / fps:.3g} s)'
    return f'{clips} clip{"s" if clips > 1 else ""} of {step.get("clip_len")} frames{apart}{seconds}, {where}'


def _resize(step: Step) -> str:
    scale = step.get('scale')
    if not isinstance(scale, (tuple, list)):
        return f'resize by {scale}'
    if -1 in scale:
        return f'resize the short side to {max(scale)}'
    how = 'whatever the aspect' if step.get('keep_ratio', True) is False else 'at most, aspect kept'
    return f'resize to {scale[0]} x {scale[1]} {how}'


def _jitter(step: Step) -> str:
    factors = ', '.join(f'{k} {step[k]}' for k in OPERATIONS if step.get(k))
    each = 'once a clip' if step.get('clip_consistent') else 'each frame its own'
    return f'colour jitter with p = {step["p"]} ({factors}), {each}'


_WORDS: dict[str, Callable[[Step], str]] = dict(
    OpenVideo=_open,
    DecordInit=lambda step: 'open the video with decord, frames RGB',
    SampleFrames=_uniform,
    TimedSampleFrames=_uniform,
    DecodeClips=lambda step: 'decode each frame that is needed once',
    DecordDecode=lambda step: 'decode with decord',
    PerView=lambda step: 'in each clip on its own: ' + ', '.join(describe_pipeline(step['transforms'])),
    Resize=_resize,
    RandomCrop=lambda step: f'crop {step["size"]} at random',
    ClipRandomCrop=lambda step: f'crop {step["size"]} at random, one place per clip',
    MotionCrop=lambda step: f'crop around the motion of the video, at least {step["size"]:g} of each side',
    CenterCrop=lambda step: f'crop {step["crop_size"]} from the centre',
    RandomResizedCrop=lambda step: f'crop {" to ".join(map(str, step["area_range"]))} of the area at random',
    Flip=lambda step: f'flip with p = {step["flip_ratio"]}',
    ClipColorJitter=_jitter,
    BatchColorJitter=_jitter,
    BatchRandomGrayscale=lambda step: f'grey with p = {step["p"]}',
    ClipRandomGrayscale=lambda step: f'grey with p = {step["p"]}',
)
