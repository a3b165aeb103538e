"""The model zoo: metafiles for mim and MMEngine, and tables, made from the configs and from measured results.

A result is a ``*.protocol.json`` of ``tools/test.py``. It is copied into ``configs/results`` under the name of its
config: ``vspp_r21d_k100--finetune_ucf101.protocol.json``. Numbers in the tables come from these files only.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
import yaml
from mmaction.registry import MODELS
from mmengine.config import Config

from ..checkpoint_files import PACKAGED, packaged_weights
from ..config.load import load_config
from ..config.sample_shape import sample_shape
from ..config.task_names import pretext_sampler
from ..errors import InputError
from ..models.modules.input_channels import input_channels
from ..registry import use_scope
from .model_summary import flop_analysis

RESULTS = 'configs/results'
README = 'configs/README.md'
NOT_MEASURED = 'not measured yet'
# Of a protocol, what a number means nothing without.
_NEEDED = ('evaluation', 'backbone', 'clip', 'input', 'data', 'checkpoint', 'config', 'command', 'date')
_SECONDS = ('time', 'data_time')
# Ends of numbers that a table leaves to the protocol.
_DETAILS = ('_ci95', '_low', '_high', '_videos', '_ceiling', '_paced', '_logits', '_probabilities', 'top5')


class Collection(NamedTuple):
    """A method, or the downstream protocols: which configs, which metafile, which paper.

    With ``packaged``, only those of the configs that come with weights.
    """

    name: str
    metafile: str
    pattern: str
    paper: Mapping[str, str] | None
    training_data: str
    packaged: bool = False


def _method(name: str, key: str, title: str, url: str, training_data: str = 'Kinetics-100') -> Collection:
    return Collection(name, f'configs/metafile_{key}.yml', f'{key}_*.py', dict(Title=title, URL=url), training_data)


_AUXSKD = (
    'Auxiliary Learning for Self-Supervised Video Representation via Similarity-based Knowledge Distillation',
    'https://arxiv.org/abs/2112.04011',
)
_CVPR19 = 'https://openaccess.thecvf.com/content_CVPR_2019/html'
_TARGET = 'Kinetics-400, then the videos of the target task'
COLLECTIONS = (
    _method('auxSKD', 'auxskd', *_AUXSKD),
    _method('VSPP', 'vspp', *_AUXSKD),
    _method(
        'VideoPace', 'pace', 'Self-supervised Video Representation Learning by Pace Prediction',
        'https://arxiv.org/abs/2008.05861',
    ),
    _method(
        'VCOP', 'vcop', 'Self-supervised Spatiotemporal Learning via Video Clip Order Prediction',
        f'{_CVPR19}/Xu_Self-Supervised_Spatiotemporal_Learning_via_Video_Clip_Order_Prediction_CVPR_2019_paper.html',
    ),
    _method(
        'RSPNet', 'rspnet', 'RSPNet: Relative Speed Perception for Unsupervised Video Representation Learning',
        'https://arxiv.org/abs/2011.07949',
    ),
    _method(
        'PECoP', 'pecop', 'PECoP: Parameter Efficient Continual Pretraining for Action Quality Assessment',
        'https://arxiv.org/abs/2311.07603', _TARGET,
    ),
    Collection('Downstream', 'configs/downstream/metafile.yml', 'downstream/*.py', None, ''),
    Collection('MotionClips', 'configs/demo/metafile.yml', 'demo/*.py', None, 'MotionClips', packaged=True),
)  # fmt: skip


class Entry(NamedTuple):
    """One config of the zoo."""

    name: str
    config: str
    metadata: dict[str, Any]
    results: tuple[dict[str, Any], ...]
    weights: Path | None = None


def read_results(root: Path) -> dict[str, list[dict[str, Any]]]:
    """Measured results by the name of their config, each ``dict(file, result, protocol)``.

    Raises:
        InputError: For a file without numbers, or without a whole protocol.
    """
    found: dict[str, list[dict[str, Any]]] = {}
    folder = root / RESULTS
    for path in sorted(folder.glob('*.json')):
        if '--' not in path.name or not path.name.endswith('.protocol.json'):
            raise InputError(f'{path}: expected a name such as vspp_r21d_k100--finetune_ucf101.protocol.json')
        try:
            content = json.loads(path.read_text(encoding='utf-8'))
            result, protocol = dict(content['result']), dict(content['protocol'])
        except (ValueError, KeyError, TypeError):
            raise InputError(f'{path}: no result with its protocol; copy what tools/test.py writes') from None
        missing = [key for key in _NEEDED if protocol.get(key) in (None, [], {})]
        if missing or not result:
            raise InputError(f'{path}: its protocol does not tell {", ".join(missing) or "any number"}')
        found.setdefault(path.name.split('--')[0], []).append(dict(file=path.name, result=result, protocol=protocol))
    return found


def zoo_entries(root: Path, collection: Collection, known: Mapping[str, Mapping[str, Any]]) -> list[Entry]:
    """Make the entries of a collection from its configs.

    Args:
        root: Folder with ``configs``.
        collection: The collection.
        known: Earlier metadata by name. Its FLOPs are reused if the network and the clip are the same.
    """
    results, weights = read_results(root), packaged_weights()
    entries = []
    for path in sorted((root / 'configs').glob(collection.pattern)):
        if collection.packaged and path.stem not in weights:
            continue
        config = load_config(str(path))
        metadata = _metadata(config, collection, known.get(path.stem, {}))
        relative = path.relative_to(root).as_posix()
        found = tuple(results.get(path.stem, ()))
        entries.append(Entry(path.stem, relative, metadata, found, weights.get(path.stem)))
    return entries


def _metadata(config: Config, collection: Collection, before: Mapping[str, Any]) -> dict[str, Any]:
    use_scope(config)
    with torch.device('meta'):
        model = MODELS.build(config.model)
    views = sample_shape(config, 'train' if config.get('train_dataloader') else 'test')
    sampler = pretext_sampler(config)
    clip = (views[2] if sampler is None else sampler.clip_len, *views[3:])
    # The network itself: with adapters the type in the config is only that of a wrapper.
    facts: dict[str, Any] = {'Architecture': type(model.backbone).__name__}
    if config.get('train_dataloader') and config.get('train_cfg'):
        facts.update(
            {'Batch Size': int(config.train_dataloader.batch_size), 'Epochs': int(config.train_cfg.max_epochs)}
        )
    facts['Clip'] = ' x '.join(map(str, clip))
    facts['Parameters'] = sum(p.numel() for p in model.backbone.parameters())
    alike = all(before.get(key) == facts[key] for key in ('Architecture', 'Clip', 'Parameters'))
    facts['FLOPs'] = int(before['FLOPs']) if alike and 'FLOPs' in before else backbone_flops(config, clip)
    if collection.training_data:
        facts['Training Data'] = collection.training_data
    return facts


_flops: dict[str, int] = {}


def backbone_flops(config: Config, clip: Sequence[int]) -> int:
    """Multiply-adds of the backbone for one clip (T, H, W), by fvcore."""
    settings = config.model.backbone.to_dict()
    settings = {key: value for key, value in settings.items() if key not in ('frozen_stages', 'init_cfg')}
    key = json.dumps([settings, list(clip)], sort_keys=True, default=str)
    if key not in _flops:
        backbone = MODELS.build(settings)
        backbone.eval()
        analysis = flop_analysis(backbone, torch.zeros(1, input_channels(backbone), *clip))
        with torch.no_grad():
            _flops[key] = int(analysis.total())
    return _flops[key]


def known_metadata(root: Path) -> dict[str, Mapping[str, Any]]:
    """Metadata by name, as the metafiles hold them now."""
    known: dict[str, Mapping[str, Any]] = {}
    for collection in COLLECTIONS:
        path = root / collection.metafile
        if path.is_file():
            content = yaml.safe_load(path.read_text(encoding='utf-8')) or {}
            known.update({model['Name']: model.get('Metadata', {}) for model in content.get('Models', [])})
    return known


def metafile_text(collection: Collection, entries: Sequence[Entry]) -> str:
    """A metafile in the format of MMAction2's."""
    about: dict[str, Any] = dict(Name=collection.name, README=README)
    if collection.paper:
        about['Paper'] = dict(collection.paper)
    models = []
    for entry in entries:
        model: dict[str, Any] = {
            'Name': entry.name,
            'Config': entry.config,
            'In Collection': collection.name,
            'Metadata': entry.metadata,
        }
        if entry.weights is not None:
            # An address of this package, which MMEngine's loader knows once auxskd_mm is imported.
            model['Weights'] = f'{PACKAGED}{entry.weights.name}'
            model['SHA256'] = hashlib.sha256(entry.weights.read_bytes()).hexdigest()
        if entry.results:
            model['Results'] = [_result(one) for one in entry.results]
        models.append(model)
    text = yaml.safe_dump(dict(Collections=[about], Models=models), sort_keys=False, allow_unicode=True, width=120)
    return (
        '# Made by tools/misc/update_zoo.py from the configs; FLOPs are multiply-adds of the backbone for one clip.\n'
        + text
    )


