"""Tensors of a file that have no place in the model: which may be left, and which belong to another network."""

from __future__ import annotations

import re
from collections.abc import Collection

from torch import nn

from ...errors import InputError
from .match import OPTIONAL, Match

# Further tables and counters that a network computes itself, or that a tool has added.
_DERIVED = (*OPTIONAL, 'relative_coords_table', 'inv_freq', 'total_ops', 'total_params')
# Modules around a network: a model's backbone, and the network of a library in its wrapper.
_AROUND = re.compile(r'^(backbone\.)?((trunk|model)\.)?')
# Parts of a module's name that say that it is a head.
_HEAD = re.compile(
    r'(^|_)(head|heads|classifier|fc|logits|proj|projection|projector|predictor|pred|decoder|neck)\d*(_|$)'
)


def removed_tensors(model: nn.Module) -> frozenset[str]:
    """Names of the tensors of layers that were removed from a network in a model.

    A network that was built whole and then cut says so by its attribute ``removed_tensors``, a set of names in that
    network. ``TimmBackbone`` sets it on its trunk.
    """
    return frozenset(
        f'{place}.{key}' if place else key
        for place, module in model.named_modules()
        for key in vars(module).get('removed_tensors', ())
    )


def check_left(match: Match, name: str, removed: Collection[str] = ()) -> None:
    """Refuse a file whose network has more than the model: a bias without a place, further blocks, or parts in a block.

    Heads and other whole modules may be left, and so may layers that were removed from the model's network.

    Args:
        match: Tensors of the file under the model's names.
        name: Name of the checkpoint for messages.
        removed: Result of :func:`removed_tensors`.

    Raises:
        InputError: If the model would compute something else than the file's network. The message names the tensor.
    """
    ours = {*match.state, *removed}
    owners = {owner for key in ours for owner in _owners(key)}
    kinds = {kind_of(key) for key in ours}
    whole_model = any(key.startswith('backbone.') for key in ours)
    for key, value in match.left.items():
        if key in removed or key.endswith(_DERIVED) or (key.endswith('bias') and not value.any()):
            continue
        if key.rpartition('.')[0] in owners:
            raise InputError(
                f'{name}: has {key}, and the model has the same module without it, so it would compute something else; '
                'build the backbone with that part (such as a bias)'
            )
        outside = whole_model and not key.startswith('backbone.')
        inner = _AROUND.sub('', key)
        if kind_of(key) in kinds and (outside or not _HEAD.search(inner.split('.')[0])):
            raise InputError(
                f'{name}: is of a deeper network: it has {key}, and the model has fewer such blocks; build the backbone '
                'in its depth'
            )
        if outside or not value.is_floating_point():
            continue  # a part of the model's own head, or an index table
        block = next((owner for owner in reversed(_owners(key)) if owner in owners), '')
        if _is_block(block, key, ours):
            raise InputError(
                f'{name}: has {key}, and {block} of the model has no such part, so it would compute something else; build '
                'the backbone with that part, or take a file of this network'
            )


def _is_block(owner: str, key: str, ours: Collection[str]) -> bool:
    """Whether a module of the model, in which a tensor has no place, computes as a whole.

    A module with a number does. Without one it must be more than a list of such blocks, behind which a head may stand, and
    no head itself.
    """
    inner = _AROUND.sub('', f'{owner}.')
    if not inner:  # the network itself
        return False
    if any(part.isdigit() for part in inner.split('.')):
        return True
    if any(_HEAD.search(part) for part in _AROUND.sub('', key).split('.')[:-1]):
        return False
    start = len(owner) + 1
    return any(mine.startswith(f'{owner}.') and not mine[start:].split('.')[0].isdigit() for mine in ours)


def _owners(key: str) -> list[str]:
    """Names of the modules around a tensor, the outermost first."""
    parts = key.split('.')
    return ['.'.join(parts[:depth]) for depth in range(1, len(parts))]


def kind_of(key: str) -> str:
    """A key with ``N`` in place of the numbers of its blocks."""
    return re.sub(r'(?<=\.)\d+(?=\.)', 'N', key)
