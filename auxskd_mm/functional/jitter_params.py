"""Random parameters of a colour jitter, with the same code for NumPy arrays in a loader and tensors on a device.

Operations are numbered as in :data:`OPERATIONS`. Settings follow torchvision's ``RandomApply([ColorJitter(...)], p)``.
A factor is uniform in [max(0, 1 - x), 1 + x]. A hue shift is uniform in [-h, h], where 1 is the full colour circle. The
order of the operations is a random permutation. ``p`` decides for all four operations together.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, Union

import numpy as np
import torch

from ..errors import InputError

if TYPE_CHECKING:
    from ..typing import Device

OPERATIONS = ('brightness', 'contrast', 'saturation', 'hue')
BRIGHTNESS, CONTRAST, SATURATION, HUE = range(4)
LUMA = (0.2989, 0.587, 0.114)  # torchvision's weights; they sum to 0.9999

Range = tuple[float, float]
Strength = Union[float, Sequence[float]]


class _Uniform(Protocol):
    """A source of random numbers: ``numpy.random``, a ``RandomState`` or a ``Generator``."""

    def uniform(self, *, size: tuple[int, ...]) -> Any: ...


class JitterSettings(NamedTuple):
    """Checked settings of a jitter, as :func:`jitter_settings` returns them.

    Attributes:
        ranges: Lowest and highest value of each operation, in the order of :data:`OPERATIONS`.
        p: Probability that a frame is jittered at all, or a clip if ``clip_consistent``.
        clip_consistent: True draws once per clip, False once per frame.
    """

    ranges: tuple[Range, Range, Range, Range]
    p: float
    clip_consistent: bool

    def describe(self) -> str:
        """The jitter in words, for ``tools/analysis/check_config.py``."""
        words = []
        for number, (name, (low, high)) in enumerate(zip(OPERATIONS, self.ranges)):
            strength = high if number == HUE else high - 1
            given = math.isclose(low, -strength if number == HUE else max(0.0, 1 - strength), abs_tol=1e-9)
            if name in self.operations:
                words.append(f'{name} {strength:g}' if given else f'{name} {low:g} to {high:g}')
        each = 'once per clip' if self.clip_consistent else 'each frame its own'
        return f'colour jitter with p = {self.p} ({", ".join(words)}), {each}'

    @property
    def operations(self) -> tuple[str, ...]:
        """Names of the operations that can change a pixel."""
        return tuple(
            name
            for index, name in enumerate(OPERATIONS)
            if self.ranges[index] != ((0.0, 0.0) if index == HUE else (1.0, 1.0))
        )


def check_channels(operations: Sequence[str], shape: Sequence[int], owner: str, dim: int = -1) -> None:
    """Refuse operations on colours where there are none. Brightness and contrast work on each channel.

    Args:
        operations: Names of the operations that can change a pixel, with 'greyscale' for random grey.
        shape: Shape of the clips, or of a frame (H, W, C).
        owner: Class name for messages.
        dim: Dimension of the channels.

    Raises:
        InputError: If a frame has another number of dimensions, or an operation needs the three channels red, green and
            blue. The message names it.
    """
    of_colours = [name for name in operations if name not in ('brightness', 'contrast')]
    frame = dim == -1
    if (frame and len(shape) != 3) or (of_colours and shape[dim] != 3):
        expected = 'expected (height, width, 3)' if frame else f'expected 3 channels at dimension {dim}'
        mend = 'leave it out' if 'greyscale' in of_colours else f'set {"=0 and ".join(of_colours)}=0'
        why = f'for {" and ".join(of_colours)} of red, green and blue; for other channels {mend}' if of_colours else ''
        raise InputError(f'{owner}: {"frame" if frame else "clips"} of shape {tuple(shape)}: {expected} {why}'.rstrip())


class JitterParams(NamedTuple):
    """Jitter parameters of frames with any leading shape S, as NumPy arrays or tensors.

    Attributes:
        apply: bool S, whether the frame is jittered.
        order: int64 S + (4,), the number of the operation at each position.
        factors: float S + (3,), the factors of brightness, contrast and saturation.
        hue: float S, the shift as a fraction of the colour circle, in [-0.5, 0.5].
    """

    apply: Any
    order: Any
    factors: Any
    hue: Any

    def tensors(self, device: Device = None) -> JitterParams:
        """The same parameters as tensors on ``device``. Floats become float32."""
        apply, order, factors, hue = (torch.as_tensor(array, device=device) for array in self)
        return JitterParams(apply, order, factors.float(), hue.float())

    def arrays(self) -> JitterParams:
        """The same parameters as NumPy arrays. If they lie on an accelerator, the call waits for it."""
        return JitterParams(*(a.cpu().numpy() if isinstance(a, torch.Tensor) else np.asarray(a) for a in self))


def jitter_settings(
    brightness: Strength = 0.0,
    contrast: Strength = 0.0,
    saturation: Strength = 0.0,
    hue: Strength = 0.0,
    p: float = 1.0,
    clip_consistent: bool = False,
    owner: str = 'ColorJitter',
) -> JitterSettings:
    """Check the settings of a jitter.

    Args:
        brightness: Strength x >= 0, or the pair (lowest factor, highest factor). 0 switches the operation off.
        contrast: As ``brightness``.
        saturation: As ``brightness``.
        hue: Largest shift, in [0, 0.5], or a pair within [-0.5, 0.5]. 0 switches the operation off.
        p: Probability in [0, 1] that a frame is jittered.
        clip_consistent: True draws once per clip, False once per frame.
        owner: Class name for error messages.

    Raises:
        InputError: If a setting is out of its range. The message names the setting.
    """
    values = (brightness, contrast, saturation, hue)
    ranges = tuple(_range(f'{owner}.{name}', value, name == 'hue') for name, value in zip(OPERATIONS, values))
    # Four ranges, one per operation.
    return JitterSettings(ranges, check_probability(p, owner), bool(clip_consistent))  # type: ignore[arg-type]


def check_probability(p: float, owner: str) -> float:
    """Return ``p`` as a float.

    Raises:
        InputError: If it is not a number in [0, 1].
    """
    if not _is_number(p) or not 0 <= p <= 1:
        raise InputError(f'{owner}.p={p!r}: expected a probability in [0, 1]')
    return float(p)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _range(key: str, value: Strength, is_hue: bool) -> Range:
    if isinstance(value, (list, tuple)):
        low, high = (-0.5, 0.5) if is_hue else (0.0, float('inf'))
        if len(value) != 2 or not all(_is_number(v) for v in value) or not low <= value[0] <= value[1] <= high:
            raise InputError(f'{key}={value!r}: expected (lowest, highest) within [{low}, {high}]')
        return float(value[0]), float(value[1])
    if not _is_number(value) or value < 0 or (is_hue and value > 0.5):  # type: ignore[operator]  # a number, checked
        wanted = 'a hue shift in [0, 0.5]' if is_hue else 'a strength of 0 or more'
        raise InputError(f'{key}={value!r}: expected {wanted}, or a pair (lowest, highest)')
    strength = float(value)  # type: ignore[arg-type]  # a number, as checked above
    return (-strength, strength) if is_hue else (max(0.0, 1 - strength), 1 + strength)


def draw_jitter(settings: JitterSettings, num_clips: int, clip_len: int, rng: _Uniform = np.random) -> JitterParams:
    """Draw jitter parameters in a loader, for a flat list of frames that holds one clip after the other.

    Args:
        settings: From :func:`jitter_settings`.
        num_clips: Number of clips in the list.
        clip_len: Frames per clip.
        rng: An object with NumPy's ``uniform(size=...)``: ``numpy.random`` itself (MMEngine seeds it in each worker),
            a ``RandomState`` or a ``Generator``.

    Returns:
        NumPy parameters of leading shape (num_clips * clip_len,).
    """
    uniform = rng.uniform(size=(num_clips, 1 if settings.clip_consistent else clip_len, 9))
    return _parameters(settings, np.broadcast_to(uniform, (num_clips, clip_len, 9)).reshape(-1, 9))


def draw_jitter_batch(
    settings: JitterSettings,
    shape: Sequence[int],
    device: Device = None,
    generator: torch.Generator | None = None,
) -> JitterParams:
    """Draw jitter parameters for batched clips on their device. The host copies nothing and does not wait.

    Args:
        settings: From :func:`jitter_settings`.
        shape: Leading shape of the frames, (..., T). The last dimension is time.
        device: Device of the parameters.
        generator: Generator on that device. None takes torch's global generator.

    Returns:
        Tensor parameters of leading shape ``shape``.
    """
    size = (*shape[:-1], 1 if settings.clip_consistent else shape[-1], 9)
    uniform = torch.rand(size, device=device, generator=generator)
    return _parameters(settings, uniform.expand(*shape, 9))


def draw_mask(p: float, num_clips: int, clip_len: int, clip_consistent: bool, rng: _Uniform = np.random) -> np.ndarray:
    """Bool array (num_clips * clip_len,), which is True with probability ``p``. See :func:`draw_jitter`."""
    uniform = rng.uniform(size=(num_clips, 1 if clip_consistent else clip_len))
    return np.broadcast_to(uniform, (num_clips, clip_len)).reshape(-1) < p


def draw_mask_batch(
    p: float,
    shape: Sequence[int],
    clip_consistent: bool,
    device: Device = None,
    generator: torch.Generator | None = None,
) -> torch.Tensor:
    """Bool tensor of shape (..., T), which is True with probability ``p``. See :func:`draw_jitter_batch`."""
    size = (*shape[:-1], 1 if clip_consistent else shape[-1])
    return (torch.rand(size, device=device, generator=generator) < p).expand(*shape)


def _parameters(settings: JitterSettings, uniform: Any) -> JitterParams:
    """Parameters of each frame from nine uniform numbers, the last dimension of ``uniform`` (..., 9).

    Four of the numbers are sorted, so every permutation has the same probability. The number of draws never depends on
    the settings. The bounds are Python scalars, so nothing is copied to a device.
    """
    drawn = [low + (high - low) * uniform[..., 5 + index] for index, (low, high) in enumerate(settings.ranges)]
    stack = torch.stack if isinstance(uniform, torch.Tensor) else np.stack
    return JitterParams(
        apply=uniform[..., 0] < settings.p,
        order=uniform[..., 1:5].argsort(-1),
        factors=stack(drawn[:3], -1),  # type: ignore[operator]  # torch.stack or np.stack
        hue=drawn[HUE],
    )
