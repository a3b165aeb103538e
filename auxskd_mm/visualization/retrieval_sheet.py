"""Retrieval examples: a query and its results, as strips of three frames."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from ..datasets.readers import Reader, open_reader
from ..datasets.stores import packed_from
from ..errors import InputError
from ..files import save_figure
from ..functional.pixels import as_pictures
from .plain_text import figure_text

# Blue and vermilion of the Okabe-Ito palette, told apart by every kind of colour vision; the signs say it again.
RIGHT, WRONG, QUERY = '#0072B2', '#D55E00', '#444444'
UNKNOWN = '#666666'
SIGNS = {True: '\N{CHECK MARK} ', False: '\N{BALLOT X} ', None: ''}


class Found(NamedTuple):
    """One retrieved video: path, class name, cosine similarity, and whether the class is right (None: unknown)."""

    path: str
    name: str
    similarity: float
    right: bool | None


class Example(NamedTuple):
    """A query (path and class name) and its results, nearest first."""

    path: str
    name: str
    found: Sequence[Found]


def open_pictures(path: str) -> Reader:
    """Reader of the frames that show a video. A store of feature maps has none, so there it is the video that was packed.

    Raises:
        InputError: If it cannot be read.
    """
    try:
        return open_reader(path)
    except InputError:
        source = packed_from(path)
        if source is None:
            raise
        return open_reader(source)


def thumbnail(path: str, size: tuple[int, int] = (72, 54), frames: int = 3) -> np.ndarray:
    """Evenly spread frames of a video side by side, each fitted into ``size`` on grey.

    Args:
        path: Video, frame folder, a window of one, or a video in a store. An unreadable video gives a grey picture.
        size: Width and height per frame.
        frames: Number of frames.

    Returns:
        uint8 RGB (height, frames * (width + 2) - 2, 3).
    """
    width, height = size
    sheet: np.ndarray = np.full((height, frames * (width + 2) - 2, 3), 255, np.uint8)
    try:
        with open_pictures(path) as reader:
            numbers = [int((i + 0.5) * reader.num_frames / frames) for i in range(frames)]
            pictures = list(as_pictures(np.stack(reader.read(numbers))))
    except (InputError, OSError):
        pictures = [np.full((height, width, 3), 128, np.uint8)] * frames
    for i, picture in enumerate(pictures):
        scale = min(width / picture.shape[1], height / picture.shape[0])
        small = cv2.resize(
            picture,
            (max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale))),
            interpolation=cv2.INTER_AREA,
        )
        top, left = (height - small.shape[0]) // 2, i * (width + 2) + (width - small.shape[1]) // 2
        sheet[:, i * (width + 2) : i * (width + 2) + width] = 128
        sheet[top : top + small.shape[0], left : left + small.shape[1]] = small
    return sheet


def draw_retrieval_sheet(examples: Sequence[Example], path: str | Path, title: str = '') -> Path:
    """Draw one row per example, the query first, and write a PNG.

    Args:
        examples: Examples, one per row.
        path: PNG file.
        title: Title of the sheet.

    Returns:
        The path.
    """
    from matplotlib.figure import Figure

    columns = 1 + max(len(example.found) for example in examples)
    figure = Figure(figsize=(2.02 * columns, 0.86 * len(examples) + 0.4))  # a notebook keeps its backend
    axes = figure.subplots(
        len(examples),
        columns,
        squeeze=False,
        gridspec_kw=dict(
            wspace=0.06, hspace=0.5, left=0.005, right=0.995, bottom=0.02, top=1 - 0.55 / (0.86 * len(examples) + 0.4)
        ),
    )
    for row, example in zip(axes, examples):
        _draw(row[0], example.path, f'query: {figure_text(example.name)}', QUERY, '-', 'bold')
        for axis, found in zip(row[1:], example.found):
            text = f'{SIGNS[found.right]}{figure_text(found.name)}  {found.similarity:.3f}'
            colour = {True: RIGHT, False: WRONG, None: UNKNOWN}[found.right]
            _draw(axis, found.path, text, colour, '--' if found.right is False else '-', 'normal')
        for axis in row[1 + len(example.found) :]:
            axis.axis('off')
    figure.suptitle(figure_text(title), fontsize=10, x=0.005, ha='left')
    return save_figure(figure, path, 100)


def _draw(axis: object, path: str, text: str, colour: str, style: str, weight: str) -> None:
    axis.imshow(thumbnail(path), interpolation='nearest')  # type: ignore[attr-defined]  # a matplotlib Axes
    axis.set_xticks([])  # type: ignore[attr-defined]  # a matplotlib Axes
    axis.set_yticks([])  # type: ignore[attr-defined]  # a matplotlib Axes
    # A matplotlib Axes.
    axis.set_title(text, fontsize=8, color=colour, pad=4, loc='left', weight=weight)  # type: ignore[attr-defined]
    for spine in axis.spines.values():  # type: ignore[attr-defined]  # a matplotlib Axes
        spine.set(color=colour, linewidth=2.5, linestyle=style)
