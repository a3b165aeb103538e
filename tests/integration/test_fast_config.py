"""The config with the switches of docs/speed.md trains from a packed store, one decode for five clips."""

import uuid

import runs
import torch
from mmengine.hooks import Hook
from tool_runs import CONFIGS, tiny_clips

from auxskd_mm.apis import load_config
from auxskd_mm.datasets import video_list
from auxskd_mm.datasets.packing import pack_videos
from auxskd_mm.datasets.stores import SourceVideo, StoreSettings

BATCH, PER_DECODE, REPEAT, VIDEOS = 10, 5, 10, 8


class Seen(Hook):
    """Video and frames of every clip, a step a row; and the losses."""

    def __init__(self):
        self.clips, self.losses = [], []

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        self.clips.append([(sample.filename, tuple(sample.frame_inds)) for sample in data_batch['data_samples']])

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        self.losses.append(float(outputs['loss'].detach()))


def packed(folder):
    """A store of MotionClips, as ``pack_videos.py --size 171 128`` writes it."""
    paths = sorted((tiny_clips(folder / 'clips') / 'train').rglob('*.mp4'))
    assert len(paths) == VIDEOS
    pack_videos(folder / 'store', [SourceVideo(str(path), path.name) for path in paths], StoreSettings(size=(171, 128)))
    return folder / 'store'


def test_it_trains_from_a_store(tmp_path, monkeypatch):
    store = packed(tmp_path)
    config = load_config(
        str(CONFIGS / 'examples' / 'vspp_r21d_k100_fast.py'),
        {
            'model.backbone.base_channels': 2,
            'model.cls_head.in_channels': 16,
            'train_dataloader.dataset.source': str(store),
            'train_dataloader.batch_size': BATCH,
            'train_dataloader.num_workers': 0,
            'train_dataloader.persistent_workers': False,
            'train_cfg.max_epochs': 1,
            'env_cfg.dist_cfg.backend': 'gloo',
            'work_dir': str(tmp_path / 'run'),
        },
    )
    config.experiment_name = uuid.uuid4().hex
    config.test_dataloader = config.test_evaluator = config.test_cfg = None
    decodes = []
    together = video_list.SharedDecode.__call__
    monkeypatch.setattr(
        video_list.SharedDecode, '__call__', lambda self, infos: decodes.append(len(infos)) or together(self, infos)
    )
    seen = Seen()
    runner = runs.runner_of(config, seen)
    before = {name: value.detach().clone() for name, value in runner.model.named_parameters()}
    runner.train()

    steps = VIDEOS * REPEAT // BATCH
    # Two groups of one video that meet in a batch share a decode as well.
    assert {count % PER_DECODE for count in decodes} == {0}
    assert sum(decodes) == steps * BATCH
    names = [name for step in seen.clips for name, _ in step]
    assert {name: names.count(name) for name in names} == dict.fromkeys(names, REPEAT)
    assert len(set(names)) == VIDEOS
    assert all(name.startswith(str(store)) for name in names)
    for step in seen.clips:
        assert len({name for name, _ in step[:PER_DECODE]}) == len({name for name, _ in step[PER_DECODE:]}) == 1
        assert len(set(step)) > BATCH // 2  # clips of a decode are drawn one by one

    assert len(seen.losses) == steps
    assert all(torch.isfinite(torch.tensor(seen.losses)))
    after = dict(runner.model.named_parameters())
    assert any(not torch.equal(after[name], value) for name, value in before.items())
    kernels = [value for value in after.values() if value.dim() == 5]
    assert all(kernel.is_contiguous(memory_format=torch.channels_last_3d) for kernel in kernels)
    assert all(group['fused'] for group in runner.optim_wrapper.optimizer.param_groups)
