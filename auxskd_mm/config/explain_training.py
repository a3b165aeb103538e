"""Starting weights and learning-rate schedule of a config in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config

from ..checkpoint_files import PACKAGED
from .parts import weights_package

# Parts of addresses whose weights were trained on ImageNet.
_IMAGENET = ('imagenet', 'torchvision://', 'download.pytorch.org/models/')


def starting_weights(config: Config) -> str:
    """Source of the starting weights: ``load_from``, pretrained parts, or random numbers."""
    if config.get('load_from'):
        return _found(str(config.load_from))
    parts = [f'{_found(address)} in {key}' for key, address in pretrained_parts(config.get('model'), 'model')]
    return ', '.join([*parts, 'random weights elsewhere']) if parts else 'random weights'


def pretrained_parts(node: object, key: str) -> Iterator[tuple[str, str]]:
    """Yield the key and address of each part of a model that starts from public weights, downloaded or in a package."""
    if isinstance(node, Mapping):
        own = node.get('init_cfg')
        given = own.get('checkpoint') if isinstance(own, Mapping) and own.get('type') == 'Pretrained' else None
        if (package := weights_package(own)) is not None:
            given = f'package {package}'
        timm = node.get('model') if node.get('pretrained') is True else None
        for address in (node.get('pretrained'), timm, given):
            if isinstance(address, str) and address:
                yield key, address
        for name, value in node.items():
            yield from pretrained_parts(value, f'{key}.{name}')
    elif isinstance(node, (list, tuple)):
        for i, item in enumerate(node):
            yield from pretrained_parts(item, f'{key}.{i}')


def _found(address: str) -> str:
    if address.startswith(('package ', PACKAGED)):
        return address
    if '://' in address:
        whose = 'ImageNet weights, ' if any(word in address.lower() for word in _IMAGENET) else ''
        return f'{address} ({whose}downloaded)'
    return address if Path(address).is_file() else f'{address}, which is not there yet'


def schedule_in_words(entry: Mapping[str, Any]) -> str:
    """One entry of ``param_scheduler``, such as ``times 0.1 every 6 epochs (StepLR)``; its defaults are MMEngine's."""
    kind = str(entry['type'])
    unit = 'epoch' if entry.get('by_epoch', True) else 'iteration'
    words = _schedule(kind, entry, unit)
    if words is None:
        settings = ', '.join(f'{key}={value}' for key, value in entry.items() if key not in ('type', '_scope_'))
        return f'{kind}({settings})'
    begin, end = entry.get('begin', 0), entry.get('end')
    if end is not None or begin:
        words += f', from {unit} {begin} to ' + ('the end' if end is None else f'{unit} {end}')
    if entry.get('convert_to_iter_based'):
        words += ', changed after each iteration'
    return f'{words} ({kind})'


def _schedule(kind: str, entry: Mapping[str, Any], unit: str) -> str | None:
    gamma, lowest = entry.get('gamma', 0.1), entry.get('eta_min') or 0
    if kind == 'LinearLR':
        start, end = entry.get('start_factor', 1 / 3), entry.get('end_factor', 1.0)
        what = 'warm-up' if start < end else 'line'
        return f'{what} from {start:.3g} to {end:.3g} times the learning rate'
    if kind == 'ConstantLR':
        return f'{entry.get("factor", 1 / 3):.3g} times the learning rate'
    if kind == 'StepLR':
        step = entry['step_size']
        return f'times {gamma:g} every {f"{step} {unit}s" if step > 1 else unit}'
    if kind == 'MultiStepLR':
        return f'times {gamma:g} after {unit} {", ".join(map(str, entry["milestones"]))}'
    if kind == 'ExponentialLR':
        return f'times {entry["gamma"]:g} after each {unit}'
    if kind == 'PolyLR':
        return f'polynomial of power {entry.get("power", 1):g} down to {lowest:g}'
    if kind == 'CosineAnnealingLR':
        ratio = entry.get('eta_min_ratio')
        to = f'{lowest:g}' if ratio is None else f'{ratio:g} times the learning rate'
        length = '' if entry.get('T_max') is None else f' in {entry["T_max"]} {unit}s'
        return f'cosine down to {to}{length}'
    return None
