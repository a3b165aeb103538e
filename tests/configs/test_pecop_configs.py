"""PECoP's configs: the numbers of the code, its spatial pipeline by hand, and what the improved one changes."""

from pathlib import Path

import numpy as np
import pytest
import torch
from mmaction.registry import MODELS
from mmengine.dataset import Compose
from mmengine.registry import PARAM_SCHEDULERS

from auxskd_mm.apis import load_config

FOLDER = Path(__file__).parents[2] / 'configs'


@pytest.fixture(scope='module')
def config():
    return load_config(str(FOLDER / 'pecop_i3d_k400.py'))


@pytest.fixture(scope='module')
def improved():
    return load_config(str(FOLDER / 'pecop_i3d_k400_improved.py'))


def sampler(config):
    return config.train_dataloader.dataset.pipeline[1]


def test_numbers_of_the_code(config):
    drawn = sampler(config)
    assert (drawn.clip_len, drawn.num_speeds, drawn.num_segments, drawn.base_step, drawn.mode) == (32, 5, 4, 3, 'pecop')
    head = config.model.cls_head
    assert (head.num_speeds, head.num_segments, head.dropout, list(head.window)) == (5, 4, 0.5, [2, 7, 7])
    optimizer = dict(config.optim_wrapper.optimizer)
    assert optimizer == dict(type='SGD', lr=0.01, momentum=0.9, weight_decay=1e-4)
    assert (config.train_dataloader.batch_size, config.train_dataloader.dataset.repeat) == (16, 20)
    assert config.train_cfg.max_epochs == 8


def test_the_learning_rate_never_comes_down(config):
    # Specification 3.5, of the run of the original schedule.
    wanted = [0.01, 0.009949, 0.009797, 0.009548, 0.009206, 0.008779, 0.008274, 0.007703]
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], lr=config.optim_wrapper.optimizer.lr)
    scheduler = PARAM_SCHEDULERS.build(dict(config.param_scheduler, optimizer=optimizer))
    found = []
    for _ in range(config.train_cfg.max_epochs):
        found.append(optimizer.param_groups[0]['lr'])
        optimizer.step()
        scheduler.step()
    assert found == pytest.approx(wanted, abs=5e-7)


def test_adapters_and_heads_alone_are_trained(config):
    with torch.device('meta'):
        model = MODELS.build(config.model)
    trained = {name: p for name, p in model.named_parameters() if p.requires_grad}
    assert len(trained) == 49
    assert sum(p.numel() for p in trained.values()) == 1_118_293
    assert sum(p.numel() for p in model.parameters()) == 13_815_557 - 400 * 1025  # less the classifier of Kinetics
    assert model.train().backbone.mixed_4c.branch_0.batch3d.training  # the statistics of the frozen norms move
    assert {m.eps for m in model.modules() if isinstance(m, torch.nn.BatchNorm3d)} == {1e-5}


def nearest(frames, height, width):
    """OpenCV's nearest neighbour by index: pixel x shows the pixel floor(x * w / width) of a frame of width w."""
    rows = np.arange(height) * frames.shape[1] // height
    columns = np.arange(width) * frames.shape[2] // width
    return frames[:, rows][:, :, columns]


@pytest.mark.parametrize('size', [(72, 128), (300, 200)])
def test_frames_are_flipped_made_portraits_and_cropped(config, size):
    steps = config.train_dataloader.dataset.pipeline
    names = [step.type.split('.')[-1] for step in steps]
    assert names[:3] == ['OpenVideo', 'SegmentPaceSample', 'DecodeClips']
    assert steps[0].channel_order == 'bgr'
    spatial = Compose(steps[3:-1])
    frames = np.random.RandomState(0).randint(0, 256, (3, *size, 3)).astype(np.uint8)
    flips = set()
    for seed in range(6):
        np.random.seed(seed)
        made = dict(
            imgs=list(frames.copy()), clip_len=3, num_clips=1, img_shape=size, original_shape=size, modality='RGB'
        )
        clip = spatial(made)['imgs'][0].transpose(1, 2, 3, 0)  # (C, T, H, W) -> (T, H, W, C)
        assert clip.shape == (3, 224, 224, 3)
        found = [
            (flip, x, y)
            for flip, whole in enumerate((nearest(frames, 455, 256), nearest(frames[:, :, ::-1], 455, 256)))
            for x in range(33)
            for y in range(232)
            if np.array_equal(whole[0, y, x : x + 224], clip[0, 0])
            and np.array_equal(whole[:, y : y + 224, x : x + 224], clip)
        ]
        assert len(found) >= 1
        flips.add(found[0][0])
    assert flips == {0, 1}


def test_rgb_constants_meet_bgr_frames(config):
    clip = torch.randint(0, 256, (1, 3, 2, 4, 4), dtype=torch.uint8)
    data = dict(inputs=[clip], data_samples=[None])
    made = MODELS.build(config.model.data_preprocessor)(data)['inputs'][0, 0].double()
    for channel, (mean, std) in enumerate(zip((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))):
        wanted = (clip[0, channel].double() / 255 - mean) / std
        assert torch.allclose(made[channel], wanted, atol=1e-6)


def test_the_improved_config_changes_what_it_says(config, improved):
    with torch.device('meta'):
        model = MODELS.build(improved.model)
    assert {m.eps for m in model.modules() if isinstance(m, torch.nn.BatchNorm3d)} == {1e-3}
    assert not model.train().backbone.mixed_4c.branch_0.batch3d.training
    assert sampler(improved).mode == 'fit'
    pipeline = improved.train_dataloader.dataset.pipeline
    assert pipeline[0].get('channel_order', 'rgb') == 'rgb'
    assert improved.model.data_preprocessor.mean == improved.model.data_preprocessor.std == [127.5] * 3
    assert [dict(step) for step in pipeline if step.type == 'Resize'] == [dict(type='Resize', scale=(-1, 256))]
    assert improved.optim_wrapper.optimizer == config.optim_wrapper.optimizer
    assert sampler(improved).base_step == sampler(config).base_step
