"""Neighbours against brute force, scikit-learn and faiss, over awkward sizes."""

import sys

import numpy as np
import pytest
import torch
from sklearn.neighbors import KNeighborsClassifier, NearestNeighbors

from auxskd_mm.errors import InputError
from auxskd_mm.functional.neighbours import Neighbours, cosine_topk, knn_accuracy, knn_votes, recall_at_k

SIZES = [1, 2, 3, 7, 15, 16, 17]


def brute_force(queries, gallery, k, barred=None):
    """Cosines one pair at a time, ranked by (similarity, position) in plain Python."""
    rows = []
    for i, query in enumerate(queries.double().numpy()):
        scores = []
        for j, item in enumerate(gallery.double().numpy()):
            length = np.sqrt((query**2).sum()) * np.sqrt((item**2).sum())
            if barred is None or not barred(i, j):
                scores.append((-(query * item).sum() / length if length else 0.0, j))
        rows.append(sorted(scores)[:k])
    return rows


def features(count, width=5, seed=0):
    return torch.randn(count, width, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize('gallery_size', SIZES)
@pytest.mark.parametrize('k', [1, 4, 16, 50])
def test_against_brute_force_whatever_the_blocks(gallery_size, k):
    queries, gallery = features(7, seed=1), features(gallery_size, seed=gallery_size)
    expected = brute_force(queries, gallery, k)
    for query_block, gallery_block in [(1024, 16384), (1, 1), (3, 4), (7, 16)]:
        found = cosine_topk(queries, gallery, k, query_block=query_block, gallery_block=gallery_block)
        assert found.indices.tolist() == [[j for _, j in row] for row in expected]
        np.testing.assert_allclose(found.similarities, [[-s for s, _ in row] for row in expected], atol=1e-12)


@pytest.mark.parametrize('query_count', SIZES)
def test_against_scikit_learn(query_count):
    queries, gallery = features(query_count, 8, 2), features(40, 8, 3)
    oracle = NearestNeighbors(n_neighbors=9, metric='cosine', algorithm='brute').fit(gallery.numpy())
    distances, indices = oracle.kneighbors(queries.numpy())
    found = cosine_topk(queries.float(), gallery.float(), 9, query_block=4, gallery_block=6)
    assert found.indices.tolist() == indices.tolist()
    np.testing.assert_allclose(found.similarities, 1 - distances, atol=1e-6)
    assert found.similarities.dtype == torch.float32


@pytest.mark.parametrize('blocks', [(16, 16), (2, 3), (1, 1)])
def test_ties_and_zero_vectors_in_gallery_order(blocks):
    corners = torch.eye(3)
    gallery = torch.cat([corners[[0, 1, 0, 2, 0]], torch.zeros(2, 3), corners[[1, 0]]])
    queries = torch.cat([corners[:2], torch.zeros(1, 3)])
    found = cosine_topk(queries, gallery, 5, query_block=blocks[0], gallery_block=blocks[1])
    assert found.indices.tolist() == [[0, 2, 4, 8, 1], [1, 7, 0, 2, 3], [0, 1, 2, 3, 4]]
    assert found.similarities.tolist() == [[1, 1, 1, 1, 0], [1, 1, 0, 0, 0], [0] * 5]


@pytest.mark.parametrize('scale', [1e-12, 1e-20, 1e-25, 1e-40])
def test_features_that_are_nearly_zero_have_the_cosines_of_their_directions(scale):
    """The squares of such numbers are 0 in float32; a cosine was 1e25, and the order of the gallery wrong."""
    gallery = torch.tensor([[0.0, 3.0], [1.0, 1.0], [2.0, 0.0], [0.0, 0.0]])
    gallery[:2] *= scale
    found = cosine_topk(torch.tensor([[scale, 0.0], [1.0, 0.0]]), gallery, 4)
    assert found.indices.tolist() == [[2, 1, 0, 3]] * 2
    torch.testing.assert_close(found.similarities, torch.tensor([[1.0, 0.5**0.5, 0.0, 0.0]] * 2), rtol=1e-4, atol=0)


@pytest.mark.parametrize('k', [1, 2, 7, 8, 30, 31, 32])
def test_hundreds_of_ties_in_gallery_order(k):
    """Corners of a square in four dimensions: every cosine is -1, -0.5, 0, 0.5 or 1 to the bit."""
    signs = torch.randint(0, 2, (40, 4), generator=torch.Generator().manual_seed(k)).float() * 2 - 1
    queries, gallery = signs[:8], signs[8:]
    expected = (queries @ gallery.T / 4).sort(dim=1, descending=True, stable=True)
    for query_block, gallery_block in [(1024, 16384), (3, 31), (8, 5), (1, 1)]:
        found = cosine_topk(queries, gallery, k, query_block=query_block, gallery_block=gallery_block)
        assert torch.equal(found.indices, expected.indices[:, :k])
        assert torch.equal(found.similarities, expected.values[:, :k])


def test_groups_bar_their_own_items():
    gallery = features(12, seed=5)
    groups = torch.arange(12) // 4
    found = cosine_topk(gallery, gallery, 5, query_groups=groups, gallery_groups=groups, gallery_block=5)
    expected = brute_force(gallery, gallery, 5, barred=lambda i, j: i // 4 == j // 4)
    assert found.indices.tolist() == [[j for _, j in row] for row in expected]
    few = cosine_topk(gallery, gallery, 12, query_groups=groups, gallery_groups=groups, gallery_block=5)
    assert (few.indices[:, 8:] == -1).all()
    assert (few.indices[:, :8] >= 0).all()
    assert torch.isinf(few.similarities[:, 8:]).all()


def test_faiss_gives_the_same():
    queries, gallery = features(9, 16, 6).float(), features(60, 16, 7).float()
    expected = cosine_topk(queries, gallery, 7)
    found = cosine_topk(queries, gallery, 7, backend='faiss', gallery_block=13)
    assert found.indices.tolist() == expected.indices.tolist()
    np.testing.assert_allclose(found.similarities, expected.similarities, atol=1e-6)
    assert cosine_topk(queries, gallery[:3], 7, backend='faiss').indices.shape == (9, 3)


def test_faiss_missing_is_one_line(monkeypatch):
    monkeypatch.setitem(sys.modules, 'faiss', None)
    with pytest.raises(InputError, match='pip install faiss-cpu'):
        cosine_topk(features(1), features(2), 1, backend='faiss')


def test_features_of_two_precisions_are_compared_in_the_wider_one():
    queries, gallery = features(4), features(9, seed=1).float()
    for one, other in ((queries, gallery), (gallery, queries)):
        expected = cosine_topk(one.double(), other.double(), 3)
        found = cosine_topk(one, other, 3)
        assert found.similarities.dtype == torch.float64
        assert torch.equal(found.similarities, expected.similarities)
        assert torch.equal(found.indices, expected.indices)


def test_recall_by_hand():
    # Query 0 hits at rank 2, query 1 at rank 1, query 2 at rank 4 of 4, query 3 has no class mate.
    indices = torch.tensor([[1, 0, 2, 3], [2, 0, 1, 3], [2, 3, 1, 0], [0, 1, 2, 3]])
    gallery = torch.tensor([5, 6, 7, 8])
    recall = recall_at_k(indices, torch.tensor([5, 7, 5, 9]), gallery, (1, 2, 3, 4, 50))
    assert recall == {1: 0.25, 2: 0.5, 3: 0.5, 4: 0.75, 50: 0.75}
    barred = torch.full((1, 4), -1)
    assert recall_at_k(barred, torch.tensor([5]), gallery, (1, 4)) == {1: 0.0, 4: 0.0}


def test_votes_by_hand():
    neighbours = Neighbours(torch.tensor([[0.9, 0.5, 0.4]]), torch.tensor([[2, 0, 1]]))
    labels = torch.tensor([1, 1, 0])
    assert knn_votes(neighbours, labels, 3).tolist() == [[1, 2, 0]]
    weighted = knn_votes(neighbours, labels, 3, temperature=0.1)[0]
    np.testing.assert_allclose(weighted, [1, np.exp(-4) + np.exp(-5), 0], rtol=1e-5)
    # The far end of a small temperature must not overflow.
    assert knn_votes(neighbours, labels, 2, temperature=1e-4).tolist() == [[1, 0]]


@pytest.mark.parametrize('gallery_size', SIZES[2:])
@pytest.mark.parametrize('temperature', [None, 0.07])
def test_accuracy_against_scikit_learn(gallery_size, temperature):
    k = 3
    rng = np.random.default_rng(gallery_size)
    queries, gallery = rng.normal(size=(50, 4)), rng.normal(size=(gallery_size, 4))
    labels, truth = rng.integers(0, 4, gallery_size), rng.integers(0, 4, 50)
    weights = 'uniform' if temperature is None else lambda distance: np.exp((1 - distance) / temperature)
    oracle = KNeighborsClassifier(k, weights=weights, metric='cosine', algorithm='brute').fit(gallery, labels)
    got = knn_accuracy(*map(torch.from_numpy, (queries, truth, gallery, labels)), k=k, temperature=temperature)
    assert got == pytest.approx(oracle.score(queries, truth))


def test_leave_one_out_accuracy():
    # Two copies of each item: with the copy allowed it is always right, with its pair barred never.
    items = torch.eye(4).repeat_interleave(2, 0)
    labels = torch.arange(4).repeat_interleave(2)
    alone = torch.arange(8)
    assert knn_accuracy(items, labels, items, labels, k=1, query_groups=alone, gallery_groups=alone) == 1
    assert knn_accuracy(items, labels, items, labels, k=1, query_groups=labels, gallery_groups=labels) == 0
    # No neighbour is left: nobody votes, and class 0 is not won by default.
    same = torch.zeros(8, dtype=torch.int64)
    assert knn_accuracy(items, labels, items, labels, k=1, query_groups=same, gallery_groups=same) == 0


@pytest.mark.parametrize(
    ('call', 'says'),
    [
        (lambda: cosine_topk(features(2), features(3, 6), 1), r'queries \(2, 5\) and gallery \(3, 6\)'),
        (lambda: cosine_topk(features(2), features(0), 1), 'gallery is empty'),
        (lambda: cosine_topk(features(2), features(3), 0), 'k=0'),
        (lambda: cosine_topk(features(2), features(3) * torch.nan, 1, gallery_block=1), 'row 0 of the gallery'),
        (
            lambda: cosine_topk(features(2), torch.tensor([[1.0] * 5] * 4 + [[torch.nan] * 5]), 1, gallery_block=2),
            'row 4 of the gallery',
        ),
        (lambda: cosine_topk(features(2).float() * 1e30, features(3).float(), 1), 'row 0 of the queries'),
        (lambda: cosine_topk(features(2), features(3), 1, backend='annoy'), "expected one of 'torch', 'faiss'"),
        (lambda: cosine_topk(features(2), features(3), 1, query_groups=torch.arange(2)), 'go together'),
        (
            lambda: cosine_topk(
                features(2), features(3), 1, query_groups=torch.arange(2), gallery_groups=torch.arange(2)
            ),
            '3 gallery features, but 2',
        ),
        (lambda: recall_at_k(torch.zeros(0, 1), torch.zeros(0), torch.zeros(3)), 'no queries'),
        (lambda: recall_at_k(torch.zeros(1, 1), torch.zeros(1), torch.zeros(3), (1, 2)), 'k=2 needs 2'),
        (lambda: recall_at_k(torch.zeros(1, 1), torch.zeros(1), torch.zeros(3), (0,)), 'at least 1'),
        (lambda: knn_votes(Neighbours(torch.ones(1, 1), torch.zeros(1, 1).long()), torch.ones(1), 1), 'from 1 to 1'),
        (
            lambda: knn_votes(Neighbours(torch.ones(1, 1), torch.zeros(1, 1).long()), torch.zeros(1), 1, 0.0),
            'temperature=0.0',
        ),
        (lambda: knn_accuracy(features(0), torch.zeros(0), features(2), torch.zeros(2)), 'no queries'),
    ],
)
def test_bad_input_is_one_line(call, says):
    with pytest.raises(InputError, match=says) as error:
        call()
    assert '\n' not in str(error.value)


def test_no_queries_is_an_empty_answer():
    found = cosine_topk(features(0), features(3), 2)
    assert found.indices.shape == found.similarities.shape == (0, 2)
