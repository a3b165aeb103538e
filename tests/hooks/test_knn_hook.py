"""The monitor in a real training: right numbers, the best epoch kept, and no step of the training changed."""

import contextlib
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import write_video
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner
from runs import SignalAt

from auxskd_mm.errors import InputError, Preempted
from auxskd_mm.evaluation import extract_bank
from auxskd_mm.functional.neighbours import knn_accuracy
from auxskd_mm.hooks import KNNHook

pytestmark = pytest.mark.usefixtures('plain_config_text')


@pytest.fixture
def lists(tmp_path):
    """Eight videos of several lengths, so of several looks: four in each list, two of each class."""
    for i in range(8):
        write_video(tmp_path / f'{i}.mp4', num_frames=16 + 3 * i, size=(64, 48))
    paths = {}
    for name, videos in (('gallery', range(4)), ('query', range(4, 8))):
        paths[name] = tmp_path / f'{name}.txt'
        paths[name].write_text(''.join(f'{i}.mp4 {i % 2}\n' for i in videos))
    return paths


def loader(path):
    pipeline = [
        dict(type='auxskd_mm.OpenVideo'),
        dict(type='SampleFrames', clip_len=4, num_clips=2, test_mode=True),
        dict(type='auxskd_mm.DecodeClips'),
        dict(type='CenterCrop', crop_size=32),
        dict(type='FormatShape', input_format='NCTHW'),
        dict(type='PackActionInputs', meta_keys=('filename',)),
    ]
    dataset = dict(type='VideoDataset', ann_file=str(path), data_prefix=dict(video=str(path.parent)), pipeline=pipeline)
    return dict(batch_size=3, num_workers=0, dataset=dataset, sampler=dict(type='DefaultSampler', shuffle=False))


def runner(tmp_path, name, hooks=(), epochs=3, **checkpoint):
    pipeline = [
        dict(type='auxskd_mm.OpenVideo'),
        dict(type='auxskd_mm.SegmentPaceSample', clip_len=4, num_segments=2, num_speeds=2),
        dict(type='auxskd_mm.DecodeClips'),
        dict(type='RandomCrop', size=32),
        dict(type='FormatShape', input_format='NCTHW'),
        dict(type='PackActionInputs', algorithm_keys=('pace_label', 'segment_label')),
    ]
    backbone = dict(type='ResNet3d', depth=18, pretrained=None, base_channels=4, stage_blocks=(1,) * 4)
    config = dict(
        default_scope='mmaction',
        experiment_name=f'{tmp_path.name}_{name}',
        work_dir=str(tmp_path / name),
        model=dict(
            type='Recognizer3D',
            backbone=backbone,
            cls_head=dict(type='auxskd_mm.VSPPHead', in_channels=32, num_speeds=2, num_segments=2, dropout=0.5),
            data_preprocessor=dict(type='auxskd_mm.ClipDataPreprocessor', mean=[128] * 3, std=[64] * 3),
        ),
        train_dataloader=dict(
            batch_size=4,
            num_workers=0,
            sampler=dict(type='DefaultSampler', shuffle=True),
            dataset=dict(type='auxskd_mm.UnlabeledVideoDataset', source=str(tmp_path / '*.mp4'), pipeline=pipeline),
        ),
        train_cfg=dict(by_epoch=True, max_epochs=epochs),
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.05, momentum=0.9)),
        default_hooks=dict(checkpoint=dict(type='CheckpointHook', interval=1, **checkpoint)),
        custom_hooks=list(hooks),
        randomness=dict(seed=5),
        visualizer=dict(type='Visualizer', vis_backends=[dict(type='LocalVisBackend')]),
        log_level='WARNING',
    )
    return Runner.from_cfg(Config(config))


def hook(lists, **kwargs):
    return dict(type='auxskd_mm.KNNHook', gallery=loader(lists['gallery']), k=1, **kwargs)


def test_the_training_takes_the_same_steps_with_and_without(lists, tmp_path):
    states = []
    for name, hooks in (('without', []), ('with', [hook(lists, queries=loader(lists['query']), at_start=True)])):
        run = runner(tmp_path, name, hooks)
        run.train()
        states.append(run.model.state_dict())
        draws = (np.random.rand(), torch.rand(1).item())
        states.append({'next draws': torch.tensor(draws, dtype=torch.float64)})
    for key, value in {**states[0], **states[1]}.items():
        assert torch.equal(value, {**states[2], **states[3]}[key]), key


