import random

import numpy as np
import torch

from auxskd_mm.random_state import SAMPLE, STEP, seed_generators


def drawn():
    return random.random(), float(np.random.rand()), float(torch.rand(()))


def after(*key):
    seed_generators(*key)
    return drawn()


def test_streams_are_functions_of_the_key_alone():
    first = after(SAMPLE, 3, 0, 7)
    drawn()
    assert after(SAMPLE, 3, 0, 7) == first


def test_every_number_of_the_key_counts():
    keys = [
        (SAMPLE, 3, 0, 7),
        (STEP, 3, 0, 7),
        (SAMPLE, 4, 0, 7),
        (SAMPLE, 3, 1, 7),
        (SAMPLE, 3, 0, 8),
        (SAMPLE, 3, 7, 0),
    ]
    streams = [after(*key) for key in keys]
    for position in range(3):
        assert len({stream[position] for stream in streams}) == len(keys)


def test_neighbouring_positions_are_uniform():
    draws = np.array([after(SAMPLE, 0, 0, i) for i in range(2000)])
    # Means of 2,000 uniform numbers: 0.5 with a deviation of 0.0065; neighbours uncorrelated within 0.1.
    assert np.abs(draws.mean(0) - 0.5).max() < 0.03
    for column in draws.T:
        assert abs(np.corrcoef(column[:-1], column[1:])[0, 1]) < 0.1
