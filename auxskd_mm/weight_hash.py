"""The hashes by which the package tells weights apart."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor


def weight_hash(state: Mapping[str, Tensor], keys: Iterable[str] | None = None) -> Tensor:
    """SHA-256 of tensors with their names, types and shapes.

    Args:
        state: State dict.
        keys: Names of the tensors. Their order has no effect. None takes all.

    Returns:
        uint8 (32,).
    """
    digest = hashlib.sha256()
    for key in sorted(state if keys is None else keys):
        value = state[key].detach().cpu().contiguous()
        digest.update(f'{key} {value.dtype} {tuple(value.shape)}'.encode())
        digest.update(value.reshape(-1).view(torch.uint8).numpy().tobytes())
    return torch.frombuffer(bytearray(digest.digest()), dtype=torch.uint8).clone()


def weights_digest(state: Mapping[str, Tensor]) -> str:
    """Short hash of all weights and statistics of a state dict, in its order. Stores of feature maps record it."""
    digest = hashlib.blake2b(digest_size=8)
    for key, value in state.items():
        digest.update(key.encode())
        digest.update(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def hex_digits(digest: object) -> str:
    """First 12 hexadecimal digits of a hash."""
    return bytes(digest.tolist()).hex()[:12] if isinstance(digest, Tensor) else str(digest)
