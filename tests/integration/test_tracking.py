"""The example that TensorBoard and W&B follow: what a run wrote, read back."""

from __future__ import annotations

import json
import sys
from types import ModuleType, SimpleNamespace

import numpy as np
from doc_blocks import blocks_of
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tool_runs import CONFIGS, ROOT, TINY_VSPP, call_tool, tiny_clips


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


class FakeWandb(ModuleType):
    """The part of wandb that MMEngine's backend calls; keeps what it is given."""

    def __init__(self):
        super().__init__('wandb')
        self.logged, self.settings, self.metrics, self.configs = [], [], [], []
        self.config = SimpleNamespace(update=lambda config, **_: self.configs.append(config))
        self.run = SimpleNamespace(log_code=lambda **_: None)
        self.joined = False

    def init(self, **settings):
        self.settings.append(settings)

    def define_metric(self, **metric):
        self.metrics.append(metric)

    def log(self, values, commit):
        assert commit
        self.logged.append(dict(values))

    def Image(self, image):
        return np.array(image)

    def join(self):
        self.joined = True


def test_wandb_gets_the_same_scalars_and_the_sheet(tmp_path, monkeypatch, capfd):
    wandb = FakeWandb()
    monkeypatch.setitem(sys.modules, 'wandb', wandb)
    blocks = [block.code for block in blocks_of(ROOT / 'docs/pictures.md') if '# tracked_wandb.py' in block.code]
    config = tmp_path / 'tracked_wandb.py'
    config.write_text(*blocks)
    clips = tiny_clips(tmp_path / 'set')
    options = {**TINY_VSPP, 'train_dataloader.dataset.source': str(clips / 'train')}
    ended = call_tool(monkeypatch, capfd, 'train.py', config, '--work-dir', tmp_path / 'run', options=options)
    assert ended.code == 0, ended.err
    folder = next((tmp_path / 'run').glob('*/vis_data'))
    rows = [json.loads(line) for line in (folder / 'scalars.json').read_text().splitlines()]
    scalars = [logged for logged in wandb.logged if 'loss' in logged]
    assert rows
    # LocalVisBackend adds the step, which W&B has as iter.
    assert scalars == [{key: value for key, value in row.items() if key != 'step'} for row in rows]
    assert [logged['iter'] for logged in scalars] == [row['step'] for row in rows]
    assert wandb.metrics == [dict(name='*', step_metric='iter')]
    (settings,) = wandb.settings
    assert (settings['project'], settings['mode']) == ('auxskd_mm', 'offline')
    (kept_config,) = wandb.configs
    assert kept_config['model']['cls_head']['type'] == 'auxskd_mm.VSPPHead'
    (sheet,) = [logged['clips'] for logged in wandb.logged if 'clips' in logged]
    with Image.open(next((folder / 'vis_image').glob('clips_*.png'))) as kept:
        np.testing.assert_array_equal(sheet, np.asarray(kept.convert('RGB')))
    assert wandb.joined
