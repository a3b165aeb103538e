"""Functions that load a checkpoint into a model and check it before and after."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from ..errors import InputError, examples
from .adapter_state import is_adapter_key, with_base
from .public_weights import Match, match_weights, weights_in
from .public_weights.containers import plain_keys
from .public_weights.left_over import check_left, removed_tensors
from .public_weights.match import OPTIONAL, misfit
from .public_weights.zeros import check_kernels, of_backbone, whole_tensor, zero_words

# Parts of a model that its own training alone needs: published and adapter checkpoints leave them out.
TRAINING_PARTS = ('teacher.', 'queue.', 'frozen.', 'data_preprocessor.')
# Starts of keys in the original research code, whose kernels are 3-D.
_ORIGINALS = ('encoder_q.', 'base_network.', 'conv1.', 'conv_2b.', 'conv3d_1a_7x7.')
# Statistics of the augmentation say nothing about which network a file belongs to.
_OPTIONAL_PREFIXES = ('data_preprocessor.',)


class Transfer(NamedTuple):
    """Tensors of a checkpoint for a model, checked and not yet loaded.

    Attributes:
        state: State dict under the model's names.
        message: Line that says what comes over. Print it after :func:`check_copied`.
    """

    state: dict[str, Any]
    message: str


def load_checked(
    model: nn.Module, content: Mapping[str, Any], prefixes: Sequence[str], name: str, prefix: str | None = None
) -> str:
    """Load the tensors that fit into a model, and compare the model with the checkpoint afterwards.

    Args:
        model: Model. It is changed in place.
        content: See :func:`plan_transfer`.
        prefixes: See :func:`check_transfer`.
        name: Name of the checkpoint for messages.
        prefix: See :func:`plan_transfer`.

    Returns:
        The line of :func:`plan_transfer`. The model holds every tensor that the line counts.

    Raises:
        InputError: See :func:`plan_transfer` and :func:`check_copied`.
    """
    own = model.state_dict()
    state, message = plan_transfer(own, content, prefixes, name, prefix, removed_tensors(model))
    fits = {key: value for key, value in state.items() if key in own and own[key].shape == value.shape}
    model.load_state_dict(fits, strict=False)
    check_copied(model.state_dict(), fits, name)
    return message


def plan_transfer(
    own: Mapping[str, Any],
    content: Mapping[str, Any],
    prefixes: Sequence[str],
    name: str,
    prefix: str | None = None,
    removed: Collection[str] = (),
) -> Transfer:
    """Find the tensors for a model in the content of a checkpoint, under its own names or those of a public naming.

    Args:
        own: State dict of the model.
        content: What the checkpoint file holds, or its state dict, with or without ``module.`` in front of its keys.
        prefixes: See :func:`check_transfer`.
        name: Name of the checkpoint for messages.
        prefix: Prefix of the network in the file, such as ``'teacher.'``. None looks for it.
        removed: Names of tensors that a file may have because their layers were removed from the model's network: result
            of :func:`auxskd_mm.functional.public_weights.left_over.removed_tensors`.

    Raises:
        InputError: See :func:`check_transfer`. Also if the file holds another network, several that fit, or a layer
            whose weights are all zeros.
    """
    # Adapters alone are completed with the base that the model holds.
    state: dict[str, Any] = dict(with_base(weights_in(content, name), own, name))
    match = None
    if len(prefixes) == 1:
        part = prefixes[0]
        adapters = [key for key in own if is_adapter_key(key) and key.startswith(part)]
        fresh = [] if any(is_adapter_key(key) for key in state) else adapters
        match = match_weights(own, state, part, name, fresh, prefix)
    if match is None:  # under the model's own names
        message = check_transfer(own, state, prefixes, name)
        _check_match(own, _own_names(own, state, prefixes), name, removed)
        return Transfer(state, message)
    if prefix is not None or match.root != part or any(match.state[key] is not state.get(key) for key in match.wanted):
        state = dict(match.state)
    message = check_transfer(own, {**match.left, **state}, prefixes, name, [*match.wanted, *fresh])
    _check_match(own, match, name, removed)
    return Transfer(state, message + _details(own, state, match, part))


def _own_names(own: Mapping[str, Any], state: Mapping[str, Any], prefixes: Sequence[str]) -> Match:
    """The tensors of a file for several parts of a model, under the model's names."""
    parts = {
        key: value for key, value in state.items() if key.startswith(tuple(prefixes)) and isinstance(value, Tensor)
    }
    ours = {key: value for key, value in parts.items() if key in own}
    left = {key: value for key, value in parts.items() if key not in own}
    return Match(ours, left, [key for key in ours if not key.endswith(OPTIONAL)], '', None)


