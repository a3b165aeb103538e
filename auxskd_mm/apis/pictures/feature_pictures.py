"""Pictures of features: nearest neighbours, and whether pace or content decides them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from mmengine.logging import print_log

from ...choices import EMBEDDINGS
from ...config.feature_pipeline import feature_pipeline
from ...datasets import class_labels
from ...errors import InputError, check_least
from ...evaluation.feature_bank import FeatureBank, check_comparable
from ...files import check_writable
from ...functional.neighbours import cosine_topk, knn_accuracy
from ...registry import type_name
from ...visualization.embedding import draw_embeddings, project
from ...visualization.retrieval_examples import choose_queries, find_examples
from ...visualization.retrieval_sheet import draw_retrieval_sheet, open_pictures
from ..extract_features import extract_features

if TYPE_CHECKING:
    from ...typing import VideoModel

_NEAREST = 5  # that vote on how well a plot's colouring is encoded


def read_class_names(path: str | Path | None, banks: Sequence[FeatureBank]) -> list[str]:
    """Names of the classes, one per line; without a file their numbers.

    Raises:
        InputError: If the file is missing, or has fewer names than there are classes.
    """
    count = max((int(bank.labels.max()) + 1 for bank in banks if len(bank)), default=0)
    if path is None:
        return [f'class {i}' for i in range(count)]
    if not Path(path).is_file():
        raise InputError(f'{path}: no such text file; expected one class name a line')
    names = class_labels.read_class_names(path)
    if len(names) < count:
        raise InputError(f'{path}: {len(names)} names, but class {count - 1} occurs; expected one name per line')
    return names


def draw_retrieval(
    gallery: str | Path,
    query: str | Path | None,
    out: str | Path,
    *,
    classes: str | Path | None = None,
    queries: int = 5,
    neighbours: int = 5,
) -> Path:
    """Draw queries with their nearest videos, as thumbnails, into a PNG.

    Args:
        gallery: Features of the gallery's videos, an ``.npz`` of ``tools/extract_features.py`` or of a test.
        query: Features of the queries. None takes the queries from the gallery and leaves each out of its own result.
        out: PNG file.
        classes: Text file with one class name per line.
        queries: Number of rows. With labels, each row is the first video of one class, and the classes are evenly
            spread. Without labels, the videos are evenly spread. No query is chosen by its result.
        neighbours: Number of neighbours per query.

    Raises:
        InputError: If a file cannot be used, or if none of the videos can be read at the path in the features.
    """
    check_picture(out)
    check_least('', queries=queries, neighbours=neighbours)
    found = FeatureBank.load(gallery)
    asked = found if query is None else FeatureBank.load(query)
    if min(len(found) - (query is None), len(asked)) < 1:
        raise InputError(f'{gallery}: too few videos to find any among')
    if query is not None and (found.labels >= 0).all() and (asked.labels >= 0).all():
        check_comparable(found, asked)
    labels = asked.labels.tolist()
    known = all(label >= 0 for label in labels)
    rows = choose_queries(labels if known else list(range(len(labels))), queries)
    examples = find_examples(found, asked, rows, read_class_names(classes, [found, asked]), neighbours)
    shown = {path for example in examples for path in (example.path, *(one.path for one in example.found))}
    missing = sorted(path for path in shown if not _can_be_shown(path))
    if len(missing) == len(shown):
        raise InputError(f'{missing[0]}: cannot be read, nor can any other that was found; were they moved?')
    if missing:
        print_log(
            f'{len(missing)} of {len(shown)} videos cannot be read and stay grey, e.g. {missing[0]}', logger='current'
        )
    text = 'query and nearest videos by cosine'
    title = f"{text}; blue, check: the query's class; vermilion, dashed, cross: another" if known else text
    return draw_retrieval_sheet(examples, out, title)


def _can_be_shown(path: str) -> bool:
    try:
        open_pictures(path).close()
    except (InputError, OSError):
        return False
    return True


def draw_feature_files(
    files: Mapping[str, str | Path],
    out: str | Path,
    *,
    classes: str | Path | None = None,
    method: str = 'tsne',
    most: int = 1000,
    seed: int = 0,
) -> Path:
    """Draw feature files in the plane, side by side and coloured by class, into a PNG.

    Args:
        files: The ``.npz`` files by title.
        out: PNG file.
        classes: Text file with one class name per line.
        method: See :func:`project`.
        most: Maximum number of points per file. They are drawn at random.
        seed: Seed of that draw and of the method.

    Raises:
        InputError: If a file cannot be used.
    """
    check_picture(out)
    _check_method(method)
    check_least('', 0, seed=seed)
    banks = {title: FeatureBank.load(path) for title, path in files.items()}
    names = read_class_names(classes, list(banks.values()))
    points, labels = {}, {}
    for title, bank in banks.items():
        bank.require_labels(title)
        chosen = np.sort(np.random.default_rng(seed).permutation(len(bank))[:most])
        head = f'{title}: {_encoded(bank.features[chosen], bank.labels[chosen], np.arange(len(chosen)), "class")}'
        points[head], labels[head] = project(bank.features[chosen], method, seed), bank.labels[chosen].tolist()
    return draw_embeddings(points, labels, names, out)


def draw_pace_embedding(
    model: VideoModel,
    videos: str | Sequence[str],
    out: str | Path,
    *,
    paces: Sequence[int] = (1, 2, 4, 8),
    classes: str | Path | None = None,
    method: str = 'tsne',
    most: int = 150,
    seed: int = 0,
    **options: Any,
) -> Path:
    """Draw the middle clip of every video at several paces in the plane, coloured by pace and, with labels, by class.

    Beside each colouring stands an accuracy: the share of clips that their 5 nearest clips of *other videos* classify
    correctly, in all D dimensions. It puts the impression of the plot into a number.

    Args:
        model: Model of :func:`init_model` with a backbone.
        videos: See :func:`extract_features`. Only a list with labels gives classes.
        out: PNG file.
        paces: Numbers of video frames per clip frame.
        classes: Text file with one class name per line.
        method: See :func:`project`.
        most: Maximum number of videos. They are drawn at random.
        seed: Seed of that draw and of the method.
        options: Options of :func:`extract_features`.

    Raises:
        InputError: If a video or a setting cannot be used.
    """
    check_picture(out)
    _check_method(method)
    check_least('', 0, seed=seed)
    banks = [_at_pace(model, videos, pace, options) for pace in _checked(paces)]
    if len({tuple(bank.names) for bank in banks}) > 1:
        raise InputError('some videos could be read at one pace and not at another; see the log')
    count = len(banks[0])
    chosen = np.sort(np.random.default_rng(seed).permutation(count)[:most])
    features = np.concatenate([bank.features[chosen] for bank in banks])
    video = np.tile(np.arange(len(chosen)), len(paces))
    pace: np.ndarray = np.repeat(np.arange(len(paces)), len(chosen))
    own = banks[0].labels[chosen]
    where = project(features, method, seed)
    colourings = {'pace': (pace, [f'{value}x' for value in paces])}
    if (own >= 0).all():
        colourings['class'] = (np.tile(own, len(paces)), read_class_names(classes, banks))
    points, labels, names = {}, {}, {}
    for key, (values, words) in colourings.items():
        head = _encoded(features, values, video, key)
        points[head], labels[head], names[head] = where, values.tolist(), words
    title = f'middle clips of {len(chosen)} videos; {_same_video(features, video)}'
    return draw_embeddings(points, labels, names, out, title)


def check_picture(out: str | Path) -> None:
    """Refuse, before the work, outputs that could not be written after it.

    Raises:
        InputError: For another suffix than .png, or a place that cannot be written to.
    """
    if Path(out).suffix != '.png':
        raise InputError(f'{out}: expected a .png file')
    check_writable(out)


def _check_method(method: str) -> None:
    if method not in EMBEDDINGS:
        raise InputError(f"embedding method '{method}': expected one of {', '.join(EMBEDDINGS)}")
    if method == 'umap':
        project(np.eye(4), method)  # whether it is installed


def _checked(paces: Sequence[int]) -> Sequence[int]:
    if len(set(paces)) < 2 or len(set(paces)) != len(paces) or min(paces) < 1:
        raise InputError(f'paces={list(paces)}: expected at least two different whole numbers from 1')
    return paces


def _at_pace(model: VideoModel, videos: str | Sequence[str], pace: int, options: Mapping[str, Any]) -> FeatureBank:
    steps = feature_pipeline(model.cfg, num_clips=1)
    for step in steps:
        if type_name(step['type']).endswith('SampleFrames'):
            step['frame_interval'] = pace
    return extract_features(model, videos=videos, pipeline=steps, **options)


def _encoded(features: np.ndarray, labels: np.ndarray, videos: np.ndarray, key: str) -> str:
    """Accuracy of the labels from the nearest clips of other videos, with its chance level."""
    groups = torch.from_numpy(videos)
    if len(np.unique(videos)) < 2:
        return f'coloured by {key}'
    tensors = torch.from_numpy(features), torch.from_numpy(np.asarray(labels))
    right = knn_accuracy(*tensors, *tensors, k=_NEAREST, temperature=None, query_groups=groups, gallery_groups=groups)
    guess = np.bincount(labels).max() / len(labels)
    return f'by {key}: {_NEAREST}-NN {100 * right:.0f}% right, guessing {100 * guess:.0f}%'


def _same_video(features: np.ndarray, videos: np.ndarray) -> str:
    """Share of clips whose nearest clip comes from the same video at another pace."""
    tensor, position = torch.from_numpy(features), torch.arange(len(features))
    nearest = cosine_topk(tensor, tensor, 1, query_groups=position, gallery_groups=position).indices[:, 0].numpy()
    guess = (np.bincount(videos).max() - 1) / (len(videos) - 1)
    share = float((videos[nearest] == videos).mean())
    return f'the nearest clip is of the same video in {100 * share:.0f}% (guessing {100 * guess:.1f}%)'
