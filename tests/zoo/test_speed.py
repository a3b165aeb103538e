"""What is timed, and how often; not how long it takes."""

import pytest
import torch
from conftest import write_video
from mmengine.config import Config
from tool_runs import CONFIGS, TINY_AUXSKD, TINY_VSPP

from auxskd_mm.apis import load_config
from auxskd_mm.errors import InputError
from auxskd_mm.models.data_preprocessors import FeatureDataPreprocessor
from auxskd_mm.zoo import speed as benchmark
from auxskd_mm.zoo.speed import Speed, inference_speed, loader_speed


@pytest.fixture
def clock(monkeypatch):
    """A clock that moves a second each time it is read."""
    ticks = iter(range(1000))
    monkeypatch.setattr(benchmark.time, 'perf_counter', lambda: float(next(ticks)))


def test_figures():
    speed = Speed((1.0, 4.0, 2.0), 8)
    assert speed.median == 2.0
    assert speed.samples_per_second == pytest.approx(24 / 7)
    assert str(speed) == ('3.43 samples per second, batches of 8: median 2000.0 ms (1000.0 to 4000.0 over 3)')


def test_a_short_loader_is_gone_through_again(tmp_path, clock):
    for i in range(5):
        write_video(tmp_path / f'{i}.mp4')
    options = {**TINY_VSPP, 'train_dataloader.dataset.source': str(tmp_path)}
    config = load_config(str(CONFIGS / 'demo' / 'vspp_motion.py'), options)
    assert loader_speed(config, batches=5, warmup=2) == Speed((1.0,) * 5, 4)


def test_a_loader_without_a_batch_ends(tmp_path, clock):
    for i in range(2):
        write_video(tmp_path / f'{i}.mp4')
    options = {
        **TINY_VSPP,
        'train_dataloader.dataset.source': str(tmp_path),
        'train_dataloader.dataset.repeat': 1,
        'train_dataloader.batch_size': 3,
        'train_dataloader.drop_last': True,
    }
    config = load_config(str(CONFIGS / 'demo' / 'vspp_motion.py'), options)
    with pytest.raises(InputError, match=r'train_dataloader yields no batch.* batch_size of 3'):
        loader_speed(config, batches=1, warmup=0)


@pytest.mark.parametrize('name', ['vspp', 'auxskd'])
def test_inference(name, clock):
    options = TINY_VSPP if name == 'vspp' else TINY_AUXSKD
    config = load_config(str(CONFIGS / 'demo' / f'{name}_motion.py'), options)
    assert inference_speed(config, batch_size=2, batches=2, warmup=1, device='cpu') == Speed((1.0, 1.0), 2)


def test_inference_on_stored_feature_maps(clock, monkeypatch):
    """The preprocessor of maps takes no frames."""
    given = []
    forward = FeatureDataPreprocessor.forward
    monkeypatch.setattr(
        FeatureDataPreprocessor, 'forward', lambda self, data, *args: given.append(data) or forward(self, data, *args)
    )
    config = load_config(str(CONFIGS / 'warm_start' / 'pace_features.py'))
    assert inference_speed(config, batch_size=2, batches=1, warmup=0, device='cpu') == Speed((1.0,), 2)
    assert [maps.dtype for maps in given[0]['inputs']] == [torch.float16] * 2


def test_bad_input():
    config = load_config(str(CONFIGS / 'demo' / 'vspp_motion.py'), TINY_VSPP)
    with pytest.raises(InputError, match='no val_dataloader'):
        loader_speed(config, 'val')
    with pytest.raises(InputError, match='batches=0'):
        inference_speed(config, batches=0)
    with pytest.raises(InputError, match='batch_size=0'):
        inference_speed(config, batch_size=0)
    with pytest.raises(InputError, match='no model'):
        inference_speed(Config(dict(a=1)))
    config.train_dataloader.dataset.source = 'no/such/folder'
    with pytest.raises(InputError, match='no/such/folder'):
        loader_speed(config)
