"""UnlabeledVideoDataset: videos from a folder, a glob or a list. They need no labels."""

from __future__ import annotations

import glob
import logging
import os
from collections.abc import Callable, Sequence
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.dataset import BaseDataset
from mmengine.logging import print_log

from ..errors import InputError, VideoReadError, check_least
from ..functional import evenly_spread
from ..registry import DATASETS
from .feature_pipelines import check_feature_pipeline
from .list_formats import Entry, Probe, line_number, read_list
from .list_names import Locator, exists, length_of, sample_of
from .readers.limits import playlist_kind
from .readers.tiff_header import has_pages
from .recordings.expand import Windows, expand
from .recordings.names import recording_of
from .shared_decode import SharedDecode
from .short_videos import ShortVideos, clip_sampler, frames_spanned
from .stores import SourceVideo, is_store, open_store
from .suffixes import IMAGE_SUFFIXES, VIDEO_SUFFIXES
from .walk import Walk, find_by_glob, is_frame_folder, is_regular, walk_videos

_UNTRIED, _READ, _BAD = 0, 1, 2
# Opening a store should not wait for the disk of the original videos.
_SOURCES_LOOKED_AT = 100


@DATASETS.register_module()
class UnlabeledVideoDataset(BaseDataset):
    """Videos for pretraining.

    A sample starts as ``dict(filename=...)``, with ``total_frames`` and ``label`` where a list gives them. The pipeline
    then processes it. If a video cannot be read, the data set logs its path and the reason once and returns another
    sample instead. :class:`BadVideoHook` reports these videos at the end. Too many of them stop the run. In test mode
    the data sample of a replacement is marked (``replacement=True``). Metrics can then leave it out, so that no video
    counts twice.

    Args:
        source: A folder (searched recursively for videos and for folders of images), a training store (see
            :mod:`auxskd_mm.datasets.stores`), a glob, a list file (see :mod:`auxskd_mm.datasets.list_formats`), or
            several of them.
        data_prefix: Folder or training store, as a str or as MMAction2's ``dict(video=...)``. The names in a list are
            relative to it. The default is the folder of the list.
        pipeline: Transform configs, as in every MMEngine data set.
        list_format: Column layout of the list, or 'auto'.
        delimiter: Column separator of the list; None is white space.
        suffix: Suffix to append to the names of a list (``'.avi'``). '' takes the name itself, else the one file that has
            it and a video suffix. Several are refused. An array beside a video is not taken for it.
        repeat: Passes through the list per epoch (10 in VSPP and VideoPace). Each repetition is a sample of its own.
        max_bad_share: Largest tolerated share of unreadable videos. One unreadable video is always tolerated.
        window: Length in seconds of the windows that long recordings are divided into. Each window is a sample of its
            own, with a virtual path (:mod:`auxskd_mm.datasets.recordings`). The first use makes an index of each
            recording, and keeps it in a hidden folder beside the list. Windows in which no frame is shown, in a gap of a
            variable rate, are left out. A recording that is shorter stays whole. None leaves all recordings whole.
        stride: Seconds from the start of a window to that of the next one. Default: ``window``.
        split_at_cuts: True lets no window cross a cut of the scene (:func:`find_cuts`). Shots shorter than ``window`` are
            left out. It decodes each recording once.
        test_mode: True marks replacements, and seeded samplers draw the same clips every time.

    ``features`` holds the settings of the feature maps, where the videos are in a store of these. None for images.
    ``metainfo['class_names']`` holds the class names of each task that the pipeline's sampler draws labels for, and
    ``metainfo['unanswerable']`` the label of another task at which it has no answer (see
    :class:`~auxskd_mm.functional.tasks.Task`).

    Raises:
        InputError: If the source is missing or empty, the list cannot be understood, no file of it exists, a name of it may
            be several files, or a window does not lie in its recording.
    """

    METAINFO = dict(dataset_type='unlabeled_video')

    def __init__(
        self,
        source: str | os.PathLike | Sequence[str],
        data_prefix: str | dict = '',
        pipeline: Sequence[Any] = (),
        *,
        list_format: str = 'auto',
        delimiter: str | None = None,
        suffix: str = '',
        repeat: int = 1,
        max_bad_share: float = 0.1,
        window: float | None = None,
        stride: float | None = None,
        split_at_cuts: bool = False,
        test_mode: bool = False,
        **kwargs: Any,
    ) -> None:
        prefix = data_prefix.get('video', data_prefix.get('img', '')) if isinstance(data_prefix, dict) else data_prefix
        check_least('UnlabeledVideoDataset', repeat=repeat)
        if not 0 <= max_bad_share <= 1:
            raise InputError(f'UnlabeledVideoDataset.max_bad_share={max_bad_share}: expected a share in [0, 1]')
        self.sources = [os.fspath(source)] if isinstance(source, (str, os.PathLike)) else [os.fspath(s) for s in source]
        if not self.sources or not all(self.sources):
            raise InputError('UnlabeledVideoDataset.source is empty: give a folder, a glob or a list file of videos')
        self.prefix = os.fspath(prefix)
        self.list_format, self.delimiter, self.suffix = list_format, delimiter, suffix
        self.repeat, self.max_bad_share = repeat, max_bad_share
        self.windows = Windows(window, stride, split_at_cuts).check(type(self).__name__)
        super().__init__(pipeline=list(pipeline), test_mode=test_mode, **kwargs)
        self.clip_sampler = clip_sampler(self.pipeline.transforms)
        for step in self.pipeline.transforms:
            # For metrics: they see only the label, and the sampler's setting gives its meaning.
            for task in getattr(step, 'tasks', ()):
                self._metainfo.setdefault('class_names', {}).setdefault(task.name, task.class_names)
                self._metainfo.setdefault('unanswerable', {}).setdefault(task.name, task.unanswerable)

    # ------------------------------------------------------------------ what there is

    def load_data_list(self) -> list[dict]:
        """One dict per video, from every source."""
        return [sample for source in self.sources for sample in self._found(source)[1]]

    def source_videos(self) -> list[SourceVideo]:
        """The videos for :func:`pack_videos`. Each name is relative to the folder, list or glob of its source."""
        videos = []
        for source in self.sources:
            root, samples = self._found(source)
            for sample in samples:
                name = os.path.relpath(sample['filename'], root)
                if name.startswith('..'):
                    name = os.path.abspath(sample['filename']).lstrip('/')
                videos.append(SourceVideo(sample['filename'], name, sample.get('label', -1)))
        return videos

    def _found(self, source: str) -> tuple[str, list[dict]]:
        """The base folder of the names of a source, and the samples of the source."""
        root, samples, line_of = self._listed(source)
        folder = source if os.path.isdir(source) else os.path.dirname(os.path.abspath(source)) if line_of else root
        # Index of the listed video that each sample comes from.
        samples, self._listed_at = expand(
            samples, source, self.windows, folder=folder, source_fps=self._source_fps(), line_of=line_of
        )
        return root, samples

    def _source_fps(self) -> float | None:
        steps = self.pipeline.transforms if hasattr(self, 'pipeline') else ()
        return next((rate for rate in (getattr(step, 'source_fps', None) for step in steps) if rate), None)

    def _listed(self, source: str) -> tuple[str, list[dict], Callable[[int], int] | None]:
        """The base folder of the names of a source, its videos, and the line of each if it is a list."""
        if glob.has_magic(source) and not exists(source):
            found = find_by_glob(source)
            none = "the glob matches no video; quote it and use '**' to search folders"
            return os.path.dirname(source[: _first_magic(source)]) or '.', _samples_of(found, source, none), None
        if os.path.isdir(source):
            if is_store(source):
                return source, self._from_store(source), None
            if is_frame_folder(source):
                return os.path.dirname(os.path.abspath(source)), [dict(filename=source)], None
            none = f'no videos ({", ".join(VIDEO_SUFFIXES[:5])} ...) or frame folders in it'
            return source, _samples_of(walk_videos(source), source, none), None
        if _is_video(source) or (recording_of(source) != source and exists(source)):
            return os.path.dirname(source) or '.', [dict(filename=source)], None
        kind = playlist_kind(source) if is_regular(source) else ''
        if kind:
            raise InputError(
                f'{source}: {kind}, which names other files; give the videos, or a list file of their names'
            )
        line_of = partial(line_number, source, delimiter=self.delimiter)
        return self.prefix or str(Path(source).parent), self._from_list(source), line_of

    def _from_store(self, folder: str) -> list[dict]:
        store = open_store(folder)
        changed = store.changed_sources(most=_SOURCES_LOOKED_AT)
        if changed:
            print_log(
                f'{folder}: {len(changed)} of the {min(len(store), _SOURCES_LOOKED_AT)} videos looked at have changed '
                f'since they were packed, such as {changed[0]}; run tools/data/pack_videos.py again to bring them in',
                logger='current',
                level=logging.WARNING,
            )
        return store.samples()

    def _from_list(self, path: str) -> list[dict]:
        locate = Locator(self.prefix or str(Path(path).parent), self.suffix, path)
        entries, layout = self._read_list(path, lambda name: length_of(locate(name)))
        print_log(f"{path}: {len(entries)} videos, read as '{layout}'", logger='current')
        found = [sample_of(locate(entry.name), entry) for entry in entries]
        first = [sample['filename'] for sample in found[:20]]
        if not any(map(exists, first)):
            encoding = '' if first[0].isprintable() else ', and save the list as UTF-8 if the names are'
            raise InputError(
                f'{path}: none of its first {len(first)} videos exists (looked for {first[0]}); '
                f'set data_prefix to the folder that the names are relative to{encoding}'
            )
        return found

    def _read_list(self, path: str, probe: Probe) -> tuple[list[Entry], str]:
        return read_list(path, list_format=self.list_format, delimiter=self.delimiter, probe=probe)

    # ------------------------------------------------------------------ what is read

    def full_init(self) -> None:
        """Load the list. Allocate one shared byte per video, in which the loader's workers note its state."""
        if self._fully_initialized:
            return
        super().full_init()
        some = evenly_spread(super().__len__(), _SOURCES_LOOKED_AT)
        paths = [BaseDataset.get_data_info(self, i)['filename'] for i in some]
        self.features = check_feature_pipeline(self.pipeline.transforms, paths)
        self._status = torch.zeros(super().__len__(), dtype=torch.uint8).share_memory_()
        # Frames of each video that was read, below 0 where a clip spans more.
        self._frames = torch.zeros(super().__len__(), dtype=torch.int32).share_memory_()
        self._shared_decode = SharedDecode(self.pipeline.transforms)

    def __len__(self) -> int:
        return super().__len__() * self.repeat

    def get_data_info(self, idx: int) -> dict:
        """Sample dict of index ``idx`` in [0, len(self)), with the keys that MMAction2's transforms expect for a video file,
        unless ``load_data_list`` of a subclass gives these. ``sample_idx`` distinguishes repetitions.
        """
        idx = idx % len(self)
        info = super().get_data_info(idx % super().__len__())
        return {'modality': 'RGB', 'start_index': 0, **info, 'sample_idx': idx}

    def __getitem__(self, idx: int) -> Any:
        if not self._fully_initialized:
            self.full_init()
        videos = super().__len__()
        asked = idx
        draws: np.random.RandomState | None = None
        while True:
            info = self.get_data_info(idx)
            info['test_mode'] = self.test_mode
            try:
                data = self.pipeline(info)
            except (VideoReadError, OSError) as error:
                self._give_up_on(idx % videos, info['filename'], error)
                # The asked video is always tried, so what is drawn here does not depend on what is known to be bad.
                draws = draws or np.random.RandomState(np.random.randint(2**31))
                idx = self._another(asked, draws)
                continue
            self._read(idx % videos, info, data)
            if idx != asked and isinstance(data, dict) and 'data_samples' in data:
                data['data_samples'].set_metainfo(dict(replacement=True))
            return data

    def __getitems__(self, indices: Sequence[int]) -> list[Any]:
        """Samples of a batch. PyTorch's loader calls this method.

        Consecutive samples of one video, which :class:`RepeatSampler` produces, are decoded together. Each sample keeps
        its own random draws and equals the one that would be read alone.
        """
        if not self._fully_initialized:
            self.full_init()
        videos = super().__len__()
        samples: list[Any] = []
        for video, indices_of_video in groupby(indices, key=lambda idx: idx % videos):
            group = list(indices_of_video)
            together = self._read_together(video, group) if len(group) > 1 else None
            samples.extend([self[idx] for idx in group] if together is None else together)
        return samples

    def _read_together(self, video: int, group: Sequence[int]) -> list[Any] | None:
        """Samples of one video from one decoding pass. None if each sample has to be read alone."""
        infos = [dict(self.get_data_info(idx), test_mode=self.test_mode) for idx in group]
        try:
            samples = self._shared_decode(infos)
        except (VideoReadError, OSError):
            return None  # decoded alone, it is counted and replaced
        for info, sample in zip(infos, samples or ()):
            self._read(video, info, sample)
        return samples

    def _read(self, video: int, info: dict[str, Any], data: Any) -> None:
        """Record the length of a video, and add the other possible labels of its frames to the sample."""
        self._status[video] = _READ
        frames = int(info.get('steps_at_fps', info.get('total_frames', 0)))
        if self.clip_sampler is not None:
            short = frames < (frames_spanned(self.clip_sampler) or 0)
            self._frames[video] = -frames if short else frames
        if 'alike' in info and isinstance(data, dict) and 'data_samples' in data:
            data['data_samples'].set_metainfo(dict(alike=info['alike']))

    def _another(self, asked: int, draws: np.random.RandomState) -> int:
        """Index of a video not known to be bad. In test mode it is the next one, so every test sees the same clips.

        The choice and its random draws depend only on the sample's generator. They do not depend on which videos are
        already known to be bad, since that differs with the timing of the workers and starts empty when a run resumes.
        """
        videos = super().__len__()
        usable = np.flatnonzero(self._status.numpy() != _BAD)
        if len(usable) == 0:
            raise InputError(f'none of the {videos} videos can be read; the log names each with its reason')
        if self.test_mode:
            return int(usable[np.searchsorted(usable, asked % videos) % len(usable)])
        while True:
            candidate, seed = int(draws.randint(videos)), int(draws.randint(2**31))
            if self._status[candidate] != _BAD:
                np.random.seed(seed)
                return candidate

    def _give_up_on(self, video: int, filename: str, error: Exception) -> None:
        if int(self._status[video]) == _BAD:
            return
        self._status[video] = _BAD
        reason = str(error) if filename in str(error) else f'{filename}: {error}'
        print_log(f'unreadable video left out: {reason}', logger='current', level=logging.WARNING)
        bad, tried = self.bad_count, int((self._status != _UNTRIED).sum())
        allowed = max(1.0, self.max_bad_share * len(self._status))
        # A wrong codec or a dead disk shows long before the share of a large list is reached.
        if bad > allowed or (tried >= 50 and 2 * bad > tried):
            raise InputError(
                f'{bad} of {tried} videos tried cannot be read, more than max_bad_share={self.max_bad_share} of '
                f'{len(self._status)} allows; last: {reason}'
            )

    @property
    def bad_count(self) -> int:
        """Number of videos that could not be read so far, over all workers of this process."""
        return int((self._status == _BAD).sum())

    def bad_videos(self) -> list[str]:
        """Paths of the videos that could not be read so far, over all workers of this process."""
        return [
            BaseDataset.get_data_info(self, int(i))['filename'] for i in torch.nonzero(self._status == _BAD).flatten()
        ]

    def short_videos(self) -> ShortVideos:
        """How many of the videos read so far are shorter than a clip spans, over all workers of this process."""
        short = -self._frames[self._frames < 0]
        read = int((self._frames != 0).sum())
        return (
            ShortVideos(len(short), read, int(short.min()), int(short.max()))
            if len(short)
            else ShortVideos(0, read, 0, 0)
        )


