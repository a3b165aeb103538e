"""Features of a data loader's videos by a model's backbone. The model and the random streams keep their state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain, zip_longest
from typing import TYPE_CHECKING, Any, NamedTuple, TextIO

import numpy as np
import torch
from mmengine.dist import all_gather_object
from torch import Tensor
from torch.utils.data import DataLoader

from ..errors import InputError
from ..models.backbones.frames import take_clips, takes_frames
from ..models.modules.evaluating import evaluating
from ..models.modules.protocol_pooling import pool_for_protocol, stage_widths
from ..random_state import untouched_random_state
from ..workers import progress_bar
from .feature_bank import FeatureBank

if TYPE_CHECKING:
    from mmaction.structures import ActionDataSample

    from ..typing import DataBatch, Features, VideoModel


class ClipFeatures(NamedTuple):
    """The features of one video.

    Attributes:
        name: Path of the video.
        label: Class, -1 if unknown.
        feature: Mean over the clips of the video, float32 (D,).
        clips: Number of clips.
        pooling: Pooling of the feature map of each clip.
        widths: Channels of each stage, with the pooling 'stages'.
    """

    name: str
    label: int
    feature: np.ndarray
    clips: int
    pooling: str
    widths: Sequence[int] = ()


def clip_features(
    sample: ActionDataSample | Mapping[str, Any], features: Tensor, pooling: str, widths: Sequence[int] = ()
) -> ClipFeatures | None:
    """The pooled features (V, D) of one video's clips, with what its data sample (or the dict of it) says. None if the
    sample replaces an unreadable video.

    ``widths`` are the channels of each stage, with the pooling 'stages'.

    Raises:
        InputError: If the sample does not say which video it is.
    """
    if sample.get('replacement'):
        return None
    name = sample.get('filename')
    if name is None:
        raise InputError("samples without a filename: add it to PackActionInputs, meta_keys=('filename', ...)")
    label = sample.get('gt_label')
    number = -1 if label is None else int(label.reshape(-1)[0])
    return ClipFeatures(str(name), number, features.float().mean(0).cpu().numpy(), len(features), pooling, widths)


def make_bank(rows: list[ClipFeatures]) -> FeatureBank:
    """Bank of rows. If a video has several rows (padding of distributed samplers), the first one counts.

    Raises:
        InputError: If videos differ in pooling, number of clips or the dimension D of the features.
    """
    by_name: dict[str, ClipFeatures] = {}
    for row in rows:
        by_name.setdefault(row.name, row)
    first = list(by_name.values())
    kinds = sorted({(row.pooling, row.clips, len(row.feature), *row.widths) for row in first})
    if len(kinds) > 1:
        raise InputError(f'features of several kinds (pooling, clips, width): {kinds}; use one pipeline for all videos')
    if not first:
        return FeatureBank(np.zeros((0, 0), np.float32), np.zeros(0, np.int64), [])
    pooling, clips, _, *widths = kinds[0]
    return FeatureBank(
        np.stack([row.feature for row in first]).astype(np.float32),
        np.asarray([row.label for row in first], dtype=np.int64),
        [row.name for row in first],
        dict(pooling=pooling, clips=clips, **(dict(widths=widths) if widths else {})),
    )


def backbone_output(model: VideoModel, batch: DataBatch) -> tuple[Features, Sequence[ActionDataSample]]:
    """What the backbone yields for the B * V clips of a batch, and the B data samples.

    Args:
        model: Any model with ``data_preprocessor`` and ``backbone``, not wrapped.
        batch: Batch of a loader whose inputs are clips (V, C, T, H, W).

    Raises:
        InputError: If the inputs are not clips.
    """
    data = model.data_preprocessor(batch, False)
    inputs, samples = data['inputs'], data['data_samples']
    if inputs.ndim != 6:
        raise InputError(
            f"features need clips (B, V, C, T, H, W), got {tuple(inputs.shape)}: set FormatShape to input_format='NCTHW'"
        )
    return model.backbone(inputs.flatten(0, 1)), samples


@torch.no_grad()
def extract_bank(
    model: VideoModel, loader: DataLoader, pooling: str = 'average', progress: TextIO | None = None
) -> FeatureBank:
    """Features of all videos of a loader. The feature of a video is the mean over its clips.

    Every rank extracts its share, and all ranks receive the whole bank. The backbone runs in eval mode. Afterwards
    every module has its earlier mode again, and the random streams of training have their earlier state.

    Args:
        model: Any model with ``data_preprocessor`` and ``backbone``, not wrapped.
        loader: Loader that yields inputs (V, C, T, H, W) and data samples with ``filename`` and, if known,
            ``gt_label``.
        pooling: See :func:`pool_for_protocol`.
        progress: Stream for a bar with the time left. None shows no bar.

    Raises:
        InputError: If the inputs are not clips, or a sample has no file name.
    """
    rows: list[ClipFeatures | None] = []
    if takes_frames(model.backbone):
        take_clips(model.backbone)  # a stock config's TSN or TSM; its own frames still go through
    total = len(loader.sampler) if progress is not None else 0  # type: ignore[arg-type]  # MMEngine gives it a length
    bar = progress_bar(total, progress)
    with bar, evaluating(model.backbone), untouched_random_state():
        for batch in loader:
            feats, samples = backbone_output(model, batch)
            features, widths = pool_for_protocol(feats, pooling), stage_widths(feats) if pooling == 'stages' else ()
            features = features.view(len(samples), -1, features.shape[1])
            rows += [clip_features(sample, own, pooling, widths) for sample, own in zip(samples, features)]
            bar.update(len(samples))
    shares = all_gather_object(rows)
    # Samplers deal the samples round; taking them in turn restores the order of the data set.
    return make_bank([row for row in chain.from_iterable(zip_longest(*shares)) if row is not None])
