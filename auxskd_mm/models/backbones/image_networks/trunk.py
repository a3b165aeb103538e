"""timm networks without classifiers: how they are built, and how they yield maps."""

from __future__ import annotations

import contextlib
import copy
import difflib
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from torch import Tensor

from ....errors import InputError, reason_of

_ANSWER_SECONDS = 5
_HUB = ('hf-hub:', 'hf_hub:')
_OURS = ('num_classes', 'features_only', 'pretrained')
_Facts = TypeVar('_Facts')
_FACTS: dict[Hashable, Any] = {}


if TYPE_CHECKING:

    class TimmNetwork(torch.nn.Module):
        """What this package uses of timm's networks. :func:`create_trunk` sets the first two."""

        frame_size: tuple[int, int]
        frame_channels: int
        pretrained_cfg: dict[str, Any]
        forward_features: Callable[[Tensor], Tensor]
        forward_intermediates: Callable[..., list[Tensor]]


def create_trunk(model: str, kwargs: Mapping[str, Any], pretrained: bool = False) -> Any:
    """Build a timm network without its classifier.

    Args:
        model: Name of the network, with or without a tag of weights.
        kwargs: Arguments of the network.
        pretrained: Whether to take timm's weights. timm downloads them.

    Raises:
        InputError: If timm is missing, does not know the name or refuses the arguments, or the weights cannot be had.
    """
    try:
        import timm
    except ImportError as error:
        raise InputError(f"TimmBackbone needs timm ({error}): pip install 'auxskd_mm[timm]'") from None
    name = str(model)
    if ':' not in name and not timm.is_model(name):
        close = difflib.get_close_matches(name.split('.')[0], timm.list_models(), n=3, cutoff=0.5)
        hint = f'did you mean {" or ".join(map(repr, close))}?' if close else 'timm.list_models() has the names'
        raise InputError(f"model.backbone.model='{name}': no network of timm {timm.__version__} has this name; {hint}")
    if taken := [key for key in _OURS if key in kwargs]:
        raise InputError(f'model.backbone.{taken[0]}: TimmBackbone sets this argument of timm itself; leave it away')
    failed: list[Exception] = []
    from_hub = name.startswith(_HUB)  # its config is there, too
    try:
        with _cache_alone_if_offline(failed) if pretrained or from_hub else contextlib.nullcontext():
            trunk: Any = timm.create_model(name, pretrained=pretrained, num_classes=0, **kwargs)
    except Exception as error:  # whatever timm, its download or its network raises
        if pretrained:
            reason = reason_of((failed or [error])[0])
            raise InputError(
                f"model.backbone.pretrained=True: the weights of '{name}' cannot be had ({reason}); without a network, "
                "take init_cfg=dict(type='auxskd_mm.PackagedWeights') or a file"
            ) from None
        if failed and isinstance(error, OSError):
            raise InputError(
                f"model.backbone.model='{name}': its config cannot be had ({reason_of(failed[0])}) and is not in the cache; "
                'without a network, name a network of timm, or a folder as local-dir:FOLDER'
            ) from None
        raise InputError(f"model.backbone.model='{name}': timm refuses its arguments ({reason_of(error)})") from None
    size = kwargs.get('img_size') or trunk.pretrained_cfg.get('input_size', (3, 224, 224))[1:]
    trunk.frame_size = (size, size) if isinstance(size, int) else tuple(size)
    trunk.frame_channels = kwargs.get('in_chans', 3)
    return trunk


@contextlib.contextmanager
def _cache_alone_if_offline(failed: list[Exception]) -> Iterator[None]:
    """Let Hugging Face's client read its cache alone if its host does not answer one request. ``failed`` gets the error
    of the request.

    Otherwise it would try for 45 s before it gives up.
    """
    from huggingface_hub import constants, get_session

    before = constants.HF_HUB_OFFLINE
    try:
        get_session().head(constants.ENDPOINT, timeout=_ANSWER_SECONDS)
    except Exception as error:  # each HTTP library has its own
        failed.append(error)
        constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before


def meta_frames(trunk: TimmNetwork) -> Tensor:
    """A frame (1, C, H, W) of the size that the network was made for, on the device 'meta'."""
    return torch.empty(1, trunk.frame_channels, *trunk.frame_size, device='meta')


def on_meta(trunk: TimmNetwork) -> TimmNetwork:
    """A copy of the network without values."""
    return copy.deepcopy(trunk).to('meta')


