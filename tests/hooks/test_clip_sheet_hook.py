"""The picture reaches the backends, shows the first batch, and no step of the training changes."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import write_video
from mmengine.config import Config
from mmengine.runner import Runner
from PIL import Image

from auxskd_mm.errors import InputError
from auxskd_mm.hooks import ClipSheetHook, clip_sheet_hook

pytestmark = pytest.mark.usefixtures('plain_config_text')

BACKENDS = ['LocalVisBackend', *(['TensorboardVisBackend'] if importlib.util.find_spec('tensorboard') else [])]


def train(tmp_path, name, hooks, backend='LocalVisBackend', shape='NCTHW'):
    """Two epochs of VSPP on three videos with jitter on the model's device."""
    for i in range(3):
        if not (tmp_path / f'{i}.mp4').exists():
            write_video(tmp_path / f'{i}.mp4', num_frames=16 + 5 * i)
    pipeline = [
        dict(type='auxskd_mm.OpenVideo'),
        dict(type='auxskd_mm.SegmentPaceSample', clip_len=4, num_segments=2, num_speeds=2),
        dict(type='auxskd_mm.DecodeClips'),
        dict(type='RandomCrop', size=32),
        dict(type='FormatShape', input_format=shape),
        dict(
            type='PackActionInputs',
            algorithm_keys=('pace_label', 'segment_label'),
            meta_keys=('filename', 'frame_inds'),
        ),
    ]
    config = dict(
        default_scope='mmaction',
        experiment_name=f'{tmp_path.name}_{name}',
        work_dir=str(tmp_path / name),
        model=dict(
            type='Recognizer3D',
            backbone=dict(type='ResNet3d', depth=18, pretrained=None, base_channels=4, stage_blocks=(1,) * 4),
            cls_head=dict(type='auxskd_mm.VSPPHead', in_channels=32, num_speeds=2, num_segments=2, dropout=0.5),
            data_preprocessor=dict(
                type='auxskd_mm.ClipDataPreprocessor',
                mean=[128] * 3,
                std=[64] * 3,
                photometric=[JITTER],
            ),
        ),
        train_dataloader=dict(
            batch_size=2,
            num_workers=0,
            drop_last=True,
            sampler=dict(type='DefaultSampler', shuffle=True),
            dataset=dict(type='auxskd_mm.UnlabeledVideoDataset', source=str(tmp_path / '*.mp4'), pipeline=pipeline),
        ),
        train_cfg=dict(by_epoch=True, max_epochs=2),
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.05)),
        custom_hooks=list(hooks),
        randomness=dict(seed=5),
        visualizer=dict(type='Visualizer', vis_backends=[dict(type=backend)]),
        log_level='WARNING',
    )
    runner = Runner.from_cfg(Config(config))
    runner.train()
    return runner


JITTER = dict(
    type='auxskd_mm.BatchColorJitter', brightness=0.5, contrast=0, saturation=0, hue=0, p=1.0, clip_consistent=True
)
HOOK = dict(type='auxskd_mm.ClipSheetHook', number=1)


@pytest.mark.parametrize('backend', BACKENDS)
def test_backends_get_one_picture(tmp_path, backend):
    run = train(tmp_path, 'run', [HOOK], backend)
    run.visualizer.close()
    if backend == 'LocalVisBackend':
        (path,) = Path(run.work_dir).rglob('*.png')
        assert path.name == 'clips_0.png'
        size = Image.open(path).size
    else:
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

        (path,) = Path(run.work_dir).rglob('events.out.tfevents*')
        events = EventAccumulator(str(path), size_guidance={'images': 0}).Reload()
        (event,) = events.Images('clips')
        assert event.step == 0
        size = (event.width, event.height)
    # The least width; a title, and one row of square frames with caption and numbers.
    assert size == (600, 186)


def test_it_shows_the_first_batch(tmp_path, monkeypatch):
    drawn, fed = [], []

    def render(rows, title):
        drawn.extend(rows)
        return np.zeros((4, 4, 3), np.uint8)

    class Spy(ClipSheetHook):
        def before_train_iter(self, runner, batch_idx, data_batch=None):
            fed.append(data_batch)
            super().before_train_iter(runner, batch_idx, data_batch)

    monkeypatch.setattr(clip_sheet_hook, 'render_clip_sheet', render)
    run = train(tmp_path, 'run', [Spy(number=9)])
    assert (len(fed), len(drawn)) == (2, 2)
    for row, inputs, sample in zip(drawn, fed[0]['inputs'], fed[0]['data_samples']):
        assert row.numbers == sample.frame_inds.tolist()
        assert row.caption.endswith(Path(sample.filename).name)
        # The jitter is one factor for the clip, which its grey ground tells.
        plain = inputs[0].permute(1, 2, 3, 0).numpy().astype(float)
        factor = np.median(row.frames) / np.median(plain)
        assert abs(factor - 1) > 0.01
        assert np.allclose(row.frames, np.clip(plain * factor, 0, 255), atol=3)
    assert run.iter == 2


def test_the_training_takes_the_same_steps_with_and_without(tmp_path):
    states = []
    for name, hooks in (('without', []), ('with', [HOOK])):
        states.append(train(tmp_path, name, hooks).model.state_dict())
        states[-1]['next draws'] = torch.tensor([np.random.rand(), torch.rand(1).item()], dtype=torch.float64)
    for key, value in states[0].items():
        assert torch.equal(value, states[1][key]), key


def test_inputs_that_are_no_clips_get_a_warning(tmp_path, monkeypatch):
    lines = []
    monkeypatch.setattr(clip_sheet_hook, 'print_log', lambda text, **_: lines.append(text))
    monkeypatch.setattr(clip_sheet_hook, 'see_batch', refuse)
    run = train(tmp_path, 'run', [HOOK])
    assert lines == ['ClipSheetHook draws nothing: clips of shape (7,)']
    assert (run.iter, list(Path(run.work_dir).rglob('*.png'))) == (2, [])


def refuse(*_):
    raise InputError('clips of shape (7,)')


def test_bad_number():
    with pytest.raises(InputError, match=r'ClipSheetHook\.number=0'):
        ClipSheetHook(number=0)
