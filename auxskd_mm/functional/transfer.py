"""Comparing the tensors of a checkpoint with those a model expects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import InputError, examples

# Statistics of the augmentation and counters say nothing about which network a file belongs to.
_OPTIONAL_SUFFIXES = ('num_batches_tracked',)
_OPTIONAL_PREFIXES = ('data_preprocessor.',)


def check_transfer(
    model_state: Mapping[str, Any], checkpoint_state: Mapping[str, Any], prefixes: Sequence[str], name: str
) -> str:
    """Check that a checkpoint brings every tensor that a part of a model needs.

    Args:
        model_state: The model's state dict.
        checkpoint_state: The checkpoint's, with or without ``module.`` in front.
        prefixes: Parts of the model that must be covered whole, e.g. ``('backbone.',)``; ``('',)`` is everything.
        name: What to call the checkpoint in messages.

    Returns:
        A line such as ``144 of 144 backbone tensors loaded from x.pth``.

    Raises:
        InputError: If a tensor is missing or has another shape; names the count and examples of both key sets.
    """
    source = {key[7:] if key.startswith('module.') else key: value for key, value in checkpoint_state.items()}
    wanted = [
        key
        for key in model_state
        if key.startswith(tuple(prefixes))
        and not key.endswith(_OPTIONAL_SUFFIXES)
        and not key.startswith(_OPTIONAL_PREFIXES)
    ]
    part = ' and '.join(prefix.rstrip('.') for prefix in prefixes if prefix) or 'model'
    if not wanted:
        start = examples(model_state)
        raise InputError(f"{name}: the model has no '{part}' to load into; its keys start with {start}")
    missing = [key for key in wanted if key not in source]
    shapes = [key for key in wanted if key in source and tuple(source[key].shape) != tuple(model_state[key].shape)]
    good = len(wanted) - len(missing) - len(shapes)
    if missing or shapes:
        detail = []
        if missing:
            other = [key for key in source if key not in model_state]
            detail.append(f'missing {examples(missing)}; the file has {examples(other or source)}')
        if shapes:
            key = shapes[0]
            detail.append(
                f'{len(shapes)} of another shape, e.g. {key}: {tuple(source[key].shape)} in the file, '
                f'{tuple(model_state[key].shape)} in the model'
            )
        raise InputError(
            f'{name}: only {good} of {len(wanted)} {part} tensors fit ({"; ".join(detail)}); is it a checkpoint of '
            'another network, or of the original code (then run tools/model_converters/convert_auxskd.py first)?'
        )
    return f'{good} of {len(wanted)} {part} tensors loaded from {name}'
