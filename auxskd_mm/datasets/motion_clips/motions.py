"""Motions of MotionClips: each class is a family of curves on a torus of poses.

A pose has five coordinates. Each lies on a circle of one turn, so it can move forever. A curve with an end would reveal
its class there:

==============  ==================================================================================
coordinate      meaning of one turn
==============  ==================================================================================
``X``, ``Y``    the width and height of the frame; objects wrap around at the borders
``ANGLE``       a full rotation
``SIZE``        the size going up and down once between its limits, evenly in the logarithm
``SHEAR``       the shear going up and down once between its limits, evenly
==============  ==================================================================================

A class moves some of the coordinates. The start is drawn uniformly over all five. For every curve, the pose at any
instant is then uniform on the torus, so a single frame cannot reveal the class. Speeds and periods lie in narrow
bands (about 1 : 1.3), so that a model can recognise the pace of a clip.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

X, Y, ANGLE, SIZE, SHEAR = range(5)
# Limits of the size (in octaves about the object's own) and of the shear.
MAX_OCTAVES, MAX_SHEAR = 0.5, 0.75
# Of a straight motion, in short sides of the frame per second.
TRANSLATION_SPEEDS = (0.38, 0.5)

Motion = Callable[[np.random.Generator, np.ndarray], np.ndarray]


def triangle(turns: np.ndarray) -> np.ndarray:
    """Triangle wave of period 1 of turns (...), from -1 (at 0) to 1 (at 0.5). Uniform turns give uniform values."""
    return 1 - 2 * np.abs(2 * (turns % 1) - 1)


def size_of(poses: np.ndarray) -> np.ndarray:
    """Size factors (...) of poses (..., 5); each lies between 2**-MAX_OCTAVES and 2**MAX_OCTAVES."""
    return np.exp2(MAX_OCTAVES * triangle(poses[..., SIZE]))


def shear_of(poses: np.ndarray) -> np.ndarray:
    """Shears (...) of poses (..., 5); each lies between -MAX_SHEAR and MAX_SHEAR."""
    return MAX_SHEAR * triangle(poses[..., SHEAR])


def _still(time: np.ndarray) -> np.ndarray:
    return np.zeros((len(time), 5))


def _along(time: np.ndarray, distance: np.ndarray | float, angle: np.ndarray | float) -> np.ndarray:
    """Displacement by ``distance`` (T,) in the direction ``angle`` (T,) or scalar, in radians."""
    moved = _still(time)
    moved[:, X], moved[:, Y] = distance * np.cos(angle), distance * np.sin(angle)
    return moved


def _turning(time: np.ndarray, coordinate: int, turns: np.ndarray) -> np.ndarray:
    moved = _still(time)
    moved[:, coordinate] = turns
    return moved


def _heading(rng: np.random.Generator) -> float:
    return rng.uniform(0, 2 * np.pi)


def _clock(rng: np.random.Generator, time: np.ndarray, shortest: float, longest: float) -> np.ndarray:
    """Completed cycles (T,) from a random phase, with a random period between two bounds in seconds."""
    return time / rng.uniform(shortest, longest) + rng.uniform()


def _sign(rng: np.random.Generator) -> float:
    return rng.choice([-1.0, 1.0])


def _translation(rng: np.random.Generator, time: np.ndarray) -> np.ndarray:
    return _along(time, rng.uniform(*TRANSLATION_SPEEDS) * time, _heading(rng))


def _acceleration(rng: np.random.Generator, time: np.ndarray) -> np.ndarray:
    """The object moves straight. Its speed rises evenly from 0 to its maximum and falls back."""
    period, top, phase = rng.uniform(1.2, 1.5), rng.uniform(0.85, 1.05), rng.uniform()
    turns = time / period + phase
    part: np.ndarray = turns % 1
    path = 0.5 * np.floor(turns) + np.where(part < 0.5, part**2, 0.5 - (1 - part) ** 2)
    return _along(time, top * period * path, _heading(rng))


def _oscillation(rng: np.random.Generator, time: np.ndarray) -> np.ndarray:
    return _along(time, rng.uniform(0.15, 0.2) * np.sin(2 * np.pi * _clock(rng, time, 0.85, 1.1)), _heading(rng))


def _bounce(rng: np.random.Generator, time: np.ndarray) -> np.ndarray:
    """The object hops along a parabola, always upright, and drifts slowly to one side."""
    part: np.ndarray = _clock(rng, time, 0.7, 0.9) % 1
    moved = _still(time)
    moved[:, X] = _sign(rng) * rng.uniform(0.15, 0.2) * time
    moved[:, Y] = -rng.uniform(0.26, 0.34) * 4 * part * (1 - part)
    return moved


def _orbit(rng: np.random.Generator, time: np.ndarray) -> np.ndarray:
    return _along(time, rng.uniform(0.15, 0.19), _sign(rng) * 2 * np.pi * _clock(rng, time, 0.95, 1.25))


def _spiral(rng: np.random.Generator, time: np.ndarray) -> np.ndarray:
    """The object moves on a circle. The radius grows and shrinks evenly."""
    radius = 0.14 + 0.11 * triangle(_clock(rng, time, 2.0, 2.6))
    return _along(time, radius, _sign(rng) * 2 * np.pi * _clock(rng, time, 0.7, 0.9))


def _rotation(rng: np.random.Generator, time: np.ndarray) -> np.ndarray:
    return _turning(time, ANGLE, _sign(rng) * rng.uniform(0.5, 0.65) * time)


def _swing(rng: np.random.Generator, time: np.ndarray) -> np.ndarray:
    """The object turns to and fro like a pendulum."""
    return _turning(time, ANGLE, rng.uniform(0.14, 0.18) * np.sin(2 * np.pi * _clock(rng, time, 0.85, 1.1)))


def _zoom(rng: np.random.Generator, time: np.ndarray) -> np.ndarray:
    return _turning(time, SIZE, _clock(rng, time, 1.1, 1.4))


def _shear(rng: np.random.Generator, time: np.ndarray) -> np.ndarray:
    return _turning(time, SHEAR, _clock(rng, time, 1.1, 1.4))


MOTIONS: dict[str, Motion] = {
    'translation': _translation,
    'rotation': _rotation,
    'zoom': _zoom,
    'oscillation': _oscillation,
    'bounce': _bounce,
    'orbit': _orbit,
    'shear': _shear,
    'acceleration': _acceleration,
    'spiral': _spiral,
    'swing': _swing,
}


def draw_poses(motion: str, rng: np.random.Generator, time: np.ndarray, aspect: tuple[float, float]) -> np.ndarray:
    """Draw the poses of one object.

    Args:
        motion: One of :data:`MOTIONS`.
        rng: Random generator for the curve's parameters and its start.
        time: Times in seconds, float (T,).
        aspect: Width and height of the frame in short sides. The short side is the curves' unit of length.

    Returns:
        Poses (T, 5), each coordinate in turns in [0, 1); see the docstring of the module.
    """
    moved = MOTIONS[motion](rng, time)
    moved[:, [X, Y]] /= aspect
    return (rng.uniform(size=5) + moved) % 1
