"""The probe search: its choice, its honesty with labels that mean nothing, groups, few labels, imbalance."""

import contextlib

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_info, threadpool_limits

from auxskd_mm.errors import InputError
from auxskd_mm.evaluation.linear_probe import ProbeSettings, fit_probe
from auxskd_mm.evaluation.probes import AttentiveProbe, ProbeSearch, draw_few, feature_views, permuted, scores_of
from auxskd_mm.evaluation.probes.search import Candidate, _best, _falling, _folds, _Linear, _Parts

CLASSES = 3


def stages(labels, seed, where='late', noise=1.0):
    """Two stages (N, T, S, C). The class is in the mean of a stage, or only in how much a stage varies over time."""
    rng = np.random.default_rng(seed)
    made = {name: noise * rng.normal(size=(len(labels), 4, 2, 6)) for name in ('early', 'late')}
    steps = np.array([1.0, -1.0, 1.0, -1.0])[:, None, None]
    if where == 'deviation':
        made['late'][..., :CLASSES] += 4 * np.eye(CLASSES)[labels][:, None, None] * steps
    else:
        made[where][..., :CLASSES] += 2 * np.eye(CLASSES)[labels][:, None, None]
    return {name: array.astype(np.float32) for name, array in made.items()}


LABELS = np.repeat(np.arange(CLASSES), 12)
GROUPS = np.tile(np.arange(6), 6)
QUICK = dict(strengths=(1e-2, 1.0), folds=3)


@pytest.mark.parametrize(('where', 'stage', 'pooling'), [('early', 'early', None), ('deviation', 'late', 'mean_std')])
def test_the_stage_and_the_pooling_that_hold_the_class_are_chosen(where, stage, pooling):
    poolings = ('mean', 'mean_std')
    train, test = (feature_views(stages(LABELS, seed, where), poolings) for seed in (0, 1))
    found = ProbeSearch(**QUICK)(train, LABELS, GROUPS, test, LABELS)
    view, _, chosen = found.chosen.view.partition('/')
    assert stage in view.split('+')
    assert pooling in (None, chosen)
    assert found.test.top1 > 0.8
    assert found.validation.top1 > 0.8
    assert found.chance == pytest.approx(1 / 3)
    assert found.table[0]['view'] == found.chosen.view
    # The stage without the class is at chance.
    other = 'late' if where == 'early' else 'early'
    assert max(row['score'] for row in found.table if row['view'] == f'{other}/mean') < 0.65


def test_the_attentive_probe_finds_the_position_that_holds_the_class():
    rng = np.random.default_rng(0)

    def videos(count):
        labels = np.repeat(np.arange(2), count // 2)
        tokens = rng.normal(size=(count, 4, 4, 5)).astype(np.float32)
        place = rng.integers(16, size=count)
        flat = tokens.reshape(count, 16, 5)
        flat[np.arange(count), place, 0] = 6  # the mark of the place
        flat[np.arange(count), place, 1] = 3 * (2 * labels - 1)
        return dict(last=tokens), labels

    (train, labels), (test, test_labels) = videos(80), videos(80)
    scores = {}
    for pooling in ('mean', 'attentive'):
        views = [feature_views(maps, (pooling,)) for maps in (train, test)]
        found = ProbeSearch(strengths=(1e-1,), folds=2)(views[0], labels, None, views[1], test_labels)
        scores[pooling] = found.test.top1
    assert scores['attentive'] >= 0.9
    assert scores['attentive'] > scores['mean'] + 0.1


def test_permuted_labels_give_chance():
    """Neither the validation of the whole procedure nor the test may rise above chance; the best of the table does."""
    views, test = (feature_views(stages(LABELS, seed), ('mean',)) for seed in (0, 1))
    search = ProbeSearch(strengths=(1e-2, 1.0), folds=2)
    found = [search(views, permuted(LABELS, seed), GROUPS, test, LABELS) for seed in range(16)]
    validated = [one for one in found if one.validation is not None]  # where both folds have every class
    assert len(validated) >= 4
    assert np.mean([one.validation.top1 for one in validated]) == pytest.approx(1 / 3, abs=0.08)
    assert np.mean([one.test.top1 for one in found]) == pytest.approx(1 / 3, abs=0.1)
    assert np.mean([one.table[0]['score'] for one in validated]) > np.mean([one.validation.top1 for one in validated])


def test_no_group_is_on_both_sides_and_features_of_the_group_alone_are_worth_nothing():
    """The feature names the group, not the class: without groups the probe seems perfect, with them it is at chance."""
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(54), 4)  # chance is 1/3, and has a standard deviation of 0.064 over 54 groups
    labels = np.repeat(rng.permutation(np.repeat(np.arange(3), 18)), 4)
    views = dict(last=[(np.eye(54)[groups] + 0.01 * rng.normal(size=(216, 54))).astype(np.float32)])
    search = ProbeSearch(strengths=(1e-2,), folds=3)
    assert search(views, labels).validation.top1 > 0.95
    assert search(views, labels, groups).validation.top1 < 0.5
    for train, held in _folds(labels, groups, 3, 0):
        assert not set(groups[train]) & set(groups[held])
        assert set(labels[held]) <= set(labels[train])


