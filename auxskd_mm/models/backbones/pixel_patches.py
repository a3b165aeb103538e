"""Pixels as feature maps, for networks from scratch on a store of features."""

from __future__ import annotations

import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

from ...errors import InputError
from ...registry import MODELS


@MODELS.register_module()
class PixelPatches(BaseModule):
    """Square patches of pixels as channels, without weights: (B, 3, T, H, W) -> (B, 3 * p * p, T, H / p, W / p).

    A linear layer behind it is the patch embedding of a vision transformer. So a temporal module on top, or on a store of
    its output, is a network from scratch on pixels.

    Args:
        patch: Side p of a patch in pixels.
        temporal: Config of a module on top of the patches, as of :class:`TimmBackbone`. None leaves the patches.
        frozen_stages: Not used: there is nothing to train. It lets configs of other trunks be taken over.
        init_cfg: Not used.

    Attributes:
        out_channels: Width of the output.

    Raises:
        InputError: If the patch is below 1, or the frames are no whole number of patches.

    Source: Dosovitskiy et al., An image is worth 16x16 words, ICLR 2021 (patches).
    """

    def __init__(
        self,
        patch: int = 4,
        temporal: dict | None = None,
        frozen_stages: int | str = 'all',
        init_cfg: dict | list | None = None,
    ) -> None:
        super().__init__(None)
        if not isinstance(patch, int) or patch < 1:
            raise InputError(f'PixelPatches.patch={patch!r}: expected a whole number of at least 1')
        self.patch = patch
        self.out_channels: int = 3 * patch * patch
        self.temporal: nn.Module | None = None
        if temporal is not None:
            self.temporal = MODELS.build({'in_channels': self.out_channels, **temporal})
            self.out_channels = getattr(self.temporal, 'out_channels', self.out_channels)

    def forward(self, x: Tensor) -> Tensor:
        """Patches (B, 3 * p * p, T, H / p, W / p) of clips (B, 3, T, H, W), or what the module on top makes of them.

        Raises:
            InputError: If the clips have another shape, or sides that the patch does not divide.
        """
        if x.ndim != 5 or x.shape[3] % self.patch or x.shape[4] % self.patch:
            raise InputError(
                f'PixelPatches.patch={self.patch}: got clips {tuple(x.shape)}, expected (B, 3, T, H, W) with H and W multiples '
                'of it'
            )
        x = F.pixel_unshuffle(x.transpose(1, 2), self.patch)  # (B, 3, T, H, W) -> (B, T, 3 * p * p, H / p, W / p)
        frames = x.transpose(1, 2)  # (B, 3 * p * p, T, H / p, W / p)
        return frames if self.temporal is None else self.temporal(frames)
