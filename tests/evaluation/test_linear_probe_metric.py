"""The probe as a metric: the queries choose nothing, groups hold together, the choice stands in the result."""

import numpy as np
import pytest
import torch
from mmaction.structures import ActionDataSample

from auxskd_mm.errors import InputError
from auxskd_mm.evaluation import LinearProbeMetric, fit_probe
from auxskd_mm.evaluation.linear_probe import ProbeSettings, sweep_probe
from auxskd_mm.evaluation.linear_probe_metric import GroupSource
from auxskd_mm.records.predictions import read_predictions

RNG = np.random.default_rng(0)
LABELS = RNG.integers(0, 4, 700)
FEATURES = RNG.normal(size=(4, 8))[LABELS] + 2 * RNG.normal(size=(700, 8))
TRAIN, TEST = (FEATURES[:300], LABELS[:300]), (FEATURES[300:], LABELS[300:])


def samples(split, features, labels, count):
    made = []
    for i in range(count):
        sample = ActionDataSample(metainfo=dict(filename=f'v_g{i % 10:02}_{split}{i}.avi', split=split))
        sample.set_gt_label(int(labels[i]))
        sample.set_field(torch.from_numpy(features[i : i + 1]).float(), 'feature')
        made.append(sample.to_dict())
    return made


def test_result_is_that_of_the_sweep():
    gallery, queries = samples('gallery', *TRAIN, 300), samples('query', *TEST, 400)
    metric = LinearProbeMetric(weight_decays=(1e-5, 1e-1), group_pattern=r'_(g\d+)_', seed=2)
    metric.process(None, gallery + queries)
    result = metric.evaluate(700)
    x, y = TRAIN[0][:300].astype(np.float32), TRAIN[1][:300]
    groups = [i % 10 for i in range(300)]
    candidates = [ProbeSettings(weight_decay=wd) for wd in (1e-5, 1e-1)]
    probe, rows = sweep_probe(x, y, candidates, groups=[f'g{g:02}' for g in groups], seed=2)
    assert result['linear/val_top1'] == pytest.approx(max(row['val_acc'] for row in rows))
    assert result['linear/top1'] == pytest.approx(
        fit_probe(x, y, probe.settings).accuracy(TEST[0][:400].astype(np.float32), TEST[1][:400])
    )
    assert result['linear/settings'] == f'lbfgs, weight decay {probe.settings.weight_decay:g}, chosen among 2'
    assert 'gallery 300, queries 400' in result['linear/protocol']


def test_groups_from_a_file_are_those_of_the_pattern(tmp_path):
    gallery, queries = samples('gallery', *TRAIN, 300), samples('query', *TEST, 400)
    table = tmp_path / 'groups.csv'
    rows = [f'{sample["filename"]},{int(sample["filename"][3:5])}' for sample in gallery]
    table.write_text('\n'.join(['path,group', *rows]))
    results = []
    for groups in (dict(group_file=str(table)), dict(group_pattern=r'_g(\d+)_')):
        metric = LinearProbeMetric(weight_decays=(1e-5, 1e-1), seed=2, **groups)
        metric.process(None, gallery + queries)
        results.append(metric.evaluate(700))
    assert results[0] == results[1]
    table.write_text('path,group\nx,1\n')
    metric = LinearProbeMetric(group_file=str(table))
    metric.process(None, gallery + queries)
    with pytest.raises(InputError, match='300 videos are not in it'):
        metric.evaluate(700)


def test_a_class_of_the_queries_alone_and_the_file_of_answers(tmp_path):
    labels = np.where(TEST[1] == 0, 5, TEST[1])
    metric = LinearProbeMetric(weight_decays=(1e-2,), val_share=0.4, save_to=str(tmp_path))
    metric.process(None, samples('gallery', *TRAIN, 300) + samples('query', TEST[0], labels, 400))
    result = metric.evaluate(700)
    x = TRAIN[0].astype(np.float32)
    answers = fit_probe(x, TRAIN[1], ProbeSettings(weight_decay=1e-2)).scores(TEST[0].astype(np.float32)).argmax(1)
    assert result['linear/top1'] == pytest.approx((answers.numpy() == labels).mean())
    _, rows = sweep_probe(x, TRAIN[1], [ProbeSettings(weight_decay=1e-2)], val_share=0.4, num_classes=6)
    assert result['linear/val_top1'] == pytest.approx(rows[0]['val_acc'])
    rows = read_predictions(tmp_path / 'predictions.json')
    assert [int(np.reshape(row['gt_label'], -1)[0]) for row in rows] == labels.tolist()
    assert [int(np.reshape(row['pred_label'], -1)[0]) for row in rows] == answers.tolist()


def test_videos_that_are_no_windows_have_no_groups():
    assert GroupSource(None, None, 'probe').of(['b.mp4', 'a.mp4']) is None


def test_a_bracket_without_a_match_names_no_group():
    """Videos of no scene were one group, and a large one."""
    groups = GroupSource(r'(?:_(g\d+))?_x', None, 'probe').of(['a_x', 'b_x', 'a_g1_x', 'b_g1_x', 'c'])
    assert groups == ['a_x', 'b_x', 'g1', 'g1', 'c']
    empty = GroupSource(r'_((?:g\d+)?)', None, 'probe').of(
        ['a_x', 'b_x', 'a_g1', 'b_g1']
    )  # the bracket matches nothing
    assert empty == ['a_x', 'b_x', 'g1', 'g1']


def test_candidates():
    assert len(LinearProbeMetric().candidates) == 7
    sgd = LinearProbeMetric('sgd', weight_decays=(0, 1e-4), learning_rates=(1, 0.1, 0.01), epochs=3)
    assert len(sgd.candidates) == 6
    assert {candidate.epochs for candidate in sgd.candidates} == {3}


def test_bad_settings(tmp_path):
    with pytest.raises(InputError, match="solver='adam'"):
        LinearProbeMetric('adam')
    with pytest.raises(InputError, match='expected one bracket'):
        LinearProbeMetric(group_pattern='g')
    with pytest.raises(InputError, match=r"LinearProbeMetric\.group_pattern='\(': .*expected a regular expression"):
        LinearProbeMetric(group_pattern='(')
    with pytest.raises(InputError, match='not both'):
        LinearProbeMetric(group_pattern='(g)', group_file='x')
    with pytest.raises(InputError, match='no such group file'):
        LinearProbeMetric(group_file=str(tmp_path / 'x'))
    (tmp_path / 'y.csv').write_text('file,group\n')
    with pytest.raises(InputError, match='expected the columns path and group, found file, group'):
        LinearProbeMetric(group_file=str(tmp_path / 'y.csv'))