def test_a_plain_pipeline_of_scikit_learn_gives_the_same_predictions():
    """The rotation to few axes changes nothing: 200 features of 36 videos."""
    rng = np.random.default_rng(0)
    x, test = (rng.normal(size=(36, 200)) + 0.3 * np.eye(200)[LABELS] for _ in range(2))
    search = ProbeSearch()
    mine = search._fit(_Parts([x]), LABELS, Candidate('last/mean', 'logistic', 1e-2)).predict([test])
    theirs = make_pipeline(StandardScaler(), LogisticRegression(C=1 / (1e-2 * 36), max_iter=300, tol=1e-3))
    assert (mine == theirs.fit(x, LABELS).predict(test)).mean() > 0.97


@pytest.mark.parametrize('copies', [1, 5])
def test_the_strength_is_that_of_the_mean_loss_however_many_videos_there_are(copies):
    """Second way: the probe by L-BFGS, and the normal equations of ridge regression on labels of -1 and 1."""
    rng = np.random.default_rng(0)
    labels = np.tile(LABELS, copies)
    x = np.tile(rng.normal(size=(len(LABELS), 4)) + np.eye(4)[LABELS], (copies, 1))
    logistic = _Linear('logistic', 0.1).fit(_Parts([x]), labels).model
    expected = fit_probe(x, labels, ProbeSettings(weight_decay=0.1)).weight.numpy().T
    np.testing.assert_allclose(logistic.coef_, expected, atol=5e-3)
    ridge = _Linear('ridge', 0.1).fit(_Parts([x]), labels).model
    scaled = (x - x.mean(0)) / x.std(0)
    target = 2 * np.eye(CLASSES)[labels] - 1
    matrix = scaled.T @ scaled / len(x) + 0.1 * np.eye(4)
    solved = np.linalg.solve(matrix, scaled.T @ (target - target.mean(0)) / len(x))
    np.testing.assert_allclose(ridge.coef_, solved.T, atol=1e-6)


def test_two_classes_have_the_strength_of_more():
    """scikit-learn has one vector for two classes: the difference of those that the probe by L-BFGS has."""
    rng = np.random.default_rng(0)
    labels = LABELS.clip(max=1)
    x = rng.normal(size=(len(labels), 4)) + np.eye(4)[labels]
    mine = _Linear('logistic', 0.1).fit(_Parts([x]), labels).model
    weight = fit_probe(x, labels, ProbeSettings(weight_decay=0.1)).weight.numpy()
    np.testing.assert_allclose(mine.coef_[0], weight[:, 1] - weight[:, 0], atol=5e-3)


def test_the_attentive_probe_takes_features_of_any_size():
    """Features a ten-millionth as large give the same answers; a constant one, rounded, stays small."""
    rng = np.random.default_rng(1)
    labels = np.repeat([0, 1], 20)
    tokens = rng.normal(size=(40, 3, 4)).astype(np.float32)
    tokens[:, 1, 0] += 3 * labels
    tokens[..., 3] = 5 + 1e-6 * rng.normal(size=(40, 3))
    large, small = (AttentiveProbe(0.1).fit([tokens * scale], labels) for scale in (np.float32(1), np.float32(1e-7)))
    assert (large.predict([tokens]) == small.predict([tokens * np.float32(1e-7)])).mean() > 0.97
    assert large.std[0][3] == small.std[0][3] == 1.0
    assert (small.predict([tokens * np.float32(1e-7)]) == labels).mean() > 0.8


