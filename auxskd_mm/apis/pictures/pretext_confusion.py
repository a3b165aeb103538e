"""Confusion matrices of pretext tasks, from a model or from what a test wrote down."""

from __future__ import annotations

import io
import json
import pickle
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
from ...registry import DATASETS
from ...visualization.confusion import confusion_matrix, draw_confusion
from ..inference import class_names
from .feature_pictures import check_picture

TASKS = ('pace', 'segment', 'order', 'speed')
Answers = dict[str, list[np.ndarray]]  # {task: arrays (V, 2) of label and prediction}
# What a dump of MMEngine's DumpResults is made of; anything else a pickle could call is refused.
_ALLOWED = {
    ('_codecs', 'encode'),  # bytes, in pickles of protocol 2
    ('collections', 'OrderedDict'),
    ('torch._utils', '_rebuild_tensor_v2'),
    ('numpy', 'ndarray'),
    ('numpy', 'dtype'),
    *(
        (f'numpy.{core}.{module}', name)
        for core in ('core', '_core')
        for module, name in (
            ('multiarray', '_reconstruct'),
            ('multiarray', 'scalar'),
            ('numeric', '_frombuffer'),
        )
    ),
}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ('torch.storage', '_load_from_bytes'):
            return lambda content: torch.load(io.BytesIO(content), weights_only=True)
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(f'it holds {module}.{name}')
        return super().find_class(module, name)


def read_answers(path: str | Path) -> Answers:
    """Labels and predictions of a dump of ``tools/test.py --dump``, or of the JSON of ``tools/predict.py --question task``.

    Raises:
        InputError: If the file is missing or something else; a pickle that would call anything is not opened.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f'{path}: no such file; write one with tools/test.py CONFIG CHECKPOINT --dump FILE.pkl')
    if path.suffix == '.json':
        return _from_json(path)
    try:
        with path.open('rb') as stream:
            samples = _Unpickler(stream).load()
        return collect(samples)
    except InputError:
        raise
    except Exception as error:
        raise InputError(f'{path}: not a dump of tools/test.py ({" ".join(str(error).split())[:100]})') from None


def _from_json(path: Path) -> Answers:
    answers: Answers = {}
    try:
        for video in json.loads(path.read_text(encoding='utf-8'))['predictions']:
            for task, one in video.items():
                if task in TASKS:
                    names = list(one['probabilities'])
                    # The mean over clips is kept, so only a video of one clip has an answer for its label.
                    if len(one.get('truth', ())) == 1:
                        pair = [names.index(one['truth'][0]), names.index(one['best'])]
                        answers.setdefault(task, []).append(np.array([pair]))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise InputError(f'{path}: not what tools/predict.py --out writes') from None
    return _known(answers, str(path))


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
    return _known(answers, 'the samples')


def _known(answers: Answers, where: str) -> Answers:
    if not answers:
        raise InputError(f'{where}: no labels with predictions of {", ".join(TASKS)}; test a pretext config')
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
