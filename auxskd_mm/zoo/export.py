"""Models for use without Python or without this package: ONNX files and ``torch.export`` programs."""

from __future__ import annotations

import copy
import importlib
import json
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from ..apis.inference import asked_tasks, class_names
from ..choices import EXPORTED_PARTS
from ..config.pipelines import LOADERS, find_pipeline, find_steps
from ..config.sample_shape import sample_shape
from ..errors import InputError, check_choice
from ..files import check_writable, write_whole
from ..functional.pixels.value_range import WHITE
from ..functional.public_weights.input_channels import COLOURS
from ..functional.transfer import check_finite
from ..models.modules.input_channels import input_channels
from ..models.modules.pooling import pool_features
from ..models.tasks import head_neck, task_outputs

if TYPE_CHECKING:
    from ..typing import VideoModel

SUFFIXES = ('.onnx', '.pt2')
TOLERANCE = 1e-4


class ClipNetwork(nn.Module):
    """A part of a model as a function of clips alone. The steps of the data preprocessor come first.

    Args:
        model: Model of :func:`auxskd_mm.apis.inference.init_model`.
        part: 'backbone' returns the backbone's output, 'feature' the mean of that output over space and time (B, D), and
            'model' the head's logits.
        normalise: If true, the input is float clips in [0, 255] or the ``value_range``, as decoded, and the network
            normalises them. If false, the input is normalised clips.

    Raises:
        InputError: If the model does not have this part.
    """

    mean: Tensor
    std: Tensor
    black: Tensor
    factor: Tensor

    def __init__(self, model: VideoModel, part: str = 'model', normalise: bool = True) -> None:
        super().__init__()
        check_choice('part', part, EXPORTED_PARTS)
        if not hasattr(model, 'backbone'):
            raise InputError(f'{type(model).__name__} has no backbone to export')
        head = getattr(model, 'cls_head', None)
        if part == 'model' and head is None:
            raise InputError(f"{type(model).__name__} has no cls_head: export part='backbone' or 'feature'")
        self.backbone = model.backbone
        self.neck = head_neck(model) if part == 'model' else None
        self.head = head if part == 'model' else None
        self.part = part
        processor = getattr(model, 'data_preprocessor', None)
        self.flip = normalise and bool(getattr(processor, 'to_rgb', False))
        self.scaled = normalise and bool(getattr(processor, '_enable_normalize', False))
        # Black and white of the inputs, where they are not 0 and 255.
        self.ranged = normalise and getattr(processor, 'value_range', None) is not None
        if self.ranged:
            for name in ('black', 'factor'):
                self.register_buffer(name, getattr(processor, name).detach().clone().float().view(1, -1, 1, 1, 1))
        if self.scaled:
            for name in ('mean', 'std'):
                self.register_buffer(name, getattr(processor, name).detach().clone().float().view(1, -1, 1, 1, 1))

    def forward(self, clips: Tensor) -> Any:
        """Outputs of the part.

        Args:
            clips: float32 (B, C, T, H, W); (B, N, C, T, H, W) for a head that orders tuples of N.
        """
        if clips.ndim == 6:
            clips = clips.flatten(0, 1)
        if self.ranged:
            clips = ((clips - self.black) * self.factor).clamp(0, WHITE)
        if self.flip:
            clips = clips.flip(1)
        if self.scaled:
            clips = (clips - self.mean) / self.std
        feats = self.backbone(clips)
        if self.part == 'feature':
            return pool_features(feats)
        if self.head is None:
            return feats
        if self.neck is not None:
            feats, _ = self.neck(feats)
        return self.head(feats)

    def decoded(self, clips: Tensor) -> Tensor:
        """Made-up clips (B, C, T, H, W) in [0, 1] on the scale of decoded ones."""
        if not self.ranged:
            return clips * WHITE
        return clips * WHITE / self.factor.cpu() + self.black.cpu()


class Exported(NamedTuple):
    """Result of an export.

    Attributes:
        path: The written file. ``<stem>.json`` beside it describes the input.
        outputs: Names of the outputs.
        difference: Largest absolute difference from the model, over batches of one and of three clips.
    """

    path: Path
    outputs: tuple[str, ...]
    difference: float


