"""A head without a classifier that writes the features, for retrieval, k-NN and probes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mmengine.model import BaseModule
from torch import Tensor

from ...choices import POOLINGS
from ...errors import InputError, check_choice
from ...registry import MODELS
from ..modules.protocol_pooling import pool_for_protocol, stage_widths

if TYPE_CHECKING:
    from ...typing import Features


@MODELS.register_module()
class ClipFeatureHead(BaseModule):
    """``cls_head`` of MMAction2's ``Recognizer3D`` that writes pooled features into the data samples.

    The head has no weights, so a test needs only a checkpoint with the backbone.

    Args:
        pooling: See :func:`pool_for_protocol`.

    Raises:
        InputError: If the pooling is unknown.

    Example:
        >>> import torch
        >>> from mmaction.structures import ActionDataSample
        >>> from auxskd_mm.models.heads import ClipFeatureHead
        >>> feats = torch.ones(2, 8, 1, 2, 2)  # a backbone's map of two clips of one video
        >>> (sample,) = ClipFeatureHead().predict(feats, [ActionDataSample()])
        >>> sample.feature.shape
        torch.Size([2, 8])
    """

    method = ''
    summary = 'no training: features of the backbone, to be compared'

    def __init__(self, pooling: str = 'average') -> None:
        super().__init__()
        check_choice('ClipFeatureHead.pooling', pooling, POOLINGS)
        self.pooling = pooling

    def forward(self, feats: Features, **kwargs: object) -> Tensor:
        """Pooled features (B, D) of the backbone's output for B clips, in any form that :func:`pool_for_protocol`
        takes.
        """
        return pool_for_protocol(feats, self.pooling)

    def loss(self, feats: Features, data_samples: Sequence[Any], **kwargs: object) -> dict[str, Tensor]:
        """Refuse to train, because the head has no loss.

        Raises:
            InputError: Always.
        """
        raise InputError('ClipFeatureHead has nothing to train: run the config with tools/test.py')

    def predict(self, feats: Features, data_samples: Sequence[Any], **kwargs: object) -> Sequence[Any]:
        """Write the features of each clip: ``feature`` (V, D) of a sample's V clips.

        The metainfo gets ``feature_pooling``, and ``feature_widths``, the channels of each stage if the pooling is
        'stages'.
        """
        features = self(feats).float()  # (B * V, D)
        widths = stage_widths(feats) if self.pooling == 'stages' else ()
        for sample, own in zip(data_samples, features.view(len(data_samples), -1, features.shape[1])):
            sample.set_field(own, 'feature')
            sample.set_metainfo(dict(feature_pooling=self.pooling, feature_widths=widths))
        return data_samples
