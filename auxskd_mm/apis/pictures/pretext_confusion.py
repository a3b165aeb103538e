"""Confusion matrices of pretext tasks, from a model or from what a test wrote down."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import init_default_scope
from torch import nn
from torch.utils.data import DataLoader

from ...config.input_files import check_lists
from ...errors import InputError
from ...evaluation.accuracy import best_constant
from ...random_state import untouched_random_state
from ...records.predictions import read_predictions
from ...registry import DATASETS
from ...visualization.confusion import confusion_matrix, draw_confusion
from ..inference import class_names
from .feature_pictures import check_picture

TASKS = ('pace', 'segment', 'order', 'speed')
Answers = dict[str, list[np.ndarray]]  # {task: arrays (V, 2) of label and prediction}


def read_answers(path: str | Path) -> Answers:
    """Labels and predictions of ``tools/test.py --dump``, or of ``tools/predict.py --question task --out``.

    Raises:
        InputError: If the file is missing or something else; see :func:`read_predictions`.
    """
    rows = read_predictions(path)
    answers: Answers = {}
    try:
        for video in rows:
            for task in TASKS:
                # The mean over clips is kept, so only a video of one clip has an answer for its label.
                if isinstance(one := video.get(task), dict) and len(one.get('truth', ())) == 1:
                    names = list(one['probabilities'])
                    pair = [names.index(one['truth'][0]), names.index(one['best'])]
                    answers.setdefault(task, []).append(np.array([pair]))
        return answers or collect(rows)
    except InputError as error:
        raise InputError(f'{path}: {error}') from None
    except (ValueError, KeyError, TypeError, AttributeError, RuntimeError, OverflowError):
        raise InputError(f'{path}: labels and predictions do not fit each other') from None


def collect(samples: Iterable[Any]) -> Answers:
    """Labels beside predictions of data samples that a head has written into; stand-ins for unreadable videos are left out.

    Raises:
        InputError: If there are none.
    """
    answers: Answers = {}
    for sample in samples:
        if sample.get('replacement'):
            continue
        for task in TASKS:
            label, scores = sample.get(f'{task}_label'), sample.get(f'pred_{task}')
            if label is None or scores is None:
                continue
            best = torch.as_tensor(scores).argmax(-1).reshape(-1).cpu().numpy()
            answers.setdefault(task, []).append(np.stack([np.asarray(label).reshape(-1), best], axis=1))
    if not answers:
        raise InputError(f'no labels with predictions of {", ".join(TASKS)}; test a pretext config')
    return answers


@torch.no_grad()
def ask_model(model: nn.Module, num_workers: int = 2, batch_size: int | None = None) -> Answers:
    """Run a model of :func:`init_model` over the test set of its config.

    Raises:
        InputError: If the config has no test set, or the head no such task.
    """
    config = model.cfg
    loader = config.get('test_dataloader')
    if loader is None:
        raise InputError('the config has no test_dataloader to ask the model about')
    check_lists(config, ['test'])
    init_default_scope(config.get('default_scope', 'mmaction'))
    batches = DataLoader(
        DATASETS.build(loader['dataset']),
        batch_size or loader.get('batch_size', 1),
        num_workers=num_workers,
        collate_fn=pseudo_collate,
    )
    with untouched_random_state():
        return collect(sample for batch in batches for sample in model.test_step(batch))


def draw_pretext_confusion(answers: Mapping[str, list[np.ndarray]], config: Config, out: str | Path) -> Path:
    """Draw a matrix a task into a PNG.

    At speed 1 a segment is only a name, so VSPP's segments are those of sped-up clips.

    Args:
        answers: Of :func:`read_answers` or :func:`ask_model`.
        config: Names the classes.
        out: PNG file.

    Returns:
        The path.
    """
    check_picture(out)
    pairs = {task: np.concatenate(rows) for task, rows in answers.items()}
    titles = {task: task for task in pairs}
    if 'segment' in pairs and 'pace' in pairs and len(pairs['segment']) == len(pairs['pace']):
        paced = pairs['pace'][:, 0] > 0
        if paced.any():
            pairs['segment'], titles['segment'] = pairs['segment'][paced], 'segment of sped-up clips'
    tables, names, chance = {}, {}, {}
    for task, rows in pairs.items():
        title = f'{titles[task]} (n = {len(rows)})'
        names[title] = _names(config, task, int(rows.max()) + 1)
        tables[title] = confusion_matrix(rows[:, 0].tolist(), rows[:, 1].tolist(), len(names[title]))
        chance[title] = best_constant(rows[:, 0])
    return draw_confusion(tables, names, out, chance)


def _names(config: Config, task: str, least: int) -> list[str]:
    head = (config.get('model') or {}).get('cls_head') or {}
    if task == 'speed':
        speed = (config.get('model') or {}).get('speed', 2)
        return ['1x', f'{speed}x']
    counts = dict(pace=('num_speeds', 'num_paces'), segment=('num_segments',)).get(task, ())
    count = next((int(head[key]) for key in counts if key in head), None)
    if task == 'order':
        count = {2: 2, 3: 6, 4: 24, 5: 120}[head.get('tuple_len', 3)]
    return list(class_names(config, task, max(count or 4, least)))
