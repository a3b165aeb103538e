"""The example that TensorBoard follows: what a run wrote, read back."""

from __future__ import annotations

import json

import numpy as np
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tool_runs import CONFIGS, TINY_VSPP, call_tool, tiny_clips


def test_tensorboard_has_the_scalars_and_the_sheet(tmp_path, monkeypatch, capfd):
    clips = tiny_clips(tmp_path / 'set')
    options = {**TINY_VSPP, 'train_dataloader.dataset.source': str(clips / 'train')}
    words = [CONFIGS / 'examples/vspp_motion_tracked.py', '--work-dir', tmp_path / 'run']
    ended = call_tool(monkeypatch, capfd, 'train.py', *words, options=options)
    assert ended.code == 0, ended.err
    folder = next((tmp_path / 'run').glob('*/vis_data'))
    rows = [json.loads(line) for line in (folder / 'scalars.json').read_text().splitlines()]
    assert rows
    events = EventAccumulator(str(folder), size_guidance={'images': 0})
    events.Reload()
    for key in ('loss_speed', 'pace_acc', 'lr'):
        np.testing.assert_allclose(
            [event.value for event in events.Scalars(key)], [row[key] for row in rows], rtol=1e-6
        )
    (image,) = events.Images('clips')
    with Image.open(next((folder / 'vis_image').glob('clips_*.png'))) as kept:
        assert (image.width, image.height) == kept.size
