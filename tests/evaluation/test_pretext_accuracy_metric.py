"""Accuracy, chance and interval of pretext tasks, compared with hand calculations."""

import numpy as np
import pytest
import torch

from auxskd_mm.errors import InputError
from auxskd_mm.evaluation import PretextAccuracyMetric
from auxskd_mm.evaluation.accuracy import best_constant, confusion_table
from auxskd_mm.evaluation.pretext import wilson_interval


def sample(task, labels, guesses, classes=6, **more):
    scores = torch.nn.functional.one_hot(torch.tensor(guesses), classes).float()
    return {f'{task}_label': np.asarray(labels), f'pred_{task}': scores, **more}


def test_order_by_hand():
    metric = PretextAccuracyMetric(tasks=['order'])
    metric.process(None, [sample('order', [5], [5]), sample('order', [0], [1])])
    metric.process(None, [sample('order', [0], [0]), sample('order', [2], [0], replacement=True)])
    result = metric.evaluate(4)
    # Three videos, variance of the mean (2/9) / 2, so two effective samples; t of two degrees of freedom is 4.30265.
    low, high = wilson_interval(2 / 3, 2, 4.30265)
    assert result == {
        'pretext/order_acc': pytest.approx(2 / 3),
        'pretext/order_chance': pytest.approx(2 / 3),
        'pretext/order_low': pytest.approx(low, abs=1e-5),
        'pretext/order_high': pytest.approx(high, abs=1e-5),
        'pretext/order_ci95': pytest.approx((high - low) / 2, abs=1e-5),
        'pretext/order_videos': 3,
        'pretext/order_learned': False,
    }


def test_views_and_several_tasks_count_by_themselves(monkeypatch):
    texts = []
    monkeypatch.setattr('auxskd_mm.evaluation.pretext_accuracy_metric.print_log', lambda text, **_: texts.append(text))
    metric = PretextAccuracyMetric(tasks=['pace', 'order'], class_names=dict(pace=['1x', '2x', '3x', '4x']))
    one = {**sample('pace', [0, 3], [0, 2], 4), **sample('order', [1], [1], 24)}
    two = {**sample('pace', [3, 3], [3, 3], 4), **sample('order', [23], [0], 24)}
    metric.process(None, [one, two])
    result = metric.evaluate(2)
    assert result['pretext/pace_acc'] == pytest.approx(3 / 4)
    assert result['pretext/pace_chance'] == pytest.approx(3 / 4)
    assert result['pretext/order_acc'] == pytest.approx(1 / 2)
    assert result['pretext/order_chance'] == pytest.approx(1 / 2)
    (logged,) = texts
    rows = [line.split() for line in logged.splitlines()]
    # Two videos of two clips say next to nothing about others.
    assert rows[1] == ['pace', '4', '75.0%', '49.9%', '75.0%']
    assert rows[3][:4] == ['not', 'learned:', 'pace', '75.0%']
    assert 'pace \\ predicted' in logged
    assert 'order \\ predicted' not in logged  # 24 classes do not fit


@pytest.mark.parametrize(('given', 'named'), [({}, ['1x', '2x', '8x']), (dict(pace=list('abc')), ['a', 'b', 'c'])])
def test_paces_are_named_by_the_data_set_unless_given(given, named, monkeypatch):
    texts = []
    monkeypatch.setattr('auxskd_mm.evaluation.pretext_accuracy_metric.print_log', lambda text, **_: texts.append(text))
    metric = PretextAccuracyMetric(class_names=given)
    metric.dataset_meta = dict(paces=(1, 2, 8))
    metric.process(None, [sample('pace', [2], [1], 3)])
    metric.evaluate(1)
    assert [line.split() for line in texts[0].splitlines()[-4:]] == [
        ['pace', '\\', 'predicted', *named],
        *([named[0], '0', '0', '0'], [named[1], '0', '0', '0'], [named[2], '0', '1', '0']),
    ]


def test_confusion_by_hand():
    table = confusion_table('pace', np.array([0, 0, 2]), np.array([0, 2, 2]), ['1x', '2x', '3x'])
    rows = [row.split() for row in table.splitlines()]
    assert rows == [
        ['pace', '\\', 'predicted', '1x', '2x', '3x'],
        *(['1x', '1', '0', '1'], ['2x', '0', '0', '0'], ['3x', '0', '0', '1']),
    ]
    assert len({len(row) for row in table.splitlines()}) == 1
    with pytest.raises(InputError, match='2 class names'):
        confusion_table('pace', np.array([0, 2]), np.array([0, 0]), ['1x', '2x'])


def test_chance_by_hand():
    assert best_constant(np.array([0, 1, 1, 3])) == 0.5


def test_bad_input_is_named():
    with pytest.raises(InputError, match='tasks is empty'):
        PretextAccuracyMetric(tasks=[])
    with pytest.raises(InputError, match="no 'order_label'"):
        PretextAccuracyMetric(tasks='order').process(None, [sample('pace', [0], [0])])
    with pytest.raises(InputError, match="no 'pred_pace'"):
        PretextAccuracyMetric().process(None, [dict(pace_label=np.array([0]))])
    with pytest.raises(InputError, match='no sample was evaluated'):
        PretextAccuracyMetric().compute_metrics([])


def test_paces_that_show_the_same_frames_lower_the_ceiling():
    metric = PretextAccuracyMetric()
    alike = [[(1,), (2,)]]
    for label, same in ((0, None), (1, alike), (1, alike), (2, alike)):
        metric.process({}, [dict(pace_label=[label], pred_pace=torch.eye(3)[[label]], alike=same)])
    metrics = metric.compute_metrics(metric.results)
    assert metrics['pace_acc'] == 1.0
    assert metrics['pace_ceiling'] == 3 / 4  # label 0 is certain, of the three alike two are label 1
