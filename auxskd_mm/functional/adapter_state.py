"""Adapters in a state dict: which tensors are theirs, and the digest of the base that they belong to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ..errors import InputError
from ..weight_hash import hex_digits, weight_hash

# Name of the child of a backbone that holds its adapters.
BANK = 'adapters'
# Entry of an adapter checkpoint: SHA-256 of the base's weights, uint8 (32,).
BASE_DIGEST = 'adapters_base_sha256'


def is_adapter_key(key: str) -> bool:
    """Whether a key of a state dict belongs to an adapter."""
    return BANK in key.split('.')[:-1]


def with_base(state: Mapping[str, Any], model_state: Mapping[str, Tensor], name: str) -> Mapping[str, Any]:
    """Complete an adapter checkpoint with the base that a model holds. Other checkpoints are returned as they are.

    Args:
        state: State dict of the checkpoint.
        model_state: State dict of the model, whose base is loaded already.
        name: Name of the checkpoint for messages.

    Raises:
        InputError: If the checkpoint belongs to another base. The message has both digests. Also if the model has no
            such adapters.
    """
    if BASE_DIGEST not in state:
        return state
    wanted: Any = state[BASE_DIGEST]
    rest = {str(key).removeprefix('module.'): value for key, value in state.items() if key != BASE_DIGEST}
    prefixes = tuple({key.split(f'{BANK}.')[0] for key in rest if is_adapter_key(key)})
    lacking = [key for key in rest if is_adapter_key(key) and key not in model_state]
    if lacking:
        raise InputError(
            f'{name}: an adapter checkpoint, but the model has no {lacking[0]}; give its backbone the same adapters '
            "(type='auxskd_mm.AdaptedBackbone')"
        )
    base = [key for key in model_state if key.startswith(prefixes) and key not in rest and not is_adapter_key(key)]
    found = weight_hash(model_state, base)
    if not isinstance(wanted, Tensor) or not torch.equal(wanted, found):
        raise InputError(
            f'{name}: adapters for a base with SHA-256 {hex_digits(wanted)}, but the model holds {hex_digits(found)}; load that '
            'base first (init_cfg of the backbone), or merge both by tools/model_converters/merge_adapters.py'
        )
    return {**{key: model_state[key] for key in base}, **rest}
