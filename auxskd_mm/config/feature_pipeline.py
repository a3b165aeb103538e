"""Turns the test pipeline of any config into one that yields uniform clips for features."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmengine.config import Config

from ..datasets.transforms import TimeTrue
from ..errors import InputError, check_least
from ..registry import TRANSFORMS, is_a, type_name
from .pipelines import all_steps, evaluation_steps, is_random

_OF_WHOLE_VIDEOS = ('UniformSample', 'UniformSampleFrames')  # each of their clips spans the video
_STRIDED = ('SampleFrames', 'UntrimmedSampleFrames')  # take frame_interval
_STOCK_SAMPLERS = (*_OF_WHOLE_VIDEOS, *_STRIDED, 'DenseSampleFrames')
# Steps that follow a sampler of this package, or write keys that only a pretext task needs.
_DROPPED = ('BlendFrames', 'MarkSample')


def feature_pipeline(config: Config, num_clips: int = 10) -> list[dict[str, Any]]:
    """Make a feature pipeline from a config's test (or validation) pipeline, with another sampler and packer.

    MMAction2's ``SampleFrames`` replaces every kind of sampler (segment-paced clips, ordered tuples ...). If that sampler
    has ``fps``, :class:`TimedSampleFrames` with the same ``fps`` replaces it. The clips keep their length. Their starts
    are spread evenly from the first frame to the last start that fits. ``UniformSample`` and ``UniformSampleFrames`` stay:
    each of their clips spans the video, and a network that was trained on such clips knows no consecutive frames. Decoding,
    channel order, resizing and cropping do not change, because the weights expect them.

    A config without both pipelines uses its training pipeline. Its random crops become central crops, and
    its other random steps are left out.

    Args:
        config: Config with a ``test_dataloader``, ``val_dataloader`` or ``train_dataloader``.
        num_clips: Clips per video.

    Returns:
        Transform configs for a data set whose samples hold ``filename``.

    Raises:
        InputError: If the config has no such pipeline, or the pipeline has no sampler, no packer or a random step.
    """
    check_least('', num_clips=num_clips)
    steps = evaluation_steps(config, or_training=True)
    pipeline: list[dict[str, Any]] = [dict(type='auxskd_mm.MarkSample', start_index=0)]  # SampleFrames asks for it
    samplers = packers = 0
    for step in steps:
        name = type_name(step['type'])
        if _is_sampler(step):
            samplers += 1
            pipeline.append(_uniform(step, num_clips))
        elif is_a(TRANSFORMS, step['type'], 'PackActionInputs'):
            packers += 1
            pipeline.append(dict(type='PackActionInputs', meta_keys=('filename',)))
        elif chance := next(filter(is_random, all_steps(step)), None):
            name = type_name(chance['type'])
            raise InputError(f'the test pipeline has the random step {name}: give a pipeline without it')
        elif name not in _DROPPED:
            pipeline.append(dict(step))
    if samplers != 1 or packers != 1:
        raise InputError(
            f'the test pipeline has {samplers} samplers and {packers} PackActionInputs, expected one of each: give a '
            'pipeline'
        )
    return pipeline


def _is_sampler(step: Mapping[str, Any]) -> bool:
    kind = TRANSFORMS.get(step['type']) if isinstance(step['type'], str) else step['type']
    if kind is None:
        raise InputError(f"the test pipeline has the unknown step '{step['type']}'")
    return issubclass(kind, TimeTrue) or is_a(TRANSFORMS, kind, *_STOCK_SAMPLERS)


def _uniform(step: Mapping[str, Any], num_clips: int) -> dict[str, Any]:
    if is_a(TRANSFORMS, step['type'], *_OF_WHOLE_VIDEOS):
        return dict(step, num_clips=num_clips, test_mode=True)
    clip_len = step.get('clip_len', 16)
    interval = step.get('frame_interval', 1) if is_a(TRANSFORMS, step['type'], *_STRIDED) else 1
    clips = dict(clip_len=clip_len, frame_interval=interval, num_clips=num_clips, test_mode=True)
    if step.get('fps') is None:
        return dict(type='SampleFrames', **clips)
    return dict(type='auxskd_mm.TimedSampleFrames', **clips, fps=step['fps'])
