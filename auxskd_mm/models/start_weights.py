"""Starting weights of a model outside of a training."""

from __future__ import annotations

import logging

from mmengine.logging import MMLogger
from torch import nn


def start_weights(model: nn.Module) -> None:
    """Initialise a model as the Runner does, without the line that MMEngine logs for every tensor.

    Args:
        model: Model. One without ``init_weights`` stays as it is.
    """
    if not hasattr(model, 'init_weights'):
        return
    logger = MMLogger.get_current_instance()
    before = logger.level
    logger.setLevel(logging.WARNING)
    try:
        model.init_weights()  # type: ignore[operator]  # a method
    finally:
        logger.setLevel(before)
