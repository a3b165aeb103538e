"""The order of steps, what is printed about them, and the end at the first failure; the work is played by a stand-in."""

import contextlib
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool

import pytest

from auxskd_mm.errors import InputError
from auxskd_mm.recipes.running import schedule
from auxskd_mm.recipes.runs import Run, Step
from auxskd_mm.recipes.step_records import run_restartable


@pytest.fixture
def config(tmp_path):
    path = tmp_path / 'config.py'
    path.write_text('')
    return path


@pytest.fixture
def worked(monkeypatch, tmp_path):
    """Labels of the steps that were worked on, in order; a step that starts from another needs its state."""
    labels = []

    def run_step(step, root, gpus, *, in_process, quiet):
        def work(state):
            if step.label == 'bad':
                raise InputError('phase bad: a line')
            assert step.init is None or (step.init / 'phase.json').is_file()
            labels.append(step.label)
            return dict(took=30.0, test={'acc/top1': 0.25, 'linear_settings/0': 'text'})

        return run_restartable(step.label, step.folder, step.fingerprint(root), work)[0]

    monkeypatch.setattr(schedule, 'run_step', run_step)
    monkeypatch.setattr(schedule, 'prepare_process', lambda *_: None)
    # Threads stand for the worker processes, which would import for seconds; they cannot silence the screen one by one.
    monkeypatch.setattr(schedule, 'silent', contextlib.nullcontext)
    monkeypatch.setattr(schedule, 'worker_pool', lambda jobs, *_, **__: ThreadPoolExecutor(jobs))
    return labels


def steps_of(tmp_path, config, *links):
    """Steps by (label, label of the step that it starts from)."""
    common = dict(config=config, options={}, seed=0, trains=True, tests=True, run=Run('', 0, None))
    return [
        Step(label, label, tmp_path / label, init=tmp_path / start if start else None, **common)
        for label, start in links
    ]


@pytest.mark.parametrize('jobs', [1, 2])
def test_each_step_runs_once_after_what_it_starts_from(tmp_path, config, worked, jobs, capsys):
    steps = steps_of(tmp_path, config, ('a', None), ('b', 'a'), ('c', 'b'), ('d', None))
    states = schedule.run_steps([*steps, steps[0]], tmp_path, jobs)
    assert [state['name'] for state in states] == ['a', 'b', 'c', 'd', 'a']
    assert sorted(worked) == ['a', 'b', 'c', 'd']
    assert worked.index('a') < worked.index('b') < worked.index('c')
    rows = capsys.readouterr().out.splitlines()
    assert rows[0] == '4 of 4 steps to run, 4 steps of unknown length left'
    assert len(rows) == 5
    assert rows[-1].startswith('[4/4] ')
    assert rows[-1].endswith(': 30 s, acc/top1 25.0; nothing left to run')
    worked.clear()
    again = schedule.run_steps(steps, tmp_path, jobs)
    assert again == states[:4]
    assert worked == []
    assert capsys.readouterr().out == ''


@pytest.mark.parametrize('jobs', [1, 2])
def test_no_step_starts_after_a_failure(tmp_path, config, worked, jobs):
    steps = steps_of(tmp_path, config, ('bad', None), ('b', 'bad'), ('c', 'b'), ('d', 'b'))
    with pytest.raises(InputError, match='phase bad: a line'):
        schedule.run_steps(steps, tmp_path, jobs)
    assert worked == []


def test_a_worker_that_dies_is_one_line(tmp_path, config, worked, monkeypatch):
    def killed(*given):
        raise BrokenProcessPool

    monkeypatch.setattr(schedule, '_work', killed)
    with pytest.raises(InputError, match=r"phase 'a': a worker process died, .* run the same command again"):
        schedule.run_steps(steps_of(tmp_path, config, ('a', None)), tmp_path, 2)


def test_a_finished_step_with_other_inputs_is_refused(tmp_path, config, worked):
    steps = steps_of(tmp_path, config, ('a', None))
    schedule.run_steps(steps, tmp_path)
    steps[0].options = {'b': 1}
    with pytest.raises(InputError, match="phase 'a': its config or options changed"):
        schedule.run_steps(steps, tmp_path)
