"""A network with fixed weights that stays outside the training: no gradient, no checkpoint, no synchronisation."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import torch
from mmengine.dist import broadcast
from mmengine.logging import print_log
from mmengine.model import BaseModule
from torch import Tensor, nn

from ...errors import InputError
from ...weight_hash import hex_digits, weight_hash
from ..backbones.frames import build_backbone
from .pooling import pool_features

# Keys with which backbones of this package, MMAction2 and image libraries name their weights.
_SOURCES = ('init_cfg', 'pretrained', 'weights')


class FrozenNetwork(BaseModule):
    """A public network that yields one feature per clip.

    The network is always in eval mode and gets no gradients. It is not a submodule. So it is not in the optimizer, in
    DDP's synchronisation, in the averages of BatchNorm statistics or in checkpoints. It follows the module to another
    device or data type.

    A checkpoint holds the buffer ``fingerprint``, a hash of the weights. A resumed run loads the weights again from
    where the config takes them (``init_cfg`` or ``pretrained``), and compares the hash.

    Args:
        backbone: Config of any backbone, see :func:`build_backbone`. Its own ``init_cfg`` brings the weights.

    Attributes:
        fingerprint: uint8 (32,), the hash of the weights, or zeros if it is not known yet.
    """

    fingerprint: Tensor
    same_on_all_ranks = True  # an average would change the hash

    def __init__(self, backbone: dict[str, Any]) -> None:
        super().__init__()
        network = build_backbone(backbone).requires_grad_(False).eval()
        self._outside = (network,)  # a tuple hides it from torch
        self._ready = False
        self._has_source = any(backbone.get(key) for key in _SOURCES)
        self.register_buffer('fingerprint', torch.zeros(32, dtype=torch.uint8))

    @property
    def network(self) -> nn.Module:
        """The network itself."""
        return self._outside[0]

    def init_weights(self) -> None:
        """Load the weights that the network's config names, on the first call.

        Raises:
            InputError: If a loaded checkpoint belongs to other weights.
        """
        if self._ready:
            return
        if not self._has_source:
            print_log(
                f'model.teacher.backbone: {type(self.network).__name__} names no weights ({", ".join(_SOURCES)}), so the '
                'frozen teacher is a random network',
                logger='current',
                level=logging.WARNING,
            )
        network: Any = self.network
        if hasattr(network, 'init_weights'):
            network.init_weights()
        # Some networks of MMAction2 set gradients and modes in these calls.
        self.network.requires_grad_(False).eval()
        self._identify()

    def broadcast(self) -> None:
        """Take rank 0's weights on every rank. They differ only if the config names no weights."""
        self.init_weights()
        for tensor in [self.fingerprint, *self.network.state_dict().values()]:
            broadcast(tensor, src=0)
        self._identify()

    def _identify(self) -> None:
        self._ready = True
        found = fingerprint_of(self.network).to(self.fingerprint.device)
        if self.fingerprint.any():
            _same_weights(self.fingerprint, found)
        self.fingerprint.copy_(found)

    def forward(self, clips: Tensor) -> Tensor:
        """Pooled features (B, D) of clips (B, C, T, H, W), without gradient."""
        if not self._ready:
            self.init_weights()
        return self.features(clips)

    @torch.no_grad()
    def features(self, clips: Tensor) -> Tensor:
        """Features (B, D) as of :meth:`forward`, with whatever weights the network has. FLOPs are counted on this."""
        return pool_features(self.network(clips), key='model.teacher.backbone.out_indices')

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> FrozenNetwork:
        super()._apply(fn, recurse)
        self.network._apply(fn, recurse)
        return self

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        stored = state_dict.get(f'{prefix}fingerprint')
        if self._ready and isinstance(stored, Tensor) and stored.shape == self.fingerprint.shape and stored.any():
            _same_weights(stored, self.fingerprint)
        super()._load_from_state_dict(state_dict, prefix, *args)

    def extra_repr(self) -> str:
        """Name and size of the network, for printing the model."""
        millions = sum(parameter.numel() for parameter in self.network.parameters()) / 1e6
        return f'{type(self.network).__name__}, {millions:.2f} M parameters, frozen'


def fingerprint_of(network: nn.Module) -> Tensor:
    """Hash of all weights and buffers of a network, uint8 (32,) on the CPU; see :func:`weight_hash`.

    Floating-point numbers are hashed as float32, so a conversion to float64 keeps the hash.
    """
    state = network.state_dict()
    return weight_hash({key: value.float() if value.is_floating_point() else value for key, value in state.items()})


def _same_weights(stored: Tensor, found: Tensor) -> None:
    if not torch.equal(stored.cpu(), found.cpu()):
        words = [hex_digits(value) for value in (stored, found)]
        raise InputError(
            f'model.teacher: the checkpoint was trained with a frozen teacher of hash {words[0]}, this config loads one of '
            f'{words[1]}; give it the same backbone and weights, or start from the published backbone alone '
            '(tools/analysis/publish_model.py)'
        )
