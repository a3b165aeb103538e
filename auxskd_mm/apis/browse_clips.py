"""What a config feeds its model, as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from mmengine.config import Config
from mmengine.registry import init_default_scope

from ..datasets.transforms import OpenVideo, SegmentPaceSample
from ..errors import InputError
from ..functional.clip_indices import segment_window
from ..registry import DATASETS
from ..visualization import SheetClip, draw_clip_sheet


def browse_clips(config: Config, out: str | Path, *, split: str = 'train', number: int = 6, seed: int = 0) -> Path:
    """Draw random samples of a config's dataset as the model gets them, before any work on the model's device.

    Args:
        config: Config with a ``<split>_dataloader`` of segment-paced clips.
        out: PNG file to write.
        split: 'train', 'val' or 'test'.
        number: Clips (rows).
        seed: Which samples, and their random draws.

    Raises:
        InputError: If the config has no such loader or another kind of sampler.
    """
    loader = config.get(f'{split}_dataloader')
    if loader is None:
        raise InputError(f'the config has no {split}_dataloader')
    init_default_scope(config.get('default_scope', 'mmaction'))
    dataset = DATASETS.build(loader['dataset'])
    steps = dataset.pipeline.transforms
    sampler = next((step for step in steps if isinstance(step, SegmentPaceSample)), None)
    if sampler is None:
        raise InputError(f'{split}_dataloader: its pipeline has no SegmentPaceSample to show')
    opener = next((step for step in steps if isinstance(step, OpenVideo)), None)
    swap = opener is not None and opener.channel_order == 'bgr'
    np.random.seed(seed)
    chosen = np.random.permutation(len(dataset))[:number]
    clips: list[SheetClip] = []
    for i in chosen:
        clips.extend(_rows(dataset[int(i)], sampler, swap))
    return draw_clip_sheet(clips, out)


def _rows(data: dict[str, Any], sampler: SegmentPaceSample, swap: bool) -> list[SheetClip]:
    """One row a view."""
    sample = data['data_samples']
    views = data['inputs'].permute(0, 2, 3, 4, 1).numpy()  # (V, T, H, W, C)
    numbers = np.asarray(sample.frame_inds).reshape(len(views), -1)
    rows = []
    for view, frames in enumerate(views):
        speed, segment = sampler.speeds[int(sample.pace_label[view])], int(sample.segment_label[view])
        first, last = segment_window(sampler.clip_len, sampler.num_segments, segment)
        paced = [speed > 1 and first <= i <= last for i in range(len(frames))]
        who = '' if len(views) == 1 else ('student: ', 'teacher: ')[view]
        caption = f'{who}speed {speed}x, segment {segment + 1} of {sampler.num_segments}   {Path(sample.filename).name}'
        rows.append(SheetClip(frames[..., ::-1] if swap else frames, numbers[view].tolist(), paced, caption))
    return rows
