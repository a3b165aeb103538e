"""LP-FT: before step 0 the head gives the probe's predictions, and a fine-tuning that ends below does not replace it."""

import numpy as np
import pytest
import torch
from conftest import write_video
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import nn

from auxskd_mm.errors import InputError
from auxskd_mm.evaluation import FeatureBank, extract_bank, fit_probe
from auxskd_mm.evaluation.linear_probe import ProbeSettings
from auxskd_mm.hooks.probe_head_hook import ProbeHeadHook, check_same, copy_probe
from auxskd_mm.models.modules.protocol_pooling import pool_for_protocol
from auxskd_mm.registry import MODELS

pytestmark = pytest.mark.usefixtures('plain_config_text')


def probe_and_features(classes=3, width=6, seed=0):
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(classes), 5)
    features = (5 + 3 * rng.normal(size=(len(labels), width)) + np.eye(width)[labels]).astype(np.float32)
    features[:, -1] = 2  # constant
    return fit_probe(features, labels, ProbeSettings(weight_decay=0.1)), torch.from_numpy(features)


def test_a_layer_gives_the_scores_of_the_probe():
    probe, features = probe_and_features()
    layer = nn.Linear(6, 3)
    copy_probe(probe, layer)
    assert torch.allclose(layer(features), probe.scores(features), atol=1e-4)
    with pytest.raises(InputError, match=r'\(3, 6\) for a layer of shape \(3, 7\)'):
        copy_probe(probe, nn.Linear(7, 3))


def test_with_one_video_a_class_the_weight_decay_is_the_fixed_one():
    features = np.eye(3, 4, dtype=np.float32)
    bank = FeatureBank(features, np.arange(3), ['a', 'b', 'c'])
    probe, how = ProbeHeadHook(loader={}, fixed_weight_decay=0.3)._probe(bank, 3)
    assert how == 'weight decay 0.3, fixed, since nothing can be held out'
    expected = fit_probe(features, bank.labels, ProbeSettings(weight_decay=0.3), num_classes=3)
    assert torch.equal(probe.scores(features), expected.scores(features))


def test_a_head_with_more_layers_is_refused():
    probe, features = probe_and_features()
    head = MODELS.build(dict(type='I3DHead', num_classes=3, in_channels=6))
    copy_probe(probe, head.fc_cls)
    maps = features[:, :, None, None, None]
    check_same(probe, head, maps)  # dropout is off
    head.avg_pool = nn.Sequential(nn.AdaptiveAvgPool3d(1), nn.ReLU(), nn.Hardtanh())
    with pytest.raises(InputError, match="does not give the probe's scores"):
        check_same(probe, head, maps)


@pytest.mark.parametrize('pooling', ['average', 'time', 'grid', 'pyramid'])
def test_the_scores_are_those_of_the_probe_whatever_the_pooling(pooling):
    """Maps of odd sizes, whose parts overlap: the head is asked about the maps, the probe about what is pooled of them."""
    maps = torch.randn(15, 6, 5, 7, 7, generator=torch.Generator().manual_seed(0))
    pooled = pool_for_protocol(maps, pooling)
    probe = fit_probe(pooled.numpy(), np.arange(15) % 3, ProbeSettings(weight_decay=0.1))
    head = MODELS.build(dict(type='auxskd_mm.ClipClassHead', num_classes=3, in_channels=6, pooling=pooling))
    copy_probe(probe, head.fc_cls)
    check_same(probe, head, maps, pooling)
    head.fc_cls.weight.data = head.fc_cls.weight.flip(1)  # as if the parts stood in another order
    with pytest.raises(InputError, match="ClipClassHead does not give the probe's scores"):
        check_same(probe, head, maps, pooling)


def steps(test):
    return [
        dict(type='auxskd_mm.OpenVideo'),
        dict(type='SampleFrames', clip_len=4, num_clips=1, test_mode=test),
        dict(type='auxskd_mm.DecodeClips'),
        dict(type='CenterCrop', crop_size=32),
        dict(type='FormatShape', input_format='NCTHW'),
        dict(type='PackActionInputs', meta_keys=('filename',)),
    ]


def loader(path, test):
    dataset = dict(type='auxskd_mm.LabeledVideoDataset', ann_file=str(path), pipeline=steps(test), test_mode=test)
    return dict(batch_size=4, num_workers=0, dataset=dataset, sampler=dict(type='DefaultSampler', shuffle=not test))


