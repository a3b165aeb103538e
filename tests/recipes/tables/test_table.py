"""The table of a recipe: cells and paired differences by hand, in both files."""

import json
from types import SimpleNamespace

import pytest

from auxskd_mm.recipes.entries import Comparison, Evaluation, Init
from auxskd_mm.recipes.plan import Plan
from auxskd_mm.recipes.runs import Run
from auxskd_mm.recipes.tables.table import write_table

ROWS = [Init('plain', 'Plain'), Init('taught', 'Taught'), Init('idle', 'Not run')]
EVALUATION = Evaluation('tuned', None, {}, {'top-1': 'acc/top1'}, trains=True)


def step(folder, run, row=None):
    evaluation = EVALUATION if row else None
    return SimpleNamespace(
        kind='tuned' if row else 'vspp', folder=folder, run=run, row=row, evaluation=evaluation, count=None
    )


@pytest.fixture
def plan(tmp_path):
    runs = [Run(f'seed{seed}', seed, None) for seed in (0, 1)]
    steps = [step(tmp_path / f'{run.name}_{row.name}', run, row) for run in runs for row in ROWS]
    steps.append(step(tmp_path / 'vspp', runs[0]))
    comparison = [Comparison('taught', 'plain', 'taught over plain'), Comparison('idle', 'plain', 'idle over plain')]
    report = dict(title='T')
    return Plan(tmp_path / 'r.py', tmp_path, runs, steps, ROWS, [EVALUATION], report, comparisons=comparison)


def states_of(plan):
    values = {('plain', 0): 0.20, ('plain', 1): 0.21, ('taught', 0): 0.25, ('taught', 1): 0.26}
    made = []
    for one in plan.steps:
        value = values.get((one.row.name, one.run.seed)) if one.row else 0.5
        test, protocol = {'acc/top1': value}, dict(seed=one.run.seed)
        made.append(dict(test=test, finished=True, seconds=2.0, train={}, protocol=protocol) if value else {})
    return made


def test_means_and_paired_differences_by_hand(plan):
    text = write_table(plan, states_of(plan))
    rows = [line for line in text.splitlines() if line.startswith('|')]
    # Two runs a point apart: deviation 0.707, t of one degree of freedom 12.706, so 12.706 * 0.707 / sqrt(2).
    assert rows[2:5] == ['| Plain | 20.5 ± 6.4 |', '| Taught | 25.5 ± 6.4 |', '| Not run | - |']
    assert rows[7:] == ['| taught over plain | **+5.0 ± 0.0** |', '| idle over plain | - |']
    assert (plan.root / 'table.md').read_text(encoding='utf-8') == text


def test_the_data_hold_values_protocols_and_folders(plan):
    write_table(plan, states_of(plan))
    found = json.loads((plan.root / 'table.json').read_text())
    (plain, taught), (compared,) = found['cells'], found['comparisons']
    assert plain['values'] == {'seed0': 0.20, 'seed1': 0.21}
    assert plain['protocols'] == [dict(seed=0), dict(seed=1)]
    assert (taught['mean'], taught['n'], taught['seconds']) == (pytest.approx(0.255), 2, 4.0)
    assert taught['folders'] == [str(plan.root / f'seed{seed}_taught') for seed in (0, 1)]
    assert (compared['row'], compared['mean']) == ('taught', pytest.approx(0.05))
    assert [phase['phase'] for phase in found['phases']] == ['vspp']
