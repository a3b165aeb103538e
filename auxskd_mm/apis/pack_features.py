"""Packing the feature maps of videos into a store."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from ..datasets.packing.estimate import estimate_features, estimate_table
from ..datasets.packing.pack import default_workers, pack_videos
from ..datasets.stores import SourceVideo, Store
from ..datasets.stores.feature_settings import FeatureSettings, is_of_trunk
from ..datasets.stores.settings import SETTINGS_FILE
from ..files import read_record
from .feature_trunk import FeatureExtractor, Trunk, TrunkSpec, build_trunk


def pack_features(
    out: str | Path,
    videos: Sequence[SourceVideo],
    trunk: TrunkSpec,
    *,
    variants: int = 1,
    flip: bool = True,
    crop: float = 1.0,
    jitter: Sequence[float] = (0.0, 0.0, 0.0, 0.0),
    workers: int | None = None,
    max_bad_share: float = 0.1,
    progress: TextIO | None = None,
    screen: TextIO | None = None,
    estimate_only: bool = False,
) -> Store | None:
    """Write a store of feature maps, or only what is missing of it.

    Args:
        out: Output folder.
        videos: Videos to pack.
        trunk: The trunk, its stage and grid.
        variants: Variants per frame, see :class:`FeatureSettings`.
        flip: Whether the odd variants are mirrored.
        crop: Smallest side of the crops of the variants from 1 on, as a share of the frame.
        jitter: Strengths of brightness, contrast, saturation and hue of the variants from 1 on.
        workers: Number of processes on the CPU. None takes one per core. An accelerator is used by one process.
        max_bad_share: See :func:`pack_videos`.
        progress: See :func:`pack_videos`.
        screen: Stream for the trunk and the estimate of size and time. None estimates nothing.
        estimate_only: Whether to stop after the estimate.

    Returns:
        The store. None after ``estimate_only``.

    Raises:
        InputError: See :class:`Trunk`, :func:`estimate_features` and :func:`pack_videos`.
    """
    processes = 1 if trunk.device != 'cpu' else default_workers() if workers is None else workers
    settings = build_trunk(trunk).settings(variants=variants, flip=flip, crop=crop, jitter=tuple(jitter))
    settings = _continued(Path(out), settings, build_trunk(trunk))
    extract = FeatureExtractor(trunk, threads=1 if processes > 1 else None)
    if screen is not None:
        print(f'{settings.describe()}; name it in configs by trunk={settings.trunk!r}', file=screen)
        print(f'{len(videos)} videos, estimated from a few of them with {processes} process(es):', file=screen)
        estimate = estimate_features(videos, settings, extract, workers=processes)
        print(estimate_table([estimate], settings.layout), file=screen, flush=True)
    if estimate_only:
        return None
    return pack_videos(
        out, videos, settings, workers=processes, max_bad_share=max_bad_share, progress=progress, extract=extract
    )


def _continued(out: Path, settings: FeatureSettings, trunk: Trunk) -> FeatureSettings:
    """The settings with the trunk as a store that is there names it, if it is of this trunk: its weights may lie elsewhere now."""
    held = read_record(out / SETTINGS_FILE)
    before = settings._replace(
        **{key: held.get(key, getattr(settings, key)) for key in ('trunk', 'backbone', 'preparation')}
    )
    same = is_of_trunk(before, trunk.backbone, trunk.preparation, trunk.digest)
    return before if same else settings
