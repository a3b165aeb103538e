"""Mixed precision on the CPU: MMEngine's wrapper of the optimizer, which refuses to start without an accelerator."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
from mmengine.optim import AmpOptimWrapper, OptimWrapper
from mmengine.registry import OPTIM_WRAPPERS


@OPTIM_WRAPPERS.register_module(force=True)
class CpuAmp(AmpOptimWrapper):
    """``AmpOptimWrapper`` with torch's autocast and gradient scaler of the CPU. All else is MMEngine's code.

    It does without oneDNN. On an AMD EPYC (Zen 5) with torch 2.14.1, oneDNN 3.12 gives wrong weight gradients of 3-D
    convolutions in bfloat16 with kernel (3, 1, 1), padding (1, 0, 0) and two frames: from 1e13 on, or NaN, where float32
    has 20. Another run of the same gives other numbers.

    Args:
        dtype: 'float16' or 'bfloat16'.
        loss_scale: 'dynamic', or options of the scaler.
        kwargs: Arguments of ``OptimWrapper``.
    """

    def __init__(self, dtype: str, loss_scale: str | dict[str, Any] = 'dynamic', **kwargs: Any) -> None:
        OptimWrapper.__init__(self, **kwargs)
        self._scale_update_param = None
        self.cast_dtype = getattr(torch, dtype)
        self.loss_scaler = torch.amp.GradScaler('cpu', **({} if loss_scale == 'dynamic' else loss_scale))

    @contextlib.contextmanager
    def optim_context(self, model: torch.nn.Module) -> Iterator[None]:
        """Run forward in ``dtype`` for the operators in torch's list."""
        with OptimWrapper.optim_context(self, model), _without_onednn(), torch.autocast('cpu', self.cast_dtype):
            yield

    def backward(self, loss: torch.Tensor, **kwargs: Any) -> None:
        """Compute gradients of the scaled loss."""
        with _without_onednn():
            super().backward(loss, **kwargs)


@contextlib.contextmanager
def _without_onednn() -> Iterator[None]:
    """As ``torch.backends.mkldnn.flags``, which warns of a setting for GPUs."""
    before = torch.backends.mkldnn.enabled
    torch.backends.mkldnn.enabled = False
    try:
        yield
    finally:
        torch.backends.mkldnn.enabled = before
