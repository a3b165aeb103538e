"""The videos of a folder whose labels would help most, from features that are computed once."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from mmengine.logging import print_log

from ..datasets.recordings.expand import WHOLE, Windows
from ..datasets.recordings.names import apart, plain_times, recording_of, split_window, without_window
from ..datasets.video_list import UnlabeledVideoDataset
from ..errors import InputError, examples
from ..evaluation.feature_bank import FeatureBank
from ..evaluation.label_choice import choose_to_label
from ..evaluation.linear_probe import fit_probe
from ..files import check_writable
from ..texts import read_table, require_columns
from .extract_features import extract_features
from .inference import init_model, predict
from .zoo_names import config_name

# Frozen image weights of an installed package, for a folder without a config.
_IMAGE_CONFIG = 'trunk_lite0'


class Chosen(NamedTuple):
    """A video to label: its path, and why it was chosen in words."""

    path: str
    why: str


def cached_features(
    path: str | Path,
    videos: Sequence[str],
    config: str | None = None,
    checkpoint: str | None = None,
    *,
    num_clips: int | None = None,
    batch_size: int = 4,
    num_workers: int = 2,
    device: str | None = None,
    windows: Windows = WHOLE,
) -> FeatureBank:
    """Features of videos from a file, which is written if it does not exist.

    Args:
        path: ``.npz`` file, as of ``tools/extract_features.py``.
        videos: Folders, globs, lists or videos. Empty takes every video of an existing file.
        config: Config whose backbone makes the features, or a name in the model zoo. None takes the ImageNet weights of
            the ``weights`` extra.
        checkpoint: Weights for the config. None takes those that come with a name, as :func:`init_model` does.
        num_clips: Evenly spread clips per video. None takes what an existing file has, and 4 for a new one.
        batch_size: Videos per batch.
        num_workers: Number of processes that decode.
        device: Device of the backbone. None takes the accelerator if there is one.
        windows: How recordings are divided. Each window is a video.

    Returns:
        Features of the videos, each video once. Videos without a feature are left out, and the log counts them.

    Raises:
        InputError: If the file holds features of another config, checkpoint or number of clips, or none of the videos,
            or the features cannot be computed or written.
    """
    if Path(path).is_file():
        return _from_file(path, videos, config, checkpoint, num_clips, windows)
    if not videos:
        raise InputError(f'{path}: no such feature file; name the videos, and the features are computed')
    if checkpoint is not None and config is None:
        raise InputError(f'{checkpoint}: whose checkpoint? Name its config too')
    check_writable(path)  # before the work
    bank = extract_features(
        config or _IMAGE_CONFIG,
        checkpoint,
        videos if len(videos) > 1 else videos[0],
        num_clips=4 if num_clips is None else num_clips,
        batch_size=batch_size,
        num_workers=num_workers,
        device=device,
        windows=windows,
    )
    bank.save(path)
    return bank.rows(list(_rows_by_file(bank.names).values()))


def _from_file(
    path: str | Path,
    videos: Sequence[str],
    config: str | None,
    checkpoint: str | None,
    num_clips: int | None,
    windows: Windows,
) -> FeatureBank:
    bank = FeatureBank.load(path)
    # A config is kept by the name of its file, however it was named.
    file = config and Path(config_name(config).rpartition('::')[2]).name
    # What the sampler was asked for. The clips of the protocol include crops, so they stand in for a sampler's default alone.
    asked = re.search(r'\bnum_clips=(\d+)', str(bank.protocol.get('sampler')))
    held = {'num_clips': int(asked[1]) if asked else bank.protocol.get('clips', num_clips), **bank.protocol}
    for key, value in dict(config=file, checkpoint=checkpoint, num_clips=num_clips).items():
        if value and held.get(key, value) != value:
            raise InputError(
                f'{path}: holds features of {key} {held[key]}, not {value}; remove it, or name another file'
            )
    if not videos:
        return bank
    found = UnlabeledVideoDataset(list(videos), lazy_init=True, **windows.of_data_set).load_data_list()
    listed = _rows_by_file([info['filename'] for info in found])
    row_of = _rows_by_file(bank.names)
    rows = [row_of[name] for name in listed if name in row_of]
    if not rows:
        divided = any(without_window(name) != name for name in bank.names)
        hint = '; it has those of windows, so give the --window that it was made with' if divided else ''
        raise InputError(
            f'{path}: has no feature of any of the {len(listed)} videos, such as {examples([*listed], 1)}{hint}'
        )
    if len(rows) < len(listed):
        print_log(
            f'{path}: has no feature of {len(listed) - len(rows)} of the {len(listed)} videos; these are not chosen',
            logger='current',
        )
    return bank.rows(rows)


def _rows_by_file(names: Sequence[str]) -> dict[str, int]:
    """First row of each video by its real path. Globs and folders may name a video twice."""
    rows: dict[str, int] = {}
    for row, name in enumerate(names):
        rows.setdefault(os.path.realpath(name), row)
    return rows


class Labelled(NamedTuple):
    """Labels that are there already.

    Attributes:
        by_row: Label by row of the features.
        windows: Paths of labelled windows that have no row themselves, though their recording or another window of it has.
    """

    by_row: dict[int, str]
    windows: list[str]


def read_labelled(path: str | Path, names: Sequence[str], folder: str = '') -> Labelled:
    """Labels that are there already, from a table as this tool writes it. A window has that of its recording, unless it has
    one of its own.

    Args:
        path: CSV with the columns path and label. Rows without a label count as unlabelled.
        names: Paths of the videos.
        folder: Folder that relative paths start from.

    Returns:
        Labels by row of ``names``. The log counts the labelled videos that are not among them.

    Raises:
        InputError: If the table has no such columns, or no label, or two labels for a video.
    """
    table = read_table(path)
    require_columns(path, table, ('path', 'label'))
    row_of = _rows_by_file(names)
    rows_of: dict[str, list[int]] = defaultdict(list)
    for row_number, name in enumerate(names):
        rows_of[os.path.realpath(recording_of(name))].append(row_number)
    own: dict[int, str] = {}
    of_recording: dict[int, str] = {}
    windows: list[str] = []
    missing = 0
    for line, row in table.rows:
        label = row['label'].strip()
        try:
            video = plain_times(os.path.join(folder, row['path'].strip()))
            recording, window = split_window(video)
        except InputError as error:
            raise InputError(f'{path}: line {line}: {error}') from None
        if not label:
            continue
        beside = rows_of.get(os.path.realpath(recording), [])
        file = os.path.realpath(video)
        if file in row_of:
            found, rows = own, [row_of[file]]
        else:
            found, rows = of_recording, beside if window is None else []
        missing += not rows
        if beside and not rows:
            windows.append(video)
        for row_number in rows:
            if found.setdefault(row_number, label) != label:
                raise InputError(f'{path}: line {line}: {row["path"]} has two labels, {found[row_number]} and {label}')
    by_row = of_recording | own
    if not by_row and not missing:
        raise InputError(f'{path}: no row has a label; fill in the column label')
    if not by_row and not windows:
        raise InputError(f'{path}: none of its {missing} labelled videos is among the {len(names)} videos')
    if missing:
        print_log(
            f'{path}: {missing} of its labelled videos are not among the {len(names)} videos; nothing is learned from them, '
            'and no window that overlaps them is chosen',
            logger='current',
        )
    return Labelled(by_row, windows)


def probe_probabilities(bank: FeatureBank, labelled: dict[int, str]) -> np.ndarray:
    """Probabilities (N, K) of a linear probe on the features of the labelled videos.

    Raises:
        InputError: If the labels have one class only.
    """
    classes = sorted(set(labelled.values()))
    if len(classes) < 2:
        raise InputError(f"strategy='uncertain': all labels are {classes[0]}; label videos of another class first")
    rows = sorted(labelled)
    probe = fit_probe(bank.features[rows], np.array([classes.index(labelled[row]) for row in rows]))
    return np.asarray(probe.scores(bank.features).softmax(1))


def classifier_probabilities(
    config: str, checkpoint: str | None, bank: FeatureBank, device: str | None = None, batch_size: int = 4
) -> np.ndarray:
    """Probabilities (N, K) of the videos of a bank by a trained classifier, which config and checkpoint describe. See
    :func:`init_model`.

    Raises:
        InputError: If the model does not predict a class.
    """
    model = init_model(config, checkpoint, device)
    answers = predict(model, bank.names, batch_size=batch_size)
    return np.stack([answer['class'].probabilities for answer in answers])


def select_to_label(
    bank: FeatureBank,
    count: int,
    strategy: str = 'typical',
    *,
    labelled: Labelled | None = None,
    probabilities: np.ndarray | None = None,
    seed: int = 0,
) -> list[Chosen]:
    """Choose videos of a bank. Of windows that overlap one is considered, and none that overlaps a labelled one: a moment
    has one class.

    Args:
        bank: Features of the videos.
        count: Number of videos to choose.
        strategy: See :func:`choose_to_label`.
        labelled: Labels that are there already.
        probabilities: Probabilities (N, K) of a classifier, for 'uncertain'. None fits a linear probe on the labelled
            videos.
        seed: See :func:`choose_to_label`.

    Returns:
        The videos in the order of choice.

    Raises:
        InputError: See :func:`choose_to_label` and :func:`probe_probabilities`.
    """
    by_row, windows = labelled or Labelled({}, [])
    if strategy == 'uncertain' and probabilities is None:
        if not by_row:
            raise InputError(
                "strategy='uncertain': needs a classifier; give the labels that there are, or the config and checkpoint of a "
                "classifier. Without any label, 'typical' is the choice"
            )
        probabilities = probe_probabilities(bank, by_row)
    rows = apart(bank.names, by_row, windows)
    if len(rows) < len(bank):
        print_log(
            f'{len(bank) - len(rows)} of {len(bank)} windows overlap others and are not considered', logger='current'
        )
    picks = choose_to_label(
        bank.features[rows],
        count,
        strategy,
        labelled=np.flatnonzero(np.isin(rows, list(by_row))).tolist(),
        probabilities=None if probabilities is None else probabilities[rows],
        seed=seed,
    )
    return [Chosen(bank.names[rows[pick.row]], pick.why) for pick in picks]