def test_of_equal_candidates_the_most_regularised_is_chosen():
    names = [Candidate('a/mean', 'logistic', strength) for strength in (0.01, 1.0, 0.1)]
    assert _best(dict.fromkeys(names, 0.5)).strength == 1.0
    assert _best({**dict.fromkeys(names, 0.5), names[2]: 0.6}).strength == 0.1
    assert [item[0].strength for item in sorted(dict.fromkeys(names, 0.5).items(), key=_falling)] == [1.0, 0.1, 0.01]


def test_every_class_of_a_fold_is_in_its_training_part():
    labels, units = np.repeat([0, 1], [6, 2]), np.array([0, 1, 2, 3, 4, 5, 6, 6])
    with pytest.raises(InputError, match='7 groups, 1 of the rarest class, cannot be divided'):
        _folds(labels, units, 3, 0)
    # Where one order of the groups has no such folds, another may have them.
    labels, units = np.repeat([0, 1, 2], 2), np.array([2, 3, 4, 0, 1, 4])
    found = {False: 0, True: 0}
    for seed in range(12):
        maker = StratifiedGroupKFold(2, shuffle=True, random_state=seed)
        found[False] += all(
            set(labels[held]) <= set(labels[train]) for train, held in maker.split(labels, labels, units)
        )
        with contextlib.suppress(InputError):
            made = _folds(labels, units, 2, seed)
            assert all(set(labels[held]) <= set(labels[train]) for train, held in made)
            found[True] += 1
    assert found[True] > found[False]


def test_one_label_per_class_fixes_the_choice_and_says_so():
    views = feature_views(stages(np.arange(3), 0), ('mean',))
    found = ProbeSearch(**QUICK)(views, np.arange(3), None, views, np.arange(3))
    assert (found.chosen.view, found.validation, found.table) == ('late/mean', None, [])
    assert 'nothing was chosen' in found.note
    assert found.test.top1 == 1


def test_two_labels_per_class_choose_but_cannot_be_nested():
    labels = np.repeat(np.arange(3), 2)
    found = ProbeSearch(**QUICK)(feature_views(stages(labels, 0, noise=0.1), ('mean',)), labels)
    assert (found.validation, found.note) == (None, '')
    assert 'late' in found.chosen.view
    assert found.test is None


def test_mean_class_accuracy_by_hand_and_as_the_score_of_the_choice():
    labels, answers = np.array([0] * 8 + [1, 1]), np.array([0] * 9 + [1])
    assert scores_of(labels, answers) == (0.9, 0.75, 10)
    found = ProbeSearch(**QUICK, score='mean_class')(feature_views(stages(LABELS, 0), ('mean',)), LABELS, GROUPS)
    record = found.record()
    assert set(record['validation']) == {'top1', 'mean_class', 'count'}
    assert record['chosen']['text'].startswith(found.chosen.view)
    assert 'predictions' not in record


def test_draws_of_few_labels_differ_and_take_many_groups():
    groups = np.repeat(np.arange(12), 3)  # three videos each
    draws = list(draw_few(LABELS, 4, 5, seed=1, groups=groups))
    assert len({tuple(draw) for draw in draws}) > 1
    for draw in draws:
        assert np.bincount(LABELS[draw]).tolist() == [4, 4, 4]
        assert all(len(set(groups[draw][LABELS[draw] == k])) == 4 for k in range(3))
    assert [draw.tolist() for draw in draw_few(LABELS, 4, 5, seed=1, groups=groups)] == [d.tolist() for d in draws]
    with pytest.raises(InputError, match='class 0 has 12 videos, not 13'):
        next(draw_few(LABELS, 13, 1))


