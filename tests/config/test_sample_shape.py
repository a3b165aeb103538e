"""Shapes of samples, by running pipelines on made-up frames."""

import pytest
from mmengine.config import Config
from tool_runs import CONFIGS

from auxskd_mm.apis import load_config
from auxskd_mm.config.sample_shape import frames_of_config, sample_shape
from auxskd_mm.errors import InputError


@pytest.mark.parametrize(
    ('name', 'split', 'shape'),
    [
        ('auxskd_r21d_k100.py', None, (2, 3, 16, 112, 112)),
        ('vspp_s3dg_k100.py', 'train', (1, 3, 64, 224, 224)),
        ('vcop_r21d_k100.py', 'train', (3, 3, 16, 112, 112)),
        ('rspnet_r21d_k100.py', 'train', (2, 3, 32, 112, 112)),
        ('downstream/retrieval_r21d_ucf101.py', 'test', (10, 3, 16, 112, 112)),
        ('examples/vspp_slowonly_mmaction.py', 'train', (1, 3, 16, 224, 224)),
    ],
)
def test_shipped_configs(name, split, shape):
    assert sample_shape(load_config(str(CONFIGS / name)), split) == shape


@pytest.mark.parametrize('fps', [2, 60])
def test_a_made_up_video_has_the_rate_of_the_sampler(fps):
    config = load_config(str(CONFIGS / 'examples/vspp_r21d_small.py'), {'fps': fps})
    assert config.train_dataloader.dataset.pipeline[1].fps == fps
    assert sample_shape(config, 'train') == (1, 3, 16, 40, 40)


def test_a_made_up_video_is_long_enough_for_any_sampler():
    options = {'sample.interval': 400, 'sample.tuple_len': 4, 'model.cls_head.tuple_len': 4}
    config = load_config(str(CONFIGS / 'vcop_r21d_k100.py'), options)
    assert frames_of_config(config) == (4 * 16 + 3 * 400, 'ClipOrderSample', None)
    assert sample_shape(config, 'train') == (4, 3, 16, 112, 112)


def test_a_stock_recipe_of_mmaction2():
    config = load_config('mmaction::recognition/slowonly/slowonly_r50_8xb16-4x16x1-256e_kinetics400-rgb.py')
    assert sample_shape(config, 'train') == (1, 3, 4, 224, 224)
    assert sample_shape(config) == (30, 3, 4, 256, 256)  # 10 clips, 3 crops


def test_nothing_to_run():
    with pytest.raises(InputError, match='no test_dataloader or val_dataloader or train_dataloader'):
        sample_shape(Config(dict(a=1)))
    with pytest.raises(InputError, match='no val_dataloader'):
        sample_shape(load_config(str(CONFIGS / 'auxskd_r21d_k100.py')), 'val')
