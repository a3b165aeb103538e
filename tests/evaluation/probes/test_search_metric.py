"""The search of probes in a test: stages of a real network taken apart, results, files, few labels."""

import json

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mmaction.structures import ActionDataSample

from auxskd_mm.errors import InputError
from auxskd_mm.evaluation import FeatureBank, ProbeSearchMetric
from auxskd_mm.evaluation.probes import ProbeChoice, ProbeSearch, Scores, stages_of
from auxskd_mm.evaluation.probes.search import Candidate
from auxskd_mm.models.backbones import C3DBN
from auxskd_mm.models.heads import ClipFeatureHead

LABELS = np.repeat(np.arange(2), 12)


def samples(split, seed):
    """The head's samples on maps of two stages; the class is in the last one."""
    maps = []
    for channels in (3, 4):
        rng = torch.Generator().manual_seed(seed)
        fmap = torch.randn(len(LABELS), channels, 4, 4, 4, generator=rng)
        fmap[:, 0] += (2.0 * channels - 6) * torch.from_numpy(LABELS)[:, None, None, None]
        maps.append(fmap)
    made = ClipFeatureHead('stages').predict(tuple(maps), [ActionDataSample() for _ in LABELS])
    for number, (sample, label) in enumerate(zip(made, LABELS)):
        sample.set_gt_label(int(label))
        sample.set_metainfo(dict(split=split, filename=f'/v/g{number % 6}_{split}_{number}.mp4'))
    return [sample.to_dict() for sample in made]


def evaluate(**settings):
    metric = ProbeSearchMetric(poolings=('mean',), strengths=(1e-2,), folds=2, device='cpu', **settings)
    both = samples('gallery', 0) + samples('query', 1)
    metric.process(None, both)
    return metric.evaluate(len(both))


def test_the_stages_of_a_backbone_come_back_from_its_features():
    torch.manual_seed(0)
    backbone = C3DBN(base_channels=2, stage_convs=(1, 1, 1), out_indices=(1, 2)).eval()
    whole = C3DBN(base_channels=2, stage_convs=(1, 1, 1)).eval()
    whole.load_state_dict(backbone.state_dict())
    clips = torch.randn(2, 3, 4, 16, 16)
    with torch.no_grad():
        early, late = backbone(clips)
        assert torch.allclose(late, whole(clips))
        second = whole
        for index in (0, 1):
            clips = second._stage(index, clips)
        assert torch.allclose(early, clips)
    feature = ClipFeatureHead('stages')((early, late))
    bank = FeatureBank(feature.numpy(), np.zeros(2, int), ['a', 'b'], dict(widths=[4, 8]))
    stages = stages_of(bank)
    assert {name: array.shape for name, array in stages.items()} == {'last-1': (2, 4, 4, 4), 'last': (2, 4, 4, 8)}
    expected = F.adaptive_avg_pool3d(late, (4, 2, 2))  # (N, C, T, 2, 2)
    assert np.allclose(stages['last'][1, 3, 2], expected[1, :, 3, 1, 0])
    with pytest.raises(InputError, match='extract them anew'):
        stages_of(FeatureBank(feature.numpy(), np.zeros(2, int), ['a', 'b'], dict(widths=[4])))
    with pytest.raises(InputError, match=r'out_indices=\(7,\): expected stages from 0 to 2'):
        C3DBN(base_channels=2, stage_convs=(1, 1, 1), out_indices=(7,))


def test_results_validation_and_test_apart_and_files(tmp_path):
    found = evaluate(group_pattern=r'/(g\d)_', save_to=str(tmp_path))
    assert found['probe/top1'] == found['probe/mean_class'] > 0.9
    assert found['probe/val_top1'] > 0.9
    assert found['probe/settings'].startswith('last')
    assert 'stages: means over quarters' in found['probe/protocol']
    record = json.loads((tmp_path / 'probe_search.json').read_text())
    assert record['test']['top1'] == found['probe/top1']
    assert record['validation']['count'] == len(LABELS)
    assert len(json.loads((tmp_path / 'predictions.json').read_text())) > 0
    assert FeatureBank.load(tmp_path / 'gallery.npz').protocol['widths'] == [3, 4]


def test_permuted_labels_are_marked_by_chance():
    assert evaluate(permute_labels=True, seed=3)['probe/top1'] < 0.8


def test_the_groups_of_the_gallery_reach_the_search(monkeypatch):
    seen, search = [], ProbeSearch.__call__
    monkeypatch.setattr(ProbeSearch, '__call__', lambda self, *args: seen.append(args[2]) or search(self, *args))
    evaluate(group_pattern=r'/(g\d)_')
    assert seen == [[f'g{number % 6}' for number in range(len(LABELS))]]


def test_the_spread_is_the_deviation_of_the_draws(monkeypatch):
    values = iter([0.5, 0.7, 0.9])

    def choose(self, gallery, queries, keep=False):
        top1 = next(values)
        return ProbeChoice(Candidate('last/mean', 'logistic', 0.1), None, Scores(top1, top1 / 2, 4), 0.5)

    monkeypatch.setattr(ProbeSearchMetric, '_choose', choose)
    monkeypatch.setattr('auxskd_mm.evaluation.probes.search_metric.part_of', lambda bank, path: bank)
    found = evaluate(lists={2: ['a', 'b', 'c']})
    assert found['probe/top1/2'] == pytest.approx(0.7)
    assert found['probe/mean_class/2'] == pytest.approx(0.35)
    assert found['probe/top1_spread/2'] == pytest.approx(0.2 * (2 / 3) ** 0.5)


def test_few_labels_are_measured_on_each_draw(tmp_path):
    lists = {}
    for draw in range(2):
        rows = [draw, draw + 1, draw + 12, draw + 13]
        path = tmp_path / f'{draw}.txt'
        path.write_text(''.join(f'/v/g{i % 6}_gallery_{i}.mp4 {LABELS[i]}\n' for i in rows))
        lists.setdefault(2, []).append(str(path))
    found = evaluate(lists=lists)
    assert 0.5 < found['probe/top1/2'] <= 1
    assert found['probe/top1_spread/2'] >= 0
    assert {'probe/mean_class/2', 'probe/settings/2'} <= set(found)
