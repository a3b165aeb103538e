"""Which to use, fine-tuning or probe, and mean class accuracy beside top-1."""

import json
from types import SimpleNamespace

import pytest

from auxskd_mm.recipes.entries import Evaluation, Init
from auxskd_mm.recipes.plan import Plan
from auxskd_mm.recipes.runs import Run
from auxskd_mm.recipes.tables import advice
from auxskd_mm.recipes.tables.columns import columns_of, mean_class_of
from auxskd_mm.recipes.tables.table import write_table

ROWS = [Init('below', 'Below'), Init('above', 'Above'), Init('noise', 'Noise')]
TUNED = Evaluation('tuned', None, {}, {'fine-tuned': 'acc/top1'}, trains=True)
FROZEN = Evaluation('frozen', None, {}, {'probe': 'linear/top1'}, trains=False)
VALUES = {'below': [-0.10, -0.11, -0.09], 'above': [0.10, 0.11, 0.09], 'noise': [0.2, -0.2, 0.1]}


def plan_of(tmp_path, runs):
    def step(run, row, evaluation):
        folder = tmp_path / f'{run.name}_{row.name}_{evaluation.name}'
        return SimpleNamespace(kind='x', folder=folder, run=run, row=row, evaluation=evaluation, count=None, init=None)

    every = [Run(f'seed{seed}', seed, None) for seed in range(runs)]
    steps = [step(run, row, part) for run in every for row in ROWS for part in (TUNED, FROZEN)]
    return Plan(tmp_path / 'r.py', tmp_path, every, steps, ROWS, [TUNED, FROZEN])


def states_of(plan):
    made = []
    for step in plan.steps:
        value = 0.5 + (VALUES[step.row.name][step.run.seed] if step.evaluation is TUNED else 0)
        kind = 'acc' if step.evaluation is TUNED else 'linear'
        test = {f'{kind}/top1': value, f'{kind}/mean_class': value - 0.2}
        made.append(dict(test=test, finished=True, seconds=1.0, train={}, protocol={}))
    return made


def test_a_fine_tuning_below_its_probe_gives_way_to_it(tmp_path):
    plan = plan_of(tmp_path, 3)
    text = write_table(plan, states_of(plan))
    lines = [line for line in text.splitlines() if line.startswith('- ')]
    # Deviation 0.01 of three runs, t of two degrees 4.303: half 4.303 * 0.01 / sqrt(3) = 2.5 points.
    assert lines == [
        '- Below: use probe; fine-tuned ends below it by more than noise (-10.0 ± 2.5 points over 3 runs).',
        '- Above: use fine-tuned; it is above probe by more than noise (+10.0 ± 2.5 points over 3 runs).',
        '- Noise: use probe; fine-tuned differs from it by no more than noise (+3.3 ± 51.7 points over 3 runs).',
    ]
    found = json.loads((tmp_path / 'table.json').read_text())['advice']
    assert [one['use'] for one in found] == ['probe', 'fine-tuning', 'probe']


def test_a_single_run_is_compared_over_its_test_videos(tmp_path, monkeypatch):
    plan = plan_of(tmp_path, 1)
    names, labels = list('abcdefghij'), [0] * 10

    def classified(step):
        wrong = 8 if step.evaluation is TUNED else 0
        return dict(names=names, labels=labels, predictions=[1] * wrong + [0] * (10 - wrong))

    monkeypatch.setattr(advice, 'read_classified', classified)
    states = list(zip(plan.steps, states_of(plan)))
    for step, state in states:
        if step.evaluation is FROZEN:
            state['test']['linear/top1'] = 1.0
    (first, *_) = advice.advise({row.name: row.title for row in ROWS}, plan.inits, columns_of(plan, states), states)
    # Eight of ten videos lost: mean -0.8, deviation 0.4216, t of nine degrees 2.262.
    assert first.difference.mean == pytest.approx(-0.8)
    assert first.difference.half == pytest.approx(2.2622 * 0.42164 / 10**0.5, abs=1e-4)
    assert first.text.endswith('over 10 test videos).')
    assert first.use == 'probe'


def test_mean_class_accuracy_stands_beside_top1(tmp_path):
    plan = plan_of(tmp_path, 3)
    states = list(zip(plan.steps, states_of(plan)))
    text = write_table(plan, [row for _, row in states])
    assert '| Below | 20.0 ± 2.5 | 30.0 ± 0.0 |' in text.split('Mean class accuracy')[1]
    columns = columns_of(plan, states)
    assert [mean_class_of(column, states).metric for column in columns] == ['acc/mean_class', 'linear/mean_class']
    del states[0][1]['test']['acc/mean_class']  # a result of an earlier version
    assert mean_class_of(columns[0], states) is None


def test_the_answers_of_another_probe_of_the_same_test_are_not_compared(tmp_path, monkeypatch):
    plan = plan_of(tmp_path, 1)
    content = dict(names=['a', 'b', 'c', 'd'], labels=[0] * 4, predictions=[0, 0, 0, 1])
    monkeypatch.setattr(advice, 'read_classified', lambda step: content)
    states = list(zip(plan.steps, states_of(plan)))  # their probe is right in 50%, these answers are in 75%
    (first, *_) = advice.advise({row.name: row.title for row in ROWS}, plan.inits, columns_of(plan, states), states)
    assert (first.over, first.difference.count) == ('runs', 1)
    assert first.difference.mean == pytest.approx(-0.1)
