"""Worker processes that read or write videos, and how far they are."""

from __future__ import annotations

import io
import multiprocessing
import pickle
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from types import FunctionType
from typing import TYPE_CHECKING, Any, TextIO, TypeVar

import cv2
from tqdm import tqdm

from .errors import InputError

if TYPE_CHECKING:
    from torch.utils.data import DataLoader

Job = TypeVar('Job')
Result = TypeVar('Result')


@contextmanager
def worker_pool(workers: int) -> Iterator[ProcessPoolExecutor]:
    """Open a pool of processes. If an error leaves the block, waiting tasks are cancelled.

    Forked workers do not import torch and MMAction2 again. OpenCV's own threads would compete with the workers, so they
    are ended before the fork. If a child ended them, it would wait forever for the threads of its parent.
    """
    fork = 'fork' in multiprocessing.get_all_start_methods() and sys.platform != 'darwin'
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context('fork' if fork else None)) as pool:
            try:
                yield pool
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
    finally:
        cv2.setNumThreads(threads)


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

    def __init__(self, file: Any) -> None:
        super().__init__(file)
        self.found: list[str] = []

    def reducer_override(self, one: Any) -> Any:
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
