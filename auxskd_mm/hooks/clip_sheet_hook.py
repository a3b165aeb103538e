"""Draws the first clips of a training, beside its curves."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.logging import print_log

from ..errors import InputError
from ..registry import HOOKS
from ..unwrap import unwrap
from ..visualization.clip_sheet import render_clip_sheet
from ..visualization.seen_clips import see_batch, sheet_rows

if TYPE_CHECKING:
    from mmengine.runner import Runner

    from ..typing import DataBatch


@HOOKS.register_module()
class ClipSheetHook(Hook):
    """Draw the first clips of the first training batch, in all backends of the visualizer.

    The picture is called ``clips`` and has the step of the iteration: a file of ``vis_data/vis_image`` with
    ``LocalVisBackend``, an image of the run with ``TensorboardVisBackend`` and ``WandbVisBackend``. It shows the clips
    after augmentation, in the colours before normalisation. Random steps of the data preprocessor are shown by one
    example draw. The hook changes no random stream and no weight.

    Call point: ``before_train_iter``, once per process (a resumed training draws again), on the main rank alone.

    Args:
        number: Samples of the batch to show.

    Raises:
        InputError: For a number below 1. Inputs that are not clips give a warning and are not drawn.
    """

    priority = 'LOW'

    def __init__(self, number: int = 4) -> None:
        if number < 1:
            raise InputError(f'ClipSheetHook.number={number}: expected at least 1 sample')
        self.number = number
        self._drawn = False

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: DataBatch = None) -> None:
        """Draw at the first call."""
        if self._drawn or not is_main_process():
            return
        self._drawn = True
        if not isinstance(data_batch, dict):
            kind = type(data_batch).__name__
            print_log(
                f'ClipSheetHook draws nothing: a batch is a {kind}, not a dict', logger='current', level=logging.WARNING
            )
            return
        model = unwrap(runner.model)
        try:
            samples = see_batch(data_batch, runner.train_dataloader.dataset, self.number, model.data_preprocessor)
        except InputError as error:
            print_log(f'ClipSheetHook draws nothing: {error}', logger='current', level=logging.WARNING)
            return
        picture = render_clip_sheet(sheet_rows(samples, ('input',)), 'First training batch. Frame numbers below')
        runner.visualizer.add_image('clips', picture, step=runner.iter)