@pytest.fixture
def config(tmp_path):
    """Twelve videos of two classes; class 1 is longer, so that its frames look different."""
    for i in range(12):
        write_video(tmp_path / f'{i}.mp4', num_frames=8 + 24 * (i % 2), size=(64, 48))
    lines = [f'{tmp_path / f"{i}.mp4"} {i % 2}\n' for i in range(12)]
    for name, part in (('train', lines[:8]), ('val', lines[8:])):
        (tmp_path / f'{name}.txt').write_text(''.join(part))
    train, val = (loader(tmp_path / f'{name}.txt', name == 'val') for name in ('train', 'val'))
    return Config(
        dict(
            model=dict(
                type='Recognizer3D',
                backbone=dict(type='auxskd_mm.C3DBN', base_channels=2, stage_convs=(1, 1)),
                cls_head=dict(type='I3DHead', num_classes=2, in_channels=4, dropout_ratio=0.0, average_clips=None),
                data_preprocessor=dict(type='auxskd_mm.ClipDataPreprocessor', mean=[127.5] * 3, std=[64.0] * 3),
            ),
            work_dir=str(tmp_path / 'work'),
            experiment_name=tmp_path.name,  # MMEngine keeps one visualizer by name, and two starts may be in one second
            default_scope='mmaction',
            randomness=dict(seed=0),
            train_dataloader=train,
            val_dataloader=val,
            val_evaluator=dict(type='auxskd_mm.MultiClipAccuracy'),
            val_cfg=dict(type='ValLoop'),
            train_cfg=dict(type='auxskd_mm.ResumableIterTrainLoop', max_iters=3, val_interval=1),
            optim_wrapper=dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=0.0)),
            custom_hooks=[
                dict(type='EMAHook', ema_type='ExponentialMovingAverage', momentum=0.1),
                dict(type='auxskd_mm.ProbeHeadHook', loader=loader(tmp_path / 'train.txt', True)),
            ],
            default_hooks=dict(
                checkpoint=dict(
                    type='auxskd_mm.AtomicCheckpointHook',
                    by_epoch=False,
                    interval=3,
                    save_best='acc/top1',
                    rule='greater',
                )
            ),
        )
    )


@pytest.mark.parametrize('pooling', ['average', 'time'])
def test_before_the_first_step_the_model_gives_the_predictions_of_the_probe(config, monkeypatch, pooling):
    config.train_dataloader.dataset.pipeline = steps(True)  # the frames of the probe
    if pooling != 'average':
        config.model.cls_head.update(type='auxskd_mm.ClipClassHead', pooling=pooling)
    runner = Runner.from_cfg(config)
    seen = []
    run = type(runner.val_loop).run

    def first(loop):
        if not seen:
            # Second way: the features of the frozen backbone, here and now.
            bank = extract_bank(runner.model, runner.build_dataloader(config.custom_hooks[1].loader), pooling)
            state = runner.model.state_dict()
            seen.append((runner.iter, {key: value.clone() for key, value in state.items()}, bank))
        return run(loop)

    monkeypatch.setattr(type(runner.val_loop), 'run', first)
    batches, losses = [], []

    class Watch(Hook):
        def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
            batches.append(data_batch)
            losses.append(float(outputs['loss']))

    runner.register_hook(Watch())
    runner.train()
    iteration, state, bank = seen[0]
    assert iteration == 0
    weight, bias = state['cls_head.fc_cls.weight'], state['cls_head.fc_cls.bias']
    scores = torch.from_numpy(bank.features) @ weight.T + bias
    fits = [
        fit_probe(bank.features, bank.labels, ProbeSettings(weight_decay=10.0**power)).scores(bank.features)
        for power in range(-6, 1)
    ]
    assert min(float((scores - fit).abs().max()) for fit in fits) < 1e-2
    assert (scores.argmax(1).numpy() == bank.labels).mean() >= 0.75
    # With the statistics of the pretraining, the first training step has the probe's loss on its batch, too.
    names = {name: number for number, name in enumerate(bank.names)}
    rows = [names[sample.filename] for sample in batches[0]['data_samples']]
    expected = torch.nn.functional.cross_entropy(scores[rows], torch.from_numpy(bank.labels)[rows])
    assert losses[0] == pytest.approx(float(expected), rel=1e-3, abs=1e-5)


