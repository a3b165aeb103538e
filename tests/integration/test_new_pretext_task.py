"""docs/new_pretext_task.md: the files on the page are taken as they stand, trained with and tested."""

import importlib
import re
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import write_video

from auxskd_mm.apis import build_runner, load_config

PAGE = Path(__file__).parents[2] / 'docs' / 'new_pretext_task.md'


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """The page's files, a folder to train and one to test on."""
    root = tmp_path_factory.mktemp('task')
    blocks = re.findall(r'```python\n# (\w+\.py)\n(.*?)```', PAGE.read_text(), flags=re.DOTALL)
    assert [name for name, _ in blocks] == ['direction.py', 'direction_r21d_k100.py']
    for name, code in blocks:
        (root / name).write_text(code)
    for part in ('train', 'test'):
        (root / part).mkdir()
        for i in range(4):
            write_video(root / part / f'{i}.mp4', num_frames=40)
    sys.path.insert(0, str(root))
    yield root
    sys.path.remove(str(root))


def test_the_sampler_turns_half_of_the_clips_round(folder):
    direction = importlib.import_module('direction')
    sampler = direction.PlaybackDirectionSample(clip_len=4, interval=3)
    np.random.seed(0)
    backwards = 0
    for _ in range(200):
        results = sampler(dict(total_frames=12))
        (label,) = results['direction_label']
        steps = np.diff(results['frame_inds'])
        assert (steps == (-3 if label else 3)).all()
        assert set(results['frame_inds']) <= set(range(12))
        backwards += label
    assert 100 - 35 < backwards < 100 + 35


def test_it_trains_and_tests(folder):
    options = {
        'model.backbone.base_channels': 2,
        'model.cls_head.in_channels': 16,
        'train_dataloader.dataset.source': str(folder / 'train'),
        'train_dataloader.dataset.data_prefix': '',
        'train_dataloader.dataset.repeat': 1,
        'test_dataloader.dataset.source': str(folder / 'test'),
        'train_cfg.max_epochs': 1,
    }
    for part in ('train', 'test'):
        options.update(
            {
                f'{part}_dataloader.batch_size': 2,
                f'{part}_dataloader.num_workers': 0,
                f'{part}_dataloader.persistent_workers': False,
            }
        )
    config = load_config(str(folder / 'direction_r21d_k100.py'), options)
    config.work_dir = str(folder / 'work')
    config.randomness = dict(seed=0)
    runner = build_runner(config)
    before = {key: value.clone() for key, value in runner.model.state_dict().items()}
    runner.train()
    assert runner.iter == 2
    moved = {key for key, value in runner.model.state_dict().items() if not torch.equal(value, before[key])}
    assert {'cls_head.fc_direction.weight', 'backbone.conv1.spatial_conv.weight'} <= moved
    assert 0 < runner.message_hub.get_scalar('train/loss_direction').current() < 10
    result = runner.test()
    kinds = ('acc', 'chance', 'ci95', 'low', 'high', 'videos', 'learned')
    assert set(result) == {f'pretext/direction_{kind}' for kind in kinds}
    assert 0.5 <= result['pretext/direction_chance'] <= 1
