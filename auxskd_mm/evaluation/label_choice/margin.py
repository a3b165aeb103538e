"""The margin of a classifier: small where it hesitates between two classes."""

from __future__ import annotations

import numpy as np

from ...errors import InputError


def margins(probabilities: np.ndarray) -> np.ndarray:
    """Difference of the two largest probabilities, float (N,).

    Args:
        probabilities: (N, K), K at least 2.

    Raises:
        InputError: If there is one class.

    Source: T. Scheffer et al., "Active Hidden Markov Models for Information Extraction", IDA 2001.
    """
    if probabilities.ndim != 2 or probabilities.shape[1] < 2:
        raise InputError(f'probabilities of shape {probabilities.shape}: expected (N, K) with two classes or more')
    two = np.sort(probabilities, axis=1)[:, -2:]
    return two[:, 1] - two[:, 0]
