"""Few labels: the numbers of the single metrics on each list, the fixed weight decay named, wrong groups refused."""

import numpy as np
import pytest

from auxskd_mm.errors import InputError
from auxskd_mm.evaluation import FeatureBank, FewLabelsMetric, KNNMetric, LinearProbeMetric, RetrievalMetric, fit_probe
from auxskd_mm.evaluation.linear_probe import ProbeSettings

CLASSES, EACH = 3, 12
RNG = np.random.default_rng(0)
LABELS = np.repeat(np.arange(CLASSES), EACH)
NAMES = [f'/a clip/{label}/{i}.mp4' for i, label in enumerate(LABELS)]


def features(labels):
    return (np.eye(6)[labels] + 0.7 * RNG.normal(size=(len(labels), 6))).astype(np.float32)


GALLERY = FeatureBank(features(LABELS), LABELS, NAMES)
QUERIES = FeatureBank(features(LABELS), LABELS, [f'/q/{i}.mp4' for i in range(len(LABELS))])


def write_list(path, rows, separator=' '):
    path.write_text(''.join(f'{NAMES[i]}{separator}{LABELS[i]}\n' for i in rows))
    return str(path)


def rows_of(count, first=0):
    return [label * EACH + first + i for label in range(CLASSES) for i in range(count)]


def bank_of(rows):
    return FeatureBank(GALLERY.features[rows], GALLERY.labels[rows], [NAMES[i] for i in rows])


@pytest.fixture
def groups(tmp_path):
    """Four groups, each with three videos of each class."""
    path = tmp_path / 'groups.csv'
    path.write_text('path,group\n' + ''.join(f'{name},{i % EACH // 3}\n' for i, name in enumerate(NAMES)))
    return str(path)


def test_every_list_gives_what_the_single_metrics_give_on_it(tmp_path, groups):
    draws = [rows_of(5), rows_of(5, first=6)]
    every = list(range(len(NAMES)))
    lists = {
        5: [write_list(tmp_path / f'{i}.txt', rows, '\t') for i, rows in enumerate(draws)],
        0: write_list(tmp_path / 'all.txt', every * 2),  # repeated lines count once
    }
    found = FewLabelsMetric(lists, group_file=groups, seed=3, device='cpu').measure(GALLERY, QUERIES)
    for count, parts in ((5, draws), (0, [every])):
        probes, votes, recalls = [], [], []
        for rows in parts:
            bank = bank_of(rows)
            probes.append(LinearProbeMetric(group_file=groups, seed=3, device='cpu').measure(bank, QUERIES))
            votes.append(KNNMetric(k=count or 10, device='cpu').measure(bank, QUERIES)['top1'])
            recalls.append(RetrievalMetric(ks=(1,), device='cpu').measure(bank, QUERIES)['R@1'])
        assert found[f'linear/{count}'] == pytest.approx(np.mean([probe['top1'] for probe in probes]))
        assert found[f'knn/{count}'] == pytest.approx(np.mean(votes))
        assert found[f'R@1/{count}'] == pytest.approx(np.mean(recalls))
        for probe in probes:
            assert probe['settings'] in found[f'linear_settings/{count}']
    assert 0.4 < found['linear/0'] < 1


def test_with_one_label_per_class_the_weight_decay_is_fixed_and_named(tmp_path, groups):
    one = write_list(tmp_path / '1.txt', rows_of(1))
    metric = FewLabelsMetric({1: one}, fixed_weight_decay=0.3, group_file=groups, device='cpu')
    found = metric.measure(GALLERY, QUERIES)
    bank = bank_of(rows_of(1))
    probe = fit_probe(bank.features, bank.labels, ProbeSettings(weight_decay=0.3), num_classes=CLASSES)
    assert found['linear/1'] == probe.accuracy(QUERIES.features, QUERIES.labels)
    assert found['linear_settings/1'] == 'lbfgs, weight decay 0.3, fixed: nothing can be held out'


def test_groups_that_cannot_be_divided_fix_the_weight_decay_too(tmp_path):
    groups = tmp_path / 'one.csv'
    groups.write_text('path,group\n' + ''.join(f'{name},same\n' for name in NAMES))
    five = write_list(tmp_path / '5.txt', rows_of(5))
    found = FewLabelsMetric({5: five}, group_file=str(groups), device='cpu').measure(GALLERY, QUERIES)
    assert found['linear_settings/5'] == 'lbfgs, weight decay 0.01, fixed: nothing can be held out'
    free = FewLabelsMetric({5: five}, device='cpu').measure(GALLERY, QUERIES)
    assert 'chosen among 7' in free['linear_settings/5']


def test_a_group_file_without_the_videos_is_refused(tmp_path):
    """The fixed weight decay must not hide a wrong group file."""
    groups = tmp_path / 'other.csv'
    groups.write_text('path,group\n/x.mp4,1\n')
    five = write_list(tmp_path / '5.txt', rows_of(5))
    with pytest.raises(InputError, match='15 videos are not in it'):
        FewLabelsMetric({5: five}, group_file=str(groups), device='cpu').measure(GALLERY, QUERIES)


def test_bad_lists_are_named(tmp_path):
    with pytest.raises(InputError, match='lists is empty'):
        FewLabelsMetric({})
    with pytest.raises(InputError, match=r'no file .*none\.txt'):
        FewLabelsMetric({0: str(tmp_path / 'none.txt')}, device='cpu').measure(GALLERY, QUERIES)
    (tmp_path / 'more.txt').write_text(f'{NAMES[0]} 0\n/lost.mp4 1\n')
    with pytest.raises(InputError, match=r'1 labelled videos have no features, e\.g\. /lost\.mp4'):
        FewLabelsMetric({0: str(tmp_path / 'more.txt')}, device='cpu').measure(GALLERY, QUERIES)
