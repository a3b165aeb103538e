"""Class activation maps of pretext heads: the places and times of a clip that support a class."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
import torch.nn.functional as F
from mmengine.dataset import pseudo_collate
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from ...datasets.input_sources import as_samples
from ...datasets.recordings.names import file_stem
from ...datasets.transforms.captions import of_views, shown_clips
from ...errors import InputError
from ...files import make_folder
from ...functional.pixels import as_pictures
from ...functional.tasks import Task
from ...models.modules.feature_map import feature_map
from ...models.tasks import head_neck, task_outputs
from ...visualization.activation_sheet import ActivationClip, draw_activation
from ..inference import asked_tasks, check_question, class_names, inference_pipeline, numbered, prepared

if TYPE_CHECKING:
    from mmengine.dataset import Compose

    from ...typing import VideoInput, VideoModel


class Activation(NamedTuple):
    """Contributions to one logit for each clip of a sample.

    Attributes:
        maps: Contributions, float32 (V, T', H', W'). If a linear head works on the averaged map, the logit is the mean
            of the contributions plus the bias.
        logits: Logits (V, K) of the task, or (1, K) if a tuple of clips shares one row.
        chosen: Class of each row of ``logits``, int64.
    """

    maps: Tensor
    logits: Tensor
    chosen: Tensor


def head_tasks(model: VideoModel) -> dict[str, Task]:
    """Return the tasks for which a model's head has logits, by name and in the order of the logits.

    Raises:
        InputError: If the head has no task.
    """
    head = getattr(model, 'cls_head', None)
    tasks = asked_tasks(model) if head is not None else ()
    if not tasks:
        raise InputError(
            f'{type(head or model).__name__} has no logits to explain; take a config of a pretext head with tasks (VSPP, '
            'VideoPace, VCOP) or of a recogniser'
        )
    return {task.name: task for task in tasks}


def class_activation(
    model: VideoModel, clips: Tensor, task: str, target: int | None = None, layer: str | None = None
) -> Activation:
    """Compute how much each position of a feature map contributes to a logit.

    Let A be the feature map and l the logit of a clip. The map is ``sum_c A_c * (dl / dA_c) * N`` over the N positions.
    For a linear layer on the average over all positions, this is exactly ``sum_c w_c A_c``, the class activation map of
    Zhou et al. (CVPR 2016). For earlier layers and for heads with a hidden layer (VCOP), it is the first-order
    contribution. This is gradient-weighted class activation mapping (Selvaraju et al., ICCV 2017) without its
    rectification.

    Args:
        model: Model in eval mode, with ``backbone`` and ``cls_head``.
        clips: Output of the data preprocessor, (V, C, T, H, W).
        task: One of :func:`head_tasks`.
        target: Class. None takes the most probable class of each clip.
        layer: Name of a module in the backbone, whose output is mapped. None takes the output of the backbone.

    Raises:
        InputError: If the task, class or layer does not exist, or the backbone returns no feature map.
    """
    tasks = head_tasks(model)
    if task not in tasks:
        raise InputError(f"task='{task}': the head tells {', '.join(tasks)}")
    kept: list[Tensor] = []
    token_pool = getattr(model.cls_head, 'token_pool', 'auto')

    def keep(_: nn.Module, __: object, output: Any) -> Any:
        fmap = feature_map(output, token_pool=token_pool, last_stage=True)
        kept.append(fmap)
        # The head must get the very tensor that the gradient is taken of. SlowFast's two maps are joined into a new one.
        return None if any(fmap is part for part in tree_leaves(output)) else fmap

    handle = _module(model.backbone, layer).register_forward_hook(keep)
    try:
        with torch.enable_grad():
            feats = model.backbone(clips.detach().clone().requires_grad_())
            if (neck := head_neck(model)) is not None:
                feats, _ = neck(feats)
            output = model.cls_head(feats)
    finally:
        handle.remove()
    logits = task_outputs(output, tuple(tasks.values()), model.cls_head)[task]
    if target is not None and not 0 <= target < logits.shape[1]:
        raise InputError(f'target={target}: {task} has the classes 0 to {logits.shape[1] - 1}')
    chosen = logits.argmax(1) if target is None else torch.full((len(logits),), target, device=logits.device)
    gradient = torch.autograd.grad(logits.gather(1, chosen[:, None]).sum(), kept[-1])[0]
    fmap, gradient = (_of_clips(part, len(clips)) for part in (kept[-1], gradient))
    if fmap.ndim != 5:
        raise InputError(
            f'{type(model.backbone).__name__} yields {tuple(fmap.shape)} at this layer, no map (B, C, T, H, W) over time '
            "and space (MViT's is behind model.cls_head.token_pool='patch')"
        )
    maps = (fmap * gradient).sum(1) * fmap[0, 0].numel()
    return Activation(maps.detach().float(), logits.detach().float(), chosen)


def draw_activations(
    model: VideoModel,
    videos: VideoInput,
    out_dir: str | Path,
    *,
    task: str | None = None,
    target: int | None = None,
    layer: str | None = None,
    question: str = 'task',
    num_clips: int = 1,
) -> list[Path]:
    """Draw one PNG per video (see :func:`as_samples`): its frames, the map over them, and the map's course over time.
    Return the paths.

    ``task`` None takes the first of :func:`head_tasks`; ``target`` and ``layer`` are those of :func:`class_activation`,
    ``question`` that of :func:`inference_pipeline`, and ``num_clips`` is for 'as_is'.

    Raises:
        InputError: See :func:`class_activation`. Also if the folder cannot be written to, or a video cannot be read.
    """
    task = next(iter(head_tasks(model))) if task is None else task
    check_question(model, question)
    folder = make_folder(out_dir)
    pipeline = inference_pipeline(model.cfg, question, num_clips)
    written: list[Path] = []
    for data in prepared(numbered(as_samples(videos)), pipeline):
        rows, title = _rows(model, pipeline, data, task, target, layer)
        name = file_stem(str(data['data_samples'].get('filename', 'array')))
        written.append(draw_activation(rows, folder / f'{len(written):04d}_{name}_{task}.png', title))
    return written


def _rows(
    model: VideoModel, pipeline: Compose, data: dict[str, Any], task: str, target: int | None, layer: str | None
) -> tuple[list[ActivationClip], str]:
    if data['inputs'].ndim != 5:
        raise InputError(
            f'{type(model).__name__} takes single frames {tuple(data["inputs"].shape)}, and a map over a clip needs clips: set '
            "FormatShape to input_format='NCTHW' and take auxskd_mm.FrameRecognizer"
        )
    batch = model.data_preprocessor(pseudo_collate([data]), False)
    clips = batch['inputs'].flatten(0, 1)
    found = class_activation(model, clips, task, target, layer)
    names = class_names(model.cfg, head_tasks(model)[task], found.logits.shape[1])
    sample = data['data_samples']
    value_range = getattr(model.data_preprocessor, 'value_range', None)
    frames = as_pictures(data['inputs'].permute(0, 2, 3, 4, 1).numpy(), value_range)
    if any(getattr(step, 'channel_order', 'rgb') == 'bgr' for step in pipeline.transforms):
        frames = frames[..., ::-1]
    upsampled = F.interpolate(found.maps[:, None], size=clips.shape[2:], mode='trilinear', align_corners=False)[:, 0]
    shown = shown_clips(pipeline.transforms, dict(sample.all_items()), len(frames), frames.shape[1])
    numbers = of_views(sample.get('frame_inds'), *frames.shape[:2])
    rows = []
    for view, clip in enumerate(shown):
        row = min(view, len(found.logits) - 1)
        best = int(found.chosen[row])
        share = float(found.logits[row].softmax(0)[best])
        caption = f'{clip.caption}; explained: {task} {names[best]} (probability {share:.2f})'
        rows.append(
            ActivationClip(
                frames[view], numbers[view].tolist(), clip.paced.tolist(), caption, upsampled[view].cpu().numpy()
            )
        )
    size = ' x '.join(map(str, found.maps.shape[1:]))
    return (
        rows,
        f'{Path(str(sample.get("filename", "array"))).name}: contributions of a {size} map (time, height, width)',
    )


def _module(backbone: nn.Module, layer: str | None) -> nn.Module:
    if layer is None:
        return backbone
    modules: dict[str, nn.Module] = dict(backbone.named_modules())
    if layer not in modules or not layer:
        known: Sequence[str] = [name for name in modules if name and '.' not in name]
        raise InputError(f"layer='{layer}': the backbone has {', '.join(known)}, and what is within them")
    return modules[layer]


def _of_clips(fmap: Tensor, clips: int) -> Tensor:
    """Reshape a map of frames (V * T', C, H', W') of a 2-D network to (V, C, T', H', W'). Other maps do not change."""
    if fmap.ndim == 4 and len(fmap) > clips and len(fmap) % clips == 0:
        return fmap.unflatten(0, (clips, -1)).transpose(1, 2)
    return fmap
