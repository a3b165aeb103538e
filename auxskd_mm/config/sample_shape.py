"""Shape and type of a sample from a config's pipeline, and the frames that its clips span. No video is needed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from mmengine.config import Config
from mmengine.dataset import Compose
from torch import Tensor

from ..datasets.input_sources import input_pipeline
from ..datasets.short_videos import frames_spanned
from ..errors import InputError
from ..registry import TRANSFORMS, type_name, use_scope
from .pipelines import LOADERS, all_steps, data_sets, find_pipeline, frame_channels

# A made-up video in the 4:3 of most data sets. It is longer where a sampler needs more frames.
_FRAMES, _HEIGHT, _WIDTH = 300, 240, 320


def sample_shape(config: Config, split: str | None = None) -> tuple[int, ...]:
    """Shape of :func:`made_up_inputs`."""
    return tuple(made_up_inputs(config, split).shape)


def network_shape(config: Config, shape: Sequence[int]) -> tuple[int, ...]:
    """Shape (V, C, T, H, W) of a sample behind the data preprocessor: ``mean`` of three channels makes three of grey."""
    mean = ((config.get('model') or {}).get('data_preprocessor') or {}).get('mean')
    made = len(mean) if isinstance(mean, (list, tuple)) and shape[1] == 1 else shape[1]
    return (shape[0], made, *shape[2:])


def made_up_inputs(config: Config, split: str | None = None) -> Tensor:
    """Inputs (V, C, T, H, W) of a sample, from a run of the pipeline on made-up frames (uint8) or feature maps (float16).

    Args:
        config: Config with loaders.
        split: 'train', 'val' or 'test'. None takes the first loader that exists, in the order test, val, train.

    Raises:
        InputError: If the config has no such loader, or its pipeline does not take videos.
    """
    loaders = LOADERS if split is None else (f'{split}_dataloader',)
    steps = find_pipeline(config, loaders)
    if not steps:
        raise InputError(f'the config has no {" or ".join(loaders)}')
    use_scope(config)
    count = max([_FRAMES, *(span for span, _, _ in _spans(steps))])
    frames = np.broadcast_to(np.zeros((), np.uint8), (count, _HEIGHT, _WIDTH, frame_channels(steps) or 3))
    sample = dict(filename='made_up.mp4', frames=frames, start_index=0, label=0, sample_idx=0, test_mode=True)
    # At the rate of the sampler the video has as many steps as frames, and is as long as without a rate.
    sample['avg_fps'] = next((step['fps'] for step in all_steps(steps) if step.get('fps')), None)
    if any(type_name(step['type']) == 'OpenFeatures' for step in steps):
        pipeline = _map_pipeline(steps, count)
    else:
        pipeline = input_pipeline(steps)
        pipeline[0].source_fps = sample['avg_fps']
    made = Compose(pipeline)(sample)
    if made is None:
        raise InputError('a step of the pipeline drops the sample that it is tried with; leave such steps out')
    inputs: Tensor = made['inputs']
    return inputs


def _map_pipeline(steps: Sequence[Mapping[str, Any]], count: int) -> list[Any]:
    """A pipeline for a store of ``count`` feature maps per video whose opening and reading steps make up the maps."""
    opener = next(step for step in steps if type_name(step['type']) == 'OpenFeatures')
    channels, grid = opener.get('channels'), opener.get('grid')
    if channels is None or grid is None:
        raise InputError('OpenFeatures: set channels and grid; without a store they say the shape of its maps')

    def open_maps(results: dict[str, Any]) -> dict[str, Any]:
        results.update(total_frames=count)
        return results

    def read_maps(results: dict[str, Any]) -> dict[str, Any]:
        clips, clip_len = len(results['frame_inds'].reshape(-1, results['clip_len'])), results['clip_len']
        results['imgs'] = np.zeros((clips, channels, clip_len, *grid), np.float16)
        results['original_shape'] = results['img_shape'] = tuple(grid)
        return results

    stand_ins = dict(OpenFeatures=open_maps, DecodeFeatures=read_maps)
    return [stand_ins.get(type_name(step['type']), dict(step)) for step in steps]


def frames_of_config(config: Config) -> tuple[int, str, float | None]:
    """Compute the number of frames that a video needs for every clip of a config to fit.

    Args:
        config: Any config. The span comes from its training loader, or else from its test or validation loader.

    Returns:
        Number of frames, the bare name of the sampler that needs them, and the sampler's ``fps``, at which the frames
        count. It is None if the sampler counts the frames of the file.

    Raises:
        InputError: If no pipeline has a sampler with a known span.
    """
    use_scope(config)
    for loader in reversed(LOADERS):
        found = [one for _, dataset in data_sets(config.get(loader), loader) for one in _spans(dataset.get('pipeline'))]
        if found:
            return max(found, key=lambda one: one[0] / (one[2] or 1))
    raise InputError(
        f'{config.filename or "the config"}: no pipeline of it samples clips in a way that tells how many frames they span; '
        'give --min-frames'
    )


def _spans(steps: object) -> Iterator[tuple[int, str, float | None]]:
    """Frames that each sampler of a known span needs, its bare name and its ``fps``."""
    for step in all_steps(steps):
        kind = TRANSFORMS.get(str(step.get('type'))) if isinstance(step.get('type'), str) else step.get('type')
        if hasattr(kind, 'frames_needed') or type_name(kind) == 'SampleFrames':
            sampler = TRANSFORMS.build(dict(step))
            yield frames_spanned(sampler) or 0, type_name(kind), getattr(sampler, 'fps', None)
