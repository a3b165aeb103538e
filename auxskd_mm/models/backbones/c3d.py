"""C3D with BatchNorm and without fully connected layers, as in VCOP and VideoPace."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import nn

from ...errors import InputError, check_least
from ...registry import MODELS
from .staged import StagedBackbone

_WIDTHS = (1, 2, 4, 8, 8)


@MODELS.register_module()
class C3DBN(StagedBackbone):
    """Eight 3x3x3 convolutions with biases, each followed by BN and ReLU: (B, 3, T, H, W) -> (B, 512, T/8, H/16, W/16).

    The first max-pool is (1, 2, 2), the next three are (2, 2, 2). There is no max-pool after the last stage, and no fc6
    and fc7. The network has 27,661,440 parameters. Stage 0, the stem, is ``conv1``.

    Args:
        stage_convs: Number of convolutions in each of up to five stages. C3D has (1, 1, 2, 2, 2).
        base_channels: Width of the first stage. The other stages are 2, 4, 8 and 8 times as wide.
        in_channels: Channels of a clip.
        kwargs: See :class:`StagedBackbone`.

    Raises:
        InputError: If a size is below 1, or there are more than five stages.

    Source: xudejing/video-clip-order-prediction @ 7a1710d, laura-wang/video-pace @ cc1e561. The parameters have the
    names of these repositories.
    """

    def __init__(
        self,
        stage_convs: Sequence[int] = (1, 1, 2, 2, 2),
        base_channels: int = 64,
        in_channels: int = 3,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not 1 <= len(stage_convs) <= len(_WIDTHS) or min(stage_convs) < 1:
            raise InputError(f'C3DBN.stage_convs={tuple(stage_convs)}: expected one to five numbers of at least 1')
        check_least('C3DBN', base_channels=base_channels)
        self.relu = nn.ReLU(inplace=True)
        width, stages = in_channels, []
        for i, (convs, factor) in enumerate(zip(stage_convs, _WIDTHS), 1):
            names = []
            if i > 1:
                self.add_module(f'pool{i - 1}', nn.MaxPool3d((1 if i == 2 else 2, 2, 2)))
                names.append(f'pool{i - 1}')
            for j in range(convs):
                suffix = f'{i}{chr(ord("a") + j)}' if convs > 1 else str(i)
                self.add_module(f'conv{suffix}', nn.Conv3d(width, base_channels * factor, 3, padding=1))
                self.add_module(f'bn{suffix}', nn.BatchNorm3d(base_channels * factor))
                names += [f'conv{suffix}', f'bn{suffix}', 'relu']
                width = base_channels * factor
            stages.append(names)
        self.out_channels = width
        self.set_stages(stages)
