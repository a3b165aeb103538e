"""Save and leave when the cluster needs the machine back, or the user presses Ctrl-C."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from mmengine.device import get_device
from mmengine.dist import all_reduce, get_world_size
from mmengine.hooks import Hook
from mmengine.logging import print_log

from ..errors import InputError, Preempted
from ..registry import HOOKS
from .atomic_checkpoint_hook import AtomicCheckpointHook

if TYPE_CHECKING:
    from types import FrameType

    from mmengine.runner import Runner

    from ..typing import DataBatch

# tools/dist_train.sh reads it: torchrun itself ends with 1 whatever its workers ended with.
MARK = 'AUXSKD_MM_PREEMPTED_FILE'
_INTERRUPTED = 128 + signal.SIGINT  # a shell's exit code for it
_SAME_PRESS = 1.0  # seconds; torchrun passes on a Ctrl-C that the terminal has sent to every process already


@HOOKS.register_module()
class PreemptionHook(Hook):
    """On a signal, save after the current iteration and leave with exit code 75.

    A signal to any rank counts for all ranks. They leave at the same iteration. ``--resume`` continues with the next
    batch.

    Call points: ``before_train`` installs the signal handlers, ``after_train_iter`` saves and leaves, ``after_train``
    restores the earlier handlers. After an error MMEngine calls no hook: then :func:`signals_restored` does it.

    Args:
        signals: Names of the signals. Slurm, Kubernetes and torchrun send SIGTERM first. SIGINT is Ctrl-C. A
            second Ctrl-C ends the run at once, without saving.
        interval: Iterations between two exchanges among the ranks. Each exchange is a reduction of one number.

    Raises:
        InputError: For an unknown signal or an interval below 1.
        Preempted: After the checkpoint is saved.
    """

    priority = 'LOWEST'  # after CheckpointHook

    def __init__(self, signals: tuple[str, ...] | list[str] = ('SIGTERM', 'SIGINT'), interval: int = 1) -> None:
        unknown = [name for name in signals if not hasattr(signal, name)]
        if unknown or interval < 1:
            raise InputError(f'PreemptionHook: unknown signals {unknown} or interval={interval} below 1')
        self.signals = [getattr(signal, name) for name in signals]
        self.interval = interval
        self.asked: str | None = None
        self._pressed = 0.0
        self._before: dict[int, Any] = {}
        self._pid = -1

    def before_train(self, runner: Runner) -> None:
        """Install the signal handlers. Only the main thread of a process can do so."""
        self._pid, self.asked, self._pressed = os.getpid(), None, 0.0
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._note) for number in self.signals}

    def _note(self, number: int, frame: FrameType | None) -> None:
        if os.getpid() != self._pid:
            # A loader worker: it is needed for the current batch when everything is told to end; the next signal is meant.
            signal.signal(number, signal.SIG_DFL)
            return
        self.asked = signal.Signals(number).name
        if number != signal.SIGINT:
            return
        now = time.monotonic()
        if not self._pressed:
            self._pressed = now
            _say('Ctrl-C: saving after this iteration; press it again to end at once')
        elif now - self._pressed > _SAME_PRESS:
            _say('interrupted: nothing saved since the last checkpoint; go on from that with --resume')
            os._exit(_INTERRUPTED)

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: DataBatch = None, outputs: dict[str, Any] | None = None
    ) -> None:
        """Save and leave if any rank received a signal.

        Raises:
            InputError: If the run has no :class:`AtomicCheckpointHook`.
        """
        if not self.every_n_train_iters(runner, self.interval) or not self._agree():
            return
        saver = next((hook for hook in runner.hooks if isinstance(hook, AtomicCheckpointHook)), None)
        if saver is None:
            raise InputError(
                'PreemptionHook: needs default_hooks.checkpoint.type=auxskd_mm.AtomicCheckpointHook to save'
            )
        path = saver.save_preempted(runner)
        if os.environ.get(MARK):
            Path(os.environ[MARK]).touch()
        line = f'{self.asked or "another rank"} after iteration {runner.iter + 1}: saved {path}, go on with --resume'
        print_log(line, 'current', logging.WARNING)
        self.after_train(runner)
        raise Preempted(line)

    def after_train(self, runner: Runner) -> None:
        """Restore the earlier signal handlers."""
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}

    def _agree(self) -> bool:
        if get_world_size() == 1:
            return self.asked is not None
        flag = torch.tensor(float(self.asked is not None), device=get_device())
        all_reduce(flag, op='max')
        return bool(flag)


@contextmanager
def signals_restored(runner: Runner) -> Iterator[None]:
    """Restore the earlier signal handlers when a training ends by an error.

    A process that lives on, such as a notebook, then has its Ctrl-C again.
    """
    try:
        yield
    finally:
        for hook in runner.hooks:
            if isinstance(hook, PreemptionHook):
                hook.after_train(runner)


def _say(line: str) -> None:
    """Print from within a signal handler, where Python's own file objects may be in use."""
    os.write(2, f'{line}\n'.encode())
