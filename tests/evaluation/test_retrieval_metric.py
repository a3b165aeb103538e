"""Retrieval and k-NN metrics on samples as a Runner passes them, compared with scikit-learn."""

import numpy as np
import pytest
import torch
from mmaction.structures import ActionDataSample
from sklearn.metrics.pairwise import cosine_similarity
from sklearn.neighbors import KNeighborsClassifier

from auxskd_mm.errors import InputError
from auxskd_mm.evaluation import FeatureBank, KNNMetric, RetrievalMetric

RNG = np.random.default_rng(0)
CENTRES = RNG.normal(size=(6, 12))


def make(split, count, clips=3, **meta):
    """Samples of 6 blurred classes."""
    samples = []
    for i in range(count):
        label = int(RNG.integers(6))
        sample = ActionDataSample(metainfo=dict(filename=f'{split}{i}', split=split, feature_pooling='vcop', **meta))
        sample.set_gt_label(label)
        sample.set_field(torch.from_numpy(CENTRES[label] + 2 * RNG.normal(size=(clips, 12))).float(), 'feature')
        samples.append(sample.to_dict())
    return samples


GALLERY, QUERIES = make('gallery', 90), make('query', 40)


def arrays(samples):
    features = np.stack([sample['feature'].mean(0).numpy() for sample in samples])
    return features, np.asarray([int(sample['gt_label']) for sample in samples])


def run(metric, *batches):
    for batch in batches:
        metric.process(None, batch)
    return metric.evaluate(sum(map(len, batches)))


def test_recall_against_scikit_learn():
    result = run(RetrievalMetric(ks=(1, 5, 500)), GALLERY[:50], QUERIES, GALLERY[50:])
    (gallery, labels), (queries, truth) = arrays(GALLERY), arrays(QUERIES)
    order = np.argsort(-cosine_similarity(queries, gallery), axis=1)
    for k in (1, 5):
        hits = (labels[order[:, :k]] == truth[:, None]).any(1)
        assert result[f'retrieval/R@{k}'] == pytest.approx(hits.mean())
    assert 0.3 < result['retrieval/R@1'] < result['retrieval/R@5'] < 1
    assert result['retrieval/R@500'] == 1
    protocol = result['retrieval/protocol']
    for part in ('vcop', "VCOP's map max-pooled", '12-d', '3 clip(s)', 'gallery 90, queries 40'):
        assert part in protocol


def test_knn_against_scikit_learn():
    result = run(KNNMetric(k=(7, 1), temperature=None), GALLERY, QUERIES)
    (gallery, labels), (queries, truth) = arrays(GALLERY), arrays(QUERIES)
    for k in (7, 1):
        oracle = KNeighborsClassifier(k, metric='cosine', algorithm='brute').fit(gallery, labels).score(queries, truth)
        assert result[f'knn/top1_k{k}'] == pytest.approx(oracle)
    assert result['knn/top1'] == result['knn/top1_k7']
    assert result['knn/votes'] == 'k=7, plain votes'
    assert 'top1_k' not in ' '.join(run(KNNMetric(), GALLERY, QUERIES))


def test_replaced_and_repeated_samples_count_once(tmp_path):
    bad = make('query', 1, replacement=True)
    plain = run(RetrievalMetric(), GALLERY, QUERIES)
    more = run(RetrievalMetric(save_to=str(tmp_path)), GALLERY, QUERIES[:5], bad, QUERIES)
    assert more == plain
    saved = FeatureBank.load(tmp_path / 'query.npz')
    features, truth = arrays(QUERIES)
    np.testing.assert_allclose(saved.features, features, atol=1e-6)
    assert saved.labels.tolist() == truth.tolist()
    assert len(FeatureBank.load(tmp_path / 'gallery.npz')) == 90


@pytest.mark.parametrize(
    ('batch', 'says'),
    [
        ([dict(split='query')], 'samples without features; set model.cls_head'),
        ([dict(GALLERY[0], split=None)], 'a sample of split None'),
        ([{k: v for k, v in GALLERY[0].items() if k != 'filename'}], 'samples without a filename'),
    ],
)
def test_bad_samples(batch, says):
    with pytest.raises(InputError, match=says):
        RetrievalMetric().process(None, batch)


def test_bad_sets():
    with pytest.raises(InputError, match='there are no query videos'):
        run(RetrievalMetric(), GALLERY)
    with pytest.raises(InputError, match='features of several kinds'):
        run(RetrievalMetric(), GALLERY, [dict(make('gallery', 1, clips=2)[0], filename='other')])
    twin = [dict(sample, split='query') for sample in GALLERY[:2]]
    with pytest.raises(InputError, match='2 videos are in both gallery and queries'):
        run(RetrievalMetric(), GALLERY, twin)
    with pytest.raises(InputError, match=r'KNNMetric\.k is empty'):
        KNNMetric(k=())


@pytest.mark.parametrize('ks', [(), (0, 5), [-1]])
def test_sizes_of_no_neighbourhood_are_refused_before_the_features_are_made(ks):
    with pytest.raises(InputError, match=r'RetrievalMetric\.ks=.*expected sizes of the neighbourhood from 1 on'):
        RetrievalMetric(ks=ks)


def test_the_temperature_weighs_the_votes():
    """A close neighbour of class 1 against two farther ones of class 0: by number, and by exp(cosine / temperature)."""
    features = np.array([[1.0, 0.1], [1.0, 0.8], [1.0, -0.8]], dtype=np.float32)
    gallery = FeatureBank(features, np.array([1, 0, 0]), ['a', 'b', 'c'])
    queries = FeatureBank(np.array([[1.0, 0.0]], dtype=np.float32), np.array([1]), ['d'])
    found = [KNNMetric(3, heat, device='cpu').measure(gallery, queries)['top1'] for heat in (None, 0.07, 10.0)]
    assert found == [0.0, 1.0, 0.0]
