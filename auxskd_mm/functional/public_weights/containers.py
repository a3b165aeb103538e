"""Where in a checkpoint file the weights of a network lie."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from torch import Tensor

from ...errors import InputError

# Networks lie at most so deep below the top of a state dict, as in ``model.videomae.encoder.``
_DEEPEST = 3


def weights_in(content: object, name: str) -> dict[str, Any]:
    """Return the state dict in the content of a checkpoint file.

    ``state_dict`` is MMEngine's name and comes first. Other projects use ``model``, ``module``, ``model_state`` ...: any
    entry that is a dict with tensors counts. If there are several (``model`` and ``model_ema``), the keys of each get
    the entry's name in front, so that a prefix can choose.

    Args:
        content: What ``torch.load`` returned. ``module.`` of DDP is removed from the keys.
        name: Name of the checkpoint for messages.

    Raises:
        InputError: If the content is no dict.
    """
    if not isinstance(content, Mapping):
        raise InputError(f'{name}: holds a {type(content).__name__}, expected a checkpoint or a dict of tensors')
    if 'state_dict' in content:
        return plain_keys(content['state_dict'])
    networks = {str(key): value for key, value in content.items() if _holds_tensors(value)}
    if not networks:
        return plain_keys(content)
    if len(networks) == 1:
        return weights_in(next(iter(networks.values())), name)
    return {
        f'{owner}.{key}': tensor for owner, network in networks.items() for key, tensor in plain_keys(network).items()
    }


def _holds_tensors(value: object) -> bool:
    """Whether a value is a dict with named tensors. An optimizer's state has numbers as keys, and dicts as values."""
    return isinstance(value, Mapping) and any(
        isinstance(key, str) and isinstance(entry, Tensor) for key, entry in value.items()
    )


def plain_keys(state: Mapping[str, Any]) -> dict[str, Any]:
    """A state dict without the ``module.`` that DDP puts in front of its keys.

    Raises:
        InputError: If the state is no dict.
    """
    if not isinstance(state, Mapping):
        raise InputError(f'the state_dict of the checkpoint is a {type(state).__name__}, expected a dict of tensors')
    return {str(key).removeprefix('module.'): value for key, value in state.items()}


def network_roots(keys: Iterable[str], least: int) -> list[str]:
    """Prefixes under which a network may lie: ``''`` and each prefix with at least ``least`` keys, the shortest first."""
    counts: Counter[str] = Counter()
    for key in keys:
        parts = key.split('.')
        for depth in range(1, min(_DEEPEST + 1, len(parts))):
            counts['.'.join(parts[:depth]) + '.'] += 1
    return ['', *sorted((root for root, count in counts.items() if count >= least), key=len)]
