"""A data preprocessor that turns uint8 clips into augmented, normalised float clips on the model's device."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from mmaction.models.data_preprocessors import ActionDataPreprocessor
from mmengine.dist import get_rank, get_world_size
from mmengine.model import stack_batch
from torch import Tensor, nn

from ...errors import InputError, check_choice
from ...functional.photometric import normalize_clips
from ...functional.pixels.value_range import WHITE, Range, check_range_channels, check_value_range, refuse_unscaled
from ...registry import MODELS
from .blending import check_labels

if TYPE_CHECKING:
    pass

_CHANNEL_DIM = {'NCTHW': -4, 'NCHW': -3}


@MODELS.register_module()
class ClipDataPreprocessor(ActionDataPreprocessor):
    """MMAction2's preprocessor with photometric augmentation on the device, for pixels of any type and number of channels.

    Inputs are copied to the device as they are and become float there. In training the order is: stack, convert to RGB,
    ``photometric``, normalise, blend. In evaluation, and without ``photometric``, the class does exactly what
    ``ActionDataPreprocessor`` does.

    Args:
        mean: Mean of each channel, in the unit of the inputs.
        std: Standard deviation of each channel, in the same unit.
        to_rgb: Reverse the channels. The jitter comes after this step. Without this step the jitter treats BGR frames
            as RGB, as in VideoPace, VSPP and auxSKD.
        to_float32: Cast to float32 if mean and std are not given.
        blending: Config of MMAction2's batch blending.
        format_shape: ``'NCTHW'`` for inputs (V, C, T, H, W) with V views or clips, or MMAction2's ``'NCHW'``.
        photometric: Config of one augmentation or a list of configs, for example
            ``dict(type='auxskd_mm.BatchColorJitter', hue=0.1)``. An augmentation is a module that takes
            ``(clips, channel_dim, generator)``. None leaves the photometric augmentation to the loader
            (``ClipColorJitter``).
        value_range: Values of the inputs that are black and white, ``(black, white)``, or a pair for each channel. They
            become 0 and 255, and values beyond them become black and white too. Augmentation, mean and std then count on
            the scale from 0 to 255 for inputs of any type. None takes uint8 and float inputs as they are.

    Inputs of one channel and a ``mean`` of three values give clips of three channels: the gray clip is copied on the device
    and normalised for each channel. A network for colours then gets exactly what it would get from three equal channels.

    Raises:
        InputError: If settings contradict each other. The message names the key. Also from :meth:`preprocess`, for
            inputs of 16 bits without ``value_range``, or with another number of channels than the settings, and for a
            blending of samples without labels.
    """

    mean: Tensor
    std: Tensor
    black: Tensor
    factor: Tensor

    def __init__(
        self,
        mean: Sequence[float] | None = None,
        std: Sequence[float] | None = None,
        to_rgb: bool = False,
        to_float32: bool = True,
        blending: dict | None = None,
        format_shape: str = 'NCTHW',
        photometric: dict | Sequence[dict] | None = None,
        value_range: Range | None = None,
    ) -> None:
        _check_normalisation(mean, std, type(self).__name__)
        check_choice(f'{type(self).__name__}.format_shape', format_shape, _CHANNEL_DIM)
        super().__init__(mean, std, to_rgb, to_float32, blending, format_shape)
        # From pinned memory (train_dataloader.pin_memory=True) copies then run beside the device's work; MMAction2's class
        # does not hand the option on.
        self._non_blocking = True
        configs = [photometric] if isinstance(photometric, dict) else list(photometric or ())
        if not all(isinstance(config, dict) for config in configs):
            raise InputError(
                f'{type(self).__name__}.photometric={photometric!r}: expected the config of an augmentation, or a list'
            )
        self.photometric = nn.ModuleList(MODELS.build(config) for config in configs)
        self.value_range = check_value_range(value_range, type(self).__name__)
        if self.value_range is not None:
            shape = (-1,) + (1,) * (-_CHANNEL_DIM[format_shape] - 1)
            for name, values in zip(('black', 'factor'), self.value_range.arrays()):
                self.register_buffer(name, torch.tensor(values, dtype=torch.float32).view(shape), persistent=False)
        self._rank_generator: torch.Generator | None = None
        self._seed: int | None = None

    def preprocess(self, inputs: Sequence[Tensor], data_samples: Any, training: bool = False) -> tuple[Tensor, Any]:
        """Stack, augment in training, and normalise.

        Args:
            inputs: B tensors (V, C, T, H, W) of one shape, uint8 or float, on the device, or one tensor
                (B, V, C, T, H, W).
            data_samples: B data samples, or None.
            training: Whether to augment.

        Returns:
            Float (B, V, C, T, H, W) and the data samples.
        """
        if training and self.blending is not None:
            check_labels(data_samples)
        inputs = [self.to_scale(clips) for clips in inputs]
        if not (training and len(self.photometric)):
            return super().preprocess(inputs, data_samples, training)
        channel_dim = _CHANNEL_DIM[self.format_shape]
        batch = stack_batch(inputs)  # uint8 (B, V, C, T, H, W)
        if self.to_rgb:
            batch = batch.flip(channel_dim)
        generator = self._generator(batch.device)
        for augmentation in self.photometric:
            batch = augmentation(batch, channel_dim, generator)
        if self._enable_normalize:
            batch = normalize_clips(batch, self.mean, self.std, channel_dim)
        if self.blending is not None:
            batch, data_samples = self.blending(batch, data_samples)
        return batch, data_samples

    def to_scale(self, clips: Tensor) -> Tensor:
        """Clips on the scale from 0 to 255, with three channels where gray ones are normalised for three.

        Args:
            clips: (..., C, T, H, W) of any type, or (..., C, H, W) with ``format_shape='NCHW'``.

        Returns:
            The clips themselves if they are uint8 or float and there is no ``value_range``, otherwise float32.

        Raises:
            InputError: See the class.
        """
        dim, name = _CHANNEL_DIM[self.format_shape], type(self).__name__
        if self.value_range is not None:
            check_range_channels(self.value_range, clips.shape[dim], name)
            clips = ((clips.to(torch.float32) - self.black) * self.factor).clamp_(0, WHITE)
        elif clips.dtype != torch.uint8 and not clips.is_floating_point():
            raise refuse_unscaled(clips.dtype, name)
        elif clips.dtype == torch.float64:
            clips = clips.float()
        channels, means = clips.shape[dim], len(self.mean) if self._enable_normalize else None
        if means == 3 and channels == 1:
            return torch.cat([clips] * 3, dim)
        if means not in (None, 1, channels):
            if self.format_shape == 'NCTHW' and clips.ndim == 4:  # such as frames, whose second axis is time
                raise InputError(
                    f'{name}: a sample has the shape {tuple(clips.shape)}; expected (V, C, T, H, W), which '
                    "FormatShape(input_format='NCTHW') writes"
                )
            raise InputError(
                f'{name}.mean has {means} values, and the clips have {channels} channels; give one for each'
            )
        if self.to_rgb and channels != 3:
            raise InputError(
                f'{name}.to_rgb=True: the clips have {channels} channel(s), which have no such order; set False'
            )
        return clips

    def _generator(self, device: torch.device) -> torch.Generator | None:
        """None (torch's global generator) in a single process, otherwise a generator of this rank.

        MMEngine gives all ranks one seed unless ``randomness=dict(diff_rank_seed=True)``. With the global generator,
        sample i of every rank would then get the same jitter. Our training loops seed the global generator in every
        iteration. This generator then takes a new seed too, so it has no state that a resume would lose.
        """
        if get_world_size() == 1:
            return None
        seed = torch.initial_seed()
        if self._rank_generator is None or self._rank_generator.device.type != device.type or seed != self._seed:
            self._rank_generator = torch.Generator(device)
            self._rank_generator.manual_seed((seed + 1 + get_rank()) % 2**63)
            self._seed = seed
        return self._rank_generator

    def __getstate__(self) -> dict[str, Any]:
        """Leave the generator out of copies, because some torch versions cannot pickle it. It is made again on use."""
        return {**self.__dict__, '_rank_generator': None}


def _check_normalisation(mean: Sequence[float] | None, std: Sequence[float] | None, owner: str) -> None:
    if (mean is None) != (std is None):
        given, missing = ('mean', 'std') if std is None else ('std', 'mean')
        raise InputError(f'{owner}.{missing} is missing: {given} is set; give both, or neither for no normalisation')
    if mean is not None and std is not None:
        if len(mean) != len(std):
            raise InputError(f'{owner}.std has {len(std)} values, mean {len(mean)}; give one of each per channel')
        if not all(value > 0 for value in std):
            raise InputError(f'{owner}.std={list(std)}: expected values above 0')