def scalars(run):
    path = next(Path(run.work_dir).glob('*/vis_data/scalars.json'))
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    return [(row['step'], row['knn/top1']) for row in rows if 'knn/top1' in row]


def test_values_are_those_of_the_checkpoints(lists, tmp_path):
    run = runner(tmp_path, 'run', [hook(lists, queries=loader(lists['query']), at_start=True, temperature=None)])
    start = {key: value.clone() for key, value in run.model.state_dict().items()}
    run.train()
    logged = scalars(run)
    assert [epoch for epoch, _ in logged] == [0, 1, 2, 3]
    loaders = [run.build_dataloader(loader(lists[name])) for name in ('gallery', 'query')]
    for epoch, value in logged:
        state = torch.load(f'{run.work_dir}/epoch_{epoch}.pth')['state_dict'] if epoch else start
        run.model.load_state_dict(state)
        gallery, queries = (extract_bank(run.model, load) for load in loaders)
        pairs = (queries.features, queries.labels, gallery.features, gallery.labels)
        assert value == knn_accuracy(*map(torch.from_numpy, pairs), k=1, temperature=None)
    history = run.message_hub.get_scalar('val/knn/top1').data[0]
    assert history.tolist() == [value for _, value in logged]


def test_averaged_weights_are_measured_as_a_checkpoint_holds_them(lists, tmp_path, monkeypatch):
    """MMEngine's EMAHook: its validation measures the average, and ``load_from`` takes it."""
    measured, key = [], 'backbone.conv1.conv.weight'

    def noted(model, *args):
        measured.append(model.state_dict()[key].clone())
        return extract_bank(model, *args)

    monkeypatch.setattr('auxskd_mm.hooks.knn_hook.extract_bank', noted)
    average = dict(type='EMAHook', momentum=0.5)
    run = runner(tmp_path, 'with', [average, hook(lists)])
    run.train()
    saved = [torch.load(f'{run.work_dir}/epoch_{epoch}.pth') for epoch in (1, 2, 3)]
    assert len(measured) == 3
    for weights, checkpoint in zip(measured, saved):
        assert torch.equal(weights, checkpoint['state_dict'][key])
        assert not torch.equal(weights, checkpoint['ema_state_dict'][f'module.{key}'])  # of the training itself
    runner(tmp_path, 'without', [average]).train()
    untouched = torch.load(tmp_path / 'without' / 'epoch_3.pth')
    for part in ('state_dict', 'ema_state_dict'):
        assert all(torch.equal(value, untouched[part][name]) for name, value in saved[2][part].items())


def test_the_initial_weights_are_measured_where_nothing_is_averaged_yet(lists, tmp_path, monkeypatch):
    """EMAHook copies the model before its weights are initialised."""
    key = 'backbone.conv1.conv.weight'
    weights = {}

    class Start(Hook):
        def before_train(self, runner):
            weights['start'] = runner.model.state_dict()[key].clone()

    def noted(model, *args):
        weights.setdefault('measured', model.state_dict()[key].clone())
        return extract_bank(model, *args)

    monkeypatch.setattr('auxskd_mm.hooks.knn_hook.extract_bank', noted)
    run = runner(tmp_path, 'run', [dict(type='EMAHook'), hook(lists, at_start=True)], epochs=1)
    run.register_hook(Start())
    run.train()
    assert torch.equal(weights['measured'], weights['start'])


