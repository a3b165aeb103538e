"""Queries of a retrieval sheet, and their nearest videos."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from ..evaluation.feature_bank import FeatureBank
from ..functional.neighbours import cosine_topk
from .plain_text import shorten
from .retrieval_sheet import Example, Found

EXAMPLES, NEIGHBOURS = 5, 5


def choose_queries(labels: Sequence[int], number: int) -> list[int]:
    """Rows of the first video of each of up to ``number`` evenly spread classes. The choice ignores the results."""
    classes = sorted(set(labels))
    count = min(number, len(classes))
    chosen = [classes[i * len(classes) // count] for i in range(count)]
    return [list(labels).index(label) for label in chosen]


def find_examples(
    gallery: FeatureBank, query: FeatureBank, rows: Sequence[int], names: Sequence[str], neighbours: int = NEIGHBOURS
) -> list[Example]:
    """Queries with their nearest videos. A query that is also in the gallery does not find itself.

    Args:
        gallery: Bank to search.
        query: Bank of the queries. It may be the gallery.
        rows: Rows of the queries in ``query``.
        names: Names of the classes. A video with label -1 is shown by its file name, and counts as neither right nor
            wrong.
        neighbours: Number of neighbours per query.
    """
    features = torch.from_numpy(query.features[list(rows)])
    places = {name: i for i, name in enumerate(gallery.names)}
    own = torch.tensor([places.get(query.names[row], -1) for row in rows])
    found = cosine_topk(
        features,
        torch.from_numpy(gallery.features),
        neighbours,
        query_groups=own,
        gallery_groups=torch.arange(len(gallery)),
        device='cpu',
    )
    examples = []
    for row, similar, indices in zip(rows, found.similarities.tolist(), found.indices.tolist()):
        label = int(query.labels[row])
        nearest = [_found(gallery, i, label, names, value) for i, value in zip(indices, similar) if i >= 0]
        examples.append(Example(query.names[row], _name(query, row, names), nearest))
    return examples


def _found(gallery: FeatureBank, row: int, label: int, names: Sequence[str], similarity: float) -> Found:
    own = int(gallery.labels[row])
    return Found(
        gallery.names[row], _name(gallery, row, names), similarity, own == label if min(own, label) >= 0 else None
    )


def _name(bank: FeatureBank, row: int, names: Sequence[str]) -> str:
    label = int(bank.labels[row])
    return names[label] if label >= 0 else shorten(Path(bank.names[row]).name, 24)
