"""A row whose pretext phase learned nothing is marked so in tables, summary and report."""

import json
from types import SimpleNamespace

import pytest

from auxskd_mm.evaluation.pretext import task_metrics
from auxskd_mm.recipes.entries import Comparison, Evaluation, Init
from auxskd_mm.recipes.make_report import make_report
from auxskd_mm.recipes.plan import Plan
from auxskd_mm.recipes.running.schedule import _result
from auxskd_mm.recipes.runs import Run, Step
from auxskd_mm.recipes.summary import write_summary
from auxskd_mm.recipes.tables.learned import row_verdicts
from auxskd_mm.recipes.tables.table import write_table

ROWS = [Init('plain', 'Plain'), Init('vspp', 'VSPP', 'vspp'), Init('pace', 'Pace', 'pace')]
RUNS = [Run(f'seed{seed}', seed, None) for seed in (0, 1)]
TUNED = dict(command='', test_command='c', init='', checkpoint='')


def results_of(prefix, task, hits):
    return {f'{prefix}/{key}': value for key, value in task_metrics(task, hits, range(len(hits)), 0.25).items()}


RIGHT, CHANCE = [1] * 30 + [0] * 10, [1] * 10 + [0] * 30
TESTS = {  # auxSKD has no test; VSPP learns in one of two runs; the pace phase never does
    ('auxskd', 0): {},
    ('auxskd', 1): {},
    ('vspp', 0): results_of('vspp', 'pace', RIGHT),
    ('vspp', 1): results_of('vspp', 'pace', CHANCE),
    ('pace', 0): results_of('pretext', 'pace', CHANCE),
    ('pace', 1): results_of('pretext', 'pace', CHANCE),
}


@pytest.fixture
def plan(tmp_path):
    evaluation = Evaluation('tuned', tmp_path / 'c.py', {}, {'top-1': 'acc/top1'}, trains=True)
    made = []
    for run in RUNS:
        for phase, before in (('auxskd', None), ('vspp', 'auxskd'), ('pace', None)):
            start = tmp_path / run.name / before if before else None
            folder = tmp_path / run.name / phase
            made.append(Step(phase, phase, folder, tmp_path / 'c.py', {}, run.seed, start, True, True, run))
        for row in ROWS:
            folder = tmp_path / run.name / 'tuned' / row.name
            step = Step(
                'tuned', 'tuned', folder, tmp_path / 'c.py', {}, run.seed, None, True, True, run, row, evaluation
            )
            made.append(step)
    (tmp_path / 'c.py').write_text("test_evaluator = dict(type='auxskd_mm.MultiClipAccuracy')\n")
    compared = [Comparison('pace', 'plain', 'pace over plain')]
    return Plan(tmp_path / 'r.py', tmp_path, RUNS, made, ROWS, [evaluation], comparisons=compared)


@pytest.fixture
def states(plan):
    def state(step):
        test = TESTS[step.kind, step.run.seed] if step.row is None else {'acc/top1': 0.5 + 0.1 * step.run.seed}
        return dict(TUNED, name=step.label, test=test, finished=True, seconds=2.0, train={}, protocol={})

    return [state(step) for step in plan.steps]


def test_the_table_marks_the_rows_and_their_differences(plan, states):
    text = write_table(plan, states)
    titles = [line.split(' | ')[0].strip('| ') for line in text.splitlines() if line.startswith('| ')]
    assert titles == [
        '',
        'Plain',
        'VSPP (not learned: vspp in 1 of 2 runs)',
        'Pace (not learned: pace)',
        '',
        'pace over plain (not learned: pace)',
    ]
    assert 'not above the best constant answer with 95% confidence' in text
    assert 'Not tested on held-out clips: auxskd.' in text
    found = json.loads((plan.root / 'table.json').read_text())['learned']
    assert {name: row['learned'] for name, row in found.items()} == dict(vspp=False, pace=False)
    result = found['vspp']['phases']['vspp']
    assert [result[run]['learned'] for run in ('seed0', 'seed1')] == [True, False]
    assert (result['seed0']['score'], result['seed0']['best_constant']) == (0.75, 0.25)
    assert found['vspp']['phases']['auxskd'] == dict(seed0=None, seed1=None)


def test_a_row_that_learned_in_every_run_has_no_mark(plan, states):
    for step, state in zip(plan.steps, states):
        if step.kind == 'vspp':
            state['test'] = TESTS['vspp', 0]
    verdict = row_verdicts(plan.inits, list(zip(plan.steps, states)))['vspp']
    assert (verdict.learned, verdict.mark) == (True, '')


def test_results_of_an_earlier_version_have_a_verdict(plan, states):
    """Their interval is score and half width, without related clips."""
    old = {'pretext/pace_acc': 0.35, 'pretext/pace_chance': 0.321, 'pretext/pace_ci95': 0.04}
    for step, state in zip(plan.steps, states):
        if step.kind == 'pace':
            state['test'] = old if step.run.seed else {**old, 'pretext/pace_acc': 0.5}
    verdict = row_verdicts(plan.inits, list(zip(plan.steps, states)))['pace']
    assert verdict.mark == ' (not learned: pace in 1 of 2 runs)'


def test_the_summary_and_the_line_on_the_screen_say_it(plan, states):
    write_summary(plan.root, plan.recipe, states)
    rows = (plan.root / 'summary.md').read_text().splitlines()[4:]
    assert [row.rsplit('|', 2)[1].strip() for row in rows[:3]] == ['-', 'yes', '**not learned**']
    assert _result(states[1]).startswith(', learned: pace 75.0% (95% interval ')
    assert _result(states[2]).startswith(', not learned: pace 25.0% (95% interval ')


def test_the_report_marks_the_rows_and_lists_the_phases(plan, states, monkeypatch):
    monkeypatch.setattr('auxskd_mm.recipes.make_report.draw_figures', lambda *_: {})
    page = make_report(plan, states)
    for text in (page.read_text(encoding='utf-8'), page.with_suffix('.md').read_text(encoding='utf-8')):
        assert 'Pace (not learned: pace)' in text.replace('\\', '')
        assert 'What the pretraining learned' in text
        assert 'not learned: pace 25.0%' in text.replace('\\', '')
    found = json.loads((page.parent / 'results.json').read_text())
    assert found['phases'][0]['name'] == 'vspp'
    assert 'Pace (not learned: pace)' in found['rows']


def test_a_row_from_a_file_has_no_phase():
    row = Init('theirs', 'Theirs', checkpoint='x.pth')
    verdict = row_verdicts([row], [(SimpleNamespace(kind='a', run=RUNS[0], row=None, folder='f', init=None), {})])
    assert (verdict['theirs'].learned, verdict['theirs'].mark) == (None, '')