def export_model(
    model: VideoModel,
    path: str | Path,
    *,
    part: str = 'model',
    shape: Sequence[int] | None = None,
    normalise: bool = True,
    check: bool = True,
) -> Exported:
    """Write a model with a free batch size, and compare it with the original.

    Args:
        model: Model of :func:`auxskd_mm.apis.inference.init_model`. Its device and mode do not change.
        path: ``.onnx`` for ONNX, ``.pt2`` for ``torch.export``.
        part: See :class:`ClipNetwork`.
        shape: (T, H, W) of a clip. None takes the shape from the config's test (or training) pipeline.
        normalise: See :class:`ClipNetwork`.
        check: Run the written file and compare its outputs. For ONNX this needs onnxruntime.

    Raises:
        InputError: If the suffix is another one, a package is missing, or the folder cannot be written to. If the
            network cannot be exported, or outputs differ by more than 1e-4 of their size.
    """
    path = check_export_path(path, check)
    checkpoint = getattr(model, 'checkpoint', None)
    check_finite(model.state_dict(), str(checkpoint or 'the model'))
    # A copy: the modules are those of the model, and would follow the network to the CPU and into eval mode.
    network = copy.deepcopy(ClipNetwork(model, part, normalise)).cpu().eval()
    clip = tuple(shape) if shape is not None else sample_shape(model.cfg)[2:]
    if len(clip) != 3 or min(clip) < 1:
        raise InputError(f'shape={clip}: expected T H W, e.g. 16 112 112')
    together = max((task.clips for task in asked_tasks(model)), default=1) if network.head is not None else 1
    channels = input_channels(network.backbone)
    if network.scaled and channels == COLOURS and _step(model, 'OpenVideo').get('channels') == 1:
        channels = 1  # which mean and std of three channels turn into three
    sample = (channels, *clip) if together == 1 else (together, channels, *clip)
    example = network.decoded(torch.rand(2, *sample))
    program = _program(network, example)
    outputs = output_names(model, network)
    _write(program, example, path, outputs)
    note = dict(
        part=part,
        input=dict(name='clips', type='float32', shape=['batch', *sample], **_expects(model, normalise, channels)),
        outputs={name: _classes(model, name, network, example) for name in outputs},
        config=Path(getattr(model.cfg, 'filename', None) or '').name,
        checkpoint=Path(checkpoint).name if checkpoint else None,
    )
    write_whole(path.with_suffix('.json'), json.dumps(note, indent=1) + '\n')
    return Exported(path, outputs, compare(path, network, example) if check else float('nan'))


def check_export_path(path: str | Path, check: bool = True) -> Path:
    """Refuse, before the work, outputs that could not be written or compared after it.

    Raises:
        InputError: For another suffix, a missing package, or a folder that cannot be written.
    """
    path = Path(path)
    if path.suffix not in SUFFIXES:
        raise InputError(f'{path}: expected a file that ends in {" or ".join(SUFFIXES)}')
    if path.suffix == '.onnx':
        for package in ('onnx', 'onnxscript', *(['onnxruntime'] if check else [])):
            try:
                importlib.import_module(package)
            except ImportError:
                raise InputError(
                    f"{path}: {package} is not installed; run `pip install 'auxskd_mm[export]'`"
                    + ('' if package != 'onnxruntime' else ', or leave the comparison out with --no-check')
                ) from None
    return check_writable(path)


def _program(network: ClipNetwork, example: Tensor) -> Any:
    batch = torch.export.Dim('batch', min=1)
    try:
        with torch.no_grad():
            # Traced without TorchDynamo, as torch does by itself since 2.7; the Dynamo of 2.6 cannot follow TimmBackbone.
            return torch.export.export(network, (example,), dynamic_shapes=({0: batch},), strict=False)
    except InputError:
        raise
    except Exception as error:
        reason = str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
        raise InputError(
            f'{type(network.backbone).__name__}: torch.export cannot follow it with a free batch size ({reason}; '
            f'torch {torch.__version__})'
        ) from None


def _write(program: torch.export.ExportedProgram, example: Tensor, path: Path, outputs: Sequence[str]) -> None:
    if path.suffix == '.pt2':
        torch.export.save(program, path)
        return
    # torch (2.14, too) knows these for one mean over the whole map alone.
    pools = (torch.ops.aten.adaptive_avg_pool3d.default, torch.ops.aten._adaptive_avg_pool3d.default)
    try:
        exported = torch.onnx.export(
            program.run_decompositions(dict.fromkeys(pools, _adaptive_means)),
            (example,),
            dynamo=True,
            verbose=False,
            input_names=['clips'],
            output_names=list(outputs),
            external_data=False,
        )
        assert exported is not None  # None is of the old exporter
        exported.save(str(path))
    except OSError:
        raise
    except Exception as error:  # for instance onnx 1.16 beside protobuf 7
        raise _onnx_failed(path, 'written', error) from error


