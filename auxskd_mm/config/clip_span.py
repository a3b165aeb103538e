"""Number of video frames that the clips of a config span."""

from __future__ import annotations

from mmengine.config import Config
from mmengine.registry import init_default_scope

from ..datasets.short_videos import frames_spanned
from ..errors import InputError
from ..registry import TRANSFORMS, type_name
from .pipelines import LOADERS, all_steps, data_sets


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
    init_default_scope(config.get('default_scope', 'mmaction'))
    for loader in reversed(LOADERS):
        found: list[tuple[int, str, float | None]] = []
        for _, dataset in data_sets(config.get(loader), loader):
            for step in all_steps(dataset.get('pipeline')):
                kind = TRANSFORMS.get(str(step.get('type'))) if isinstance(step.get('type'), str) else step.get('type')
                if hasattr(kind, 'frames_needed') or type_name(kind) == 'SampleFrames':
                    sampler = TRANSFORMS.build(dict(step))
                    found.append((frames_spanned(sampler) or 0, type_name(kind), getattr(sampler, 'fps', None)))
        if found:
            return max(found, key=lambda one: one[0] / (one[2] or 1))
    raise InputError(
        f'{config.filename or "the config"}: no pipeline of it samples clips in a way that tells how many frames they span; '
        'give --min-frames'
    )
