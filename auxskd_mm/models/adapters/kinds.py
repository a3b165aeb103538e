"""Adapters: small bottlenecks with a residual connection, which are trained while the network around them is frozen."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ...errors import InputError
from ...registry import MODELS
from .layers import AdapterConv3d, AdapterLinear

_ACTIVATIONS: dict[str, type[nn.Module]] = dict(ReLU=nn.ReLU, GELU=nn.GELU, SiLU=nn.SiLU)


class Adapter(nn.Module):
    """Base class: ``x + scale * change(x)``, in the type and shape of x.

    Args:
        channels: Width C of the features.
        reduction: The bottleneck has ``channels // reduction`` channels, at least 1.
        activation: 'ReLU', 'GELU', 'SiLU', or None for a linear adapter.
        scale: Whether to learn a factor per channel, which starts at 1.
        channels_last: Whether C is the last axis of the features. Tokens (B, N, C) always have it there.
        num_frames: Frames T per clip, for features of single frames (B * T, ...). It is needed only where the backbone
            gets frames instead of clips.

    Attributes:
        per_frame: Whether the features are those of single frames.
        clips: Number of clips in the current batch, for features of frames. The backbone's :class:`AdapterBank` sets it.

    Raises:
        InputError: If an option is out of range.
    """

    takes_tokens = True
    down: AdapterConv3d | AdapterLinear
    up: AdapterConv3d | AdapterLinear

    def __init__(
        self,
        channels: int,
        reduction: float,
        activation: str | None,
        scale: bool,
        channels_last: bool = False,
        num_frames: int | None = None,
    ) -> None:
        super().__init__()
        if channels < 1 or not reduction > 0:
            raise InputError(f'{type(self).__name__}: channels={channels}, reduction={reduction}: expected more than 0')
        if activation is not None and activation not in _ACTIVATIONS:
            raise InputError(
                f"{type(self).__name__}.activation='{activation}': expected {', '.join(_ACTIVATIONS)} or None"
            )
        self.channels = channels
        self.hidden_channels = max(1, int(channels // reduction))
        self.channels_last = channels_last
        self.num_frames = num_frames
        self.per_frame = False
        self.clips: int | None = None
        self.activation = nn.Identity() if activation is None else _ACTIVATIONS[activation]()
        self.scale = nn.Parameter(torch.ones(1, channels, 1, 1, 1)) if scale else None

    def start_at_zero(self) -> None:
        """Set the last layer to zero. The adapter then returns its input."""
        for parameter in self.up.parameters():
            nn.init.zeros_(parameter)

    def behind(self, module: nn.Module, inputs: tuple, output: Tensor) -> Tensor:
        """Forward hook of the module that this adapter follows. Its output, e.g. (B, C, T, H, W), keeps its shape."""
        return self(output)

    @property
    def linear(self) -> bool:
        """Whether the adapter has no activation."""
        return isinstance(self.activation, nn.Identity)

    def extra_repr(self) -> str:
        """Widths."""
        return f'{self.channels} -> {self.hidden_channels} -> {self.channels}'


class MapAdapter(Adapter):
    """Base class of the adapters that see maps (B, C, T, H, W) of clips. Maps of single frames are put together first."""

    def change(self, maps: Tensor) -> Tensor:
        """What the adapter adds to maps (B, C, T, H, W)."""
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        """Adapt features.

        Args:
            x: Maps (B, C, T, H, W), maps of frames (B * T, C, H, W), or tokens of frames (B * T, N, C). With
                ``channels_last`` C is the last axis of maps too.

        Returns:
            The same shape and type.

        Raises:
            InputError: If the number of clips is unknown for features of frames, or the frames are no whole clips.
        """
        last = self.channels_last or x.ndim == 3
        maps = x.movedim(-1, 1) if last else x
        if x.ndim < 5:
            frames = maps[..., None] if x.ndim == 3 else maps  # (B * T, C, H, W); tokens are N x 1
            maps = frames.unflatten(0, (self._clips(x.shape[0]), -1)).transpose(1, 2)  # (B, C, T, H, W)
        change = self.change(maps)
        if self.scale is not None:
            change = self.scale * change
        if x.ndim < 5:
            change = change.transpose(1, 2).flatten(0, 1)
            change = change[..., 0] if x.ndim == 3 else change
        if last:
            change = change.movedim(1, -1)
        return x + change.to(x.dtype)

    def _clips(self, frames: int) -> int:
        if self.num_frames is not None:
            return whole_clips(frames, self.num_frames)
        if self.clips is None:
            raise InputError(
                f'{type(self).__name__}: the backbone gets single frames, so the frames per clip are unknown; set '
                'num_frames of the adapter'
            )
        return self.clips


@MODELS.register_module()
class ConvAdapter(MapAdapter):
    """Adapter of PECoP for feature maps of 3-D networks.

    Down: convolution with the given kernel from C to C / reduction channels, in C / reduction groups. Then the
    activation, a 1 x 1 x 1 convolution back to C channels, a factor per channel and the residual connection. For maps
    of frames (B * T, C, H, W), the time axis is put together first.

    Args:
        channels: See :class:`Adapter`.
        reduction: See :class:`Adapter`.
        kernel_size: One odd number, or (t, h, w). ``(3, 1, 1)`` sees time alone.
        activation: See :class:`Adapter`.
        scale: See :class:`Adapter`.
        zero_init: Start the last layer at zero, so that the adapter returns its input. Otherwise all layers have
            PyTorch's default initialisation, as in PECoP.
        kwargs: See :class:`Adapter`.

    Raises:
        InputError: If an option is out of range.

    Source: Dadashzadeh et al., "PECoP: Parameter Efficient Continual Pretraining for Action Quality Assessment", WACV
    2024; Plrbear/PECoP @ af79e55, ``i3d_adapter.py``. There ``down``, ``up`` and ``scale`` are ``conv1``, ``conv2`` and
    ``se``.
    """

    takes_tokens = False
    down: AdapterConv3d

    def __init__(
        self,
        channels: int,
        reduction: float = 4,
        kernel_size: int | Sequence[int] = 3,
        activation: str | None = 'ReLU',
        scale: bool = True,
        zero_init: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(channels, reduction, activation, scale, **kwargs)
        hidden = self.hidden_channels
        # Where C / reduction does not divide C, the largest number of groups that does.
        self.down = AdapterConv3d(channels, hidden, odd_kernel(kernel_size), math.gcd(channels, hidden))
        self.up = AdapterConv3d(hidden, channels, (1, 1, 1))
        if zero_init:
            self.start_at_zero()

    def change(self, maps: Tensor) -> Tensor:
        """(B, C, T, H, W) -> (B, C, T, H, W)."""
        return self.up(self.activation(self.down(maps)))


@MODELS.register_module()
class TemporalAdapter(MapAdapter):
    """Adapter that mixes frames: 1 x 1 x 1 down, depthwise convolution over time, 1 x 1 x 1 up, residual.

    It gives a network of single frames a view of motion. Features are maps of clips or frames, or the tokens of frames
    (B * T, N, C), which are mixed per position.

    Args:
        channels: See :class:`Adapter`.
        reduction: See :class:`Adapter`.
        kernel_size: Frames that the convolution sees, odd.
        activation: See :class:`Adapter`. It comes after the convolution. The authors' code has none.
        scale: See :class:`Adapter`.
        zero_init: See :class:`ConvAdapter`.
        kwargs: See :class:`Adapter`.

    Raises:
        InputError: If an option is out of range.

    Source: Pan et al., "ST-Adapter: Parameter-Efficient Image-to-Video Transfer Learning", NeurIPS 2022. It leaves the
    class token out; here it is one more position.
    """

    def __init__(
        self,
        channels: int,
        reduction: float = 4,
        kernel_size: int = 3,
        activation: str | None = None,
        scale: bool = False,
        zero_init: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(channels, reduction, activation, scale, **kwargs)
        hidden = self.hidden_channels
        self.down = AdapterConv3d(channels, hidden, (1, 1, 1))
        self.conv = AdapterConv3d(hidden, hidden, odd_kernel((kernel_size, 1, 1)), hidden)
        self.up = AdapterConv3d(hidden, channels, (1, 1, 1))
        if zero_init:
            self.start_at_zero()

    def change(self, maps: Tensor) -> Tensor:
        """(B, C, T, H, W) -> (B, C, T, H, W)."""
        return self.up(self.activation(self.conv(self.down(maps))))


@MODELS.register_module()
class MLPAdapter(Adapter):
    """Bottleneck MLP on each token or position: linear down, activation, linear up, residual.

    Args:
        channels: See :class:`Adapter`.
        reduction: See :class:`Adapter`.
        activation: See :class:`Adapter`.
        scale: See :class:`Adapter`.
        zero_init: See :class:`ConvAdapter`.
        kwargs: See :class:`Adapter`. ``num_frames`` is not used, because each position is adapted alone.

    Raises:
        InputError: If an option is out of range.

    Source: Houlsby et al., "Parameter-Efficient Transfer Learning for NLP", ICML 2019, and Chen et al., "AdaptFormer",
    NeurIPS 2022.
    """

    def __init__(
        self,
        channels: int,
        reduction: float = 4,
        activation: str | None = 'GELU',
        scale: bool = False,
        zero_init: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(channels, reduction, activation, scale, **kwargs)
        self.down = AdapterLinear(channels, self.hidden_channels)
        self.up = AdapterLinear(self.hidden_channels, channels)
        if zero_init:
            self.start_at_zero()

    def forward(self, x: Tensor) -> Tensor:
        """Adapt features.

        Args:
            x: Tokens (B, N, C), features (B, C), or maps (B, C, ...); with ``channels_last`` maps (B, ..., C).

        Returns:
            The same shape and type.
        """
        last = self.channels_last or x.ndim < 4
        change = self.up(self.activation(self.down(x if last else x.movedim(1, -1))))  # (..., C)
        if self.scale is not None:
            change = self.scale.flatten() * change
        # Channels back to where x has them: (B, C, T, H, W) or (..., C)
        return x + (change if last else change.movedim(-1, 1)).to(x.dtype)


def whole_clips(frames: int, num_frames: int) -> int:
    """Number of clips of so many frames in a batch of frames.

    Raises:
        InputError: If a part of a clip would be left over.
    """
    if num_frames < 1 or frames % num_frames:
        raise InputError(
            f'adapters: a batch of {frames} frames, which are no whole clips of {num_frames}; give the backbone '
            '(num_segments) or the adapter (num_frames) the clip_len of the pipeline'
        )
    return frames // num_frames


def odd_kernel(kernel_size: int | Sequence[int]) -> tuple[int, int, int]:
    """Kernel (t, h, w) of an option.

    Raises:
        InputError: If it is neither an odd number nor three of them.
    """
    sizes = (kernel_size,) * 3 if isinstance(kernel_size, int) else tuple(kernel_size)
    if len(sizes) != 3 or not all(isinstance(k, int) and k > 0 and k % 2 for k in sizes):
        raise InputError(f'kernel_size={kernel_size} of an adapter: expected an odd number, or three (t, h, w)')
    return sizes[0], sizes[1], sizes[2]
