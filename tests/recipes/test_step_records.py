"""What steps leave behind."""

import json
import os

import pytest
import torch

from auxskd_mm.errors import InputError
from auxskd_mm.recipes import step_records as records
from auxskd_mm.records.predictions import plain_sample, write_predictions


def test_states(tmp_path):
    assert records.read_state(tmp_path / 'a') == {}
    records.write_state(tmp_path / 'a', dict(finished=False, seconds=3))
    assert records.finished_seconds(tmp_path / 'a') is None
    records.write_state(tmp_path / 'a', dict(finished=True, seconds=3))
    assert records.finished_seconds(tmp_path / 'a') == 3.0
    assert [path.name for path in (tmp_path / 'a').iterdir()] == ['phase.json']


@pytest.mark.parametrize('text', ['', '{"finished": tr', '[]'])
def test_a_step_with_a_damaged_state_runs_again(tmp_path, text):
    (tmp_path / records.STATE).write_text(text)
    state, was_finished = records.run_restartable('a', tmp_path, 'f', lambda before: dict(before=before))
    assert (state['before'], state['finished'], was_finished) == ({}, True, False)


def test_checkpoints(tmp_path):
    assert records.best_checkpoint(tmp_path) is None
    (tmp_path / 'epoch_2.pth').touch()
    (tmp_path / 'last_checkpoint').write_text('/gone/epoch_2.pth')  # the folder was moved since
    assert records.best_checkpoint(tmp_path) == records.last_checkpoint(tmp_path) == tmp_path / 'epoch_2.pth'
    for number in (1, 2):
        best = tmp_path / f'best_acc_top1_epoch_{number}.pth'
        best.touch()
        os.utime(best, (number, number))
    assert records.best_checkpoint(tmp_path).name == 'best_acc_top1_epoch_2.pth'


def test_the_latest_result(tmp_path):
    assert records.last_result(tmp_path) == ({}, None)
    for number in (2, 1):
        path = tmp_path / str(number) / 'x.protocol.json'
        path.parent.mkdir()
        path.write_text(json.dumps(dict(result=dict(acc=number), protocol=dict(seed=number))))
        (path.parent / 'x.json').write_text('{}')
        os.utime(path, (number, number))
    assert records.last_result(tmp_path) == (dict(acc=2), dict(seed=2))


def dump(path, samples):
    return write_predictions(path, map(plain_sample, samples))


def sample(scores, label, **more):
    return dict(pred_score=torch.tensor(scores), gt_label=torch.tensor([label]), **more)


def test_predictions_are_those_of_the_average_that_was_reported(tmp_path):
    # By hand: the logits' means are (3, 4/3); of the probabilities (1, 0.12, 0.12 for class 0), the mean is 0.41.
    clips = [[9.0, 0.0], [0.0, 2.0], [0.0, 2.0]]
    samples = [sample(clips, 1, filename='a'), sample(clips, 0, filename='b', replacement=True), sample([0.0, 2.0], 1)]
    for average, first in (('logits', 0), ('probabilities', 1)):
        found = records.classified(dump(tmp_path / 'p.json', samples), average)
        assert found == dict(names=['a', ''], labels=[1, 1], predictions=[first, 1])
    assert records.classified(tmp_path / 'none.json') is None


def test_the_file_of_an_older_recipe_is_read(tmp_path):
    old = dict(names=['a', 'b'], labels=[1, 0], predictions=[1, 1])
    (tmp_path / 'p.json').write_text(json.dumps(old))
    assert records.classified(tmp_path / 'p.json') == old


@pytest.mark.parametrize(
    'row',
    [
        dict(gt_label=[1]),
        dict(pred_score=[[1.0]]),
        dict(gt_label=[], pred_score=[[1.0]]),
        dict(gt_label=[1], pred_score=[['x']]),
        dict(gt_label=[1], pred_score=3),
    ],
)
def test_samples_of_something_else_are_refused(row, tmp_path):
    with pytest.raises(InputError, match='expected those of a classifier'):
        records.classified(write_predictions(tmp_path / 'p.json', [row]))


def test_a_step_starts_again_where_it_was_cut_off_and_not_when_it_is_finished(tmp_path):
    seen = []

    def work(state):
        seen.append(state)
        if len(seen) == 1:
            raise KeyboardInterrupt
        return dict(took=2.0, value=7)

    def run(fingerprint='a'):
        return records.run_restartable('x', tmp_path / 'x', fingerprint, work)

    with pytest.raises(KeyboardInterrupt):
        run()
    assert records.finished_seconds(tmp_path / 'x') is None
    row, before = run()
    assert not before
    assert row == dict(name='x', fingerprint='a', value=7, seconds=2.0, finished=True)
    assert run() == (row, True)
    assert [bool(state) for state in seen] == [False, True]
    with pytest.raises(InputError, match='changed since'):
        run('b')


def test_the_seconds_of_an_interrupted_start_count(tmp_path, monkeypatch):
    clock = iter([100.0, 107.0, 200.0, 203.0])
    monkeypatch.setattr(records.time, 'time', lambda: next(clock))

    def interrupted(state):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        records.run_restartable('x', tmp_path, 'a', interrupted)
    assert records.read_state(tmp_path)['seconds'] == 7.0
    row, _ = records.run_restartable('x', tmp_path, 'a', lambda state: {})
    assert row['seconds'] == 10.0


def test_a_step_has_one_process(tmp_path):
    """Two starts of a recipe wrote their checkpoints and results into one folder."""
    inside = []

    def work(state):
        with pytest.raises(InputError, match='another process works in it'):
            records.run_restartable('x', tmp_path / 'x', 'a', lambda state: {})
        inside.append(True)
        return {}

    records.run_restartable('x', tmp_path / 'x', 'a', work)
    assert inside == [True]
    assert records.run_restartable('x', tmp_path / 'x', 'a', work)[1]


def test_a_step_that_another_process_has_just_finished_is_not_run_again(tmp_path, monkeypatch):
    real, done = records.only_writer, dict(fingerprint='a', finished=True, seconds=1.0, value=3)

    def waits(folder):
        records.write_state(folder, done)
        return real(folder)

    monkeypatch.setattr(records, 'only_writer', waits)
    assert records.run_restartable('x', tmp_path / 'x', 'a', lambda state: dict(value=4)) == (done, True)
