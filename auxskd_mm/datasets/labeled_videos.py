"""LabeledVideoDataset: videos with one class per video, for fine-tuning, probes, retrieval and k-NN."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

from ..errors import InputError, examples
from ..registry import DATASETS
from .class_labels import check_labels, check_one_class, class_names_beside
from .list_formats import Entry, Probe, line_number, read_list
from .video_list import UnlabeledVideoDataset


@DATASETS.register_module()
class LabeledVideoDataset(UnlabeledVideoDataset):
    """Videos of a list with one class per video.

    It takes the settings of MMAction2's ``VideoDataset`` and reads its lists. It reads them as
    :class:`UnlabeledVideoDataset` does: blanks or tabs may separate the columns, and frame counts are recognised. Names
    may hold blanks (in double quotes where they end in no video suffix). An unreadable line gives one error line that
    names file and line. A video that cannot be read is replaced in training, and excluded from the score in a test.
    Both cases are reported (:class:`BadVideoHook`).

    Args:
        ann_file: List with a path and a label from 0 on in each line. For windows of recordings the line is
            ``path start end label`` (:mod:`auxskd_mm.datasets.list_formats`). Or a training store that was packed with
            labels.
        pipeline: Transform configs.
        data_prefix: Folder or store that the names in the list are relative to; a str, or ``dict(video=...)``. In a store
            an absolute path means the video that was packed from there. It is
            relative to ``data_root``. Default: ``data_root``, or the folder of the list if there is none.
        data_root: Folder that ``ann_file`` is relative to.
        num_classes: Number of classes. Labels must lie in [0, num_classes). None takes the number of names in
            ``classes.txt`` beside the list, if there is one. The tools also compare it with the head of the model.
        kwargs: See :class:`UnlabeledVideoDataset`.

    ``metainfo['classes']`` holds the names of ``classes.txt``.

    Raises:
        InputError: If the list is missing or empty, has no labels or a label that is not a class, or if none of its
            files exists. Also if a class has no window, as with ``split_at_cuts``.
    """

    METAINFO = dict(dataset_type='labeled_video')

    def __init__(
        self,
        ann_file: str | os.PathLike,
        pipeline: Sequence[Any] = (),
        data_prefix: str | dict | None = '',
        *,
        data_root: str | None = '',
        num_classes: int | None = None,
        **kwargs: Any,
    ) -> None:
        if not ann_file:
            raise InputError('LabeledVideoDataset.ann_file is empty: give a list with a path and a label in each line')
        prefix = data_prefix.get('video', '') if isinstance(data_prefix, dict) else data_prefix
        self.num_classes = num_classes
        super().__init__(
            os.path.join(data_root or '', ann_file), os.path.join(data_root or '', prefix or ''), pipeline, **kwargs
        )

    def load_data_list(self) -> list[dict]:
        """One dict per video, with ``label``.

        Raises:
            InputError: If a video has no label, or a class no window.
        """
        source = self.sources[0]
        samples = super().load_data_list()
        bare = [sample['filename'] for sample in samples if 'label' not in sample]
        if bare:
            raise InputError(
                f'{source}: {len(bare)} of {len(samples)} videos have no label, such as {bare[0]}; expected a list of lines '
                "'path label', or a store packed from one"
            )
        names = class_names_beside(source)
        if names is not None:
            self._metainfo.setdefault('classes', names)
        labels = [sample['label'] for sample in samples]
        lost = sorted(self._labels_listed.difference(labels))
        if lost:
            known = dict(enumerate(names or ()))
            classes = examples(str(known.get(label, label)) for label in lost)
            where = ' between two cuts' if self.windows.at_cuts else ''
            raise InputError(
                f'{source}: no recording of class {classes} has a window of {self.windows.seconds:g} s{where}; lower window'
            )
        if os.path.isdir(source):
            check_labels(source, labels, self.num_classes, names)
            return samples

        def line_of(index: int) -> int:
            return line_number(source, self._listed_at[index], self.delimiter)

        check_labels(source, labels, self.num_classes, names, line_of=line_of)
        check_one_class(source, [sample['filename'] for sample in samples], labels, line_of)
        return samples

    def get_cat_ids(self, idx: int) -> list[int]:
        """The class of an index, for MMEngine's ``ClassBalancedDataset``."""
        return [int(self.get_data_info(idx)['label'])]

    def _listed(self, source: str) -> tuple[str, list[dict], Callable[[int], int] | None]:
        listed = super()._listed(source)
        self._labels_listed = {sample['label'] for sample in listed[1] if 'label' in sample}
        return listed

    def _read_list(self, path: str, probe: Probe) -> tuple[list[Entry], str]:
        return read_list(path, list_format=self.list_format, delimiter=self.delimiter, probe=probe, labeled=True)
