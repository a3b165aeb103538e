"""Ranking accuracy and its interval, compared with hand calculations."""

import numpy as np
import pytest
import torch

from auxskd_mm.errors import InputError
from auxskd_mm.evaluation import SpeedRankMetric
from auxskd_mm.evaluation.pretext import wilson_interval
from auxskd_mm.evaluation.pretext.learned import task_metrics


def sample(speeds, scores, segments=None, segment_scores=None, **more):
    made = dict(clip_speed=np.array(speeds, dtype=np.float32), speed_score=torch.tensor(scores), **more)
    if segments is not None:
        made.update(segment_label=np.array(segments), segment_score=torch.tensor(segment_scores))
    return made


@pytest.fixture
def texts(monkeypatch):
    logged = []
    monkeypatch.setattr('auxskd_mm.evaluation.speed_rank_metric.print_log', lambda text, **_: logged.append(text))
    return logged


def evaluate(*made):
    metric = SpeedRankMetric()
    metric.process(None, list(made))
    return metric.evaluate(len(made))


def test_clips_by_hand(texts):
    result = evaluate(
        sample([1, 2, 4], [0.0, 1.0, 2.0]),  # all three pairs
        sample([4, 2, 1], [1.0, 2.0, 1.0]),  # 4 over 2 wrong, 4 over 1 equal, 2 over 1 right
        sample([1, 2, 4], [5.0, 4.0, 3.0], replacement=True),
    )
    # Variance 2 * (2 * 0.25^2) / 4, effective number 0.1875 / 0.0625 but at most the two videos; t of one degree 12.7062.
    low, high = wilson_interval(0.75, 2, 12.7062)
    assert result == {
        'rank/pair_acc': pytest.approx((1 + 0.5) / 2),
        'rank/pair_chance': 0.5,
        'rank/pair_ci95': pytest.approx((high - low) / 2, abs=1e-4),
        'rank/pair_low': pytest.approx(low, abs=1e-4),
        'rank/pair_high': pytest.approx(high, abs=1e-4),
        'rank/pair_videos': 2,
        'rank/pair_learned': False,
    }
    rows = [line.split() for line in texts[0].splitlines()]
    assert rows[0] == ['2', 'videos', 'of', '3', 'clips']
    assert rows[2] == ['clips', '75.0%', '49.6%', '50.0%']
    # Speed by speed: 2 over 1 twice right; 4 over 1 right and equal, 4 over 2 right and wrong.
    assert rows[3][:3] == ['not', 'learned:', 'pair']
    assert rows[4:] == [['right', 'order', '1x', '2x'], ['2x', '100.0%'], ['4x', '75.0%', '50.0%']]


def test_segments_by_hand(texts):
    result = evaluate(
        sample([1, 4], [0.0, 1.0], [0, 1], [[0.0, 3.0], [1.0, 2.0]]),
        sample([2, 4], [0.0, 1.0], [0, 0], [[1.0, 0.0], [2.0, 0.0]]),
    )
    # Video 1: the 4 (score 2) over three segments of speed 1 (0, 3, 1): two of three. Video 2: all of its five pairs.
    assert result['rank/segment_pair_acc'] == pytest.approx((2 / 3 + 1) / 2)
    assert result['rank/segment_pair_chance'] == 0.5
    assert result['rank/segment_acc_paced'] == 1.0  # of three sped-up clips; the clip at speed 1 has no answer
    assert result['rank/segment_chance_paced'] == pytest.approx(2 / 3)
    assert 'segments' in texts[0]
    for task, shares in (('pair', [1, 1]), ('segment_pair', [2 / 3, 1])):  # two tasks: both hold together with 95%
        expected = task_metrics(task, shares, ['1', '2'], 0.5, tasks=2)
        assert {key: result[f'rank/{key}'] for key in expected} == pytest.approx(expected)


def test_bad_samples_are_named():
    with pytest.raises(InputError, match="carry no 'clip_speed'"):
        SpeedRankMetric().process(None, [dict(speed_score=torch.zeros(2))])
    with pytest.raises(InputError, match="carry no 'speed_score'"):
        SpeedRankMetric().process(None, [dict(clip_speed=np.ones(2))])
    with pytest.raises(InputError, match='NaN or infinite'):
        SpeedRankMetric().process(None, [sample([1, 2], [0.0, float('nan')])])
    with pytest.raises(InputError, match='no sample was evaluated'):
        SpeedRankMetric().compute_metrics([])
