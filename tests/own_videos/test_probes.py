"""Probes find what is in the features, on the groups that they may see; permuted labels give chance."""

import json

import numpy as np
import pytest

from auxskd_mm.evaluation.feature_bank import FeatureBank
from auxskd_mm.own_videos.probes import choose_probe, curve_of_cell, known_name, label_curve, pooled, probe_cell

CHANNELS = 4


def bank(number, seed, strength=3.0, where='mean'):
    """Features of the pooling 'pyramid' in which one channel tells two classes: by its mean, by its change over time, or by the
    side on which it is high.
    """
    rng = np.random.default_rng(seed)
    labels = np.arange(number) % 2
    maps = rng.normal(size=(number, CHANNELS, 4, 4))  # quarters of the clip, and places in two rows
    told = {'mean': np.ones((4, 1)), 'time': np.array([[1], [-1], [1], [-1]]), 'grid': np.array([[1, -1, 1, -1]])}
    maps[:, 0] += (2 * labels - 1)[:, None, None] * strength * told[where]
    features = np.concatenate([maps.mean(3), maps.reshape(number, CHANNELS, -1)], 2)
    features = np.concatenate([part.reshape(number, -1) for part in np.split(features, [4], axis=2)], 1)
    names = [f'/store/c{label}/{seed}_{i}.mp4' for i, label in enumerate(labels)]
    return FeatureBank(features.astype(np.float32), labels, names)


def test_poolings_by_hand():
    features = np.arange(40, dtype=np.float32).reshape(
        1, 40
    )  # two channels of four quarters, then of four places in each
    assert pooled(features, 'mean').tolist() == [[1.5, 5.5]]
    assert pooled(features, 'mean_std')[0] == pytest.approx([1.5, 5.5, 1.25**0.5, 1.25**0.5])
    assert pooled(features, 'time').tolist() == [[*range(8)]]
    assert pooled(features, 'grid').tolist() == [[*range(8, 40)]]


@pytest.mark.parametrize('where', ['time', 'grid'])
def test_what_depends_on_time_or_place_needs_the_pooling_that_keeps_it(where):
    made = bank(80, 0, strength=1.5, where=where)
    choice = choose_probe(made.features, made.labels, [str(i // 4) for i in range(80)])
    assert choice.pooling == where


def test_more_labels_help_until_all(tmp_path):
    gallery, queries = bank(120, 0, strength=0.7), bank(200, 1, strength=0.7)
    choice = choose_probe(gallery.features, gallery.labels, gallery.names)
    curve = label_curve(gallery, queries.features, queries.labels, choice, 0)
    assert list(curve) == ['1', '5', '10', '20', '0']
    means = [shares.mean() for shares in curve.values()]
    assert means[0] < means[2] < means[-1] + 0.05
    assert all(len(shares) == 200 for shares in curve.values())
    assert set(np.round(curve['1'] * 5, 6)) <= {0, 1, 2, 3, 4, 5}  # of five draws
    assert set(curve['0']) <= {0, 1}


def test_a_cell_is_probed_once_and_again_when_its_clips_change(tmp_path):
    gallery, queries = bank(40, 0), bank(20, 1)
    gallery.save(tmp_path / 'gallery.npz')
    queries.save(tmp_path / 'query.npz')
    groups = {name.removeprefix('/store/'): name[-6:] for name in [*gallery.names, *queries.names]}
    tested = frozenset(list(groups)[40:50])
    made = probe_cell(tmp_path, groups)
    right = [made.predictions[name] == label for name, label in zip(queries.names, queries.labels)]
    assert np.mean(right) > 0.9
    curve = curve_of_cell(tmp_path, tested, made.choice)
    assert list(curve) == ['1', '5', '10', '0']
    assert all(set(shares) == tested for shares in curve.values())
    # With all labels, the curve's probe is the one that predicts.
    right = {name: float(made.predictions[f'/store/{name}'] == int(name[1])) for name in tested}
    assert curve['0'] == right
    kept = json.loads((tmp_path / 'own_probe.json').read_text())
    kept['predictions'] = dict.fromkeys(queries.names, 7)
    (tmp_path / 'own_probe.json').write_text(json.dumps(kept))
    assert set(probe_cell(tmp_path, groups).predictions.values()) == {7}
    others = {name: name[:2] for name in groups}
    assert set(probe_cell(tmp_path, others).predictions.values()) == {0, 1}


def test_permuted_labels_give_chance():
    scores = []
    for seed in range(6):
        made, asked = bank(60, seed), bank(200, seed + 100)
        labels = np.random.default_rng(seed).permutation(made.labels)
        choice = choose_probe(made.features, labels, made.names)
        permuted = FeatureBank(made.features, labels, made.names)
        scores += [label_curve(permuted, asked.features, asked.labels, choice, 0)['0'].mean()]
    assert np.mean(scores) == pytest.approx(0.5, abs=0.12)


def test_names_are_the_ends_of_paths():
    names = {'a/1.mp4', 'b/a/1.mp4'}
    assert known_name('/x/maps/late/a/1.mp4', names) == 'a/1.mp4'
    assert known_name('/x/maps/late/b/a/1.mp4', names) == 'b/a/1.mp4'
    assert known_name('/x/2.mp4', names) is None