def _result(one: Mapping[str, Any]) -> dict[str, Any]:
    protocol = one['protocol']
    return dict(
        Dataset=_dataset(protocol),
        Task=', '.join(protocol['evaluation']),
        Metrics={key: round(float(value), 6) for key, value in _numbers(one['result']).items()},
        Protocol=f'{RESULTS}/{one["file"]}',
    )


def _numbers(result: Mapping[str, Any]) -> dict[str, float]:
    """The numbers of a result, without verdicts, descriptions and the seconds of a step."""
    numbers = {key: value for key, value in result.items() if isinstance(value, (int, float))}
    return {key: value for key, value in numbers.items() if not isinstance(value, bool) and key not in _SECONDS}


def _dataset(protocol: Mapping[str, Any]) -> str:
    tested = (protocol.get('data') or {}).get('test')
    return str(tested if tested is not None else protocol['data'])


def table_text(entries: Sequence[Entry]) -> str:
    """Make the Markdown table of a collection. Each number has its protocol; a number without one is left out."""
    rows = [
        '| config | backbone | clip | batch | epochs | parameters | GFLOPs | measured |',
        '|---|---|---|---|---|---|---|---|',
    ]
    for entry in entries:
        facts = entry.metadata
        link = entry.config.removeprefix('configs/')
        measured = '<br>'.join(_cell(one) for one in entry.results) or NOT_MEASURED
        rows.append(
            f'| [{entry.name}]({link}) | {facts["Architecture"]} | {facts["Clip"]} | {facts.get("Batch Size", "-")} | '
            f'{facts.get("Epochs", "-")} | {facts["Parameters"] / 1e6:.2f} M | {facts["FLOPs"] / 1e9:.2f} | {measured} |'
        )
    return '\n'.join(rows)


