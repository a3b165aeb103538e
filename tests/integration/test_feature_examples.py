"""The examples on stored feature maps: auxSKD with the trunk as its teacher, and the trunk under the same temporal module."""

import pytest
import torch
from conftest import write_video
from feature_stores import made_up_maps, made_up_store
from mmengine.optim import build_optim_wrapper
from small_models import make_batch
from tool_runs import CONFIGS, call_tool

from auxskd_mm.apis import load_config
from auxskd_mm.datasets.packing import pack_videos
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


def test_stores_of_another_trunk_are_refused_before_the_first_step(tmp_path, monkeypatch, capfd):
    config = EXAMPLES / 'vspp_features_small.py'
    opening = load_config(str(config)).train_dataloader.dataset.pipeline[0]
    videos = [SourceVideo(write_video(tmp_path / f'{i}.mp4', 40), f'{i}.mp4') for i in range(4)]
    store = made_up_store(tmp_path, videos, opening)

    def ended(name, **changes):
        """A training on the store, with another store of changed settings."""
        other = pack_videos(tmp_path / name, videos, store.settings._replace(**changes), extract=made_up_maps).path
        sources = dict(other=other, store=store.path)
        options = {key: value for key, value in QUICK.items() if 'queue' not in key}
        options |= {f'{loader}_dataloader.dataset.source': sources[use] for loader, use in loaders.items()}
        work_dir = tmp_path / f'run_{name}'
        return call_tool(monkeypatch, capfd, 'train.py', config, '--work-dir', work_dir, options=options).error_line()

    loaders = dict(train='other')
    other_weights = dict(trunk='0' * 16)  # as load_from leaves them: the config of the trunk stays
    assert 'of other weights than init_cfg of the config names' in ended('weights', **other_weights)
    frames = dict(store.settings.preparation, data_preprocessor=dict(opening.frame_preprocessor, mean=[0.0] * 3))
    assert 'come from frames in another form (mean=[0.0, 0.0, 0.0]' in ended('frames', preparation=frames)
    loaders = dict(train='store', test='other')
    line = ended('tested', **other_weights)
    assert 'test_dataloader.dataset (' in line
    assert 'a store of another trunk' in line


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
