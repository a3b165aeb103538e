"""Random numbers as a function of the position in a training, so there is no state to save."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator

import numpy as np
import torch

# First number of a key, so that the streams of samples and of steps never meet.
SAMPLE, STEP = 1, 2


def seed_generators(*key: int) -> None:
    """Seed the global generators of Python, NumPy and torch (CPU and CUDA) by a tuple of whole numbers from 0.

    If any number changes, the stream is unrelated (NumPy's ``SeedSequence``). CUDA is seeded only if it is in use:
    loader workers must not touch it, and torch would only queue the call.
    """
    words = np.random.SeedSequence(key).generate_state(10)
    random.seed(int(words[0]) << 32 | int(words[1]))
    np.random.seed(words[2:6])
    value = (int(words[6]) << 32 | int(words[7])) >> 1  # generators take 63 bits
    torch.default_generator.manual_seed(value)
    if torch.cuda.is_initialized() and not torch.cuda._is_in_bad_fork():
        torch.cuda.manual_seed_all(value)


@contextlib.contextmanager
def untouched_random_state() -> Iterator[None]:
    """Give torch, NumPy and Python back their random states, which even an unshuffled loader advances."""
    python, numpy, cpu = random.getstate(), np.random.get_state(), torch.get_rng_state()
    device = torch.cuda.get_rng_state() if torch.cuda.is_available() else None
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)
        torch.set_rng_state(cpu)
        if device is not None:
            torch.cuda.set_rng_state(device)