def _cell(one: Mapping[str, Any]) -> str:
    shown = {key: value for key, value in _numbers(one['result']).items() if not key.endswith(_DETAILS)}
    numbers = ', '.join(f'{key} {float(value):.4g}' for key, value in shown.items())
    return f'{", ".join(one["protocol"]["evaluation"])}: {numbers} ([protocol](results/{one["file"]}))'


def fill_tables(text: str, tables: Mapping[str, str]) -> str:
    """A README with new tables between ``<!-- table:NAME -->`` and ``<!-- end -->``.

    Raises:
        InputError: If a table has no place.
    """
    for name, table in tables.items():
        start, end = f'<!-- table:{name} -->', '<!-- end -->'
        before, mark, rest = text.partition(start)
        _, closing, after = rest.partition(end)
        if not mark or not closing:
            raise InputError(f'{README}: has no place for the table {name!r}: {start} ... {end}')
        text = f'{before}{start}\n{table}\n{end}{after}'
    return text


def zoo_files(root: Path) -> dict[str, str]:
    """Content of every generated file, by its path below ``root``.

    Args:
        root: Folder with ``configs`` and ``configs/README.md``.

    Raises:
        InputError: If ``root`` is not such a folder, a config cannot be built, or a result has no protocol.
    """
    if not (root / README).is_file():
        raise InputError(f'{root}: has no {README}; give the folder of the repository')
    known = known_metadata(root)
    files, tables, names = {}, {}, set()
    for collection in COLLECTIONS:
        entries = zoo_entries(root, collection, known)
        names |= {entry.name for entry in entries}
        files[collection.metafile] = metafile_text(collection, entries)
        tables[collection.name] = table_text(entries)
    strays = sorted(set(read_results(root)) - names)
    if strays:
        raise InputError(f'{RESULTS}: results of {", ".join(strays)}, which is no config of the zoo')
    index = dict(Import=[collection.metafile for collection in COLLECTIONS])
    files['model-index.yml'] = (
        '# Where mim and MMEngine look for models. Made by tools/misc/update_zoo.py.\n' + yaml.safe_dump(index)
    )
    files[README] = fill_tables((root / README).read_text(encoding='utf-8'), tables)
    return files
