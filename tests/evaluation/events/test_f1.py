"""F1 counts an event twice, or pairs events that do not overlap enough."""

import numpy as np
import pytest

from auxskd_mm.errors import InputError
from auxskd_mm.evaluation.events import Event, event_f1
from auxskd_mm.evaluation.events.f1 import f1_table, temporal_iou


@pytest.mark.parametrize(
    ('one', 'other', 'expected'),
    [((0, 2), (1, 3), 1 / 3), ((0, 1), (1, 2), 0), ((0, 4), (1, 2), 0.25), ((1, 2), (1, 2), 1), ((0, 1), (5, 6), 0)],
)
def test_temporal_iou_by_hand(one, other, expected):
    assert temporal_iou(Event(*one, 'a'), Event(*other, 'a')) == pytest.approx(expected)


def test_a_second_detection_is_false():
    truth = [Event(0, 10, 'a'), Event(20, 30, 'a'), Event(40, 50, 'b')]
    halves = [Event(0, 6, 'a'), Event(4, 10, 'a'), Event(20, 30, 'b')]
    score = event_f1(halves, truth, 0.5)
    assert (score.hits, score.false, score.missed) == (1, 2, 2)
    assert score.f1 == pytest.approx(2 / 6)
    assert (score.precision, score.recall) == pytest.approx((1 / 3, 1 / 3))


def framewise_f1(found, truth, iou):
    """Lea et al. on frames of a tenth of a second: intersections and unions are counted, event by event."""
    hits = np.zeros(len(truth))
    marks = [np.isin(np.arange(1000), np.arange(round(e.start * 10), round(e.end * 10))) for e in truth]
    right = 0
    for event in sorted(found):
        own = np.isin(np.arange(1000), np.arange(round(event.start * 10), round(event.end * 10)))
        overlaps = [(own & mark).sum() / (own | mark).sum() * (event.label == e.label) for mark, e in zip(marks, truth)]
        best = int(np.argmax(overlaps))
        if overlaps[best] >= iou and not hits[best]:
            hits[best], right = 1, right + 1
    return 2 * right / (len(found) + len(truth))


def test_against_counting_frames():
    rng = np.random.default_rng(1)
    for _ in range(50):
        found, truth = (
            [
                Event(start / 10, (start + rng.integers(3, 60)) / 10, str(rng.choice(['a', 'b'])))
                for start in np.sort(rng.choice(900, rng.integers(1, 12), replace=False))
            ]
            for _ in range(2)
        )
        for iou in (0.1, 0.3, 0.5):
            assert event_f1(found, truth, iou).f1 == pytest.approx(framewise_f1(found, truth, iou))


def test_the_threshold_itself_is_enough():
    assert event_f1([Event(0, 1, 'a')], [Event(0, 2, 'a')], 0.5).hits == 1
    assert event_f1([Event(0, 2, 'a')], [Event(0, 2, 'a')], 1).hits == 1


def test_nothing_to_find():
    assert event_f1([], []).f1 == 1
    assert event_f1([], [Event(0, 1, 'a')]).f1 == 0
    assert event_f1([Event(0, 1, 'a')], []).f1 == 0


def test_table_has_every_class_and_threshold():
    table = f1_table([Event(0, 1, 'a')], [Event(0, 1, 'a'), Event(2, 3, 'b')], 0.4)
    assert table.splitlines()[2:] == [
        *(f'| all, IoU >= {iou} | 0.667 | 1.000 | 0.500 | 1 | 0 | 1 |' for iou in (0.1, 0.25, 0.4, 0.5)),
        '| a, IoU >= 0.4 | 1.000 | 1.000 | 1.000 | 1 | 0 | 0 |',
        '| b, IoU >= 0.4 | 0.000 | 0.000 | 0.000 | 0 | 0 | 1 |',
    ]


@pytest.mark.parametrize('iou', [0, 1.1, float('nan')])
def test_impossible_thresholds(iou):
    with pytest.raises(InputError, match='temporal IoU above 0 and at most 1'):
        event_f1([], [], iou)
