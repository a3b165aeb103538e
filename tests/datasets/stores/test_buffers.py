"""A buffer returns to the pool if, and only if, no view of it exists."""

import threading

import numpy as np
import torch

from auxskd_mm.datasets.stores import buffers
from auxskd_mm.datasets.stores.buffers import take_buffer


def in_new_thread(job):
    """Run with an empty pool; what the job raises, the test raises."""
    errors = []

    def run():
        try:
            job()
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if errors:
        raise errors[0]


def address(array):
    return array.__array_interface__['data'][0]


def test_reused_when_free():
    def job():
        first = take_buffer(1000)
        where = address(first)
        del first
        again = take_buffer(600)
        assert address(again) == where
        assert again.shape == (600,)

    in_new_thread(job)


def test_never_while_a_view_or_tensor_lives():
    def job():
        held = [take_buffer(100), take_buffer(100)[10:20].reshape(2, 5), torch.from_numpy(take_buffer(100))[3:]]
        for value, array in enumerate(held):
            array[...] = value
        for _ in range(20):
            take_buffer(100)[:] = 99
        assert (held[0] == 0).all()
        assert (held[1] == 1).all()
        assert (held[2] == 2).all()

    in_new_thread(job)


def test_few_are_kept():
    def job():
        taken = [take_buffer(10) for _ in range(20)]
        assert len(buffers._LOCAL.pool) == 4
        assert len({address(array) for array in taken}) == 20
        take_buffer(buffers._MOST_BYTES + 1)
        assert max(array.size for array in buffers._LOCAL.pool) == 10
        assert isinstance(taken[0], np.ndarray)

    in_new_thread(job)