def test_a_class_with_fewer_videos_gives_all_that_it_has():
    labels = np.array([0, 0, 0, 0, 1])
    (drawn,) = draw_few(labels, 3, 1, fewer=True)
    assert np.bincount(labels[drawn]).tolist() == [3, 1]
    with pytest.raises(InputError, match='class 1 has 1 videos, not 3'):
        next(draw_few(labels, 3, 1))


def test_chance_is_the_best_constant_answer_on_the_test():
    views = feature_views(stages(LABELS, 0), ('mean',))
    few = {name: [part[:8] for part in parts] for name, parts in views.items()}
    asked = np.array([0] * 6 + [1, 2])
    search = ProbeSearch(strengths=(1e-3, 1e-1, 10.0), nested=False)
    assert search(views, LABELS, GROUPS, few, asked).chance == 0.75
    assert search(views, LABELS[::-1].clip(1), GROUPS).chance == pytest.approx(2 / 3)
    one = {name: [part[::12] for part in parts] for name, parts in views.items()}
    assert search(one, LABELS[::12]).chosen.strength == 0.1  # nothing can be held out: the middle one


def test_the_attentive_probe_is_at_the_minimum_of_its_loss():
    """Second way: the gradient of the documented loss, written out anew, vanishes where the probe has come to rest."""
    rng = np.random.default_rng(0)
    labels = np.repeat([2, 7], 20)
    tokens = (3 + 50 * rng.normal(size=(40, 3, 4))).astype(np.float32)
    tokens[:, 1, 0] += 100 * (labels == 7)
    probe = AttentiveProbe(0.3).fit([tokens], labels)
    assert set(probe.predict([tokens])) <= {2, 7}
    assert (probe.predict([tokens]) == labels).mean() > 0.7
    flat = tokens.reshape(-1, 4).astype(np.float64)
    x = torch.from_numpy((tokens - flat.mean(0)) / flat.std(0))
    parameters = [value.detach().double().requires_grad_() for value in (*probe.queries, probe.weight, probe.bias)]
    query, weight, bias = parameters
    attention = torch.softmax((x * query).sum(-1) / 4**0.5, dim=1)
    feature = torch.einsum('np,npc->nc', attention, x)
    chosen = torch.log_softmax(feature @ weight + bias, 1)[torch.arange(40), torch.from_numpy(1 * (labels == 7))]
    loss = -chosen.mean() + 0.15 * (weight.square().sum() + query.square().sum())
    loss.backward()
    assert query.detach().abs().max() > 0.05  # it looks at something
    for parameter in parameters:
        assert parameter.grad.abs().max() < 2e-3


def test_bad_input_is_named():
    views = feature_views(stages(LABELS, 0), ('mean',))
    with pytest.raises(InputError, match='all videos have one class'):
        ProbeSearch()(views, LABELS * 0)
    with pytest.raises(InputError, match='35 labels'):
        ProbeSearch()(views, LABELS[:35])
    with pytest.raises(InputError, match="expected some of 'logistic', 'ridge'"):
        ProbeSearch(classifiers=['svm'])
    with pytest.raises(InputError, match="no stage 'x'"):
        feature_views(stages(LABELS, 0), ('mean',), [['x']])
    with pytest.raises(InputError, match='expected some of mean'):
        feature_views(stages(LABELS, 0), ('max',))


@pytest.mark.parametrize(('small', 'threads'), [(1_000_000, 1), (0, 2)])
def test_a_small_fit_has_one_blas_thread_and_a_large_one_those_of_the_process(monkeypatch, small, threads):
    fit, seen = LogisticRegression.fit, []

    def watched(model, *given):
        seen.append(max(library['num_threads'] for library in threadpool_info() if library['user_api'] == 'blas'))
        return fit(model, *given)

    monkeypatch.setattr(LogisticRegression, 'fit', watched)
    monkeypatch.setattr('auxskd_mm.evaluation.probes.search._SMALL', small)
    with threadpool_limits(2, 'blas'):
        search = ProbeSearch(classifiers=['logistic'], nested=False, **QUICK)
        search({'late/mean': [stages(LABELS, 0)['late'].mean((1, 2))]}, LABELS, GROUPS)
        after = {library['num_threads'] for library in threadpool_info() if library['user_api'] == 'blas'}
    assert set(seen) == {threads}
    assert after == {2}
