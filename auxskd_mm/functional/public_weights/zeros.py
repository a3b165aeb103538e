"""Tensors of a file that are zero: kernels that make a layer mute, biases that were lost, and untrained networks."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping

from torch import Tensor
from torch.distributed.tensor import DTensor

from ...errors import InputError, examples
from ..adapter_state import is_adapter_key
from .left_over import kind_of
from .match import Match
from .naming import Tensors

# A layer has at least so many weights. Fewer, such as one scale per head, may well be zero.
_LEAST = 16
# Tables of learnt positions often start as zeros.
_MAY_BE_ZERO = re.compile(r'(^|[._])pos(ition|itional)?(_|\.|embed|$)')
# Biases of query and value, alone or in one vector: public reports tell of files that lost them.
_ATTENTION = re.compile(r'(^|[._])(q|v|kv|qkv|query|value|in_proj)(_proj)?[._]bias$')


def whole_tensor(tensor: Tensor) -> Tensor:
    """The whole tensor on the CPU. If it is in shards they are put together, and every rank must call this."""
    return (tensor.full_tensor() if isinstance(tensor, DTensor) else tensor).detach().cpu()


def check_kernels(state: Tensors, fresh: Tensors, name: str) -> None:
    """Refuse weights of a convolution or linear layer that are all zeros, because such a layer answers nothing.

    These may be zero: what is zero in the model as well (it starts so by design), adapters, tables of positions, vectors,
    and weights of less than 16 numbers.

    Args:
        state: Tensors under the model's names.
        fresh: Tensors of the model before it is loaded.
        name: Name of the checkpoint for messages.

    Raises:
        InputError: If there is one. The message names it.
    """
    dead = [key for key, value in state.items() if _is_kernel(key, value) and _mute(value) and not _mute(fresh[key])]
    if dead:
        which = f'{dead[0]} is' if len(dead) == 1 else f'{len(dead)} weights are'
        names = '' if len(dead) == 1 else f', e.g. {examples(dead)}'
        raise InputError(
            f'{name}: {which} all zeros{names}, so the layer would answer nothing; the file is damaged or of another '
            'network, take another one'
        )


def _is_kernel(key: str, value: Tensor) -> bool:
    return (
        key.endswith('weight')
        and value.ndim >= 2
        and value.numel() >= _LEAST
        and not is_adapter_key(key)
        and not _MAY_BE_ZERO.search(key)
    )


def _mute(value: Tensor) -> bool:
    """Whether a tensor is all zeros. One without values (device 'meta') is not."""
    return not value.is_meta and not whole_tensor(value).any()


def zero_words(state: Mapping[str, Tensor]) -> list[str]:
    """Warnings for the line of a hand-over: the file looks untrained, or a kind of tensor is zero in each block.

    Of an untrained file, whose biases and means are all zero, only the biases of query and value are named.

    Args:
        state: Tensors of the file that the model needs.
    """
    state = {key: value for key, value in state.items() if not value.is_meta}
    kinds: dict[str, list[str]] = defaultdict(list)
    for key in state:
        if not is_adapter_key(key):
            kinds[kind_of(key)].append(key)
    zeros = [
        kind if len(keys) > 1 else keys[0] for kind, keys in kinds.items() if all(_mute(state[key]) for key in keys)
    ]
    words = []
    if _untrained(state):
        words.append('warning: looks untrained, each of its norm layers has its initial values')
        zeros = [kind for kind in zeros if _ATTENTION.search(kind)]
    if zeros:
        zeros.sort(key=lambda kind: _ATTENTION.search(kind) is None)  # those first, for a line names two
        words.append(f'warning: all zeros in the file: {examples(zeros, 2)}')
    return words


def _untrained(state: Mapping[str, Tensor]) -> bool:
    """Whether a file has norm layers (weight and bias are vectors), and each weighs by one or zero and shifts nothing."""
    layers: dict[str, dict[str, Tensor]] = defaultdict(dict)
    for key, value in state.items():
        owner, _, leaf = key.rpartition('.')
        if value.ndim == 1:
            layers[owner][leaf] = value
    norms = [tensors for tensors in layers.values() if 'weight' in tensors and 'bias' in tensors]
    return bool(norms) and all(_is_fresh(norm) for norm in norms)


def _is_fresh(norm: Mapping[str, Tensor]) -> bool:
    still = [whole_tensor(norm[leaf]) for leaf in ('bias', 'running_mean') if leaf in norm]
    ones = whole_tensor(norm['running_var']) if 'running_var' in norm else None
    weight = whole_tensor(norm['weight'])
    return (
        not any(value.any() for value in still)
        and (ones is None or bool((ones == 1).all()))
        and bool((weight == 0).all() or (weight == 1).all())
    )


def of_backbone(match: Match) -> dict[str, Tensor]:
    """The tensors of a file that the backbone of a model needs. A model without one is a backbone."""
    inside = [key for key in match.wanted if key.startswith('backbone.')] or match.wanted
    return {key: match.state[key] for key in inside if key in match.state}
