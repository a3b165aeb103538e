"""VSPP's accuracies, chance and ceiling, compared with hand calculations."""

import numpy as np
import pytest
import torch
from conftest import write_video
from mmengine.evaluator import Evaluator

from auxskd_mm.datasets import UnlabeledVideoDataset
from auxskd_mm.evaluation import SegmentPaceMetric, segment_pace_accuracy
from auxskd_mm.evaluation.pretext import wilson_interval


def test_by_hand():
    # Six clips; the first three at speed 1.
    pace = np.array([0, 0, 0, 1, 1, 2])
    segment = np.array([0, 1, 1, 0, 1, 1])
    pace_pred = np.array([0, 0, 1, 1, 1, 0])
    segment_pred = np.array([0, 0, 1, 0, 0, 1])
    metrics = segment_pace_accuracy(pace, segment, pace_pred, segment_pred)
    assert metrics['pace_acc'] == pytest.approx(4 / 6)
    assert metrics['pace_chance'] == pytest.approx(3 / 6)
    assert metrics['segment_acc'] == pytest.approx(4 / 6)
    assert metrics['segment_chance'] == pytest.approx(4 / 6)
    assert metrics['joint_acc'] == pytest.approx(2 / 6)
    assert metrics['joint_chance'] == pytest.approx(2 / 6)
    # Three clips are paced, and of the three at speed 1 the best guess gets two.
    assert metrics['segment_ceiling'] == metrics['joint_ceiling'] == pytest.approx(5 / 6)
    assert metrics['segment_acc_paced'] == pytest.approx(2 / 3)
    # Six videos, variance (2/9) / 5, so five effective samples; t of five degrees is 3.16338 at 97.5%, for two tasks.
    assert (metrics['pace_low'], metrics['pace_high']) == pytest.approx(wilson_interval(4 / 6, 5, 3.16338), abs=1e-5)
    assert not metrics['pace_learned']


def test_a_single_segment_is_no_task():
    pace = np.array([0, 1] * 20)
    metrics = segment_pace_accuracy(pace, pace * 0, pace, pace * 0)
    assert metrics['pace_learned']
    assert 'segment_learned' not in metrics
    assert metrics['pace_low'] == pytest.approx(1 / (1 + 2.02269**2 / 40), abs=1e-5)  # t of one task, 39 degrees


def test_ceiling_of_a_balanced_set_is_thirteen_sixteenths():
    pace, segment = (grid.reshape(-1) for grid in np.meshgrid(range(4), range(4), indexing='ij'))
    metrics = segment_pace_accuracy(pace, segment, pace, segment)
    assert metrics['segment_ceiling'] == pytest.approx(13 / 16)
    assert metrics['pace_acc'] == 1
    assert np.isfinite(metrics['segment_acc_paced'])
    only_still = segment_pace_accuracy(pace * 0, segment, pace * 0, segment)
    assert np.isnan(only_still['segment_acc_paced'])


def test_replacements_are_left_out_and_views_counted(capsys):
    metric = SegmentPaceMetric()

    def sample(pace, guess, **more):
        scores = torch.nn.functional.one_hot(torch.tensor([guess]), 4).float()
        return dict(
            pace_label=np.array([pace]), segment_label=np.array([0]), pred_pace=scores, pred_segment=scores, **more
        )

    metric.process(None, [sample(1, 1), sample(2, 1), sample(3, 0, replacement=True)])
    two_views = dict(
        pace_label=np.array([0, 3]),
        segment_label=np.array([1, 2]),
        pred_pace=torch.eye(4)[[0, 3]],
        pred_segment=torch.eye(4)[[1, 1]],
    )
    metric.process(None, [two_views])
    result = metric.evaluate(4)
    assert result['vspp/pace_acc'] == pytest.approx(3 / 4)
    assert result['vspp/segment_acc'] == pytest.approx(1 / 4)


@pytest.mark.parametrize(
    ('sampler', 'given', 'named'),
    [
        (dict(type='SegmentPaceSample', speeds=(1, 2, 4, 8)), None, ['1x', '2x', '4x', '8x']),
        (dict(type='SegmentPaceSample', num_speeds=4), None, ['1x', '2x', '3x', '4x']),
        (dict(type='PaceSample', paces=(0.5, 1, 2, 3)), None, ['0.5x', '1x', '2x', '3x']),
        (dict(type='SegmentPaceSample', num_speeds=4), (1, 3, 5, 7), ['1x', '3x', '5x', '7x']),
        (None, None, ['0', '1', '2', '3']),
    ],
)
def test_table_names_the_speeds_that_the_sampler_draws(sampler, given, named, tmp_path, monkeypatch):
    write_video(tmp_path / 'a.mp4', num_frames=20)
    steps = [] if sampler is None else [{**sampler, 'type': f'auxskd_mm.{sampler["type"]}'}]
    texts = []
    monkeypatch.setattr('auxskd_mm.evaluation.segment_pace_metric.print_log', lambda text, **_: texts.append(text))
    evaluator = Evaluator(SegmentPaceMetric(speeds=given))
    evaluator.dataset_meta = UnlabeledVideoDataset(tmp_path, pipeline=steps).metainfo  # as MMEngine's loops do
    scores = torch.eye(4)[[3, 3]]
    sample = dict(pace_label=np.array([1, 3]), segment_label=np.array([0, 1]), pred_pace=scores, pred_segment=scores)
    evaluator.process([sample])
    evaluator.evaluate(1)
    rows = [line.split() for line in texts[0].splitlines()[-5:]]
    assert rows == [
        ['pace', '\\', 'predicted', *named],
        [named[0], '0', '0', '0', '0'],
        [named[1], '0', '0', '0', '1'],
        [named[2], '0', '0', '0', '0'],
        [named[3], '0', '0', '0', '1'],
    ]


