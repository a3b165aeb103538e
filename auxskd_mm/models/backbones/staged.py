"""Base class of the backbones, with frozen stages, recomputed stages and checked pretrained weights."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from mmengine.model import BaseModule, PretrainedInit
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from ...errors import InputError
from ..modules.input_channels import check_input, input_channels


@contextlib.contextmanager
def statistics_untouched(modules: Sequence[nn.Module]) -> Iterator[None]:
    """Let BatchNorm record its statistics in copies that are discarded.

    A recomputed stage sees its batch a second time. Without the copies its running statistics would be updated twice
    per step. Recording cannot be switched off instead: autograd would then save fewer tensors than the first time, and
    checkpointing refuses that.
    """
    owners = [m for module in modules for m in module.modules() if m._buffers]
    kept = [dict(m._buffers) for m in owners]
    for owner, buffers in zip(owners, kept):
        owner._buffers.update({name: None if buffer is None else buffer.clone() for name, buffer in buffers.items()})
    try:
        yield
    finally:
        for owner, buffers in zip(owners, kept):
            owner._buffers.update(buffers)


class StagedBackbone(BaseModule):
    """Base class of the backbones: a stem (stage 0) and stages 1 .. N, which run one after the other.

    Subclasses call :meth:`set_stages` at the end of their constructor.

    Args:
        frozen_stages: Last stage that is not trained and stays in eval mode. 0 freezes only the stem, -1 freezes
            nothing.
        with_cp: Recompute the stages in the backward pass instead of keeping their activations (gradient
            checkpointing). The results and the running statistics are the same.
        out_indices: Stages whose maps are returned, such as (3, 4). None returns the map of the last stage.
        init_cfg: MMEngine initialisation. The checkpoint of ``dict(type='Pretrained', checkpoint=...,
            prefix='backbone.')`` must have every tensor of the backbone. None keeps PyTorch's initialisation.
    """

    in_channels: int
    out_channels: int
    out_indices: Sequence[int] | None
    _names_stages = True  # out_indices are numbers of stages

    def __init__(
        self,
        frozen_stages: int = -1,
        with_cp: bool = False,
        init_cfg: dict | list | None = None,
        out_indices: Sequence[int] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.frozen_stages = frozen_stages
        self.out_indices = None if out_indices is None else tuple(sorted(set(out_indices)))
        self.with_cp = with_cp
        self._stages: list[list[str]] = []

    def set_stages(self, stages: Sequence[Sequence[str]]) -> None:
        """Set the module names of the stem and of every stage, in the order in which they run.

        Args:
            stages: Names of the modules in each stage. The first entry is the stem.

        Raises:
            InputError: If ``frozen_stages`` or one of ``out_indices`` does not exist.
        """
        self._stages = [list(names) for names in stages]
        self.in_channels = input_channels(self)
        if not -1 <= self.frozen_stages < len(self._stages):
            raise InputError(
                f'{type(self).__name__}.frozen_stages={self.frozen_stages}: expected -1 (none) to '
                f'{len(self._stages) - 1}'
            )
        if self._names_stages and not set(self.out_indices or ()) <= set(range(len(self._stages))):
            raise InputError(
                f'{type(self).__name__}.out_indices={self.out_indices}: expected stages from 0 to {len(self._stages) - 1}'
            )
        self._freeze()

    def _stage(self, index: int, x: Tensor) -> Tensor:
        for name in self._stages[index]:
            x = getattr(self, name)(x)
        return x

    def forward(self, x: Tensor) -> Any:
        """Feature maps (B, out_channels, T', H', W') of clips (B, in_channels, T, H, W). With several ``out_indices`` a
        tuple of the maps of these stages.

        Raises:
            InputError: If the clips have another number of channels.
        """
        check_input(self.in_channels, x, type(self).__name__)
        maps = []
        for index in range(len(self._stages)):
            if self.with_cp and self.training and index > self.frozen_stages and torch.is_grad_enabled():
                modules = [getattr(self, name) for name in self._stages[index]]
                x = checkpoint(
                    self._stage,
                    index,
                    x,
                    use_reentrant=False,
                    context_fn=lambda m=modules: (contextlib.nullcontext(), statistics_untouched(m)),  # type: ignore[misc]  # its default
                )
            else:
                x = self._stage(index, x)
            if self.out_indices is not None and index in self.out_indices:
                # The next stage may begin with an operation in place.
                maps.append(x.clone() if index + 1 < len(self._stages) else x)
        if self.out_indices is None:
            return x  # (B, C', T', H', W')
        return tuple(maps) if len(maps) > 1 else maps[0]

    def _freeze(self) -> None:
        for names in self._stages[: self.frozen_stages + 1]:
            for name in names:
                module = getattr(self, name)
                module.eval()
                module.requires_grad_(False)

    def train(self, mode: bool = True) -> StagedBackbone:
        """Set training mode for all stages except the frozen ones."""
        super().train(mode)
        self._freeze()
        return self

    def init_weights(self) -> None:
        """Initialise by ``init_cfg``. Pretrained weights must cover the whole backbone.

        Raises:
            InputError: See :class:`auxskd_mm.models.pretrained.CheckedPretrained`.
        """
        for config in self.init_cfg if isinstance(self.init_cfg, (list, tuple)) else [self.init_cfg]:
            if config and config['type'] is PretrainedInit:  # a new-style config names MMEngine's own class
                config['type'] = 'Pretrained'
        super().init_weights()
