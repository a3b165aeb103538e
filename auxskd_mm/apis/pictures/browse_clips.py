"""Draws the model's input under a config, as a picture, an animation or a page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmengine.config import Config

from ...config.parts import loader_of
from ...config.pipelines import data_sets, takes_source
from ...datasets.transforms.captions import GOES_ROUND
from ...errors import InputError
from ...files import check_writable
from ...launch.trunk_weights import check_trunk_weights
from ...registry import DATASETS, MODELS
from ...visualization.clip_animation import animate, write_animation
from ...visualization.clip_gallery import write_gallery
from ...visualization.clip_sheet import draw_clip_sheet
from ...visualization.seen_clips import STAGES, SeenSample, see_samples, sheet_rows

SUFFIXES = ('.png', '.gif', '.mp4', '.html')


def browse_clips(
    config: Config,
    out: str | Path,
    *,
    split: str = 'train',
    number: int = 6,
    seed: int = 0,
    before: bool = False,
) -> Path:
    """Draw random samples of a config's data set as the network gets them.

    Args:
        config: Config with a ``<split>_dataloader``, of any method of this package or of MMAction2.
        out: File to write: .png (sheet), .gif or .mp4 (playing), .html (gallery).
        split: 'train', 'val' or 'test'.
        number: Number of videos.
        seed: Seed for the choice of the videos and for the random draws of their pipelines.
        before: Also show each clip as decoded, before augmentation.

    Returns:
        Path of the written file.

    Raises:
        InputError: If the config has no such loader, nothing can be read, or ``out`` cannot be written.
    """
    check_out(out)
    return write_clips(see_config(config, split=split, number=number, seed=seed), out, config, split, before=before)


def check_out(out: str | Path) -> None:
    """Refuse, before the work, outputs that could not be written after it.

    Raises:
        InputError: For another suffix, or a place that cannot be written to.
    """
    if Path(out).suffix not in SUFFIXES:
        raise InputError(f'{out}: expected a file that ends in {", ".join(SUFFIXES)}')
    check_writable(out)


def see_config(config: Config, *, split: str = 'train', number: int = 6, seed: int = 0) -> list[SeenSample]:
    """Samples of a config's data set; arguments as of :func:`browse_clips`."""
    loader = loader_of(config, split)
    dataset = DATASETS.build(loader['dataset'])
    check_trunk_weights(dataset)
    preprocessor = (config.get('model') or {}).get('data_preprocessor') or config.get('data_preprocessor')
    return see_samples(
        dataset,
        number,
        None if preprocessor is None else MODELS.build(dict(preprocessor, blending=None)),
        training=split == 'train',
        seed=seed,
    )


def take_videos(config: Config, videos: str, split: str = 'train') -> None:
    """Let a config's data set read other videos.

    Raises:
        InputError: If it is not an ``UnlabeledVideoDataset``.
    """
    found: list[Any] = [dataset for _, dataset in data_sets(config.get(f'{split}_dataloader'))]
    if len(found) != 1 or not takes_source(found[0]):
        raise InputError(f'--videos: {split}_dataloader.dataset is no UnlabeledVideoDataset; use --cfg-options')
    found[0].update(source=videos, data_prefix='')


def write_clips(
    samples: Sequence[SeenSample],
    out: str | Path,
    config: Config,
    split: str = 'train',
    *,
    before: bool = False,
) -> Path:
    """Write samples of :func:`see_config` as the suffix of ``out`` asks."""
    stages = tuple(STAGES) if before else ('input',)
    rows = sheet_rows(samples, stages)
    facts = _facts(samples)
    suffix = Path(out).suffix
    if suffix == '.png':
        return draw_clip_sheet(rows, out, f'{_title(config, split)}. {facts}')
    if suffix == '.html':
        return write_gallery(samples, out, _title(config, split), [facts, _model(config)], stages)
    return write_animation(animate(rows, columns=2), out)


def wrap_warning(samples: Sequence[SeenSample]) -> str | None:
    """Return a line about clips that wrap around in their video. None if there is no such clip."""
    clips = [clip for sample in samples for clip in sample.clips]
    count = sum(GOES_ROUND in clip.caption for clip in clips)
    if not count:
        return None
    return (
        f'{count} of {len(clips)} clips go round in their video, which ends before the clip does; their labels are partly '
        "artefacts. Lower the sampler's clip_len or speeds, or set mode='fit' where videos are long enough"
    )


def _facts(samples: Sequence[SeenSample]) -> str:
    paced = any(clip.paced.any() for sample in samples for clip in sample.clips)
    return f'Frame numbers below{"; thick frames play at another pace" if paced else ""}. Colours before normalisation.'


def _title(config: Config, split: str) -> str:
    return f'{Path(config.filename or "config").name}, {"training" if split == "train" else split} clips'


def _model(config: Config) -> str:
    model: Any = config.get('model') or {}
    head = (model.get('cls_head') or {}).get('type', '')
    return f'Model: {model.get("type", "none")}' + (f' with {head}' if head else '')
