"""The table of the sets: regret and rows come from the answers, and a set with answers is not run again."""

import argparse
import importlib.util
import json

import pytest
from tool_runs import ROOT

from auxskd_mm.errors import InputError


@pytest.fixture(scope='module')
def benchmark():
    spec = importlib.util.spec_from_file_location('benchmark_own_videos', ROOT / 'benchmarks' / 'own_videos.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def answers(regret=0.1):
    rows = dict(late_frozen=dict(choice=[0.5, 0.6], test=[0.5, 0.7]), early_pace=dict(choice=[0.5], test=[0.6, 0.8]))
    phases = [dict(phase='vspp_early', learned=False), dict(phase='pace_early', learned=True)]
    return dict(
        rows=rows, chosen='late_frozen', best_on_test='early_pace', regret=regret, verdict='Do not pretrain: ...',
        learnable='yes', constant=0.25, expected=dict(mean=0.6, half=0.1, count=8), phases=phases,
    )  # fmt: skip


def test_collected_rows_and_mean_regret(benchmark, tmp_path):
    for name, regret in (('one', 0.1), ('two', 0.0)):
        (tmp_path / name).mkdir()
        (tmp_path / name / 'answers.json').write_text(json.dumps(answers(regret)))
    found = benchmark.collect(tmp_path)
    assert found['one']['chosen_test'] == pytest.approx(0.6)
    assert found['one']['best_test'] == pytest.approx(0.7)
    assert found['one']['spread'] == pytest.approx(0.0)
    assert found['one']['not_learned'] == ['vspp_early']
    assert found['one']['rows']['late_frozen'] == dict(choice=pytest.approx(0.55), test=pytest.approx(0.6))
    text = benchmark.table(found)
    assert '| one | late_frozen 60.0 | early_pace 70.0 | 10.0 | 25.0 | vspp_early |' in text
    assert 'Mean regret over 2 sets: 5.0 points' in text


def test_sets_that_were_not_run_again_keep_their_numbers(benchmark, tmp_path):
    path = tmp_path / 'results.json'
    benchmark.update(path, dict(two=dict(regret=0.1), one=dict(regret=0.2)))
    benchmark.update(path, dict(two=dict(regret=0.3)))
    assert json.loads(path.read_text()) == dict(one=dict(regret=0.2), two=dict(regret=0.3))


def test_a_set_with_its_answers_is_not_run_again(benchmark, tmp_path, monkeypatch):
    calls = []
    args = argparse.Namespace(out=tmp_path, minutes=5.0, jobs=1, shuffle_labels=False)

    def run(words, cwd):
        calls.append(words)
        (tmp_path / 'set').mkdir(exist_ok=True)
        (tmp_path / 'set' / 'answers.json').write_text('{}')
        return argparse.Namespace(returncode=0)

    monkeypatch.setattr(benchmark.subprocess, 'run', run)
    benchmark.run_set('set', 'videos,groups.csv', args)
    benchmark.run_set('set', 'videos,groups.csv', args)
    assert len(calls) == 1
    assert calls[0][2:] == [
        'videos',
        '--out',
        str(tmp_path / 'set'),
        '--minutes',
        '5',
        '--groups',
        'groups.csv',
        '--jobs',
        '1',
    ]
    args.minutes = 10.0
    benchmark.run_set('set', 'videos,groups.csv', args)
    assert len(calls) == 2


def test_a_failed_set_is_one_line(benchmark, tmp_path, monkeypatch):
    args = argparse.Namespace(out=tmp_path, minutes=5.0, jobs=None, shuffle_labels=True)
    monkeypatch.setattr(benchmark.subprocess, 'run', lambda words, cwd: argparse.Namespace(returncode=1))
    with pytest.raises(InputError, match='set: the command ended with exit code 1'):
        benchmark.run_set('set', 'videos', args)
