"""Worker processes that read or write videos, and how far they are."""

from __future__ import annotations

import multiprocessing
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from typing import TextIO

import cv2
from tqdm import tqdm


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
