"""Columns of a table: one per number of labels, values by run, the mean over the draws."""

from types import SimpleNamespace

import pytest

from auxskd_mm.errors import InputError
from auxskd_mm.recipes.entries import Evaluation, Init
from auxskd_mm.recipes.runs import Run
from auxskd_mm.recipes.tables.columns import columns_of
from auxskd_mm.recipes.tables.label_draws import Labels

FROZEN = Evaluation('frozen', None, {}, {'probe': 'linear/{n}'}, trains=False, few=True)
TUNED = Evaluation('tuned', None, {}, {'fine-tuned': 'acc/top1'}, trains=True, few=True)
WHOLE = Evaluation('whole', None, {}, {}, trains=False)
ROW = Init('row', 'Row')


def state(evaluation, test, run='seed0', count=None, init=ROW, **state):
    step = SimpleNamespace(evaluation=evaluation, row=init, run=Run(run, 0, None), count=count)
    return step, dict(test=test, **state)


def plan_of(*evaluations, counts=(1, 0)):
    return SimpleNamespace(evaluations=evaluations, labels=Labels('x', counts))


def test_a_training_has_a_column_per_number_of_labels_and_the_mean_over_its_draws():
    states = [
        state(TUNED, {'acc/top1': 0.2}, count=1),
        state(TUNED, {'acc/top1': 0.4}, count=1),
        state(TUNED, {'acc/top1': 0.9}, count=0),
        state(TUNED, {'acc/top1': 0.5}, 'seed1', count=1),
        state(TUNED, {'acc/top1': 0.7}, 'seed1', count=1, init=Init('other', 'Other')),
    ]
    one, every = columns_of(plan_of(TUNED), states)
    assert [one.title, every.title] == ['fine-tuned, 1', 'fine-tuned, all']
    assert one.values(ROW, states) == pytest.approx({'seed0': 0.3, 'seed1': 0.5})
    assert every.values(ROW, states) == {'seed0': 0.9}


def test_frozen_features_are_measured_once_for_all_numbers():
    states = [state(FROZEN, {'linear/1': 0.1, 'linear/0': 0.8})]
    one, every = columns_of(plan_of(FROZEN), states)
    assert (one.values(ROW, states), every.values(ROW, states)) == ({'seed0': 0.1}, {'seed0': 0.8})


def test_an_evaluation_without_columns_shows_its_accuracies():
    states = [state(WHOLE, {'acc/top1': 0.1, 'acc/top5': 0.2, 'retrieval/R@1': 0.3, 'acc/top1_text': 'x'})]
    assert [column.title for column in columns_of(plan_of(WHOLE), states)] == [
        'whole: acc/top1',
        'whole: retrieval/R@1',
    ]


def test_a_metric_that_is_not_there_is_named_and_an_unfinished_step_is_left_out():
    states = [state(TUNED, {}, count=1, finished=False)]
    column = columns_of(plan_of(TUNED), states)[0]
    assert column.values(ROW, states) == {}
    with pytest.raises(InputError, match=r"'tuned': no metric 'acc/top1' .* there are acc/mean"):
        column.values(ROW, [state(TUNED, {'acc/mean': 0.1, 'votes': 'text'}, count=1)])


def test_a_heading_of_two_evaluations_names_each():
    """Under one heading a report showed the number of the last evaluation for all."""
    both = [Evaluation(name, None, {}, {'top-1': 'acc/top1', name: 'acc/top5'}, trains=False) for name in ('a', 'b')]
    titles = [column.title for column in columns_of(plan_of(*both), [])]
    assert titles == ['a: top-1', 'a', 'b: top-1', 'b']
