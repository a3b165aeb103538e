"""The examples on stored feature maps: auxSKD with the trunk as its teacher, and the trunk under the same temporal module."""

import pytest
import torch
from conftest import write_video
from feature_stores import made_up_store
from mmengine.optim import build_optim_wrapper
from small_models import make_batch
from tool_runs import CONFIGS, call_tool

from auxskd_mm.apis import load_config
from auxskd_mm.datasets.stores import SourceVideo
from auxskd_mm.registry import MODELS

EXAMPLES = CONFIGS / 'examples'
QUICK = {
    'epochs': 1,
    'train_dataloader.batch_size': 2,
    'train_dataloader.num_workers': 0,
    'train_dataloader.persistent_workers': False,
    'model.queue_size': 4,
}


@pytest.mark.parametrize(('width', 'ends'), [(320, None), (112, 'model.teacher.out_channels=112')])
def test_the_maps_of_a_store_are_the_teacher_of_auxskd(width, ends, tmp_path, monkeypatch, capfd):
    config = tmp_path / 'taught.py'
    config.write_text(
        f"_base_ = '{EXAMPLES / 'auxskd_features_small.py'}'\n"
        f"model = dict(teacher=dict(type='auxskd_mm.FrozenTeacher', out_channels={width}))\n"
    )
    opening = load_config(str(config)).train_dataloader.dataset.pipeline[0]
    videos = [SourceVideo(write_video(tmp_path / f'{i}.mp4', 40), f'{i}.mp4') for i in range(4)]
    store = made_up_store(tmp_path, videos, opening)
    options = {**QUICK, 'train_dataloader.dataset.source': store.path}
    ended = call_tool(monkeypatch, capfd, 'train.py', config, '--work-dir', tmp_path / 'run', options=options)
    if ends is not None:
        assert ends in ended.error_line()
        return
    assert ended.code == 0, ended.err
    state = torch.load(tmp_path / 'run' / 'epoch_1.pth', weights_only=True)['state_dict']
    assert state['frozen.queue.features'].shape == (4, 320)
    assert state['frozen.queue.filled'] == 4


def test_the_trunk_under_the_temporal_module_takes_a_step():
    config = load_config(str(EXAMPLES / 'vspp_trunk_small.py'))
    torch.manual_seed(0)
    model = MODELS.build(config.model)
    model.init_weights()
    model.train()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    wrapper = build_optim_wrapper(model, config.optim_wrapper)
    batch = make_batch(1, 4, 160, dict(pace_label=4, segment_label=4))
    batch = {key: values[:2] for key, values in batch.items()}
    losses = model.train_step(batch, wrapper)
    assert torch.isfinite(losses['loss'])
    moved = {key for key, value in model.state_dict().items() if not torch.equal(value, before[key])}
    assert 'backbone.temporal.project.0.weight' in moved
    assert not any(key.startswith('backbone.trunk.') for key in moved)
