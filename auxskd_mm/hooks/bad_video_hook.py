"""Leaves unreadable videos out of the score of a test and reports them. Also warns of videos that are too short."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from mmengine.dist import all_gather_object
from mmengine.evaluator import Evaluator
from mmengine.hooks import Hook
from mmengine.logging import print_log

from ..datasets.short_videos import describe_short, join
from ..datasets.video_list import UnlabeledVideoDataset
from ..evaluation.left_out import leave_out_replacements
from ..registry import HOOKS

if TYPE_CHECKING:
    from mmengine.runner import Runner
    from torch.utils.data import DataLoader

    from ..typing import DataBatch

_EARLY = 20  # steps


@HOOKS.register_module()
class BadVideoHook(Hook):
    """Report the unreadable videos and their number at the end, over all workers and ranks.

    The hook also reports, once per data set, how many videos are shorter than a clip spans. In a training it does so
    after the first steps, or after the first epoch with such videos. No metric counts the samples that replace
    unreadable videos; see :func:`leave_out_replacements`.

    Call points: ``before_val``, ``before_test``; ``after_train_iter``, ``after_train_epoch``; ``after_train``,
    ``after_val``, ``after_test``.

    Args:
        most: Largest number of paths to print.
    """

    def __init__(self, most: int = 20) -> None:
        self.most = most
        self._said_short: set[str] = set()

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: DataBatch = None, outputs: object = None
    ) -> None:
        """Warn of short videos after the first steps, when little work is lost."""
        if runner.iter + 1 == _EARLY:
            self._report_short('training', runner.train_dataloader)

    def after_train_epoch(self, runner: Runner) -> None:
        """Warn of short videos if the first steps had none."""
        self._report_short('training', runner.train_dataloader)

    def before_val(self, runner: Runner) -> None:
        """Let the metrics leave out samples that replace an unreadable video."""
        self._prepare(runner.val_loop)

    def before_test(self, runner: Runner) -> None:
        """Let the metrics leave out samples that replace an unreadable video."""
        self._prepare(runner.test_loop)

    def after_train(self, runner: Runner) -> None:
        """Report on the training set."""
        self._report('training', runner.train_dataloader)

    def after_val(self, runner: Runner) -> None:
        """Report on the validation set."""
        self._report('validation', runner.val_dataloader)

    def after_test(self, runner: Runner) -> None:
        """Report on the test set."""
        self._report('test', runner.test_dataloader)

    @staticmethod
    def _prepare(loop: object) -> None:
        evaluator = getattr(loop, 'evaluator', None)
        if isinstance(evaluator, Evaluator):
            leave_out_replacements(evaluator)

    def _report(self, kind: str, loader: DataLoader) -> None:
        datasets = _video_datasets(getattr(loader, 'dataset', None))
        if not datasets:
            return
        self._report_short(kind, loader)
        gathered = all_gather_object([path for dataset in datasets for path in dataset.bad_videos()])
        bad = sorted({path for paths in gathered for path in paths})
        total = sum(len(dataset) // dataset.repeat for dataset in datasets)
        if bad:
            then = '' if kind == 'training' else ' and are left out of the score'
            shown = '\n  '.join(
                bad[: self.most] + ([f'... and {len(bad) - self.most} more'] if len(bad) > self.most else [])
            )
            print_log(
                f'{len(bad)} of {total} {kind} videos could not be read{then}:\n  {shown}',
                logger='current',
                level=logging.WARNING,
            )

    def _report_short(self, kind: str, loader: object) -> None:
        datasets = [data for data in _video_datasets(getattr(loader, 'dataset', None)) if data.clip_sampler is not None]
        if not datasets or kind in self._said_short:
            return
        found = join(part for parts in all_gather_object([data.short_videos() for data in datasets]) for part in parts)
        if found.short:
            self._said_short.add(kind)
            print_log(describe_short(found, kind, datasets[0].clip_sampler), logger='current', level=logging.WARNING)


def _video_datasets(dataset: object) -> list[UnlabeledVideoDataset]:
    """This package's data sets inside MMEngine's wrappers, each once: :class:`SeededSamples` passes on attributes, so that
    those of a ``ConcatDataset`` are found on two ways.
    """
    found = [dataset] if isinstance(dataset, UnlabeledVideoDataset) else []
    for inner in [getattr(dataset, 'dataset', None), *getattr(dataset, 'datasets', [])]:
        if inner is not None:
            found += [one for one in _video_datasets(inner) if not any(one is known for known in found)]
    return found
