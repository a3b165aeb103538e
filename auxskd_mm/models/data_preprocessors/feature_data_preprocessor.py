"""A data preprocessor for feature maps out of a store."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmaction.models.data_preprocessors import ActionDataPreprocessor
from mmengine.model import stack_batch
from torch import Tensor

from ...errors import InputError
from ...registry import MODELS
from .blending import check_labels


@MODELS.register_module()
class FeatureDataPreprocessor(ActionDataPreprocessor):
    """Stack feature maps to (B, V, C, T, h, w). They move to the device as float16, and become float32 there.

    The counterpart of :class:`ClipDataPreprocessor` for ``DecodeFeatures``. Nothing is normalised, because the frames were
    normalised before the trunk.

    Args:
        channels: Expected channels C of the maps. None takes any.
        blending: Config of MMAction2's batch blending, such as ``dict(type='MixupBlending', num_classes=7, alpha=0.4)``.
    """

    def __init__(self, channels: int | None = None, blending: dict | None = None) -> None:
        super().__init__(None, None, False, True, blending, 'NCTHW')
        self.channels = channels
        self._non_blocking = True

    def preprocess(self, inputs: Sequence[Tensor], data_samples: Any, training: bool = False) -> tuple[Tensor, Any]:
        """Stack a batch.

        Args:
            inputs: B tensors float16 (V, C, T, h, w) of one shape, on the device, or one tensor (B, V, C, T, h, w).
            data_samples: B data samples, or None.
            training: Whether to blend.

        Returns:
            float32 (B, V, C, T, h, w) and the data samples. Blended ones have soft labels (num_classes,).

        Raises:
            InputError: If the inputs are no feature maps, have another number of channels, or are to be blended without labels.
        """
        batch = inputs if isinstance(inputs, Tensor) else stack_batch(list(inputs))
        if not batch.is_floating_point() or batch.ndim != 6:
            raise InputError(
                f'model.data_preprocessor takes feature maps (B, V, C, T, h, w), got {batch.dtype} {tuple(batch.shape)}: read '
                'a store of features with OpenFeatures and DecodeFeatures, or use ClipDataPreprocessor for images'
            )
        if self.channels is not None and batch.shape[2] != self.channels:
            raise InputError(
                f'model.data_preprocessor.channels={self.channels}, but the feature maps of the store have '
                f'{batch.shape[2]} channels: set it and the in_channels of the backbone to the store, or pack it with the '
                'trunk of the config'
            )
        batch = batch.float()
        if training and self.blending is not None:
            check_labels(data_samples)
            batch, data_samples = self.blending(batch, data_samples)
        return batch, data_samples
