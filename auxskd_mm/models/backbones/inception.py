"""What the Inception networks for video share: widths, the max-pool of TensorFlow, and the stages."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor, nn

from ...errors import InputError
from .residual import Triple
from .staged import StagedBackbone

# Channels of each block of mixed_3, mixed_4 and mixed_5: branch 0; branch 1 reduced, out; branch 2 reduced, out; branch 3.
_BLOCKS = (
    (('b', (64, 96, 128, 16, 32, 32)), ('c', (128, 128, 192, 32, 96, 64))),
    (
        ('b', (192, 96, 208, 16, 48, 64)),
        ('c', (160, 112, 224, 24, 64, 64)),
        ('d', (128, 128, 256, 24, 64, 64)),
        ('e', (112, 144, 288, 32, 64, 64)),
        ('f', (256, 160, 320, 32, 128, 128)),
    ),
    (('b', (256, 160, 320, 32, 128, 128)), ('c', (384, 192, 384, 48, 128, 128))),
)


def same_padding(kernel: Triple, stride: Triple) -> tuple[int, ...]:
    """Padding k - s of each axis, the smaller half in front, in the order of ``nn.ConstantPad3d`` (last axis first)."""
    padding: list[int] = []
    for k, s in reversed(list(zip(kernel, stride))):
        total = max(k - s, 0)
        padding += [total // 2, total - total // 2]
    return tuple(padding)


class SameMaxPool(nn.Module):
    """TensorFlow's 'SAME' max-pool. It pads with zeros, not minus infinity, on both sides and rounds sizes up.

    Args:
        kernel: Window (time, height, width).
        stride: Stride (time, height, width).
    """

    def __init__(self, kernel: Triple, stride: Triple) -> None:
        super().__init__()
        self.pad = nn.ConstantPad3d(same_padding(kernel, stride), 0.0)  # type: ignore[arg-type]  # six numbers
        self.pool = nn.MaxPool3d(kernel, stride, ceil_mode=True)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, T, H, W) -> (B, C, T', H', W')."""
        return self.pool(self.pad(x))


class InceptionBackbone(StagedBackbone):
    """A stem, and the stages ``mixed_3``, ``mixed_4`` and ``mixed_5`` of Inception blocks."""

    def stem_widths(self, width: float) -> tuple[int, int]:
        """Channels of the first and of the last convolution of the stem, for a factor on all channels.

        Raises:
            InputError: If the factor is not positive.
        """
        if width <= 0:
            raise InputError(f'{type(self).__name__}.width={width}: expected a factor above 0')
        return max(1, round(64 * width)), max(1, round(192 * width))

    def add_blocks(
        self,
        stem: Sequence[str],
        pools: Sequence[str],
        block: Callable[[int, Sequence[int]], nn.Module],
        stage_blocks: Sequence[int],
        width: float,
    ) -> None:
        """Add the Inception blocks ``mixed_3b``, ``mixed_3c`` ... and set the stages and ``out_channels``.

        Args:
            stem: Names of the modules of the stem.
            pools: Names of the max-pools in front of ``mixed_4`` and ``mixed_5``.
            block: Function that makes a block from its input channels and the channels of its branches.
            stage_blocks: Number of blocks in each stage, at most (2, 5, 2).
            width: Factor for all channels.

        Raises:
            InputError: If the depth does not exist.
        """
        most = tuple(len(blocks) for blocks in _BLOCKS)
        if len(stage_blocks) != 3 or not all(1 <= n <= m for n, m in zip(stage_blocks, most)):
            raise InputError(
                f'{type(self).__name__}.stage_blocks={tuple(stage_blocks)}: expected three numbers from 1 to {most}'
            )
        _, out = self.stem_widths(width)
        stages = [list(stem)]
        for number, before, blocks, count in zip((3, 4, 5), ([], pools[:1], pools[1:]), _BLOCKS, stage_blocks):
            names = list(before)
            for letter, channels in blocks[:count]:
                name = f'mixed_{number}{letter}'
                widths = [max(1, round(n * width)) for n in channels]
                self.add_module(name, block(out, widths))
                names.append(name)
                out = widths[0] + widths[2] + widths[4] + widths[5]
            stages.append(names)
        self.out_channels = out
        self.set_stages(stages)
