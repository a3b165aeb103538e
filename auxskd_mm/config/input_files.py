"""Checks that the lists and folders of a config exist, before anything is built."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Sequence
from pathlib import PurePath

from mmengine.config import Config

from ..datasets.list_names import exists
from ..errors import InputError
from .pipelines import data_sets, takes_source

# The command that makes the data of a config, by a folder in its paths.
_MAKERS = {
    'motion_clips_slowing': 'make it with `python tools/data/make_motion_clips.py {folder} --slowing 8`',
    'motion_clips': 'make it with `python tools/data/make_motion_clips.py {folder}`',
    'ucf101': 'make it with `python tools/data/prepare_ucf101.py VIDEOS ANNOTATIONS {folder}`',
    'hmdb51': 'make it with `python tools/data/prepare_hmdb51.py VIDEOS ANNOTATIONS {folder}`',
    'kinetics100': 'make lists with `python tools/data/prepare_kinetics100.py TRAIN_VIDEOS {folder} --val VAL_VIDEOS`',
}
_OWN = 'make lists of your videos with `python tools/data/prepare_folder.py VIDEOS {folder}`'
_LIST_SUFFIXES = ('.txt', '.list', '.csv')


def check_lists(config: Config, parts: Sequence[str], prefix: str = '') -> None:
    """Refuse a config whose list files or folders of videos do not exist.

    Globs and addresses (``s3://...``) are not checked.

    Args:
        config: Config with its variables filled.
        parts: Loaders that will be built: 'train', 'val', 'test'. 'train' includes loaders within ``custom_hooks``
            (:class:`KNNHook`).
        prefix: Text before the key in the message, such as ``'vspp.'`` for a phase of a recipe.

    Raises:
        InputError: If a path is missing. The message names the first missing path, its key, and the command that makes
            the file.
    """
    tops = [f'{part}_dataloader' for part in parts] + ['custom_hooks'] * ('train' in parts)
    for top in tops:
        for key, path in asked_for(config.get(top), prefix + top):
            if '://' not in path and not exists(path):
                raise InputError(f'{path}: no such file or folder, but {key} asks for it; {_advice(key, path)}')


def asked_for(part: object, key: str) -> Iterator[tuple[str, str]]:
    """Key and path of everything that the data sets under a part of a config read."""
    for where, dataset in data_sets(part, key):
        path = dataset.get('ann_file')
        if isinstance(path, str) and path:
            yield f'{where}.ann_file', path if '://' in path else os.path.join(dataset.get('data_root') or '', path)
        if takes_source(dataset):
            source = dataset.get('source')
            several = [source] if isinstance(source, (str, os.PathLike)) else source or []
            yield from ((f'{where}.source', str(one)) for one in several if one and not glob.has_magic(str(one)))


def _advice(key: str, path: str) -> str:
    parts = PurePath(path).parts
    word = next((word for word in _MAKERS if word in parts), None)
    if word is not None:
        made = _MAKERS[word].format(folder=PurePath(*parts[: parts.index(word) + 1])) + ', or '
    else:
        made = _OWN.format(folder=PurePath(path).parent) + ', or ' if path.endswith(_LIST_SUFFIXES) else ''
    if key.endswith('.source'):
        return made + 'set that key to a folder of videos, a glob or a list file (--cfg-options)'
    return made + 'set that key to another list (--cfg-options)'
