"""Samples of a data set as decoded, and as the network receives them."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import cv2
import numpy as np
import torch
from mmaction.models.data_preprocessors import ActionDataPreprocessor

from ..datasets.transforms.captions import shown_clips, wrap_note
from ..errors import InputError, VideoReadError, check_least
from ..functional.pixels import as_pictures
from ..random_state import untouched_random_state
from .clip_sheet import SheetClip

if TYPE_CHECKING:
    from mmengine.dataset import BaseDataset
    from mmengine.model import BaseDataPreprocessor
    from torch.utils.data import Dataset

# Vermilion of the Okabe-Ito palette, RGB.
BOX = (213, 94, 0)
STAGES = {'decoded': 'decoded', 'input': 'network input'}
# Of more, the first dimension after the views is no longer that of the channels.
_MOST_CHANNELS = 512
_BROKEN_AT_MOST = 50  # unreadable videos before giving up


class SeenClip(NamedTuple):
    """A clip before and after augmentation.

    Attributes:
        caption: The drawn labels in words; see :meth:`PretextSampler.shown_clips`.
        numbers: Frame numbers in the video, int (T,).
        paced: Frames that do not play at the video's own pace, bool (T,).
        frames: For each stage of ``STAGES``, uint8 RGB frames (T, H, W, 3).
    """

    caption: str
    numbers: np.ndarray
    paced: np.ndarray
    frames: dict[str, np.ndarray]


class SeenSample(NamedTuple):
    """The clips of one video that a model receives."""

    filename: str
    clips: list[SeenClip]


def see_samples(
    dataset: Dataset,
    number: int,
    preprocessor: BaseDataPreprocessor | None = None,
    *,
    training: bool = True,
    seed: int = 0,
) -> list[SeenSample]:
    """Run random videos of a data set through its pipeline and the model's data preprocessor.

    The function has no side effects. Random streams, the data set's record of bad videos and the preprocessor keep
    their state.

    Args:
        dataset: Data set of this package or of MMAction2, also within MMEngine's wrappers. For a concatenated data set,
            its first part is used.
        number: Number of videos.
        preprocessor: The model's ``data_preprocessor``. Its jitter is applied, its normalisation is undone for the
            picture, and its blending of a batch is left out. None, or a preprocessor of another kind than MMAction2's,
            is not applied.
        training: Whether the preprocessor augments.
        seed: Seed of the choice of videos and of all draws.

    Returns:
        Up to ``number`` samples. Unreadable videos are skipped.

    Raises:
        InputError: If nothing can be read, or the pipeline makes no clips.
    """
    check_least('', number=number)
    check_least('', 0, seed=seed)
    inner = inner_dataset(dataset)
    prepared = _own(preprocessor)
    with untouched_random_state():
        random.seed(seed)
        np.random.seed(seed)
        torch.manual_seed(seed)
        found: list[SeenSample] = []
        broken: list[Exception] = []
        for i in np.random.permutation(len(inner)).tolist():
            try:
                found.append(_see(inner, i, prepared, training))
            except (VideoReadError, OSError) as error:
                broken.append(error)
            if len(found) == number or len(broken) == _BROKEN_AT_MOST:
                break
    if not found:
        raise broken[0] if broken else InputError('the data set has no samples to show')
    return found


def inner_dataset(dataset: Dataset) -> Any:
    """The data set inside MMEngine's wrappers.

    Raises:
        InputError: If the data set has no pipeline.
    """
    while not hasattr(dataset, 'pipeline'):
        inner = getattr(dataset, 'dataset', None) or next(iter(getattr(dataset, 'datasets', ())), None)
        if inner is None:
            raise InputError(f'{type(dataset).__name__} has no pipeline whose clips could be shown')
        dataset = inner
    return dataset


def _own(preprocessor: BaseDataPreprocessor | None) -> Any:
    if not isinstance(preprocessor, ActionDataPreprocessor):
        return None
    own = copy.deepcopy(preprocessor)
    own.blending = None
    return own


def _see(dataset: BaseDataset, index: int, preprocessor: ActionDataPreprocessor | None, training: bool) -> SeenSample:
    steps = [step for step in dataset.pipeline.transforms if not type(step).__name__.startswith('Pack')]
    results = dataset.get_data_info(index)
    results['test_mode'] = getattr(dataset, 'test_mode', False)
    decoded: np.ndarray | None = None
    for step in steps:
        results = step(results)
        if results is None:
            raise VideoReadError(f'sample {index}', f'{type(step).__name__} dropped it')
        if (decoded is None or type(step).__name__ == 'BlendFrames') and 'imgs' in results:
            decoded = as_pictures(np.stack(list(results['imgs'])), getattr(preprocessor, 'value_range', None)).copy()
    if decoded is None or 'frame_inds' not in results:
        raise InputError('the pipeline decodes no frames: there are no clips to show')
    views = _views(np.asarray(results['imgs']), preprocessor, training, np.asarray(results['frame_inds']).size)
    if _bgr(steps):
        decoded = decoded[..., ::-1]
        # A preprocessor that turns BGR round has done so.
        views = views if getattr(preprocessor, 'to_rgb', False) else views[..., ::-1]
    return SeenSample(str(results.get('filename', '')), list(_clips(steps, results, decoded, views)))


def _clips(steps: Sequence[Any], results: dict, decoded: np.ndarray, views: np.ndarray) -> Iterator[SeenClip]:
    length = views.shape[1]
    numbers = np.asarray(results['frame_inds']).reshape(-1, length)
    box, note = results.get('motion_box'), ''
    if box is not None:
        decoded = np.stack([_with_box(frame, box) for frame in decoded])
        note = f', motion crop {box[2] - box[0]}x{box[3] - box[1]} at ({box[0]}, {box[1]})'
    before = decoded.reshape(len(numbers), length, *decoded.shape[1:])
    for shown in shown_clips(steps, results, len(views), length):
        # Several crops of a clip follow each other as whole rounds of all clips.
        own, taken = shown.view % len(numbers), shown.positions
        frames = dict(decoded=before[own][taken], input=views[shown.view][taken])
        named = numbers[own][taken]
        yield SeenClip(shown.caption + wrap_note(named) + note, named, shown.paced, frames)


def _with_box(frame: np.ndarray, box: tuple[int, int, int, int]) -> np.ndarray:
    """A copy of a frame with the border of a box."""
    marked = np.ascontiguousarray(frame)
    thick = max(1, round(min(frame.shape[:2]) / 100))
    cv2.rectangle(marked, (box[0], box[1]), (box[2] - 1, box[3] - 1), BOX, thick)
    return marked


def see_batch(
    data_batch: Mapping[str, Any], dataset: Dataset, number: int, preprocessor: BaseDataPreprocessor | None = None
) -> list[SeenSample]:
    """Clips of a training batch as the data preprocessor returns them. A copy of the preprocessor makes its own draws.

    Args:
        data_batch: Collated ``inputs`` and ``data_samples`` before the preprocessor. The inputs of a sample are a
            tensor (V, C, T, H, W), or (N, C, H, W) for one view. The batch is not changed.
        dataset: Data set of the batch. Its sampler gives the meaning of the labels.
        number: Number of samples to take from the start of the batch.
        preprocessor: See :func:`see_samples`.

    Returns:
        Up to ``number`` samples with the stage 'input' alone. If the pipeline does not pack ``frame_inds``, the frames
        are numbered within the clip.

    Raises:
        InputError: If the inputs are not RGB clips.
    """
    steps = inner_dataset(dataset).pipeline.transforms
    prepared = _own(preprocessor)
    swap = _bgr(steps) and not getattr(preprocessor, 'to_rgb', False)
    found = []
    with untouched_random_state():
        for inputs, sample in list(zip(data_batch['inputs'], data_batch['data_samples']))[:number]:
            results = dict(sample.all_items())
            count = np.asarray(results.get('frame_inds', ())).size
            views = _views(inputs.cpu().numpy(), prepared, True, count)
            views = views[..., ::-1] if swap else views
            found.append(SeenSample(str(results.get('filename', '')), _packed_clips(steps, results, views)))
    return found


def _packed_clips(steps: Sequence[Any], results: dict, views: np.ndarray) -> list[SeenClip]:
    count, length = views.shape[:2]
    numbers = np.asarray(results.get('frame_inds', np.arange(length))).reshape(-1, length)
    found = []
    for clip in shown_clips(steps, results, count, length):
        named = numbers[clip.view % len(numbers)][clip.positions]
        frames = dict(input=views[clip.view][clip.positions])
        found.append(SeenClip(clip.caption + wrap_note(named), named, clip.paced, frames))
    return found


def _views(imgs: np.ndarray, preprocessor: Any, training: bool, count: int) -> np.ndarray:
    """Views uint8 (V, T, H, W, 3) as the preprocessor returns them, without normalisation.

    One channel is shown grey, and of more than three the first three. Other types than uint8 are shown on the scale from
    0 to 255 that ``value_range`` of the preprocessor gives them.

    Args:
        imgs: Output of FormatShape: (V, C, T, H, W), or (N, C, H, W) for one view, or for several crops one after the other.
        preprocessor: The preprocessor, or None.
        training: See :func:`see_samples`.
        count: Number of frames that were sampled, 0 if it is unknown.
    """
    if imgs.ndim not in (4, 5) or imgs.shape[1] > _MOST_CHANNELS:
        raise InputError(
            f'clips of shape {imgs.shape}: to be shown they must be RGB or of other channels; set FormatShape to '
            "input_format='NCTHW'"
        )
    if preprocessor is None and imgs.dtype != np.uint8:
        return _by_view(as_pictures(np.moveaxis(imgs, 1, -1)), count)
    clips = torch.from_numpy(np.ascontiguousarray(imgs))
    if preprocessor is not None:
        clips, _ = preprocessor.preprocess([preprocessor.cast_data(clips)], None, training)
        clips = clips.flatten(0, 1) if clips.ndim > imgs.ndim else clips
        if preprocessor._enable_normalize:
            shape = (1, -1) + (1,) * (imgs.ndim - 2)
            clips = clips * preprocessor.std.view(shape) + preprocessor.mean.view(shape)
    pixels = clips.float().round().clamp(0, 255).to(torch.uint8).movedim(1, -1).cpu().numpy()
    return _by_view(as_pictures(pixels), count)


def _by_view(pictures: np.ndarray, count: int) -> np.ndarray:
    """Pictures (V, T, H, W, 3) of (N, H, W, 3): each crop of all the sampled frames is a view."""
    if pictures.ndim == 5:
        return pictures
    length = count if count and len(pictures) % count == 0 else len(pictures)
    return pictures.reshape(-1, length, *pictures.shape[1:])


def _bgr(steps: Sequence[Any]) -> bool:
    return any(getattr(step, 'channel_order', 'rgb') == 'bgr' for step in steps)


def sheet_rows(samples: Sequence[SeenSample], stages: Sequence[str] = tuple(STAGES)) -> list[SheetClip]:
    """Rows of a sheet, one per clip and stage.

    Raises:
        InputError: For an unknown stage.
    """
    unknown = [stage for stage in stages if stage not in STAGES]
    if unknown or not stages:
        raise InputError(f'stages={list(stages)}: expected {" and ".join(STAGES)}')
    return [
        SheetClip(
            clip.frames[stage],
            clip.numbers.tolist(),
            clip.paced.tolist(),
            f'{clip.caption}, {STAGES[stage]}   {Path(sample.filename).name}',
        )
        for sample in samples
        for clip in sample.clips
        for stage in stages
    ]