@contextlib.contextmanager
def one_line(trunk: TimmNetwork, model: str) -> Iterator[None]:
    """Turn whatever a timm network raises in a block into one line with the name of the model.

    Raises:
        InputError: If the block raises.
    """
    try:
        yield
    except InputError:
        raise
    except Exception as error:  # whatever the network raises
        raise InputError(
            f"model.backbone.model='{model}': gives no maps of a frame of {trunk.frame_size} ({reason_of(error)}); take "
            'another network or other arguments'
        ) from None


def yields_tokens(trunk: TimmNetwork) -> bool:
    """Whether the last features of the network are tokens (N, L, C).

    Raises:
        TypeError: If they are neither tokens nor a map.
    """
    with torch.no_grad():
        out = on_meta(trunk).eval().forward_features(meta_frames(trunk))
    if not isinstance(out, Tensor) or out.ndim not in (3, 4):
        raise TypeError(f'it yields {tuple(out.shape) if isinstance(out, Tensor) else type(out).__name__}')
    return out.ndim == 3


def maps_of(trunk: TimmNetwork, frames: Tensor, indices: Sequence[int] | None, tokens: bool) -> list[Tensor]:
    """The maps of a network.

    Args:
        trunk: timm network.
        frames: (N, 3, H, W).
        indices: Numbers of the maps. None takes the map in front of the pooling.
        tokens: Whether the network yields tokens. Its maps are then those of the tokens of the patches, normalised as
            the network normalises its last ones.

    Returns:
        Maps (N, C, h, w).

    Raises:
        InputError: If the network fails on frames of another size than that which it was made for.
    """
    try:
        return _maps(trunk, frames, indices, tokens)
    except (RuntimeError, ValueError, AssertionError) as error:
        if tuple(frames.shape[-2:]) == trunk.frame_size or isinstance(error, torch.OutOfMemoryError):
            raise
        raise InputError(
            f'model.backbone: the network takes frames of {trunk.frame_size}, and fails on clips of '
            f'{frames.shape[-2]} x {frames.shape[-1]} pixels ({reason_of(error)}); resize the clips to its size'
        ) from None


def _maps(trunk: TimmNetwork, frames: Tensor, indices: Sequence[int] | None, tokens: bool) -> list[Tensor]:
    if indices is not None or tokens:
        return trunk.forward_intermediates(
            frames,
            indices=1 if indices is None else list(indices),
            norm=tokens,
            stop_early=True,
            intermediates_only=True,
        )
    out = trunk.forward_features(frames)
    return [out.permute(0, 3, 1, 2) if getattr(trunk, 'output_fmt', 'NCHW') == 'NHWC' else out]


def facts_of_maps(
    trunk: TimmNetwork, indices: Sequence[int] | None, tokens: bool
) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """Channels of each map, and names of the parameters on which no map depends, such as the norm of a classifier.

    Data-parallel training would wait for the gradients of these.
    """
    copied = on_meta(trunk).eval().requires_grad_(True)
    with torch.enable_grad():
        maps = maps_of(copied, meta_frames(trunk), indices, tokens)
        torch.autograd.backward([m.sum() for m in maps])
    unused = tuple(name for name, parameter in copied.named_parameters() if parameter.grad is None)
    return tuple(m.shape[1] for m in maps), unused


def remembered(network: Hashable, facts: Callable[[], _Facts]) -> _Facts:
    """Facts about a network, which are computed once in a process.

    A pass on the device 'meta' takes as long as the rest of building the network, and a process may build it many times.

    Args:
        network: All on which the facts depend.
        facts: Computes them. What it raises is not remembered.
    """
    if network not in _FACTS:
        _FACTS[network] = facts()
    return _FACTS[network]


def check_size(trunk: TimmNetwork, frames: Tensor) -> None:
    """Refuse frames (N, C, H, W) of a size for which a transformer has no positions, or with other channels.

    Raises:
        InputError: If size or channels are other ones.
    """
    if frames.shape[1] != trunk.frame_channels:
        raise InputError(
            f'model.backbone.in_chans={trunk.frame_channels}: the clips have {frames.shape[1]} channels; set '
            f'in_chans={frames.shape[1]}'
        )
    size, height, width = trunk.frame_size, *frames.shape[-2:]
    strict = [m.strict_img_size for m in trunk.modules() if hasattr(m, 'strict_img_size')]  # of embeddings of patches
    fixed = any(strict) if strict else trunk.pretrained_cfg.get('fixed_input_size', False)
    if fixed and size != (height, width):
        raise InputError(
            f'model.backbone.img_size={size}: the clips have {height} x {width} pixels; set img_size=({height}, {width})'
        )
