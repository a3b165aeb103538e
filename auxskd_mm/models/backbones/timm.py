"""Image networks of timm as backbones of clips."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from mmengine.logging import print_log
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from ...errors import InputError, is_whole
from ...functional.public_weights.input_channels import inflate_state
from ...functional.transfer import load_checked
from ...registry import MODELS, is_a
from ..modules.init_log import log_weights
from .frames import unfold_frames
from .image_networks.clip_length import ClipLength
from .image_networks.inflate import inflate
from .image_networks.later_layers import keep_later_layers
from .image_networks.shift import add_shift
from .image_networks.stages import residual_branches, stage_parameters, whole_modules
from .image_networks.trunk import (
    check_size,
    create_trunk,
    facts_of_maps,
    maps_of,
    meta_frames,
    one_line,
    remembered,
    yields_tokens,
)
from .staged import StagedBackbone, statistics_untouched


@MODELS.register_module()
class TimmBackbone(StagedBackbone):
    """Any image network of timm on clips, or its later layers on stored maps: (B, 3, T, H, W) -> (B, C, T', H', W').

    The network runs on the B * T frames. ``temporal`` says how frames of one clip know of each other:

    - ``'none'``: They do not.
    - ``'shift'``: In each residual branch a share of the channels moves to the next and to the previous frame (TSM).
    - ``'inflate'``: Kernels larger than 1 x 1 become 3-D kernels (I3D). A still clip gives the 2-D network's output.
    - a config: A module on top of the maps, e.g. ``dict(type='auxskd_mm.TemporalConvs', channels=128)``.

    The image network is ``trunk``, and its weights have timm's names. The module on top is ``temporal``.

    Args:
        model: Name of a timm network, with or without a tag of weights (``'resnet18'``, ``'resnet18.a1_in1k'``).
        temporal: See above.
        out_indices: Numbers of timm's feature maps (``feature_info``). Layers behind the last of them are removed.
            None takes the map in front of the pooling.
        frozen_stages: Last stage that is not trained and stays in eval mode. 0 freezes the stem, -1 nothing, ``'all'``
            the whole trunk. Stages are timm's groups of layers: each transformer block is one.
        norm_eval: Whether BatchNorm of the trunk uses its running statistics in training, too.
        with_cp: See :class:`StagedBackbone`.
        shift_fraction: Share of the channels that ``'shift'`` moves, half of it in each direction. TSM has 1/4.
        temporal_kernel: Length of the kernels that ``'inflate'`` makes, an odd number.
        pretrained: Whether :meth:`init_weights` takes timm's weights, which timm downloads.
        grid: Rows and columns that the maps are averaged to, in front of a module ``temporal``. It is the ``--grid`` of a
            store of features. None leaves the maps.
        in_index: Number of the map that the network takes instead of frames: (B, C_in, T, h, w) from a store of feature
            maps, or as ``temporal`` on top of another TimmBackbone. Only the layers behind it are kept, so a frozen
            beginning costs nothing. ``out_indices`` must lie behind it. None takes frames.
        in_channels: Channels C_in of that map, to be checked; None takes what it has. Without ``in_index`` the channels of a
            clip, timm's ``in_chans``. Weights for colours are adapted when they are loaded.
        init_cfg: See :class:`StagedBackbone`. ``dict(type='auxskd_mm.PackagedWeights')`` needs no network.
        kwargs: Arguments of the timm network, e.g. ``drop_path_rate=0.1`` or ``img_size=112``.

    Attributes:
        out_channels: Width C of the output, or the width of each map of several ``out_indices``.

    Raises:
        InputError: If timm is missing, does not know the network or refuses its arguments, or a setting does not fit
            the network.
    """

    _names_stages = False  # they are numbers of timm's feature maps

    def __init__(
        self,
        model: str = 'tf_efficientnet_lite0',
        temporal: str | dict = 'none',
        out_indices: Sequence[int] | int | None = None,
        frozen_stages: int | str = -1,
        norm_eval: bool = False,
        with_cp: bool = False,
        shift_fraction: float = 0.25,
        temporal_kernel: int = 3,
        pretrained: bool = False,
        grid: tuple[int, int] | None = None,
        in_index: int | None = None,
        in_channels: int | None = None,
        init_cfg: dict | list | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(-1, with_cp, init_cfg)
        _check_options(out_indices, in_index, shift_fraction, temporal_kernel, grid)
        if in_channels is not None and in_index is None:
            kwargs = dict(kwargs, in_chans=in_channels)
        self.model, self.kwargs, self.pretrained = model, kwargs, pretrained
        self.norm_eval = norm_eval
        self.out_indices = (out_indices,) if isinstance(out_indices, int) else out_indices
        self.grid = None if grid is None else (int(grid[0]), int(grid[1]))
        self.length = ClipLength()
        self.trunk = create_trunk(model, kwargs)
        built = set(self.trunk.state_dict())
        self.in_index = in_index
        self.stored_map: int | None = None  # in_index, counted from 0
        if in_index is not None:
            self.stored_map = keep_later_layers(self.trunk, in_index, model)
        if in_channels not in (None, self.trunk.frame_channels):
            what = 'frames' if in_index is None else f'the map of in_index={in_index}'
            raise InputError(
                f"model.backbone.in_channels={in_channels}: {what} of '{model}' has {self.trunk.frame_channels} channels"
            )
        self.trunk.is_init = True  # or MMEngine would call timm's own init_weights after ours
        self.out_channels: Any = self._choose_maps()
        # A file of the whole network may have these and no others; see functional.public_weights.left_over.
        self.trunk.removed_tensors = frozenset(built - set(self.trunk.state_dict()))
        self._set_trunk_stages(frozen_stages)
        self.in_channels = self.trunk.frame_channels
        self.temporal: nn.Module | None = None
        self._set_temporal(temporal, shift_fraction, temporal_kernel)

    def _choose_maps(self) -> Any:
        """Remove the layers behind the last map, and return the width of each map."""
        trunk = self.trunk
        network = type(trunk), self.model, repr(self.kwargs), str(trunk)
        first = 0  # of the maps that the network can yield
        if self.in_index is not None:
            first = self.in_index % len(trunk.feature_info) + 1
            if next(trunk.parameters(), None) is None:
                raise InputError(
                    f"model.backbone.in_index={self.in_index}: '{self.model}' has no layers behind map {first - 1}, its last; "
                    'take an earlier one'
                )
        with one_line(trunk, self.model):
            self.tokens = remembered(network, lambda: yields_tokens(trunk))
        if self.out_indices is not None:
            count = len(trunk.feature_info) if hasattr(trunk, 'forward_intermediates') else 0
            if not self.out_indices or any(not -count <= index < count for index in self.out_indices):
                raise InputError(
                    f"model.backbone.out_indices={self.out_indices}: '{self.model}' has maps 0 to {count - 1}"
                    if count
                    else f"model.backbone.out_indices: '{self.model}' has no maps of its stages; leave it away"
                )
            if min(index % count for index in self.out_indices) < first:
                raise InputError(
                    f'model.backbone.out_indices={self.out_indices}: with in_index={self.in_index}, expected maps behind it '
                    f"(of '{self.model}' {first} to {count - 1})"
                    if first < count
                    else f'model.backbone.out_indices={self.out_indices}: no map lies behind in_index={self.in_index}, the last '
                    f"of '{self.model}'; take an earlier in_index, or leave out_indices away"
                )
            self.out_indices = tuple(sorted(index % count for index in self.out_indices))
            trunk.prune_intermediate_layers(list(self.out_indices), prune_norm=not self.tokens, prune_head=True)
        with one_line(trunk, self.model):
            widths, unused = remembered(
                (*network, self.out_indices), lambda: facts_of_maps(trunk, self.out_indices, self.tokens)
            )
        for name in unused:
            trunk.get_parameter(name).requires_grad_(False)
        return widths[0] if len(widths) == 1 else widths

    def _set_trunk_stages(self, frozen_stages: int | str) -> None:
        self._parameters_of_stages = stage_parameters(self.trunk)
        modules = [whole_modules(self.trunk, names) for names in self._parameters_of_stages]
        last = len(modules) - 1 if frozen_stages == 'all' else frozen_stages
        if not isinstance(last, int):
            raise InputError(f"model.backbone.frozen_stages={frozen_stages!r}: expected a number or 'all'")
        self.frozen_stages = last
        self.set_stages([[f'trunk.{name}' for name in names] for names in modules])
        if self.with_cp:
            for names in self._stages[self.frozen_stages + 1 :]:
                for name in names:
                    module = self.get_submodule(name)
                    module.forward = functools.partial(_recomputed, module, self.length)

    def _set_temporal(self, temporal: str | dict, shift_fraction: float, temporal_kernel: int) -> None:
        if isinstance(temporal, dict):
            if not isinstance(self.out_channels, int):
                raise InputError(
                    f'model.backbone.temporal takes one map, and out_indices={self.out_indices} gives '
                    f'{len(self.out_channels)}; name one'
                )
            self.temporal = MODELS.build(_on_channels(temporal, self.out_channels))
            into = getattr(self.temporal, 'in_channels', self.out_channels)
            if into != self.out_channels:
                raise InputError(
                    f'model.backbone.temporal.in_channels={into}: the trunk yields {self.out_channels} channels; leave it '
                    'away'
                )
            self.out_channels = getattr(self.temporal, 'out_channels', None)
        elif temporal == 'shift':
            maps = functools.partial(maps_of, indices=self.out_indices, tokens=self.tokens)
            branches = residual_branches(self.trunk, meta_frames(self.trunk), maps)
            add_shift(self.trunk, branches, shift_fraction, self.length)
        elif temporal == 'inflate':
            inflate(self.trunk, temporal_kernel, self.length)
            self._freeze()
        elif temporal != 'none':
            raise InputError(
                f"model.backbone.temporal={temporal!r}: expected 'none', 'shift', 'inflate' or the config of a module"
            )

    def _freeze(self) -> None:
        """Set the frozen stages, and with ``norm_eval`` every BatchNorm of the trunk, to eval mode."""
        frozen = [name for names in self._parameters_of_stages[: self.frozen_stages + 1] for name in names]
        for name in frozen:
            self.trunk.get_parameter(name).requires_grad_(False)
        for name in whole_modules(self.trunk, frozen):
            self.trunk.get_submodule(name).eval()
        for name, child in self.trunk.named_children() if frozen else ():
            if not {f'{name}.{key}' for key, _ in child.named_parameters()} <= set(frozen):
                break
            child.eval()  # layers without parameters between frozen ones, too, such as pos_drop
        if self.frozen_stages == len(self._stages) - 1:
            self.trunk.eval()
        if self.norm_eval:
            for module in self.trunk.modules():
                if isinstance(module, nn.modules.batchnorm._BatchNorm):
                    module.eval()

    def forward(self, x: Tensor) -> Any:
        """Feature maps.

        Args:
            x: Clips (B, 3, T, H, W), or stored maps (B, C_in, T, h, w) with ``in_index``, also in float16.

        Returns:
            (B, out_channels, T', H', W'), or a tuple of maps of several ``out_indices``.

        Raises:
            InputError: If the input has another number of dimensions, or a transformer gets clips of another size than
                it was built for.
        """
        if x.ndim != 5:
            raise InputError(f'TimmBackbone takes clips (B, C, T, H, W), got {tuple(x.shape)}')
        clips, frames = x.shape[0], x.transpose(1, 2).flatten(0, 1)  # (B * T, 3, H, W)
        if self.in_index is not None:
            frames = frames.to(next(self.trunk.parameters()).dtype)
        check_size(self.trunk, frames)
        if frames.device.type == 'cpu':  # depthwise convolutions take half the time in this layout
            frames = frames.contiguous(memory_format=torch.channels_last)
        with self.length.of(x.shape[2]):
            maps = maps_of(self.trunk, frames, self.out_indices, self.tokens)  # (B * T, C', h, w)
            maps = [unfold_frames(m, clips) for m in maps]  # (B, C', T, h, w)
        if self.grid is not None:
            maps = [F.adaptive_avg_pool3d(m, (m.shape[2], *self.grid)) for m in maps]
        if len(maps) > 1:
            return tuple(maps)
        return maps[0] if self.temporal is None else self.temporal(maps[0])

    def init_weights(self) -> None:
        """Initialise by ``pretrained`` and ``init_cfg``. The trunk is left as timm made it where neither says anything.

        Raises:
            InputError: If the weights cannot be had or do not fit.
        """
        if self.pretrained and not self.is_init:
            # Adapted to other channels here, as all weights are, and not by timm.
            colours = {key: value for key, value in self.kwargs.items() if key != 'in_chans'}
            state = create_trunk(self.model, colours, pretrained=True).state_dict()
            print_log(self.load_trunk(state, f'timm ({self.model})'), logger='current')
        super().init_weights()

    def load_trunk(self, state: Mapping[str, Tensor], name: str) -> str:
        """Load weights of the image network. 2-D kernels are inflated where ``temporal`` says so.

        Args:
            state: State dict with timm's names. It may have tensors that the trunk lacks, such as the classifier's.
            name: Name of the weights for messages.

        Returns:
            A line for the log.

        Raises:
            InputError: See :func:`auxskd_mm.functional.transfer.load_checked`.
        """
        line = load_checked(self.trunk, inflate_state(state, self.trunk.state_dict()), ('',), name)
        log_weights(self.trunk, f'Weights {name}')
        return line


def _on_channels(config: dict[str, Any], channels: int) -> dict[str, Any]:
    """Config of a module on maps with so many channels. A wrapper such as ``AdaptedBackbone`` hands them on.

    Raises:
        InputError: If the wrapper wraps nothing.
    """
    if isinstance(config.get('backbone'), dict):
        return {**config, 'backbone': _on_channels(config['backbone'], channels)}
    if is_a(MODELS, config.get('type'), 'AdaptedBackbone'):
        raise InputError(
            f'model.backbone.temporal.backbone={config.get("backbone")!r}: {config.get("type")} needs the config of the '
            "module that gets adapters, e.g. dict(type='auxskd_mm.TemporalConvs')"
        )
    return {'in_channels': channels, **config}


def _check_options(
    out_indices: object, in_index: object, shift_fraction: object, temporal_kernel: object, grid: object
) -> None:
    """Refuse options of another type, which would fail far from their key."""
    indices = out_indices if isinstance(out_indices, Sequence) and not isinstance(out_indices, str) else (out_indices,)
    if out_indices is not None and not all(map(is_whole, indices)):
        raise InputError(f'model.backbone.out_indices={out_indices!r}: expected the numbers of maps, e.g. (2, 4)')
    if in_index is not None and not is_whole(in_index):
        raise InputError(f'model.backbone.in_index={in_index!r}: expected the number of a map')
    if not isinstance(shift_fraction, (int, float)):
        raise InputError(f'model.backbone.shift_fraction={shift_fraction!r}: expected a share from 0 to 1, e.g. 0.25')
    if not is_whole(temporal_kernel):
        raise InputError(f'model.backbone.temporal_kernel={temporal_kernel!r}: expected an odd number, e.g. 3')
    pair = isinstance(grid, Sequence) and len(grid) == 2 and all(is_whole(side) and side > 0 for side in grid)
    if grid is not None and not pair:
        raise InputError(f'model.backbone.grid={grid!r}: expected (rows, columns), e.g. (7, 7)')


def _recomputed(module: nn.Module, length: ClipLength, *args: Any, **kwargs: Any) -> Any:
    """Run a module's forward pass so that its activations are recomputed in the backward pass."""
    frames = length.frames

    def run(*inputs: Any, **options: Any) -> Any:
        with length.of(frames):  # another pass may have run before the recomputation
            return type(module).forward(module, *inputs, **options)

    if module.training and torch.is_grad_enabled():
        return checkpoint(run, *args, use_reentrant=False, context_fn=lambda: _contexts(module), **kwargs)
    return run(*args, **kwargs)


def _contexts(module: nn.Module) -> tuple[Any, Any]:
    return contextlib.nullcontext(), statistics_untouched([module])