def _check_match(own: Mapping[str, Any], match: Match, name: str, removed: Collection[str]) -> None:
    """Refuse a file of a network that computes something else, or of which a layer is all zeros."""
    check_left(match, name, removed)
    check_kernels(of_backbone(match), own, name)


def _details(own: Mapping[str, Any], state: Mapping[str, Any], match: Match, part: str) -> str:
    """Rest of the line: naming, share of the model's numbers, and what did not come over."""
    sizes = {key: value.numel() for key, value in own.items() if not key.startswith(_OPTIONAL_PREFIXES)}
    loaded = sum(size for key, size in sizes.items() if key in state and state[key].shape == own[key].shape)
    words = [f'{loaded / max(sum(sizes.values()), 1):.1%} of the numbers in the model']
    if match.naming is not None:
        words.insert(0, match.naming.title + (f" under '{match.root}'" if match.root else ''))
    words += [f'{key} adapted from 3 to {own[key].shape[1]} channels' for key in match.adapted]
    if match.left:
        words.append(f'not used: {examples(match.left, 2)}')
    fresh = [key for key in own if key.startswith(part) and key not in match.state and not key.endswith(OPTIONAL)]
    fresh = [key for key in fresh if not is_adapter_key(key)]
    if fresh:
        words.append(f'not in the file, so they start anew: {examples(fresh, 2)}')
    words += zero_words(of_backbone(match))
    return f' ({"; ".join(words)})'


def check_transfer(
    model_state: Mapping[str, Any],
    checkpoint_state: Mapping[str, Any],
    prefixes: Sequence[str],
    name: str,
    needed: Sequence[str] | None = None,
) -> str:
    """Check before loading that a checkpoint has every tensor that a part of a model needs.

    Args:
        model_state: The model's state dict.
        checkpoint_state: The checkpoint's state dict, with or without ``module.`` in front of its keys.
        prefixes: Prefixes of the model's parts that the checkpoint must cover completely, e.g. ``('backbone.',)``.
            ``('',)`` means the whole model.
        name: Name of the checkpoint for messages.
        needed: Names of the tensors that the checkpoint must have. None stands for all under ``prefixes``.

    Returns:
        A line such as ``144 of 144 backbone tensors loaded from x.pth``. Print it after :func:`check_copied`.

    Raises:
        InputError: If a tensor is missing or has another shape. The message gives the count and examples of both key
            sets. Also if an entry is no tensor or holds values that are not finite. The message then names the entry.
    """
    source = plain_keys(checkpoint_state)
    wanted = [
        key
        for key in (model_state if needed is None else needed)
        if key.startswith(tuple(prefixes)) and not key.endswith(OPTIONAL) and not key.startswith(_OPTIONAL_PREFIXES)
    ]
    wanted, adapters = _split_adapters(wanted, source, prefixes, name)
    part = ' and '.join(prefix.rstrip('.') for prefix in prefixes if prefix) or 'model'
    if not wanted:
        start = examples(model_state)
        raise InputError(f"{name}: the model has no '{part}' to load into; its keys start with {start}")
    check_tensors({key: value for key, value in source.items() if key in model_state}, name, model_state)
    good, detail = misfit(wanted, source, model_state, [key for key in source if key not in model_state])
    if detail:
        raise InputError(
            f'{name}: only {good} of {len(wanted)} {part} tensors fit ({detail}); is it a checkpoint of another network'
            f'{_or_original(source)}?'
        )
    check_finite({key: value for key, value in source.items() if key in model_state}, name, model_state)
    start = f'; the {adapters} adapter tensors, which it does not have, start as built' if adapters else ''
    return f'{good} of {len(wanted)} {part} tensors loaded from {name}{start}'


def _or_original(source: Mapping[str, Any]) -> str:
    """Advice for files that the converter of the original code may read."""
    kernels = (value for key, value in source.items() if key.startswith(_ORIGINALS))
    if any(getattr(value, 'ndim', 0) == 5 for value in kernels):
        return ', or of the original code (then run tools/model_converters/convert_auxskd.py first)'
    return ''


