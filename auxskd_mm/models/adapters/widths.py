"""Find out what a module of a backbone yields, by a run without values."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch._subclasses import fake_tensor
from torch._subclasses.fake_tensor import FakeTensorMode

from ...errors import InputError, is_whole, reason_of
from ..modules.evaluating import evaluating

# Options by which MMAction2's backbones fix the number of frames: TSM, TIN and TANet; TimeSformer and VideoMAE; MViT;
# UniFormerV2.
FRAME_OPTIONS = ('num_segments', 'num_frames', 'temporal_size', 't_size')
_SIDES = ('img_size', 'spatial_size', 'input_resolution')
_WIDTHS = ('out_channels', 'out_features', 'num_features', 'embed_dims', 'embed_dim')


class Feature(NamedTuple):
    """Output of a module.

    Attributes:
        channels: Width C.
        channels_last: Whether C is the last axis.
        shape: Shape for a single clip.
        per_frame: Whether it comes for single frames (B * T, ...).
    """

    channels: int
    channels_last: bool
    shape: tuple[int, ...]
    per_frame: bool


def find_features(
    backbone: nn.Module, modules: Mapping[str, nn.Module], clip: Sequence[int] | None = None
) -> dict[str, Feature]:
    """Run a backbone without values and look at the outputs of some modules. The backbone does not change.

    Args:
        backbone: Network that takes clips (B, 3, T, H, W) or frames (N, 3, H, W).
        modules: Modules of the backbone by name.
        clip: (T, H, W) of a clip that the backbone takes. None tries the usual sizes.

    Returns:
        One :class:`Feature` per name.

    Raises:
        InputError: If no size works, a module does not run, or its output is not one tensor.
    """
    found, shape = _run(backbone, modules, list(_shapes(backbone, clip)))
    frames = shape[2] if len(shape) == 5 else shape[0]
    counts = _counts_on_larger_frames(backbone, modules, shape) if frames > 1 and _first_axes(found) else {}
    features = {}
    for name, outputs in found.items():
        kind = type(modules[name]).__name__
        if not outputs:
            raise InputError(f"adapters: '{name}' ({kind}) does not run in the forward pass; name a module that does")
        if not all(isinstance(output, Tensor) and output.is_floating_point() for output in outputs):
            got = ', '.join(sorted({type(output).__name__ for output in outputs}))
            raise InputError(
                f"adapters: '{name}' ({kind}) yields a {got}, expected one tensor; name a module inside it or around it"
            )
        features[name] = _feature(modules[name], outputs[0], counts.get(name, frames))
        if len({_feature(modules[name], output, frames).channels for output in outputs}) > 1:
            raise InputError(f"adapters: '{name}' ({kind}) yields several widths; name another module")
    return features


def _first_axes(found: Mapping[str, list[Any]]) -> dict[str, int]:
    """Lengths above 1 of the first axes of outputs that are no maps of clips."""
    firsts = {name: outputs[0] for name, outputs in found.items() if outputs and isinstance(outputs[0], Tensor)}
    return {name: len(out) for name, out in firsts.items() if 0 < out.ndim < 5 and len(out) > 1}


def _counts_on_larger_frames(
    backbone: nn.Module, modules: Mapping[str, nn.Module], shape: tuple[int, ...]
) -> dict[str, int]:
    """Lengths of the first axes for frames of twice the side: windows of attention are then more, frames are not.

    Empty for a network that takes no other size.
    """
    try:
        larger, _ = _run(backbone, modules, [(*shape[:-2], 2 * shape[-2], 2 * shape[-1])])
    except InputError:
        return {}
    return _first_axes(larger)


def _feature(module: nn.Module, output: Tensor, frames: int) -> Feature:
    """``frames`` is the length of the first axis if it counts frames."""
    per_frame = output.ndim < 5 and len(output) == frames > 1
    last = output.ndim < 4
    if not last:
        # Maps have C on axis 1, except in networks with windows of tokens; the layers inside tell.
        widths = {getattr(m, key, None) for m in module.modules() for key in _WIDTHS}
        widths |= {tuple(m.normalized_shape)[-1] for m in module.modules() if isinstance(m, nn.LayerNorm)}
        widths -= {None}
        last = output.shape[1] not in widths and output.shape[-1] in widths
    channels = output.shape[-1] if last else output.shape[1]
    return Feature(int(channels), last, tuple(map(int, output.shape)), per_frame)


def _run(
    backbone: nn.Module, modules: Mapping[str, nn.Module], shapes: Sequence[tuple[int, ...]]
) -> tuple[dict[str, list[Any]], tuple[int, ...]]:
    """The outputs of each module for the first input that the network takes, and its shape."""
    first = ''
    first_of = next(backbone.parameters(), None)
    like: dict[str, Any] = {} if first_of is None else dict(dtype=first_of.dtype, device=first_of.device)
    for fake in (True, False):  # networks that look at values need real ones
        for shape in shapes if fake else shapes[:2]:
            found: dict[str, list[Any]] = {name: [] for name in modules}
            try:
                with (
                    _watched(modules, found),
                    evaluating(backbone),
                    torch.no_grad(),
                    torch.random.fork_rng([]),
                    FakeTensorMode(allow_non_fake_inputs=True) if fake else contextlib.nullcontext(),
                    _quiet(fake_tensor.__name__),  # a shape that does not fit is no fault
                ):
                    backbone(torch.zeros(shape, **like))
                return found, shape
            except Exception as error:
                first = first or f'{shape}: {reason_of(error)}'
    raise InputError(
        f'adapters: {type(backbone).__name__} takes no clip of the usual sizes, so its widths are unknown ({first}); '
        'set clip=(T, H, W)'
    )


def _shapes(backbone: nn.Module, clip: Sequence[int] | None) -> Iterator[tuple[int, ...]]:
    """Input shapes to try: clips, then frames."""
    # Of the first kernel, whatever the type of its convolution.
    kernels = ((m, w) for m in backbone.modules() if isinstance(w := getattr(m, 'weight', None), Tensor) and w.ndim > 3)
    channels = next((kernel.shape[1] * getattr(module, 'groups', 1) for module, kernel in kernels), 3)
    if clip is not None:
        if not isinstance(clip, Sequence) or len(clip) != 3 or not all(is_whole(n) and n > 0 for n in clip):
            raise InputError(f'adapters: clip={clip!r}: expected (T, H, W)')
        yield (1, channels, *clip)
        yield (clip[0], channels, *clip[1:])
        return
    frames = dict.fromkeys([*_settings(backbone, FRAME_OPTIONS), 16, 8, 32, 4])
    sides = dict.fromkeys([*_settings(backbone, _SIDES), 112, 224, 64])
    for side in sides:
        for count in frames:
            yield (1, channels, count, side, side)
    for count in dict.fromkeys([8, *_settings(backbone, FRAME_OPTIONS)]):  # adapters want whole clips
        for side in sides:
            yield (count, channels, side, side)


def _settings(backbone: nn.Module, names: Sequence[str]) -> list[int]:
    values = []
    for module in backbone.modules():
        for name in names:
            value = getattr(module, name, None)
            value = value[-1] if isinstance(value, (tuple, list)) and value else value
            if isinstance(value, int) and 0 < value <= 512:
                values.append(value)
    return values


@contextlib.contextmanager
def _quiet(name: str) -> Iterator[None]:
    """Switch a logger off."""
    log = logging.getLogger(name)
    before, log.disabled = log.disabled, True
    try:
        yield
    finally:
        log.disabled = before


@contextlib.contextmanager
def _watched(modules: Mapping[str, nn.Module], found: dict[str, list[Any]]) -> Iterator[None]:
    def keep(name: str) -> Callable:
        return lambda module, inputs, output: found[name].append(output)

    handles = [module.register_forward_hook(keep(name)) for name, module in modules.items()]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
