"""Modes of modules for the time of a ``with`` block."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from torch import nn


@contextlib.contextmanager
def in_mode(module: nn.Module, training: bool) -> Iterator[None]:
    """Set the mode, and afterwards restore the mode of every submodule. A frozen stage stays in eval mode."""
    modes = [(part, part.training) for part in module.modules()]
    module.train(training)
    try:
        yield
    finally:
        for part, before in modes:
            part.training = before


def evaluating(module: nn.Module) -> contextlib.AbstractContextManager[None]:
    """Eval mode; see :func:`in_mode`."""
    return in_mode(module, False)
