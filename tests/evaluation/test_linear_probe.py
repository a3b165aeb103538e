"""The probe against scikit-learn's logistic regression on the same features."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from auxskd_mm.errors import InputError
from auxskd_mm.evaluation.linear_probe import ProbeSettings, fit_probe, sweep_probe, validation_mask


def blobs(count, seed, classes=5, width=16, noise=3.0):
    """Overlapping classes, each feature of its own scale and offset, one constant."""
    centres = np.random.default_rng(0).normal(size=(classes, width))
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, count)
    features = centres[labels] + noise * rng.normal(size=(count, width))
    features = features * np.logspace(-2, 2, width) + 5
    features[:, 3] = 7
    return features, labels


TRAIN, TEST = blobs(600, 1), blobs(2000, 2)


@pytest.mark.parametrize('weight_decay', [1e-4, 1e-2, 1.0])
def test_lbfgs_finds_the_minimum_that_scikit_learn_finds(weight_decay):
    (x, y), (test, truth) = TRAIN, TEST
    scaler = StandardScaler().fit(x)
    # Newton's method: LBFGS of scikit-learn 1.3 stops before it is there.
    oracle = LogisticRegression(C=1 / (weight_decay * len(x)), solver='newton-cg', tol=1e-8, max_iter=10000)
    oracle.fit(scaler.transform(x), y)
    probe = fit_probe(x, y, ProbeSettings(weight_decay=weight_decay))
    scores, expected = probe.scores(test), oracle.decision_function(scaler.transform(test))
    # A constant added to all scores changes nothing, and no penalty fixes it.
    centred = scores.numpy() - scores.numpy().mean(1, keepdims=True)
    np.testing.assert_allclose(centred, expected - expected.mean(1, keepdims=True), atol=2e-4)
    assert probe.accuracy(test, truth) == pytest.approx(oracle.score(scaler.transform(test), truth), abs=0.005)


@pytest.mark.parametrize('settings', [ProbeSettings(weight_decay=1e-2), ProbeSettings('sgd', 1e-2, 0.03)])
def test_in_single_precision_within_half_a_point(settings):
    (x, y), (test, truth) = TRAIN, TEST
    scaler = StandardScaler().fit(x)
    oracle = LogisticRegression(C=1 / (1e-2 * len(x)), max_iter=10000).fit(scaler.transform(x), y)
    probe = fit_probe(x.astype(np.float32), y, settings)
    assert probe.weight.dtype == torch.float32
    assert probe.accuracy(test.astype(np.float32), truth) == pytest.approx(
        oracle.score(scaler.transform(test), truth), abs=0.005
    )
    assert oracle.score(scaler.transform(test), truth) > 0.5


@pytest.mark.parametrize('scale', [1, 1e-9, 1e9])
def test_one_layer_gives_the_scores_of_the_probe_and_what_is_constant_but_for_rounding_stays_small(scale):
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], 20)
    features = (rng.normal(size=(60, 4)) + 4 * np.eye(4)[labels]) * scale
    features[:, 3] = scale * (1 + 1e-9 * rng.normal(size=60))
    probe = fit_probe(features, labels, ProbeSettings(weight_decay=1e-2))
    assert probe.std.tolist() == pytest.approx([*features[:, :3].std(0), 1])
    assert probe.accuracy(features, labels) > 0.9
    weight, bias = probe.as_linear()
    np.testing.assert_allclose(features @ weight.numpy().T + bias.numpy(), probe.scores(features), rtol=1e-4, atol=1e-5)


def test_sgd_takes_the_steps_of_the_textbook():
    """Second way: momentum, weight decay of the weight alone and the cosine schedule, written out in NumPy."""
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], 8)
    x = rng.normal(size=(24, 4)) + 2 * np.eye(4)[labels]
    rate, decay, epochs = 0.3, 0.2, 6
    probe = fit_probe(x, labels, ProbeSettings('sgd', decay, rate, epochs, 100))  # one batch: its order is no matter
    x = (x - x.mean(0)) / x.std(0)
    weight, bias = np.zeros((4, 3)), np.zeros(3)
    pushed, lifted = np.zeros_like(weight), np.zeros_like(bias)
    for epoch in range(epochs):
        scores = np.exp(x @ weight + bias)
        error = (scores / scores.sum(1, keepdims=True) - np.eye(3)[labels]) / len(x)
        pushed = 0.9 * pushed + x.T @ error + decay * weight
        lifted = 0.9 * lifted + error.sum(0)
        now = rate * (1 + np.cos(np.pi * epoch / epochs)) / 2
        weight, bias = weight - now * pushed, bias - now * lifted
    np.testing.assert_allclose(probe.weight, weight, rtol=1e-9)
    np.testing.assert_allclose(probe.bias, bias, rtol=1e-9, atol=1e-12)


def test_without_standardizing():
    x, y = TRAIN[0][:, 8:10] / 10, TRAIN[1]
    oracle = LogisticRegression(C=1 / (1e-2 * len(x)), tol=1e-10, max_iter=10000).fit(x, y)
    probe = fit_probe(x, y, ProbeSettings(weight_decay=1e-2), standardize=False)
    np.testing.assert_allclose(probe.weight.T, oracle.coef_, atol=1e-4)


def test_the_sweep_chooses_by_the_validation_part_alone():
    x, y = TRAIN
    candidates = [ProbeSettings(weight_decay=wd) for wd in (100.0, 1e-6, 3e-2)]
    probe, rows = sweep_probe(x, y, candidates, seed=4)
    held = validation_mask(y, 0.2, seed=4)
    for settings, row in zip(candidates, rows):
        alone = fit_probe(x[~held], y[~held], settings, num_classes=5)
        assert row['val_acc'] == pytest.approx(alone.accuracy(x[held], y[held]))
    best = max(rows, key=lambda row: row['val_acc'])
    assert probe.settings.weight_decay == best['weight_decay'] < 100
    refit = fit_probe(x, y, probe.settings)
    np.testing.assert_allclose(probe.weight, refit.weight)
    assert [row['weight_decay'] for row in sweep_probe(x[:60], y[:60])[1]] == pytest.approx(np.logspace(-6, 0, 7))


def test_held_out_part_by_class():
    labels = np.repeat(np.arange(4), [50, 10, 2, 1])
    held = validation_mask(labels, 0.2)
    assert [int(held[labels == c].sum()) for c in range(4)] == [10, 2, 0, 0]
    assert not np.array_equal(held, validation_mask(labels, 0.2, seed=1))
    assert [int(validation_mask(labels, 0.9)[labels == c].sum()) for c in range(4)] == [45, 9, 1, 0]


def test_held_out_part_by_group():
    labels = np.repeat(np.arange(3), 40)
    groups = [f'scene{i % 8}' for i in range(120)]  # each scene shows all classes
    held = validation_mask(labels, 0.25, groups)
    names = {group for group, out in zip(groups, held) if out}
    assert names.isdisjoint({group for group, out in zip(groups, held) if not out})
    assert len(names) == 2
    with pytest.raises(InputError, match='none can be held out'):
        validation_mask(labels, 0.2, labels)


def test_what_another_class_has_held_out_counts_and_is_not_held_out_again():
    """Class 0 holds out two of the ten groups that both classes share; class 1 adds two of its own ten or of those."""
    labels, groups = np.repeat([0, 1], [10, 20]), [*range(10), *range(20)]
    for seed in range(20):
        held = validation_mask(labels, 0.2, groups, seed)
        assert [int(held[labels == label].sum()) for label in (0, 1)] in ([2, 4], [3, 4], [4, 4])


def test_where_groups_of_several_classes_take_one_away_the_seed_chooses_among_whole_divisions():
    labels = np.repeat(np.arange(4), 6)
    groups = [0, 0, 1, 1, 2, 2, 1, 1, 2, 2, 3, 3, 2, 2, 3, 3, 4, 4, 3, 3, 4, 4, 0, 0]
    found = [validation_mask(labels, 0.5, groups, seed) for seed in (3, 4, 8)]  # here one by one would lose a class
    assert np.array_equal(found[1], validation_mask(labels, 0.5, groups, 4))
    assert not np.array_equal(found[0], found[1])
    for held in found:
        for label in range(4):
            assert 0 < held[labels == label].sum() < 6
        assert not {group for group, out in zip(groups, held) if out} & {g for g, out in zip(groups, held) if not out}


def test_the_seed_of_a_sweep_is_that_of_its_batches():
    x, y = TRAIN[0][:60], TRAIN[1][:60]
    settings = ProbeSettings('sgd', 1e-2, 0.1, 3, 8)
    probe, _ = sweep_probe(x, y, [settings], seed=3)
    assert torch.equal(probe.weight, fit_probe(x, y, settings, seed=3).weight)
    assert not torch.equal(probe.weight, fit_probe(x, y, settings, seed=0).weight)


@pytest.mark.parametrize(
    ('call', 'says'),
    [
        (lambda: fit_probe(TRAIN[0], TRAIN[1][:5]), r'features \(600, 16\) and 5 labels'),
        (lambda: fit_probe(TRAIN[0], TRAIN[1] * 0), 'at least two classes'),
        (lambda: fit_probe(TRAIN[0], TRAIN[1], ProbeSettings('adam')), "solver='adam', expected 'lbfgs' or 'sgd'"),
        (lambda: fit_probe(*TRAIN).scores(TEST[0][:, :3]), 'features of width 3, trained on 16'),
        (lambda: validation_mask(TRAIN[1], 1.0), r'val_share=1\.0'),
        (lambda: validation_mask(np.arange(5), 0.5), 'every class has one video'),
        (
            lambda: validation_mask(np.repeat(np.arange(5), 2), 0.2),
            r'val_share=0\.2 is less than half a video of each class',
        ),
    ],
)
def test_bad_input(call, says):
    with pytest.raises(InputError, match=says):
        call()


def test_groups_of_several_classes_never_take_a_class_out_of_training():
    # Five speakers, each of whom says two of the five words: many draws hold out both speakers of a word.
    labels = np.array([w for s in range(5) for w in (s, (s + 1) % 5) for _ in range(4)])
    groups = np.array([s for s in range(5) for _ in range(8)])
    labels, groups = np.append(labels, np.arange(5)), np.append(groups, [5] * 5)
    for seed in range(30):
        held = validation_mask(labels, 0.6, groups, seed)
        assert set(labels[~held]) == set(range(5))
        assert not set(groups[held]) & set(groups[~held])
