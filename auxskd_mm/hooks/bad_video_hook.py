"""Leaves unreadable videos out of a test's score, and reports them at the end."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

from mmengine.dist import all_gather_object
from mmengine.evaluator import Evaluator
from mmengine.hooks import Hook
from mmengine.logging import print_log

from ..datasets.video_list import UnlabeledVideoDataset
from ..evaluation.left_out import leave_out_replacements
from ..registry import HOOKS


@HOOKS.register_module()
class BadVideoHook(Hook):
    """Report at the end how many videos could not be read and which, over all workers and ranks.

    No metric counts the samples that stand in for them; see :func:`leave_out_replacements`.

    Call points: ``before_val``, ``before_test``; ``after_train``, ``after_val``, ``after_test``.

    Args:
        most: Most paths to print.
    """

    def __init__(self, most: int = 20) -> None:
        self.most = most

    def before_val(self, runner: Any) -> None:
        """Let the metrics leave out samples that replace an unreadable video."""
        self._prepare(runner.val_loop)

    def before_test(self, runner: Any) -> None:
        """Let the metrics leave out samples that replace an unreadable video."""
        self._prepare(runner.test_loop)

    def after_train(self, runner: Any) -> None:
        """Report on the training set."""
        self._report('training', runner.train_dataloader)

    def after_val(self, runner: Any) -> None:
        """Report on the validation set."""
        self._report('validation', runner.val_dataloader)

    def after_test(self, runner: Any) -> None:
        """Report on the test set."""
        self._report('test', runner.test_dataloader)

    @staticmethod
    def _prepare(loop: Any) -> None:
        if isinstance(getattr(loop, 'evaluator', None), Evaluator):
            leave_out_replacements(loop.evaluator)

    def _report(self, kind: str, loader: Any) -> None:
        datasets = list(_video_datasets(getattr(loader, 'dataset', None)))
        if not datasets:
            return
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


def _video_datasets(dataset: Any) -> Iterator[UnlabeledVideoDataset]:
    """Our datasets inside MMEngine's wrappers."""
    if isinstance(dataset, UnlabeledVideoDataset):
        yield dataset
    for inner in [getattr(dataset, 'dataset', None), *getattr(dataset, 'datasets', [])]:
        if inner is not None:
            yield from _video_datasets(inner)
