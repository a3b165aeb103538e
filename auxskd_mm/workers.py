"""Worker processes, how they end, and how far they are."""

from __future__ import annotations

import io
import multiprocessing
import multiprocessing.connection
import os
import pickle
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from types import FunctionType
from typing import TYPE_CHECKING, Any, TextIO, TypeVar

import cv2
from tqdm import tqdm

from .errors import InputError, Terminated

if TYPE_CHECKING:
    from types import FrameType

    from torch.utils.data import DataLoader

Job = TypeVar('Job')
Result = TypeVar('Result')


# Signals that end a task.
_ENDING: tuple[signal.Signals, ...] = (signal.SIGINT, signal.SIGTERM)


class _Pool(ProcessPoolExecutor):
    """A pool whose tasks undo what they have half written when a signal ends them.

    Attributes:
        forks: Whether the workers are forked.
    """

    forks = True

    def submit(self, task: Callable[..., Any], /, *given: Any, **options: Any) -> Future[Any]:
        # This starts workers. Python drops what a signal raises during a fork, so the signals wait. A worker that is started
        # anew imports for seconds: Ctrl-C must not print its traceback, and SIGTERM of this process must end it.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING if self.forks else (signal.SIGINT,))
        try:
            return super().submit(_interruptible, task, *given, **options)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def worker_pool(
    workers: int, prepare: Callable[..., Any] | None = None, *given: Any, spawn: bool = False, tasks: int | None = None
) -> Iterator[ProcessPoolExecutor]:
    """Open a pool of processes. If an error leaves the block, waiting tasks are cancelled.

    The workers never outlive this process, also if it is killed. Ctrl-C and SIGTERM end their tasks without a word: this
    process says it.

    Forked workers do not import torch and MMAction2 again. OpenCV's own threads would compete with the workers, so they
    are ended before the fork. If a child ended them, it would wait forever for the threads of its parent.

    Args:
        workers: Number of processes.
        prepare: Function that each worker calls first.
        given: Arguments of ``prepare``.
        spawn: Whether the workers are started anew in place of forked.
        tasks: Number of tasks after which a worker is replaced. Only for workers that are started anew.
    """
    fork = not spawn and 'fork' in multiprocessing.get_all_start_methods() and sys.platform != 'darwin'
    context = multiprocessing.get_context('fork' if fork else 'spawn' if spawn else None)
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        start: dict[str, Any] = dict(initializer=_start_worker, initargs=(prepare, *given), max_tasks_per_child=tasks)
        with _Pool(workers, context, **start) as pool:
            pool.forks = fork
            try:
                yield pool
            except BaseException as error:
                if isinstance(error, (KeyboardInterrupt, GeneratorExit)):
                    # A terminal sends Ctrl-C to all processes, `kill` sends SIGTERM to this one.
                    for process in multiprocessing.active_children():
                        process.terminate()
                pool.shutdown(cancel_futures=True)
                raise
    finally:
        cv2.setNumThreads(threads)


def _start_worker(prepare: Callable[..., Any] | None, *given: Any) -> None:
    """Leave when the parent leaves. Between two tasks, Ctrl-C is the parent's."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_leave_after, args=(parent.sentinel,), daemon=True).start()
    global _ENDING
    # In the background Ctrl-C is meant for another command.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        _ENDING = (signal.SIGTERM,)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGINT, signal.SIGTERM))
    if prepare is not None:
        prepare(*given)


def _leave_after(sentinel: int) -> None:
    multiprocessing.connection.wait([sentinel])
    os._exit(1)


def _interruptible(task: Callable[..., Any], *given: Any, **options: Any) -> Any:
    """Run a task that Ctrl-C and SIGTERM end by an exception. After SIGTERM the worker leaves."""
    for number in _ENDING:
        signal.signal(number, _stop_task)
    try:
        return task(*given, **options)
    except Terminated as stop:
        os._exit(stop.code)
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _stop_task(number: int, frame: FrameType | None) -> None:
    for known in _ENDING:  # a second signal must not disturb the tidying up after the first
        signal.signal(known, signal.SIG_IGN)
    raise Terminated if number == signal.SIGTERM else KeyboardInterrupt


def as_done(function: Callable[[Job], Result], jobs: Sequence[Job], workers: int) -> Iterator[tuple[int, Result]]:
    """Number and result of each job, as they are done. One worker works in this process."""
    if workers <= 1:
        yield from enumerate(map(function, jobs))
        return
    with worker_pool(workers) as pool:
        tasks = {pool.submit(function, job): number for number, job in enumerate(jobs)}
        for task in as_completed(tasks):
            yield tasks[task], task.result()


def check_workers(loader: DataLoader) -> None:
    """Refuse loader workers that would need a class or function of a notebook's cell and cannot import it.

    Forked workers have a copy of the notebook. Workers that are started anew (``spawn``, ``forkserver``: the default of
    macOS and Windows, and an option of configs) import what they need, and a cell is no module. They would die with a
    message about process numbers alone.

    Args:
        loader: A loader that has not started its workers.

    Raises:
        InputError: In one line that names the class or function.
    """
    main = sys.modules['__main__']
    context = loader.multiprocessing_context or multiprocessing.get_context()
    method = context.get_start_method()
    if not loader.num_workers or method == 'fork' or hasattr(main, '__file__'):
        return
    finder = _FindsCells(_Nowhere())
    for part in (loader.dataset, loader.collate_fn, loader.worker_init_fn):
        try:
            finder.dump(part)
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            finder.found.append(f'{type(part).__name__} ({error})')
    if finder.found:
        raise InputError(
            f"{finder.found[0]}: workers of the loader that are started by '{method}' cannot import it from a notebook; set "
            'num_workers=0, or put it into a module (a .py file) and import it'
        )


class _Nowhere(io.RawIOBase):
    """A file that keeps nothing."""

    def write(self, data: Any) -> int:
        return len(data)


class _FindsCells(pickle.Pickler):
    """A pickler that notes what the prompt or a notebook has defined."""

    def __init__(self, file: io.RawIOBase) -> None:
        super().__init__(file)
        self.found: list[str] = []

    def reducer_override(self, one: object) -> Any:
        if isinstance(one, (type, FunctionType)) and one.__module__ == '__main__':
            self.found.append(one.__qualname__)
        if type(one).__module__.startswith('multiprocessing.'):
            return str, ()  # locks and shared values are pickled only for a process that is being started
        return NotImplemented


class _Lines:
    """A log file in which each redraw of a bar becomes a separate line."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> None:
        if text := text.strip('\r\n '):
            self.stream.write(text + '\n')

    def flush(self) -> None:
        self.stream.flush()


def progress_bar(total: int, stream: TextIO | None = None, unit: str = 'video') -> tqdm:
    """Make a progress bar with the time left. Count with ``update`` and end with ``close``, or use it in a ``with``.

    Args:
        total: Number of items.
        stream: Output stream. In a terminal the bar moves. Elsewhere it is a line every 10 seconds. None shows nothing.
        unit: Name of one item.
    """
    terminal = stream is not None and stream.isatty()
    return tqdm(
        total=total,
        unit=unit,
        file=stream if terminal or stream is None else _Lines(stream),
        disable=stream is None or not total,
        dynamic_ncols=terminal,
        ncols=None if terminal else 100,
        mininterval=0.1 if terminal else 10,
        maxinterval=10,
        miniters=1,
        bar_format='{desc}{percentage:3.0f}% |{bar}| {n_fmt}/{total_fmt} {unit}s, {elapsed}, ETA {remaining}',
    )
