"""Random textures and shapes for MotionClips."""

from __future__ import annotations

import cv2
import numpy as np

# Kinds of patterns on objects.
PATTERNS = ('stripes', 'checks', 'dots', 'noise')
# Room at a sprite's border, so that interpolation fades to nothing.
_BORDER = 2


def smooth_noise(rng: np.random.Generator, height: int, width: int, cell: float) -> np.ndarray:
    """Noise float32 (H, W) in [0, 1] with features ``cell`` pixels wide. It is seamless across its borders."""
    rows, columns = max(3, round(height / cell)), max(3, round(width / cell))
    pad = 2
    grid = np.pad(rng.random((rows, columns), dtype=np.float32), pad, mode='wrap')
    step_y, step_x = height / rows, width / columns
    # Grid point (i, j) lies at pixel (i * step_y, j * step_x), so a shift by a period is a shift by whole grid points.
    matrix = np.array([[1 / step_x, 0, pad], [0, 1 / step_y, pad]], np.float32)
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    noise = cv2.warpAffine(grid, matrix, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.clip(noise, 0, 1)


def _paint(values: np.ndarray, colours: np.ndarray) -> np.ndarray:
    """Map values (H, W) in [0, 1] to a scale of colours (N, 3). The result is uint8 (H, W, 3)."""
    stops = np.linspace(0, 1, len(colours))
    table = np.stack([np.interp(np.linspace(0, 1, 256), stops, channel) for channel in colours.T], axis=1)
    return table.astype(np.uint8)[(values * 255).astype(np.uint8)]


def draw_background(rng: np.random.Generator, height: int, width: int, unit: float) -> np.ndarray:
    """Seamless background texture uint8 (height, width, 3). It is muted so that the objects stand out.

    Args:
        rng: Random generator.
        height: Vertical period in pixels.
        width: Horizontal period in pixels.
        unit: Short side of the frame in pixels. The size of the features is a share of it.
    """
    coarse = smooth_noise(rng, height, width, unit * rng.uniform(0.18, 0.3))
    fine = smooth_noise(rng, height, width, unit * rng.uniform(0.06, 0.09))
    mean, spread = rng.uniform(70, 185, 3), rng.uniform(20, 45)
    colours = np.clip(mean + spread * rng.normal(size=(4, 3)), 0, 255)
    return _paint(0.65 * coarse + 0.35 * fine, colours)


def _polygon(rng: np.random.Generator) -> np.ndarray:
    """Outline (N, 2) of a shape that fits the unit disc and reaches its rim."""
    kind = rng.choice(['ellipse', 'box', 'regular', 'star', 'blob'])
    angles = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    radii = np.ones_like(angles)
    if kind in ('regular', 'star'):
        corners = int(rng.integers(3, 6))
        angles = np.linspace(0, 2 * np.pi, 2 * corners, endpoint=False)
        radii = np.tile([1, rng.uniform(0.4, 0.55) if kind == 'star' else np.cos(np.pi / corners)], corners)
    elif kind == 'blob':
        for order in (2, 3, 5):
            radii = radii + rng.uniform(0.08, 0.3) * np.cos(order * angles + rng.uniform(0, 2 * np.pi))
    points = np.stack([radii * np.cos(angles), radii * np.sin(angles)], axis=1)
    if kind == 'box':
        points = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]], float)
    if kind in ('ellipse', 'box'):
        points[:, 1] *= rng.uniform(0.5, 0.8)
    return points / np.linalg.norm(points, axis=1).max()


def _pattern(rng: np.random.Generator, side: int, kind: str | None = None) -> np.ndarray:
    """Values (side, side) in [0, 1] of a bold pattern; its kind is drawn if none is given."""
    y, x = np.mgrid[:side, :side] / side
    kind = rng.choice(PATTERNS) if kind is None else kind
    if kind == 'noise':
        return np.clip(2.5 * smooth_noise(rng, side, side, side / 5) - 0.75, 0, 1)
    slant, waves = rng.uniform(0, np.pi), rng.uniform(2.5, 4.5)
    across = np.sin(2 * np.pi * (waves * (x * np.cos(slant) + y * np.sin(slant)) + rng.uniform()))
    along = np.sin(2 * np.pi * (waves * (y * np.cos(slant) - x * np.sin(slant)) + rng.uniform()))
    wave = {'stripes': across, 'checks': across * along * 1.5, 'dots': across + along - 0.6}[str(kind)]
    return np.clip(0.5 + 2 * wave, 0, 1)


def _colours(rng: np.random.Generator) -> np.ndarray:
    """A dark and a bright colour (2, 3), either first."""
    dark, bright = rng.uniform(0, 110, 3), rng.uniform(145, 255, 3)
    return np.stack([dark, bright][:: rng.choice([-1, 1])])


def draw_sprite(rng: np.random.Generator, side: int, kind: str | None = None) -> np.ndarray:
    """One textured object.

    Args:
        rng: Random generator for shape, pattern and colours.
        side: Side of the square sprite in pixels.
        kind: One of :data:`PATTERNS`. None draws it.

    Returns:
        uint8 (side, side, 4): colours multiplied by the opacity, and the opacity. The object lies within the disc of
        :func:`sprite_radius` about the centre.
    """
    # A lighter and a darker half beside the pattern: no shape looks the same from two sides.
    colours: np.ndarray = _paint(_pattern(rng, side, kind), _colours(rng)).astype(np.float32)
    shade = np.linspace(0.55, 1.25, side, dtype=np.float32)[:, None, None]
    colours = np.clip(colours * shade, 0, 255)
    outline = (_polygon(rng) * sprite_radius(side) + (side - 1) / 2) * 16
    opacity: np.ndarray = np.zeros((side, side), np.uint8)
    cv2.fillPoly(opacity, [np.round(outline).astype(np.int32)], 255, lineType=cv2.LINE_AA, shift=4)
    cv2.polylines(colours, [np.round(outline).astype(np.int32)], True, _rim(rng), 1, lineType=cv2.LINE_AA, shift=4)
    opaque: np.ndarray = opacity[..., None].astype(np.float32)
    return np.concatenate([np.round(colours * opaque / 255), opaque], axis=2).astype(np.uint8)


def _rim(rng: np.random.Generator) -> tuple[float, float, float]:
    level = float(rng.choice([15, 240]))
    return level, level, level


def sprite_radius(side: int) -> float:
    """Radius in pixels of the disc that holds a sprite's object."""
    return side / 2 - _BORDER
