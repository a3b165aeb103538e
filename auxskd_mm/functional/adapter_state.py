"""Adapters in a state dict: which tensors are theirs, and the digest of the base that they belong to."""

from __future__ import annotations

# Name of the child of a backbone that holds its adapters.
BANK = 'adapters'


def is_adapter_key(key: str) -> bool:
    """Whether a key of a state dict belongs to an adapter."""
    return BANK in key.split('.')[:-1]
