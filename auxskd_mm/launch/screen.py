"""Screen output of a run: the log file holds everything, and the screen shows a short form."""

from __future__ import annotations

import contextlib
import io
import logging
import os
from typing import TYPE_CHECKING, Any

from mmengine.logging import MMLogger
from mmengine.logging.logger import MMFormatter
from mmengine.runner import Runner

from ..hooks.checked_transfer_hook import CheckedTransferHook
from ..loops.schedules import reaching_schedules
from ..workers import check_workers
from .trunk_weights import check_trunk_weights

if TYPE_CHECKING:
    from torch.utils.data import DataLoader

VERBOSE = 'AUXSKD_MM_VERBOSE'

# Starts of messages that the file alone gets, and why.
_FILE_ONLY = {
    '\n' + '-' * 60 + '\nSystem environment:': 'a list of 30 lines',
    'Config:\n': 'the whole config; it also lies in the work dir',
    'Hooks will be executed in the following order': 'a table of 100 lines',
    'Distributed training is not used, all SyncBatchNorm': 'true of every run in one process',
    'Exp name: ': 'the name of the log folder',
    'Checkpoints will be saved to': 'the head of the run says it',
    'Load checkpoint from': 'CheckedTransferHook says what was loaded',
    # MMEngine's own hooks call its old names; no user of a config can change that.
    '"FileClient" will be deprecated': 'a note to the authors of MMEngine',
    '"HardDiskBackend" is the alias of': 'the same',
}


class ScreenRunner(Runner):
    """MMEngine's Runner with a short screen. ``AUXSKD_MM_VERBOSE=1`` shows everything, as MMEngine does.

    Every fine-tuning loads weights whose head has other names. MMEngine then warns of unexpected and missing keys. If the
    run has a :class:`CheckedTransferHook`, this warning goes to the log file only: the hook stops the run if a tensor
    is missing.
    """

    def build_logger(self, *args: Any, **kwargs: Any) -> MMLogger:
        """As the Runner's; the screen of the logger gets a filter and shorter lines."""
        logger = super().build_logger(*args, **kwargs)
        if os.environ.get(VERBOSE) != '1':
            for handler in logger.handlers:
                if isinstance(handler, logging.StreamHandler) and not isinstance(handler, logging.FileHandler):
                    handler.addFilter(_is_for_the_screen)
                    handler.setFormatter(ScreenFormatter(datefmt='%m/%d %H:%M:%S'))
        return logger

    @staticmethod
    def build_dataloader(*args: Any, **kwargs: Any) -> DataLoader:
        """Build as the Runner does, for the loops and the hooks. Refuse workers that could not start
        (:func:`check_workers`), and stores of a trunk with other weights (:func:`check_trunk_weights`).
        """
        loader = Runner.build_dataloader(*args, **kwargs)
        check_trunk_weights(loader.dataset)
        check_workers(loader)
        return loader

    def build_param_scheduler(self, scheduler: object) -> Any:
        """Build as the Runner does. A warm-up of a single step has the full rate (:class:`ReachingLinearLR`)."""
        return super().build_param_scheduler(reaching_schedules(scheduler))

    def load_checkpoint(self, *args: Any, **kwargs: Any) -> Any:
        """Load as the Runner does, but log its prints about keys that do not match."""
        if os.environ.get(VERBOSE) == '1':
            return super().load_checkpoint(*args, **kwargs)
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            checkpoint = super().load_checkpoint(*args, **kwargs)
        checked = any(isinstance(hook, CheckedTransferHook) for hook in self.hooks)
        self.logger.info(printed.getvalue().strip(), extra=dict(file_only=checked))
        return checkpoint


def _is_for_the_screen(record: logging.LogRecord) -> bool:
    return not getattr(record, 'file_only', False) and not str(record.msg).startswith(tuple(_FILE_ONLY))


class ScreenFormatter(MMFormatter):
    """Format with date, time and message. The level is shown only if it is not INFO."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.info_format = '%(asctime)s  %(message)s'
        self.warn_format = f'%(asctime)s  {self._get_prefix("WARNING", color=True)} - %(message)s'
