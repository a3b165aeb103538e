"""Base class of the methods that need more than a backbone with a head."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmengine.model import BaseModel
from torch import Tensor, nn

from ...errors import InputError
from ...functional.tasks import Task
from ...registry import MODELS
from ..backbones.frames import build_backbone
from ..modules.pooling import pool_features


class PretextModel(BaseModel):
    """A backbone that learns from several views of a clip, (B, V, C, T, H, W).

    Subclasses implement :meth:`loss`. The trained network is ``backbone``, and the next phase finds its weights under
    this name. A subclass whose :meth:`predict` writes probabilities sets ``tasks``, as heads do.

    Args:
        backbone: Config of any backbone that yields one output per clip (two maps for SlowFast). See
            :func:`build_backbone`.
        num_views: Number of views V that each sample must have.
        data_preprocessor: Config. None builds :class:`ClipDataPreprocessor` without normalisation.
        init_cfg: MMEngine initialisation of the whole model.

    Raises:
        InputError: If the backbone is set to yield several feature maps.
    """

    tasks: tuple[Task, ...] = ()
    method = ''  # the method's name, for records
    summary = ''  # the method in a line, for tools/analysis/check_config.py

    def __init__(
        self,
        backbone: dict,
        num_views: int,
        data_preprocessor: dict | nn.Module | None = None,
        init_cfg: dict | list | None = None,
    ) -> None:
        if data_preprocessor is None:
            data_preprocessor = dict(type='auxskd_mm.ClipDataPreprocessor')
        if isinstance(data_preprocessor, dict):
            data_preprocessor = MODELS.build(data_preprocessor)
        super().__init__(data_preprocessor, init_cfg)  # type: ignore[arg-type]  # BaseModule takes lists too
        self.num_views = num_views
        self.backbone = build_backbone(backbone)
        _require_one_map(self.backbone)

    def describe(self) -> list[str]:
        """Further lines for ``tools/analysis/check_config.py``, after ``summary``."""
        return []

    def views(self, inputs: Tensor) -> Sequence[Tensor]:
        """Split a batch (B, V, C, T, H, W) into its V views (B, C, T, H, W).

        Raises:
            InputError: If the samples have another number of views.
        """
        if inputs.ndim != 6 or inputs.shape[1] != self.num_views:
            raise InputError(
                f'{type(self).__name__} takes (B, {self.num_views}, C, T, H, W), got {tuple(inputs.shape)}: the '
                f"sampler of the pipeline must draw {self.num_views} views and FormatShape use input_format='NCTHW'"
            )
        return inputs.unbind(1)  # V tensors (B, C, T, H, W)

    def extract_feat(self, inputs: Tensor) -> Tensor:
        """Pooled features (B * V, D) of inputs (B, V, C, T, H, W), or (N, D) of (N, C, T, H, W)."""
        clips = inputs.flatten(0, 1) if inputs.ndim == 6 else inputs  # (B * V, C, T, H, W)
        return pool_features(self.backbone(clips))  # (B * V, D)

    def forward_parts(self, inputs: Tensor) -> Any:
        """Run every part of the network that a training step runs, without the losses, on one sample
        (1, V, C, T, H, W).

        FLOPs are counted on this. The outputs are (1, D) each.
        """
        return self.extract_feat(inputs)

    def forward(
        self, inputs: Tensor, data_samples: Sequence[Any] | None = None, mode: str = 'tensor', **kwargs: object
    ) -> Any:
        """Call the method of the mode, as MMEngine's models do.

        Args:
            inputs: (B, V, C, T, H, W), from the data preprocessor.
            data_samples: B data samples.
            mode: 'loss' returns the dict of :meth:`loss`, 'tensor' the features of :meth:`extract_feat`, and 'predict'
                the data samples of :meth:`predict`. 'predict' without data samples returns the features.
            kwargs: Not used.

        Raises:
            InputError: If the mode is unknown.
        """
        if mode == 'loss':
            return self.loss(inputs, data_samples)
        if mode not in ('tensor', 'predict'):
            raise InputError(f"mode='{mode}': expected 'loss', 'tensor' or 'predict'")
        if mode == 'tensor' or data_samples is None:
            return self.extract_feat(inputs)
        return self.predict(inputs, data_samples)

    def predict(self, inputs: Tensor, data_samples: Sequence[Any]) -> Sequence[Any]:
        """Write ``feature`` (V, D), see :meth:`extract_feat`, of inputs (B, V, C, T, H, W) into the data samples."""
        features = self.extract_feat(inputs)  # (B * V, D)
        for sample, own in zip(data_samples, features.view(len(data_samples), -1, features.shape[-1])):
            sample.set_field(own, 'feature')
        return data_samples

    def loss(self, inputs: Tensor, data_samples: Sequence[Any] | None = None) -> dict[str, Tensor]:
        """Losses and diagnostics of a batch (B, V, C, T, H, W), as scalars. The keys of losses contain ``loss``, the
        keys of diagnostics do not.
        """
        raise NotImplementedError


def _require_one_map(backbone: nn.Module) -> None:
    """Refuse a backbone with several feature maps at build time, because they cannot be pooled later."""
    indices = getattr(backbone, 'out_indices', None)
    if isinstance(indices, (tuple, list)) and len(indices) > 1:
        raise InputError(
            f'model.backbone.out_indices={tuple(indices)}: {type(backbone).__name__} yields {len(indices)} feature '
            f'maps; set out_indices=({max(indices)},)'
        )
