"""Parameters and FLOPs of a config's model, heads and teacher included."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from fvcore.nn import FlopCountAnalysis, flop_count_table
from mmaction.registry import MODELS
from mmengine.config import Config
from torch import Tensor, nn

from ..config.parts import model_settings
from ..config.sample_shape import network_shape, sample_shape
from ..errors import InputError
from ..models.modules.input_channels import input_channels
from ..models.tasks import forward_sample
from ..registry import use_scope

if TYPE_CHECKING:
    from ..typing import VideoModel


class PartSummary(NamedTuple):
    """One part of a model: its parameters (its own, once each) and multiply-adds for one sample."""

    name: str
    parameters: int
    flops: int


class ModelSummary(NamedTuple):
    """Cost of a model for one sample.

    Attributes:
        shape: Shape (V, C, T, H, W) of the sample behind the data preprocessor.
        parts: Backbone, neck, heads ..., in the order of the model. A part that ``forward`` does not run has 0 FLOPs.
        parameters: Number of parameters in all parts.
        trained: Number of parameters that get gradients.
        flops: Multiply-adds of a forward pass over all views. A teacher's forward pass is included.
        table: fvcore's table of modules.
    """

    shape: tuple[int, ...]
    parts: tuple[PartSummary, ...]
    parameters: int
    trained: int
    flops: int
    table: str


class SampleForward(nn.Module):
    """One sample through every part that a training step runs, losses aside.

    Args:
        model: A recogniser or a :class:`PretextModel`.
    """

    def __init__(self, model: VideoModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, inputs: Tensor) -> Any:
        """Outputs for inputs (1, V, C, T, H, W), see :func:`forward_sample`."""
        return forward_sample(self.model, inputs)


def model_summary(config: Config, *, shape: Sequence[int] | None = None, depth: int = 2) -> ModelSummary:
    """Count a config's model by fvcore, for one sample as its training pipeline makes it.

    For a config without a training, the sample is one clip of its test pipeline.

    fvcore counts a multiply-add as one FLOP. It counts BatchNorm, but not activations and pooling.

    Args:
        config: Config with a ``model`` of this package or of MMAction2.
        shape: (T, H, W) of a clip. It replaces the shape from the pipeline.
        depth: Depth of the table.

    Raises:
        InputError: If the config has no model, or the model does not take clips of this shape.
    """
    settings = model_settings(config)
    if shape is not None and min(shape) < 1:
        raise InputError(f'shape={tuple(shape)}: expected T H W, e.g. 16 112 112')
    use_scope(config)
    model = MODELS.build(settings).eval()
    full = _shape(config, shape, input_channels(getattr(model, 'backbone', model)))
    analysis = flop_analysis(SampleForward(model), torch.zeros(1, *full))
    try:
        by_module = _counts(analysis)
    except InputError:
        raise
    except RuntimeError as error:
        raise InputError(f'the model does not take clips of {full[2:]} ({str(error).splitlines()[0][:160]})') from None
    parts = []
    for name, part in model.named_children():
        parameters = sum(p.numel() for p in part.parameters())
        if parameters or by_module.get(f'model.{name}'):
            parts.append(PartSummary(name, parameters, int(by_module.get(f'model.{name}', 0))))
    return ModelSummary(
        full,
        tuple(parts),
        sum(p.numel() for p in model.parameters()),
        sum(p.numel() for p in model.parameters() if p.requires_grad),
        int(by_module['']),
        flop_count_table(analysis, max_depth=depth),
    )


def flop_analysis(module: nn.Module, inputs: Tensor) -> FlopCountAnalysis:
    """fvcore's count of the multiply-adds of a module for one input, without its warnings."""
    analysis = FlopCountAnalysis(module, (inputs,))
    return analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False).tracer_warnings('none')


def _shape(config: Config, clip: Sequence[int] | None, channels: int) -> tuple[int, ...]:
    trains = config.get('train_dataloader') is not None
    if clip is not None and not trains:
        return (1, channels, *clip)
    full = network_shape(config, sample_shape(config, 'train' if trains else None))
    return (full[0] if trains else 1, full[1], *(full[2:] if clip is None else clip))


def _counts(analysis: FlopCountAnalysis) -> dict[str, int]:
    """FLOPs by module, without fvcore's remarks in the log."""
    logger = logging.getLogger('fvcore.nn.jit_analysis')
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with torch.no_grad():
            return dict(analysis.by_module())
    finally:
        logger.setLevel(level)


def readable(count: float) -> str:
    """A count with a unit: 21439000000 -> '21.44 G'."""
    for limit, unit in ((1e9, ' G'), (1e6, ' M'), (1e3, ' k')):
        if count >= limit:
            return f'{count / limit:.2f}{unit}'
    return f'{count:.0f}'
