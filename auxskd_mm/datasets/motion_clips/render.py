"""Rendering scenes to frames."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

from .motions import ANGLE, X, Y, shear_of, size_of
from .scene import MovingObject, Scene
from .textures import sprite_radius

Span = tuple[slice, slice]


def object_matrices(thing: MovingObject) -> np.ndarray:
    """Linear maps (T, 2, 2) from the sprite's pixels to the frame's: shear, then size, then rotation."""
    angle = 2 * np.pi * thing.poses[:, ANGLE]
    cos, sin, shear = np.cos(angle), np.sin(angle), shear_of(thing.poses)
    scale = size_of(thing.poses) * thing.diameter / (2 * sprite_radius(len(thing.sprite)))
    rows = [[cos, shear * cos - sin], [sin, shear * sin + cos]]
    return np.moveaxis(np.array(rows) * scale, -1, 0)


def _spans(start: int, length: int, period: int) -> Iterator[Span]:
    """Parts of [0, length), and the place of each on a circle of ``period >= length`` pixels from ``start`` on."""
    start %= period
    first = min(length, period - start)
    yield slice(0, first), slice(start, start + first)
    if first < length:
        yield slice(first, length), slice(0, length - first)


def _backdrop(scene: Scene) -> np.ndarray:
    """Frames uint8 (T, H, W, 3) of the moving background alone."""
    width, height = scene.size
    texture = np.pad(scene.background, ((0, height + 1), (0, width + 1), (0, 0)), mode='wrap')
    offsets = -(scene.drift + scene.camera)
    corners = np.floor(offsets)
    frames: np.ndarray = np.empty((len(offsets), height, width, 3), np.uint8)
    period = scene.background.shape[1::-1]
    matrix = np.eye(2, 3)
    for frame, part, (x, y) in zip(frames, offsets - corners, (corners % period).astype(int).tolist()):
        matrix[:, 2] = part
        seen = texture[y : y + height + 1, x : x + width + 1]
        cv2.warpAffine(seen, matrix, scene.size, frame, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    return frames


def paste_object(frames: np.ndarray, thing: MovingObject, camera: np.ndarray) -> None:
    """Draw an object on frames that wrap around. Parts beyond one side appear at the other.

    Args:
        frames: uint8 (T, H, W, 3), changed in place.
        thing: The object.
        camera: Displacement (T, 2) of the camera, (x, y) in pixels.
    """
    height, width = frames.shape[1:3]
    linear = object_matrices(thing)
    centres = thing.poses[:, [X, Y]] * [width, height] + camera
    reach = np.linalg.norm(linear, axis=2) * sprite_radius(len(thing.sprite))
    halves = np.ceil(reach).astype(int) + 2
    corners = np.floor(centres).astype(int) - halves
    middle = np.full(2, (len(thing.sprite) - 1) / 2)
    matrices = np.concatenate([linear, (centres - corners - linear @ middle)[..., None]], axis=2)
    sizes = np.minimum(2 * halves + 1, [width, height])
    for frame, matrix, (x, y), (across, down) in zip(frames, matrices, corners.tolist(), sizes.tolist()):
        patch = cv2.warpAffine(thing.sprite, matrix, (across, down), flags=cv2.INTER_LINEAR)
        colours = cv2.cvtColor(patch, cv2.COLOR_BGRA2BGR)
        through = cv2.cvtColor(255 - patch[..., 3], cv2.COLOR_GRAY2BGR)
        for rows, to_rows in _spans(y, down, height):
            for columns, to_columns in _spans(x, across, width):
                part = frame[to_rows, to_columns]
                behind = cv2.multiply(part, through[rows, columns], scale=1 / 255)
                part[:] = cv2.add(behind, colours[rows, columns])


def render_scene(scene: Scene) -> np.ndarray:
    """Frames of a scene: uint8 (T, H, W, 3) RGB."""
    frames = _backdrop(scene)
    for thing in scene.objects:
        paste_object(frames, thing, scene.camera)
    return frames
