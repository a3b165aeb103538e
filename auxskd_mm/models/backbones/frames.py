"""Any MMAction2 backbone for clips. Networks of single frames (TSN, TSM, TIN, TANet) run on the frames of each clip."""

from __future__ import annotations

import contextlib
import importlib.util
import types
from collections.abc import Iterator
from typing import Any

from mmaction.models import Recognizer2D
from mmaction.models.backbones import C2D, MobileNetV2, ResNet, ResNetTIN, resnet_tin
from torch import Tensor, nn
from torch.utils._pytree import tree_map

from ...errors import InputError
from ...functional.temporal_interlace import linear_sampler
from ...registry import MODELS, registered

# Libraries of image networks. MMAction2's recognisers take them by types such as 'torchvision.resnet50'.
_IMAGE_LIBRARIES = ('torchvision.', 'timm.', 'mmpretrain.', 'mmcls.')


def build_backbone(config: dict[str, Any]) -> nn.Module:
    """Build a backbone that takes clips (B, C, T, H, W).

    Args:
        config: Config of a backbone from this package, MMAction2 or pytorchvideo, or of an image network such as
            ``dict(type='torchvision.resnet50')``.

    Raises:
        InputError: If the library of the network is not installed.
    """
    kind = config.get('type')
    if isinstance(kind, str) and kind.startswith(_IMAGE_LIBRARIES):
        with libraries():
            backbone = Recognizer2D(backbone=dict(config)).backbone  # which knows how to build them
    else:
        backbone = MODELS.build(config)
    return take_clips(backbone) if takes_frames(backbone) else backbone


@contextlib.contextmanager
def libraries() -> Iterator[None]:
    """Turn the error for a missing library of an image network into an ``InputError`` of one line.

    Raises:
        InputError: If an import fails inside the block.
    """
    try:
        yield
    except ImportError as error:
        raise InputError(f'model.backbone: {error}') from None


def takes_frames(backbone: nn.Module) -> bool:
    """Whether a backbone takes single frames (N, C, H, W) and not clips.

    This is true for MMAction2's 2-D networks and the networks of image libraries. A network of your own needs the
    attribute ``takes_frames = True``.
    """
    if (known := getattr(backbone, 'takes_frames', None)) is not None:
        return bool(known)
    if isinstance(backbone, (ResNet, MobileNetV2)):
        return _is_stock_2d(type(backbone))
    return any(_is_of_image_library(f'{kind.__module__}.') for kind in type(backbone).__mro__)


def _is_stock_2d(network: type) -> bool:
    """Whether a class is one of MMAction2's 2-D networks. C2D takes clips, and folds them itself."""
    return issubclass(network, (ResNet, MobileNetV2)) and not issubclass(network, C2D)


def _is_of_image_library(name: str) -> bool:
    return name.startswith(_IMAGE_LIBRARIES) and not name.startswith('torchvision.models.video.')


def is_network_of_frames(kind: object) -> bool:
    """Whether the ``type`` of a config names a network of single frames, as :func:`takes_frames` says of a built one: a
    class with ``takes_frames = True``, MMAction2's own 2-D networks, or a network of an image library.
    """
    if isinstance(kind, str) and kind.startswith(_IMAGE_LIBRARIES):
        return _is_of_image_library(kind)
    network = registered(MODELS, kind)
    if network is None:
        return False
    if (known := getattr(network, 'takes_frames', None)) is not None:
        return bool(known)
    # A class from elsewhere that has its name or extends one of them may take clips, as C2D does.
    elsewhere = isinstance(kind, str) and '.' in kind and not kind.startswith(('mmaction.', 'auxskd_mm.'))
    return network.__module__.startswith('mmaction.') and not elsewhere and _is_stock_2d(network)


def take_clips(backbone: nn.Module) -> nn.Module:
    """Let a network of frames take clips (B, C, T, H, W) too.

    Clips are folded to B * T frames. The frames of a clip come one after the other, as temporal shift modules expect.
    Outputs are unfolded: a map becomes (B, C', T', H', W'), a pooled feature (B, C', T', 1, 1), and tokens become
    (B, T' * N, C'). The network still takes frames (N, C, H, W), and the names of its weights do not change.

    Args:
        backbone: Network that takes (N, C, H, W). It is changed in place.

    Returns:
        The backbone.
    """
    backbone.forward = types.MethodType(_forward_clips, backbone)
    if getattr(backbone, 'pretrained2d', False) and getattr(backbone, 'pretrained', None) is None:
        setattr(backbone, 'pretrained2d', False)  # noqa: B010  # an attribute of its own, no tensor or module: MMAction2's TSM would try to load a file named None
    if isinstance(backbone, ResNetTIN) and importlib.util.find_spec('mmcv._ext') is None:
        resnet_tin.linear_sampler = linear_sampler  # MMAction2's needs mmcv's CUDA operators
    return backbone


def _forward_clips(self: nn.Module, inputs: Tensor) -> Any:
    if inputs.ndim != 5:
        return type(self).forward(self, inputs)
    clips, frames = inputs.shape[0], inputs.shape[2]
    segments = getattr(self, 'num_segments', frames)
    if segments != frames:
        raise InputError(
            f'model.backbone.num_segments={segments}, but the clips have {frames} frames: set it to {frames}, or draw '
            f'clips of {segments} frames'
        )
    feats = type(self).forward(self, inputs.transpose(1, 2).flatten(0, 1))
    return tree_map(lambda out: unfold_frames(out, clips), feats)


def unfold_frames(out: Tensor, clips: int) -> Tensor:
    """Unfold outputs (B * T', ...) of frames to outputs (B, ...) of B clips."""
    out = out.unflatten(0, (clips, -1))  # (B, T', ...)
    if out.ndim == 3:  # a feature per frame
        return out.transpose(1, 2)[..., None, None]
    if out.ndim == 4:  # tokens
        return out.flatten(1, 2)
    return out.transpose(1, 2)


def check_patches(clips: Tensor, projection: nn.Module, positions: tuple[int, ...], advice: str) -> None:
    """Refuse clips (B, C, T, H, W) of a size for which a transformer has no positions.

    ``projection`` cuts clips into patches, ``positions`` are the patches in time, height and width that have a
    position, and ``advice`` ends the message.

    Raises:
        InputError: If the clips give other numbers of patches than there are positions.
    """
    sizes = zip(clips.shape[2:], projection.kernel_size, projection.stride, projection.padding)  # type: ignore[arg-type]
    found = tuple((n + 2 * p - k) // s + 1 for n, k, s, p in sizes)
    if found != positions:
        raise InputError(
            f'model.backbone: clips of {tuple(clips.shape[2:])} (T, H, W) give {found} patches, but positions were made for '
            f'{positions}; {advice}'
        )