def test_the_best_epoch_is_kept_with_its_own_weights(lists, tmp_path, monkeypatch):
    values = iter([0.25, 0.75, 0.5])
    monkeypatch.setattr(KNNHook, '_accuracy', lambda *args: next(values))
    run = runner(tmp_path, 'run', [hook(lists)], save_best='knn/top1')
    run.train()
    names = sorted(path.name for path in (tmp_path / 'run').glob('*.pth'))
    assert names == ['best_knn_top1_epoch_2.pth', 'epoch_1.pth', 'epoch_2.pth', 'epoch_3.pth']
    best = torch.load(tmp_path / 'run' / names[0])['state_dict']
    second = torch.load(tmp_path / 'run' / 'epoch_2.pth')['state_dict']
    third = torch.load(tmp_path / 'run' / 'epoch_3.pth')['state_dict']
    key = 'backbone.conv1.conv.weight'
    assert torch.equal(best[key], second[key])
    assert not torch.equal(best[key], third[key])
    assert run.message_hub.get_info('best_score') == 0.75


def test_a_checkpoint_hook_with_another_goal_is_left_alone(lists, tmp_path):
    run = runner(tmp_path, 'run', [hook(lists)], epochs=1, save_best='acc/top1')
    run.train()
    assert [path.name for path in (tmp_path / 'run').glob('*.pth')] == ['epoch_1.pth']


@pytest.mark.parametrize(('interval', 'measured'), [(1, [1, 2, 3]), (2, [2, 3]), (5, [3])])
def test_interval_and_last_epoch(lists, tmp_path, monkeypatch, interval, measured):
    seen = []
    monkeypatch.setattr(KNNHook, 'measure', lambda self, run: seen.append(run.epoch))
    runner(tmp_path, 'run', [hook(lists, interval=interval)]).train()
    assert seen == measured


@pytest.mark.parametrize(('cut', 'first', 'second'), [(0, [0], [1, 2, 3]), (2, [0, 1], [2, 3]), (3, [0, 1], [2, 3])])
def test_a_run_resumed_within_an_epoch_is_not_measured_there(lists, tmp_path, monkeypatch, cut, first, second):
    """Epochs have two steps. The weights of a half epoch are not those of the epoch before."""
    seen = []
    monkeypatch.setattr(KNNHook, 'measure', lambda self, run: seen.append(run.epoch))
    # The file that a preemption saves goes into the work dir, and the next start takes it.
    parts = dict(type='auxskd_mm.AtomicCheckpointHook'), dict(type='auxskd_mm.PreemptionHook')
    for expected, options in ((first, {}), (second, dict(resume=True))):
        config = runner(tmp_path, 'run', [hook(lists, at_start=True)]).cfg
        config.default_hooks.checkpoint = dict(parts[0], interval=1)
        config.default_hooks.preemption = parts[1]
        config.train_cfg = dict(type='auxskd_mm.ResumableEpochTrainLoop', max_epochs=3)
        config.update(options)
        run = Runner.from_cfg(config)
        if not options:
            run.register_hook(SignalAt(cut))
        with pytest.raises(Preempted) if not options else contextlib.nullcontext():
            run.train()
        assert seen == expected
        seen.clear()


def test_leave_one_out(lists, tmp_path):
    run = runner(tmp_path, 'run', [hook(lists)], epochs=1)
    run.train()
    bank = extract_bank(run.model, run.build_dataloader(loader(lists['gallery'])))
    unit = bank.features / np.linalg.norm(bank.features, axis=1, keepdims=True)
    similarity = unit @ unit.T
    np.fill_diagonal(similarity, -2)
    expected = (bank.labels[similarity.argmax(1)] == bank.labels).mean()
    assert scalars(run) == [(1, expected)]


def test_bad_settings(lists, tmp_path):
    for kwargs, says in [
        (dict(interval=0), 'interval=0'),
        (dict(k=0), 'k=0'),
        (dict(temperature=0), 'temperature=0'),
        (dict(pooling='max'), "pooling='max'"),
    ]:
        with pytest.raises(InputError, match=f'KNNHook.{says}'):
            KNNHook({}, **kwargs)
    lists['gallery'].write_text('0.mp4\n1.mp4\n')  # MMAction2 labels them -1
    with pytest.raises(InputError, match=r'KNNHook\.gallery: 2 of 2 videos have no label'):
        runner(tmp_path, 'bare', [hook(lists)], epochs=1).train()
    run = runner(tmp_path, 'iters', [hook(lists)], epochs=1)
    run._train_loop = dict(by_epoch=False, max_iters=1)
    with pytest.raises(InputError, match='KNNHook measures by epoch'):
        run.train()
