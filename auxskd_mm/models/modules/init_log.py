"""The log of an initialisation, which MMEngine writes at its end: where each tensor came from."""

from __future__ import annotations

from mmengine.model.weight_init import update_init_info
from torch import nn


def log_weights(module: nn.Module, origin: str) -> None:
    """Note where the weights of a module came from. Outside an initialisation by MMEngine nothing happens.

    MMEngine by itself says "the value is the same before and after" of tensors that such a module loaded.

    Args:
        module: Module whose tensors have been loaded.
        origin: Name of the weights, in words.
    """
    if hasattr(module, '_params_init_info'):  # a module has it while MMEngine initialises
        update_init_info(module, init_info=origin)