def _split_adapters(
    wanted: list[str], source: Mapping[str, Any], prefixes: Sequence[str], name: str
) -> tuple[list[str], int]:
    """The tensors that a checkpoint must have, and the number of adapter tensors that a base without adapters lacks."""
    theirs = [key for key in source if is_adapter_key(key) and key.startswith(tuple(prefixes))]
    base = [key for key in wanted if not is_adapter_key(key)]
    lacking = sorted(set(theirs) - set(wanted))
    if lacking:
        raise InputError(
            f'{name}: was trained with adapters, and the model lacks {examples(lacking)}; give its backbone the same '
            "adapters (type='auxskd_mm.AdaptedBackbone')"
        )
    return (wanted, 0) if theirs else (base, len(wanted) - len(base))


def check_copied(model_state: Mapping[str, Any], checkpoint_state: Mapping[str, Any], name: str) -> None:
    """Check after loading that the model holds the values of the checkpoint.

    Args:
        model_state: The model's state dict after loading.
        checkpoint_state: The checkpoint's state dict. The check ignores tensors that the model lacks or has in another
            shape.
        name: Name of the checkpoint for messages.

    Raises:
        InputError: If a tensor of the model differs from the file's. The message names it.
    """
    lost = []
    for key, value in plain_keys(checkpoint_state).items():
        mine = model_state.get(key)
        if mine is None or mine.shape != value.shape or mine.is_meta or value.is_meta:
            continue
        mine = whole_tensor(mine)
        if not torch.equal(mine, whole_tensor(value).to(mine.dtype)):
            lost.append(key)
    if lost:
        raise InputError(f'{name}: {len(lost)} tensors did not arrive in the model, e.g. {examples(lost)}')


def check_tensors(state: Mapping[str, Any], name: str, known: Mapping[str, Any] | None = None) -> None:
    """Refuse a state dict with entries that are no tensors or hold no plain numbers. torch would skip the former.

    Plain numbers are dense and real. A tensor that is sparse, quantized, complex or without values is refused.

    Args:
        state: State dict.
        name: Name of the state dict for messages.
        known: State dict of the model. Where the model's own tensor has no values (device 'meta') or is complex, the
            checkpoint's tensor may be so too.

    Raises:
        InputError: For the first such entry. The message names it.
    """
    for key, value in state.items():
        if not isinstance(value, Tensor):
            raise InputError(
                f'{name}: {key} is of type {type(value).__name__}, expected a torch.Tensor; save the weights as tensors '
                '(torch.from_numpy makes one of a NumPy array)'
            )
        mine = (known or {}).get(key)
        kinds = {
            "a shape without values (the device 'meta')": value.is_meta and not (mine is not None and mine.is_meta),
            'sparse': value.layout != torch.strided,
            'quantized': value.is_quantized,
            'complex': value.is_complex() and not (mine is not None and mine.is_complex()),
        }
        for kind, holds in kinds.items():
            if holds:
                raise InputError(f'{name}: {key} is {kind}, expected a plain tensor of real numbers; save such weights')


def check_finite(state: Mapping[str, Any], name: str, known: Mapping[str, Any] | None = None) -> None:
    """Refuse weights and statistics that are NaN or infinite, because every result from them would be meaningless.

    Args:
        state: State dict. The check skips entries that are no floating-point or complex tensors.
        name: Name of the state dict for messages.
        known: State dict of a fresh model. Where it is infinite itself (an attention mask), infinite values are
            allowed.

    Raises:
        InputError: For the first such tensor. The message names it.
    """
    for key, value in state.items():
        if not isinstance(value, Tensor) or not (value.is_floating_point() or value.is_complex()):
            continue
        if value.is_meta:  # a shape without numbers
            continue
        whole = whole_tensor(value)
        bad = ~whole.isfinite()
        if not bad.any():
            continue
        own = None if known is None else known.get(key)
        if own is not None and own.shape == whole.shape:
            bad &= ~whole_tensor(own).isinf()
        if bad.any():
            raise InputError(
                f'{name}: {key} holds {int(bad.sum())} of {bad.numel()} values that are NaN or infinite, and a number '
                'from such weights means nothing; take an earlier checkpoint'
            )
