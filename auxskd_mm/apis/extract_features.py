"""Features of videos by a pretrained backbone, for use outside this package."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.logging import print_log
from torch import nn
from torch.utils.data import DataLoader

from ..config.feature_pipeline import feature_pipeline
from ..datasets.preparation.labeled_list import write_lines
from ..datasets.recordings.expand import WHOLE, Windows
from ..datasets.video_list import UnlabeledVideoDataset
from ..errors import InputError, check_least
from ..evaluation.feature_bank import FeatureBank
from ..evaluation.feature_extraction import extract_bank
from ..files import WholeFile
from ..launch.trunk_weights import check_trunk_weights
from ..registry import use_scope
from ..texts import printable, write_text
from ..weight_hash import weights_digest
from ..workers import check_workers
from .inference import init_model

if TYPE_CHECKING:
    from ..typing import VideoModel

SUFFIXES = ('.npy', '.npz', '.parquet')


def extract_features(
    config: str | Config | VideoModel,
    checkpoint: str | None = None,
    videos: str | Sequence[str] = (),
    *,
    num_clips: int = 10,
    pooling: str = 'average',
    pipeline: Sequence[dict[str, Any]] | None = None,
    data_prefix: str = '',
    batch_size: int = 4,
    num_workers: int = 2,
    device: str | None = None,
    seed: int = 0,
    windows: Windows = WHOLE,
) -> FeatureBank:
    """Extract one feature per video: the mean of the backbone's pooled output over evenly spread clips.

    Args:
        config: Any config of this package or of MMAction2 whose model has a ``backbone``: pretraining or recognition. Or
            a model of :func:`init_model`: ``extract_features(model, videos=...)``.
        checkpoint: Weights for the config. The file must hold every tensor of the backbone. None draws random weights
            from ``seed``, as a training from scratch does.
        videos: A folder, a glob, a list file, video files, or several of them; see :class:`UnlabeledVideoDataset`.
        num_clips: Clips per video.
        pooling: See :func:`pool_for_protocol`.
        pipeline: Transforms that follow ``filename``. None takes them from the config; see :func:`feature_pipeline`.
        data_prefix: Folder that the names in a list are relative to.
        batch_size: Videos per batch.
        num_workers: Number of processes that decode.
        device: Device of a model that is built here. None takes the accelerator if there is one. A given model stays
            on its device.
        seed: Seed of random weights.
        windows: How recordings are divided. Each window is a video.

    Returns:
        Features (N, D) with the names, the protocol, and labels if a list gives them. The protocol holds a digest of
        the weights, so a comparison refuses banks of different networks. A video that cannot be read is named in the
        log and left out.

    Raises:
        InputError: For a config, checkpoint, or videos that cannot be used.
    """
    check_least('', batch_size=batch_size)
    check_least('', 0, num_workers=num_workers)
    if isinstance(config, nn.Module):
        if checkpoint is not None:
            raise InputError('extract_features: a model has its weights; leave checkpoint out and name videos=...')
        model, config = config, config.cfg
        checkpoint = getattr(model, 'checkpoint', None)
    else:
        model = init_model(config, checkpoint, device, require='backbone', seed=seed)
        config = model.cfg
    use_scope(config)
    steps = feature_pipeline(config, num_clips) if pipeline is None else list(pipeline)
    dataset = UnlabeledVideoDataset(videos, data_prefix, pipeline=steps, test_mode=True, **windows.of_data_set)
    check_trunk_weights(dataset)
    loader = DataLoader(dataset, batch_size, num_workers=num_workers, collate_fn=pseudo_collate)
    check_workers(loader)
    bank = extract_bank(model, loader, pooling, sys.stderr)
    bad = dataset.bad_videos()
    if bad:
        print_log(f'{len(bad)} of {len(dataset)} videos could not be read and are left out', logger='current')
    protocol = dict(
        config=Path(config.filename or '').name,
        checkpoint=checkpoint,
        weights=weights_digest(model.backbone.state_dict()),
        sampler=_sampler(steps),
    )
    return FeatureBank(bank.features, bank.labels, bank.names, {**bank.protocol, **protocol})


def check_feature_path(path: str | Path) -> None:
    """Refuse a file that :func:`write_features` could not write, before the work and not after it.

    Raises:
        InputError: For another suffix, or ``.parquet`` without pyarrow.
    """
    suffix = Path(path).suffix
    if suffix not in SUFFIXES:
        raise InputError(f'{path}: expected a file that ends in {", ".join(SUFFIXES)}')
    if suffix == '.parquet':
        try:
            importlib.import_module('pyarrow.parquet')
        except ImportError:
            raise InputError(f'{path}: pyarrow is not installed; run `pip install pyarrow` or write .npy') from None


def write_features(path: str | Path, bank: FeatureBank) -> None:
    """Write features where other programs read them.

    Args:
        path: The suffix chooses the format. ``.npy`` holds the array alone; ``<stem>.txt`` beside it has the names, one
            line per row. ``.npz`` holds a :class:`FeatureBank`. ``.parquet`` has the columns name, label and feature.
            The protocol goes into ``<stem>.json``.
        bank: Features to write.

    Raises:
        InputError: See :func:`check_feature_path`. For ``.npy`` also if a name holds a line break; the array is there then.
    """
    check_feature_path(path)
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == '.npz':
        bank.save(path)
    elif path.suffix == '.npy':
        with WholeFile(path) as whole:
            np.save(whole.file, bank.features)
        write_lines(path.with_suffix('.txt'), bank.names)
    else:
        arrow, parquet = importlib.import_module('pyarrow'), importlib.import_module('pyarrow.parquet')
        flat = arrow.array(bank.features.reshape(-1))
        columns = dict(
            name=arrow.array([printable(name) for name in bank.names]),  # UTF-8 alone
            label=arrow.array(bank.labels),
            feature=arrow.FixedSizeListArray.from_arrays(flat, bank.features.shape[1]),
        )
        with WholeFile(path) as whole:
            parquet.write_table(arrow.table(columns), whole.file)
    write_text(path.with_suffix('.json'), json.dumps(dict(bank.protocol, videos=len(bank)), indent=1) + '\n')


def _sampler(steps: Sequence[dict[str, Any]]) -> str:
    """The sampling step, as the protocol names it."""
    for step in steps:
        if 'clip_len' in step:
            return ', '.join(f'{key}={value}' for key, value in step.items())
    return 'unknown'