def _adaptive_means(maps: Tensor, size: Sequence[int]) -> Tensor:
    """``adaptive_avg_pool3d`` of maps (B, C, T, H, W) as means of their parts."""
    for dim, count in zip((-3, -2, -1), size):
        length = maps.shape[dim]
        edges = [(i * length // count, -(-(i + 1) * length // count)) for i in range(count)]
        parts = [maps.narrow(dim, start, end - start).mean(dim, keepdim=True) for start, end in edges]
        maps = torch.cat(parts, dim)
    return maps


def _onnx_failed(path: Path, what: str, error: Exception) -> InputError:
    versions = ', '.join(f'{name} {version(name)}' for name in ('torch', 'onnx', 'onnxscript', 'protobuf'))
    first: BaseException = error  # the exporter wraps the reason into advice for its authors
    while first.__cause__ is not None:
        first = first.__cause__
    reason = (str(first).strip() or type(first).__name__).splitlines()[0][:200]
    return InputError(
        f'{path}: cannot be {what} with {versions} ({reason}); take newer versions, or a path that ends in .pt2'
    )


def compare(path: Path, network: nn.Module, example: Tensor, tolerance: float = TOLERANCE) -> float:
    """Find the largest difference between a written file and the network, over batches of one and of three clips.

    Raises:
        InputError: If outputs differ by more than ``tolerance`` times the larger of 1 and their largest value.
    """
    run = _session(path)
    worst = 0.0
    generator = torch.Generator().manual_seed(0)
    for size in (1, 3):
        clips = torch.rand(size, *example.shape[1:], generator=generator)
        clips = network.decoded(clips) if isinstance(network, ClipNetwork) else clips * WHITE
        with torch.no_grad():
            expected = _flat(network(clips))
        for got, want in zip(run(clips), expected):
            difference = float(np.abs(got - want).max())
            if not difference <= tolerance * max(1.0, float(np.abs(want).max())):
                raise InputError(
                    f'{path}: its outputs differ from those of the model by {difference:.2g} for a batch of {size}; '
                    'do not use it'
                )
            worst = max(worst, difference)
    return worst


def _session(path: Path) -> Any:
    """Function from clips to the arrays that a written file yields."""
    if path.suffix == '.pt2':
        module = torch.export.load(path).module()
        return lambda clips: _flat(module(clips))
    runtime = importlib.import_module('onnxruntime')
    try:
        session = runtime.InferenceSession(str(path), providers=['CPUExecutionProvider'])
    except Exception as error:  # torch 2.6 may use a name twice
        raise _onnx_failed(path, 'read back', error) from error
    return lambda clips: session.run(None, {session.get_inputs()[0].name: clips.numpy()})


def _flat(outputs: object) -> list[np.ndarray]:
    """Arrays of outputs: a tensor, or a nest of them."""
    return [leaf.detach().numpy() for leaf in torch.utils._pytree.tree_leaves(outputs) if isinstance(leaf, Tensor)]


def output_names(model: VideoModel, network: ClipNetwork) -> tuple[str, ...]:
    """Names of the outputs, in their order."""
    if network.head is None:
        return ('feature',) if network.part == 'feature' else ('feature_map',)
    return tuple(task.name for task in asked_tasks(model)) or ('feature',)


def _expects(model: VideoModel, normalise: bool, channels: int) -> dict[str, Any]:
    """Describe the input of so many channels in a form that a program can read."""
    if _step(model, 'OpenFeatures'):
        return dict(channels='features', values='feature maps, as stored')
    processor = getattr(model, 'data_preprocessor', None)
    order = str(_step(model, 'OpenVideo').get('channel_order', 'rgb'))
    value_range = getattr(processor, 'value_range', None)
    pairs = None if value_range is None else value_range.pairs
    if not normalise and getattr(processor, 'to_rgb', False):
        order = 'bgr' if order == 'rgb' else 'rgb'
        pairs = pairs and pairs[::-1]
    found = dict(channels={1: 'grey', COLOURS: order}.get(channels, 'other'))
    ranged: dict[str, Any] = dict(value_range=pairs) if pairs else {}
    if normalise:
        return dict(found, values='as decoded' if ranged else '0 to 255, as decoded', **ranged)
    scaled = bool(getattr(processor, '_enable_normalize', False))
    values = {key: getattr(processor, key).flatten().tolist() for key in ('mean', 'std')} if scaled else {}
    return dict(found, values='normalised by the caller', **ranged, **values)


def _step(model: VideoModel, name: str) -> Mapping[str, Any]:
    """The step of this type of the first pipeline of a model's config that has one. Empty if none has."""
    found = (find_steps(find_pipeline(model.cfg, (loader,)), name) for loader in LOADERS)
    return next(filter(None, found), [{}])[0]


def _classes(model: VideoModel, name: str, network: ClipNetwork, example: Tensor) -> dict[str, Any]:
    """Shape and, for logits, class names of an output."""
    with torch.no_grad():
        outputs = network(example)
    tasks = {task.name: task for task in asked_tasks(model)} if network.head is not None else {}
    if network.head is None or name not in tasks:
        return dict(shape=['batch', *map(int, _flat(outputs)[0].shape[1:])])
    shape = task_outputs(outputs, tuple(tasks.values()), network.head)[name].shape
    classes = class_names(model.cfg, tasks[name], int(shape[1]))
    return dict(shape=['batch', *map(int, shape[1:])], kind='logits', classes=list(classes))
