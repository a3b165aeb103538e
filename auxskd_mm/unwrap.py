"""The model behind MMEngine's wrapper."""

from __future__ import annotations

from mmengine.model import is_model_wrapper
from torch import nn


def unwrap(model: nn.Module) -> nn.Module:
    """The model itself, where a wrapper such as DDP holds it.

    Args:
        model: A model, or MMEngine's wrapper around one.

    Returns:
        The wrapped model. A model without a wrapper comes back as it is, and so does a wrapper without ``module``.
    """
    return getattr(model, 'module', model) if is_model_wrapper(model) else model
