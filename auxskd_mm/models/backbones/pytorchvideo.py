"""Networks of pytorchvideo without their classification heads."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from mmengine.logging import print_log
from mmengine.model import BaseModule
from torch import Tensor, nn

from ...errors import InputError, refusal
from ...functional.transfer import load_checked
from ...registry import MODELS
from ..modules.init_log import log_weights
from ..modules.input_channels import check_input, input_channels, set_input_channels
from .frames import check_patches

# Single-pathway networks of pytorchvideo.models.hub start so; left out are a detector and MViT for single images.
_NETWORKS = ('slow_r', 'c2d_r', 'i3d_r', 'r2plus1d_r', 'csn_r', 'x3d_', 'mvit_')
_LEFT_OUT = ('slow_r50_detection', 'mvit_base_16')
# Builder: its module in pytorchvideo.models.
_BUILDERS = dict(
    create_resnet='resnet',
    create_r2plus1d='r2plus1d',
    create_csn='csn',
    create_x3d='x3d',
    create_multiscale_vision_transformers='vision_transformers',
)
_TWO_PATHWAYS = ('slowfast', 'audio_visual')


@MODELS.register_module()
class PyTorchVideoBackbone(BaseModule):
    """Any single-pathway network of pytorchvideo, without its head.

    Convolutional networks yield their last feature map (B, C, T', H', W'). Multiscale transformers yield the input of
    their own classifier, (B, C). This is the class token, or the mean of the tokens with ``cls_embed_on=False``.
    Transformers take only clips of ``temporal_size`` x ``spatial_size``. Weights are never downloaded.

    Args:
        model: Name of a network in ``pytorchvideo.models.hub`` (``'slow_r50'``, ``'r2plus1d_r50'``, ``'x3d_m'``,
            ``'csn_r101'``, ``'mvit_base_16x4'`` ...). For other sizes, name of a builder (``'create_resnet'``,
            ``'create_r2plus1d'``, ``'create_x3d'``, ``'create_csn'``, ``'create_multiscale_vision_transformers'``).
        checkpoint: Local file with pytorchvideo's weights, from which training starts, or None.
        in_channels: Channels of a clip.
        init_cfg: MMEngine initialisation. None keeps pytorchvideo's.
        kwargs: Arguments of the builder, e.g. ``stem_dim_out=32``.

    Attributes:
        out_channels: Width C of the feature.

    Raises:
        InputError: If the name is unknown, the network has two pathways, the builder refuses the arguments, or the
            checkpoint lacks a tensor.

    Source: facebookresearch/pytorchvideo 0.1.5.
    """

    def __init__(
        self,
        model: str = 'slow_r50',
        checkpoint: str | None = None,
        init_cfg: dict | list | None = None,
        in_channels: int = 3,
        **kwargs: Any,
    ) -> None:
        super().__init__(init_cfg)
        build = _builder(model)
        if kwargs.get('pretrained'):
            raise InputError(
                "model.backbone.pretrained=True would download weights: fetch pytorchvideo's file yourself and name it as "
                "checkpoint='FILE'"
            )
        kwargs.pop('pretrained', None)
        try:
            network = build(**kwargs)
        except (TypeError, ValueError, KeyError, AssertionError) as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise InputError(f"model.backbone.model='{model}': pytorchvideo refuses its arguments ({reason})") from None
        self.out_channels = _remove_head(network, model)
        set_input_channels(network, in_channels, type(self).__name__)
        self.in_channels = input_channels(network)  # pytorchvideo has an argument of its own
        self.model = network
        self.checkpoint = checkpoint

    def forward(self, x: Tensor) -> Tensor:
        """Features (B, out_channels, T', H', W') of clips (B, in_channels, T, H, W), or (B, out_channels) from a
        transformer.

        Raises:
            InputError: If the clips have other channels, or a transformer gets clips of another size than it was built for.
        """
        check_input(self.in_channels, x, type(self).__name__)
        network: Any = self.model
        if hasattr(network, 'cls_positional_encoding'):
            positions = tuple(network.cls_positional_encoding.patch_embed_shape)
            check_patches(x, network.patch_embed.patch_model, positions, 'set temporal_size and spatial_size')
        return network(x)  # (B, C', T', H', W'), or (B, C') from a transformer

    def init_weights(self) -> None:
        """Initialise by ``init_cfg``, then load ``checkpoint``.

        Raises:
            InputError: If the checkpoint cannot be read or lacks a tensor.
        """
        super().init_weights()
        if self.checkpoint is not None:
            state = _read_weights(self.checkpoint)
            print_log(load_checked(self.model, state, ('',), self.checkpoint), logger='current')
            log_weights(self, f'Weights {self.checkpoint}')


def _builder(model: str) -> Callable[..., nn.Module]:
    """The function that builds the network with this name."""
    try:
        hub = importlib.import_module('pytorchvideo.models.hub')
        modules = {name: importlib.import_module(f'pytorchvideo.models.{home}') for name, home in _BUILDERS.items()}
    except ImportError as error:
        raise InputError(f'PyTorchVideoBackbone needs pytorchvideo ({error}): pip install pytorchvideo') from None
    known = {name: value for name, value in vars(hub).items() if name.startswith(_NETWORKS) and name not in _LEFT_OUT}
    known.update((name, getattr(module, name)) for name, module in modules.items())
    if model in known:
        return known[model]
    if any(part in str(model) for part in _TWO_PATHWAYS):
        raise InputError(f"model.backbone.model='{model}' has two pathways; take a network with one, e.g. 'slow_r50'")
    close = difflib.get_close_matches(str(model), known, n=3, cutoff=0.5)
    hint = f'did you mean {" or ".join(map(repr, close))}?' if close else f'expected one of {", ".join(sorted(known))}'
    raise InputError(
        f"model.backbone.model='{model}': no network with one pathway of pytorchvideo has this name; {hint}"
    )


def _remove_head(network: Any, model: str) -> int:
    """Remove the classifier in place, and return the width of its input."""
    blocks = getattr(network, 'blocks', None)
    head = network.head if hasattr(network, 'head') else blocks[-1] if blocks is not None else None
    widths = (
        (getattr(m, 'in_channels', getattr(m, 'in_features', None)) for m in head.modules()) if head is not None else ()
    )
    width = next((int(w) for w in widths if w is not None), None)
    if width is None or head is None or not hasattr(head, 'proj'):
        raise InputError(
            f"model.backbone.model='{model}' was built without a head: leave head alone, it is removed here"
        )
    if hasattr(network, 'head'):
        network.head = head.sequence_pool
    elif blocks is not None:
        network.blocks = blocks[:-1]
    return width


def _read_weights(path: str) -> dict[str, Tensor]:
    """The tensors in a file of pytorchvideo (``model_state``), MMEngine (``state_dict``) or ``torch.save``."""
    if not Path(path).is_file():
        raise InputError(f'{path}: no such checkpoint (model.backbone.checkpoint); weights are not downloaded')
    try:
        content = torch.load(path, map_location='cpu', weights_only=True)
    except Exception as error:
        raise InputError(f'{path}: {refusal(error)}') from None
    for key in ('model_state', 'state_dict'):
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
    if not isinstance(content, dict):
        raise InputError(f'{path}: holds a {type(content).__name__}, expected a dict of tensors')
    return content
