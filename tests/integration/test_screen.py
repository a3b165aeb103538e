"""The screen of a run: a head, short lines and the place of the results; the log file has the rest."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from tool_runs import CONFIGS, TINY_TEST, TINY_VSPP, tiny_clips

VSPP = CONFIGS / 'demo' / 'vspp_motion.py'
FINETUNE = CONFIGS / 'demo' / 'finetune_motion.py'


@pytest.fixture(scope='module')
def clips(tmp_path_factory):
    return tiny_clips(tmp_path_factory.mktemp('motion') / 'clips')


def train(call, clips, folder, **more):
    options = {**TINY_VSPP, 'train_dataloader.dataset.source': clips / 'train', **more}
    ended = call('train.py', VSPP, '--work-dir', folder, options=options)
    assert ended.code == 0, ended.err
    return ended.out.splitlines()


def test_a_training_and_its_test_fit_a_terminal(call, clips, tmp_path):
    rows = train(call, clips, tmp_path / 'run')
    first = next(i for i, row in enumerate(rows) if 'loss: ' in row)
    assert first <= 12, rows[:first]
    assert max(map(len, rows)) <= 120
    head = '\n'.join(rows[:first])
    assert '8 videos; 2 steps per epoch with batches of 4' in head
    assert '1 epoch, 2 steps; a report every 1 step' in head
    assert 'random weights' in head
    assert str(tmp_path / 'run') in head
    assert re.search(r'Epoch\(train\) \[1\]\[1/2\]  loss: \d\.\d{4}  eta: 0:00:\d\d  time: ', rows[first])
    assert 'pace_acc: ' in rows[first]

    (log,) = (tmp_path / 'run').glob('*/*.log')
    held = log.read_text()
    for text in ('Config:', 'System environment:', 'Hooks will be executed', 'Epoch(train)', 'random weights'):
        assert text in held, text

    options = {**TINY_VSPP, **TINY_TEST, 'test_dataloader.dataset.source': clips / 'test'}
    ended = call('test.py', VSPP, tmp_path / 'run' / 'epoch_1.pth', '--work-dir', tmp_path / 'test', options=options)
    rows = ended.out.splitlines()
    assert ended.code == 0, ended.err
    assert len(rows) <= 35
    assert max(len(row.replace(str(tmp_path), '')) for row in rows) <= 120
    results = Path(rows[-1].removeprefix('metrics and protocol -> '))
    assert results.parent.parent == tmp_path / 'test'
    assert 'vspp/pace_acc' in json.loads(results.read_text())


def test_a_resume_and_a_fine_tuning_say_where_they_start_and_warn_of_nothing(call, clips, tmp_path):
    train(call, clips, tmp_path / 'run')
    options = {**TINY_VSPP, 'train_dataloader.dataset.source': clips / 'train', 'train_cfg.max_epochs': 2}
    ended = call('train.py', VSPP, '--work-dir', tmp_path / 'run', '--resume', options=options)
    assert 'resumed at epoch 2, step 3' in ended.out, ended.err

    labels = {key: value for key, value in TINY_VSPP.items() if 'repeat' not in key}
    labels |= {'data_root': clips, 'load_from': tmp_path / 'run' / 'epoch_2.pth', 'num_classes': 2}
    ended = call('train.py', FINETUNE, '--work-dir', tmp_path / 'tuned', options=labels)
    assert ended.code == 0, ended.err
    assert f'weights of {tmp_path / "run" / "epoch_2.pth"}' in ended.out
    assert 'backbone tensors loaded from' in ended.out
    assert 'unexpected key' not in ended.out + ended.err
    assert 'WARNING' not in ended.out
    (log,) = (tmp_path / 'tuned').glob('*/*.log')
    assert 'unexpected key in source state_dict: cls_head.fc_speed.weight' in log.read_text()


def test_the_head_names_the_weights_of_a_part_of_the_network(call, clips, tmp_path):
    start = {'type': 'Pretrained', 'checkpoint': 'auxskd_mm://vspp_motion'}
    options = {'model.backbone.base_channels': 8, 'model.cls_head.in_channels': 64, 'model.backbone.init_cfg': start}
    rows = train(call, clips, tmp_path, **options)
    assert '  start   auxskd_mm://vspp_motion in model.backbone, random weights elsewhere' in rows


def test_everything_is_shown_on_demand(call, clips, tmp_path, monkeypatch):
    monkeypatch.setenv('AUXSKD_MM_VERBOSE', '1')
    rows = train(call, clips, tmp_path)
    assert len(rows) > 300
    assert any('Hooks will be executed' in row for row in rows)


def test_a_prediction_warns_of_no_registry(call, clips, tmp_path):
    train(call, clips, tmp_path)
    video = next((clips / 'test').rglob('*.mp4'))
    tiny = {key: value for key, value in TINY_VSPP.items() if key.startswith('model.')}
    ended = call('predict.py', VSPP, tmp_path / 'epoch_1.pth', video, '--no-progress', options=tiny)
    assert ended.code == 0, ended.err
    assert 'Failed to search registry' not in ended.out + ended.err


def test_videos_too_short_for_the_clips_are_said_once_with_counts_and_settings(call, clips, tmp_path):
    rows = train(call, clips, tmp_path / 'short', **{'sample.speeds': (1, 2, 4, 60), 'epochs': 2})
    said = [row for row in rows if 'shorter' in row]
    assert len(said) == 1, rows
    assert '8 of the 8 training videos read so far are shorter (64 frames) than the ' in said[0]
    assert 'SegmentPaceSample (clip_len=16, speeds=(1, 2, 4, 60))' in said[0]
    assert 'shorter' not in '\n'.join(train(call, clips, tmp_path / 'long'))


def test_the_limit_of_check_videos_is_that_of_the_config(call, clips, tmp_path):
    words = ['data/check_videos.py', clips / 'test', '--workers', 1, '--report', tmp_path / 'r.csv', '--config', VSPP]
    ended = call(*words, options={'sample.speeds': (1, 2, 4, 60)})
    assert ended.code == 3
    assert '4 short' in ended.out.splitlines()[-1]
    # 16 frames: 15 steps, of which at most 5 (a segment of 4, with its end) have speed 60
    assert 'fewer than 311 frames, which a clip of SegmentPaceSample spans' in ended.out
    assert 'give one of them' in call(*words, '--overwrite', '--min-frames', 5).error_line()