def test_the_probe_has_the_list_of_the_training_and_no_other(config, tmp_path, monkeypatch):
    """A recipe draws the list of the training, with few labels per class. The probe must not know the other labels."""
    few = tmp_path / 'few.txt'
    few.write_text(''.join((tmp_path / 'train.txt').read_text().splitlines(True)[:4]))
    config.train_dataloader.dataset.ann_file = str(few)
    config.train_cfg.max_iters = 1
    config.custom_hooks.pop(0)
    with pytest.raises(InputError, match=r"train.txt', but the training reads .*few.txt': the probe would learn other"):
        Runner.from_cfg(config).train()
    learned, probe = [], ProbeHeadHook._probe
    monkeypatch.setattr(
        ProbeHeadHook, '_probe', lambda hook, bank, n: learned.extend(bank.names) or probe(hook, bank, n)
    )
    del config.custom_hooks[0].loader.dataset['ann_file']
    Runner.from_cfg(config).train()
    assert learned == [str(tmp_path / f'{i}.mp4') for i in range(4)]


def test_a_list_of_windows_stands_for_the_same_windows_and_no_random_number_is_drawn(config, monkeypatch):
    """Workers of a loader draw their seed from torch's stream, which the training goes on with."""
    config.train_dataloader.dataset.window = 0.2
    config.train_cfg.max_iters = 1
    config.custom_hooks.pop(0)
    del config.custom_hooks[0].loader.dataset['ann_file']
    learned, probe = [], ProbeHeadHook._probe
    monkeypatch.setattr(
        ProbeHeadHook, '_probe', lambda hook, bank, n: learned.extend(bank.names) or probe(hook, bank, n)
    )
    states, before = [], ProbeHeadHook.before_train

    def watched(hook, runner):
        states.append(torch.get_rng_state())
        before(hook, runner)
        states.append(torch.get_rng_state())

    monkeypatch.setattr(ProbeHeadHook, 'before_train', watched)
    Runner.from_cfg(config).train()
    assert len(learned) > 8
    assert all('#t=' in name for name in learned)
    assert torch.equal(*states)


def test_a_fine_tuning_that_destroys_the_features_leaves_the_probe_as_the_best_checkpoint(config, tmp_path):
    config.optim_wrapper.optimizer.update(lr=1.0, maximize=True)  # upwards
    config.train_cfg.max_iters = 1
    config.custom_hooks.pop(0)  # no average
    Runner.from_cfg(config).train()
    (best,) = (tmp_path / 'work').glob('best_acc_top1_*.pth')
    assert best.name == 'best_acc_top1_iter_0.pth'


def test_a_first_start_that_asks_for_a_resume_has_its_probe_and_the_resumed_one_no_second(
    config, tmp_path, monkeypatch
):
    """MMAction2's ``--resume`` without a checkpoint is a first start."""
    config.resume = True
    config.custom_hooks.pop(0)
    config.train_cfg.max_iters = 1
    probes, probe = [], ProbeHeadHook._probe
    monkeypatch.setattr(ProbeHeadHook, '_probe', lambda *args: probes.append(1) or probe(*args))
    for _ in range(2):
        Runner.from_cfg(config).train()
        assert len(probes) == 1
    assert (tmp_path / 'work' / 'best_acc_top1_iter_0.pth').is_file()


def test_the_saved_weights_are_the_average_of_the_steps(config, tmp_path):
    """MMEngine's EMAHook beside ours: three steps of SWA are the mean of the three weights, by hand."""
    config.optim_wrapper.optimizer.lr = 0.01  # at 0.05 the third step leaves weights of millions
    config.custom_hooks[0] = dict(type='EMAHook', ema_type='StochasticWeightAverage')
    seen = []
    runner = Runner.from_cfg(config)

    class Watch(Hook):
        priority = 'VERY_HIGH'

        def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
            seen.append(runner.model.cls_head.fc_cls.weight.detach().clone())

    runner.register_hook(Watch())
    runner.train()
    saved = torch.load(tmp_path / 'work' / 'iter_3.pth', weights_only=False)
    mean = torch.stack(seen).mean(0)
    tolerance = 1e-6 * float(mean.abs().max())
    assert all((weight - mean).abs().max() > 100 * tolerance for weight in seen)
    assert torch.allclose(saved['state_dict']['cls_head.fc_cls.weight'], mean, rtol=0, atol=tolerance)


def test_bad_settings_are_named(config):
    config.custom_hooks[1].layer = 'fc'
    with pytest.raises(InputError, match="I3DHead has no linear layer of this name; for I3DHead it is 'fc_cls'"):
        Runner.from_cfg(config).train()
    with pytest.raises(InputError, match='ProbeHeadHook: give group_pattern or group_file'):
        ProbeHeadHook(dict(), group_file='a', group_pattern='b')
