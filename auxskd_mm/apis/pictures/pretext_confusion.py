"""Confusion matrices of pretext tasks, from a model or from a test's dump."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from torch.utils.data import DataLoader

from ...config.parts import loader_of
from ...config.task_names import class_names, pretext_sampler
from ...errors import InputError, check_least
from ...evaluation.accuracy import best_constant
from ...functional.tasks import Task, drawn_tasks
from ...launch.trunk_weights import check_trunk_weights
from ...models.tasks import model_tasks
from ...random_state import untouched_random_state
from ...records.predictions import read_predictions
from ...registry import DATASETS, MODELS, use_scope
from ...visualization.confusion import confusion_matrix, draw_confusion
from ...workers import check_workers
from .feature_pictures import check_picture

if TYPE_CHECKING:
    from ...typing import VideoModel

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
            for task, one in video.items():
                # The mean over clips is kept, so only a video of one clip has an answer for its label.
                if isinstance(one, dict) and len(one.get('truth', ())) == 1:
                    names = list(one['probabilities'])
                    pair = [names.index(one['truth'][0]), names.index(one['best'])]
                    answers.setdefault(task, []).append(np.array([pair]))
        return answers or collect(rows)
    except InputError as error:
        raise InputError(f'{path}: {error}') from None
    except (ValueError, KeyError, TypeError, AttributeError, RuntimeError, OverflowError):
        raise InputError(f'{path}: labels and predictions do not fit each other') from None


def collect(samples: Iterable[Any]) -> Answers:
    """Collect labels and predictions from data samples. Stand-ins for unreadable videos are left out.

    A data sample has a task ``x`` if it holds an ``x_label`` and a ``pred_x``.

    Raises:
        InputError: If no data sample holds a task.
    """
    answers: Answers = {}
    for sample in samples:
        if sample.get('replacement'):
            continue
        for task in drawn_tasks(sample.keys()):
            scores = sample.get(task.pred_key)
            if scores is None:
                continue
            best = torch.as_tensor(scores).argmax(-1).reshape(-1).cpu().numpy()
            label = np.asarray(sample.get(task.label_key)).reshape(-1)
            answers.setdefault(task.name, []).append(np.stack([label, best], axis=1))
    if not answers:
        raise InputError('no labels with predictions (x_label with pred_x); test a pretext config')
    return answers


@torch.no_grad()
def ask_model(model: VideoModel, num_workers: int = 2, batch_size: int | None = None) -> Answers:
    """Run a model of :func:`init_model` over the test set of its config.

    Raises:
        InputError: If the config has no test set, or the head does not have the task.
    """
    check_least('', batch_size=batch_size)
    check_least('', 0, num_workers=num_workers)
    config = model.cfg
    loader = loader_of(config, 'test', ' to ask the model about')
    dataset = DATASETS.build(loader['dataset'])
    check_trunk_weights(dataset)
    batches = DataLoader(
        dataset,
        batch_size or loader.get('batch_size', 1),
        num_workers=num_workers,
        collate_fn=pseudo_collate,
    )
    check_workers(batches)
    with untouched_random_state():
        return collect(sample for batch in batches for sample in model.test_step(batch))


def draw_pretext_confusion(answers: Mapping[str, list[np.ndarray]], config: Config, out: str | Path) -> Path:
    """Draw one confusion matrix per task into a PNG, from the answers of :func:`read_answers` or :func:`ask_model`, and
    return its path.

    Where all segments play at one speed the segment has no meaning. So VSPP's matrix of segments counts only the other
    clips (``Task.given``).
    """
    check_picture(out)
    pairs = {task: np.concatenate(rows) for task, rows in answers.items()}
    tasks = _tasks(config)
    tables, names, chance = {}, {}, {}
    for name, rows in pairs.items():
        task = tasks.get(name, Task(name))
        title, other = name, pairs.get(task.given)
        if other is not None and len(other) == len(rows) and (other[:, 0] != task.unanswerable).any():
            rows, title = rows[other[:, 0] != task.unanswerable], f'{name} of sped-up clips'
        title += f' (n = {len(rows)})'
        count = max(len(task.class_names), int(rows.max()) + 1)
        names[title] = list(class_names(config, task, count, at_least=True))
        tables[title] = confusion_matrix(rows[:, 0].tolist(), rows[:, 1].tolist(), len(names[title]))
        chance[title] = best_constant(rows[:, 0])
    return draw_confusion(tables, names, out, chance)


def _tasks(config: Config) -> dict[str, Task]:
    """Tasks of a config by name: its sampler's, else its model's, which is built without memory for its weights."""
    if config.get('model') is None:
        return {}
    use_scope(config)
    with torch.device('meta'):
        model = MODELS.build({key: value for key, value in config.model.to_dict().items() if key != 'init_cfg'})
    sampler = pretext_sampler(config)
    return {task.name: task for task in (*model_tasks(model), *(sampler.tasks if sampler else ()))}