def test_clips_that_show_the_same_under_several_labels_lower_all_ceilings():
    every = [(0, 0), (0, 1), (1, 0), (1, 1)]
    pace, segment = np.array([0, 1, 0, 1, 1]), np.array([0, 1, 1, 1, 0])
    metrics = segment_pace_accuracy(pace, segment, pace, segment, [every, every, every, every, None])
    # Of the four alike: pace 2 of 4, segment 3 of 4, pairs (0, 0), (1, 1), (0, 1), (1, 1) 2 of 4; the fifth is certain.
    assert metrics['pace_ceiling'] == pytest.approx(3 / 5)
    assert metrics['segment_ceiling'] == pytest.approx(4 / 5)
    assert metrics['joint_ceiling'] == pytest.approx(3 / 5)
    without = segment_pace_accuracy(pace, segment, pace, segment)
    assert (without['pace_ceiling'], without['segment_ceiling']) == (1.0, pytest.approx(4 / 5))


def test_the_speed_at_which_segments_look_alike_is_the_samplers(tmp_path, monkeypatch):
    write_video(tmp_path / 'a.mp4', num_frames=20)
    pace, segment = np.array([0, 0, 2, 2]), np.array([0, 1, 0, 1])
    # At base step 3 label 2 is the speed of the rest: one of its two segments is guessed wrong at best.
    metrics = segment_pace_accuracy(pace, segment, pace, np.array([0, 1, 0, 0]), unchanged=2)
    assert (metrics['segment_ceiling'], metrics['segment_acc'], metrics['segment_acc_paced']) == (3 / 4, 3 / 4, 1)
    # PECoP never draws that speed, and label 0, speed 1, has an answer.
    metrics = segment_pace_accuracy(pace, segment, pace, segment, unchanged=None)
    assert (metrics['segment_ceiling'], metrics['segment_acc_paced']) == (1, 1)
    alike = [[(0, 0), (0, 1)], [(0, 0), (0, 1)], None, None]
    assert segment_pace_accuracy(pace, segment, pace, segment, alike, None)['segment_ceiling'] == 3 / 4
    texts = []
    monkeypatch.setattr('auxskd_mm.evaluation.segment_pace_metric.print_log', lambda text, **_: texts.append(text))
    for settings, says in ((dict(base_step=3), 'at speed 3 all segments'), (dict(mode='pecop', base_step=3), None)):
        metric = SegmentPaceMetric()
        step = dict(type='auxskd_mm.SegmentPaceSample', num_speeds=5, **settings)
        metric.dataset_meta = UnlabeledVideoDataset(tmp_path, pipeline=[step]).metainfo
        scores = torch.eye(5)[[0]]
        sample = dict(
            pace_label=np.array([0]), segment_label=np.array([1]), pred_pace=scores, pred_segment=torch.eye(4)[[1]]
        )
        metric.process(None, [sample])
        result = metric.evaluate(1)
        assert result['vspp/segment_acc_paced'] == 1  # speed 1 is no unchanged speed here
        assert ('all segments' in texts[-1]) == (says is not None)
        assert says is None or says in texts[-1]


@pytest.mark.parametrize(('pairs', 'count'), [([(0, 0), (1, 0)], 1), ([(0, 0), (0, 1)], 0), (None, 0)])
def test_clips_that_go_round_are_counted_in_the_log(pairs, count, monkeypatch):
    """At speed 1 the segments look alike in any video."""
    texts = []
    monkeypatch.setattr('auxskd_mm.evaluation.segment_pace_metric.print_log', lambda text, **_: texts.append(text))
    metric, scores = SegmentPaceMetric(), torch.eye(4)[[0]]
    labels = dict(pace_label=np.array([0]), segment_label=np.array([0]), pred_pace=scores, pred_segment=scores)
    metric.process(None, [dict(labels, alike=[pairs])])
    metric.evaluate(1)
    assert [line for line in texts[0].splitlines() if 'go round' in line] == [
        f'ceiling: {count} clips go round in a short video and show the same frames under other labels'
    ] * (count > 0)
