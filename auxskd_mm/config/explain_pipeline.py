"""Transforms in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..registry import type_name

Step = Mapping[str, Any]


def describe_pipeline(steps: Sequence[Step]) -> list[str]:
    """A phrase for each step that changes the clip; packing and marking are left out."""
    phrases = []
    for step in steps:
        name = type_name(step['type'])
        if name in ('PackActionInputs', 'MarkSample', 'FormatShape'):
            continue
        words = _WORDS.get(name)
        phrases.append(words(step) if words else _plain(name, step))
    return phrases


def _plain(name: str, step: Step) -> str:
    settings = ', '.join(f'{key}={value}' for key, value in step.items() if key != 'type')
    return f'{name}({settings})'


def _open(step: Step) -> str:
    order = 'BGR, as OpenCV reads' if step.get('channel_order') == 'bgr' else 'RGB'
    return f'open the video with {step.get("backend", "pyav")}, frames {order}'


def _segment_pace(step: Step) -> str:
    views, segments, speeds = step.get('num_views', 1), step.get('num_segments', 4), step.get('num_speeds', 4)
    what = f'one of its {segments} segments' if segments > 1 else 'the whole of it'
    text = f'{_clips(views, step)} with {what} sped up 1 to {speeds} times'
    if views == 2:
        text += ', segment and speed never the same in both'
    if step.get('mode', 'faithful') == 'fit':
        return text + '; it starts where it fits'
    lookahead = step.get('lookahead', 1)
    early = f' (early: {lookahead} steps ahead)' if lookahead > 1 else ''
    return text + f'; near the end it wraps to the first frame{early}' + _seeded(step)


def _pace(step: Step) -> str:
    paces = ', '.join(f'{pace:g}' for pace in step.get('paces', (1, 2, 3, 4)))
    wrap = 'it starts where it fits' if step.get('mode') == 'fit' else 'near the end it wraps to the first frame'
    return f'{_clips(step.get("num_views", 1), step)} at one of the paces {paces}; {wrap}' + _seeded(step)


def _order(step: Step) -> str:
    count = step.get('tuple_len', 3)
    return f'{count} clips of {step.get("clip_len", 16)} frames, {step.get("interval", 8)} apart, shuffled' + _seeded(
        step
    )


def _relative(step: Step) -> str:
    length, speed = step.get('clip_len', 16), step.get('max_speed', 2)
    return f'2 independent views of {length * speed} frames, out of which the model takes both speeds' + _seeded(step)


def _uniform(step: Step) -> str:
    clips, every = step.get('num_clips', 1), step.get('frame_interval', 1)
    where = 'evenly spread' if step.get('test_mode') else 'at random'
    apart = '' if every == 1 else f', every {every}th'
    return f'{clips} clip{"s" if clips > 1 else ""} of {step.get("clip_len")} frames{apart}, {where}'


def _clips(views: int, step: Step) -> str:
    length = step.get('clip_len', 16)
    return f'a clip of {length} frames' if views == 1 else f'{views} clips of {length} frames'


def _seeded(step: Step) -> str:
    return '' if step.get('seed') is None else f' (the same draws every time, seed {step["seed"]})'


def _resize(step: Step) -> str:
    scale = step.get('scale')
    if not isinstance(scale, (tuple, list)):
        return f'resize by {scale}'
    if -1 in scale:
        return f'resize the short side to {max(scale)}'
    how = 'whatever the aspect' if step.get('keep_ratio', True) is False else 'at most, aspect kept'
    return f'resize to {scale[0]} x {scale[1]} {how}'


def _jitter(step: Step) -> str:
    factors = ', '.join(f'{k} {step[k]}' for k in ('brightness', 'contrast', 'saturation', 'hue') if step.get(k))
    each = 'once a clip' if step.get('clip_consistent') else 'each frame its own'
    return f'colour jitter with p = {step.get("p", 1.0)} ({factors}), {each}'


_WORDS: dict[str, Callable[[Step], str]] = dict(
    OpenVideo=_open,
    DecordInit=lambda step: 'open the video with decord, frames RGB',
    SegmentPaceSample=_segment_pace,
    PaceSample=_pace,
    ClipOrderSample=_order,
    RelativeSpeedSample=_relative,
    SampleFrames=_uniform,
    DecodeClips=lambda step: 'decode each frame that is needed once',
    DecordDecode=lambda step: 'decode with decord',
    PerView=lambda step: 'in each clip on its own: ' + ', '.join(describe_pipeline(step['transforms'])),
    Resize=_resize,
    RandomCrop=lambda step: f'crop {step["size"]} at random',
    ClipRandomCrop=lambda step: f'crop {step["size"]} at random, one place a clip',
    CenterCrop=lambda step: f'crop {step["crop_size"]} from the centre',
    RandomResizedCrop=lambda step: (
        f'crop {" to ".join(map(str, step.get("area_range", (0.08, 1.0))))} of the area at random'
    ),
    Flip=lambda step: f'flip with p = {step.get("flip_ratio", 0.5)}',
    ClipColorJitter=_jitter,
    BatchColorJitter=_jitter,
    BatchRandomGrayscale=lambda step: f'grey with p = {step.get("p")}',
    ClipRandomGrayscale=lambda step: f'grey with p = {step.get("p")}',
)