def _first_magic(pattern: str) -> int:
    return min(pattern.find(sign) for sign in '*?[' if sign in pattern)


def _samples_of(walk: Walk, source: str, none: str) -> list[dict]:
    """Samples of the videos that a walk found.

    Raises:
        InputError: If it found nothing. ``none`` is the reason in the message.
    """
    if not walk.paths:
        left_out = walk.summary()
        raise InputError(f'{source}: {none}' + (f'; left out {left_out}' if left_out else ''))
    walk.report(source)
    return [dict(filename=path) for path in walk.paths]


def _is_video(source: str) -> bool:
    """Whether a path is a video and not a list. The suffix decides, or else a zero byte in the content.

    Raises:
        InputError: If the path is a single image, or has the suffix of a video but is a pipe, a socket or a device.
    """
    if source.lower().endswith(IMAGE_SUFFIXES) and os.path.exists(source) and not has_pages(source):
        raise InputError(f'{source}: a single image; give a video, or the folder of the images that are its frames')
    named = source.lower().endswith(VIDEO_SUFFIXES)
    if not is_regular(source):
        if named and os.path.exists(source):
            raise InputError(f'{source}: a pipe, socket or device; give a regular file')
        return False
    if named:
        return True
    with open(source, 'rb') as file:
        start = file.read(4096)
    # Text of Windows programs may hold zero bytes, but then begins with a mark.
    return b'\0' in start and not start.startswith((b'\xff\xfe', b'\xfe\xff'))
