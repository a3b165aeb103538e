"""Clips that play side by side, as a GIF or an mp4."""

from __future__ import annotations

import io
import math
import textwrap
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ..files import WholeFile, write_whole
from .clip_sheet import PACED, PLAIN, SheetClip
from .plain_text import one_line, shorten

_WIDTH, _PICTURE, _RIM, _LINE = 270, 170, 6, 15  # pixels: a tile and its picture, the rim, a line of text
_LETTERS = 40  # that fit into a tile at the font's size
_FONT_SIZE = 12


def animate(clips: Sequence[SheetClip], columns: int = 2) -> list[np.ndarray]:
    """Frames of a grid in which every clip plays. Shorter clips start again.

    Args:
        clips: Tiles, row by row. As in a sheet, three blanks in a caption separate the description of a clip from its
            source.
        columns: Tiles per row.

    Returns:
        Frames uint8 RGB (H, W, 3), as many as in the longest clip; H and W are even. Paced frames have a thick border.
    """
    font = ImageFont.load_default(_FONT_SIZE)
    columns = min(columns, len(clips))
    tile = _PICTURE + 4 * _LINE + 2 * _RIM
    size = (columns * _WIDTH, math.ceil(len(clips) / columns) * tile)
    size = (size[0] + size[0] % 2, size[1] + size[1] % 2)
    frames = []
    for time in range(max(len(clip.frames) for clip in clips)):
        page = Image.new('RGB', size, 'white')
        draw = ImageDraw.Draw(page)
        for i, clip in enumerate(clips):
            corner = (i % columns * _WIDTH, i // columns * tile)
            _draw_tile(page, draw, font, clip, time % len(clip.frames), corner)
        frames.append(np.asarray(page))
    return frames


def _draw_tile(
    page: Image.Image, draw: ImageDraw.ImageDraw, font: object, clip: SheetClip, time: int, corner: tuple[int, int]
) -> None:
    left, top = corner[0] + _RIM, corner[1] + _RIM
    what, _, where = clip.caption.partition('   ')
    for line, text in enumerate(textwrap.wrap(one_line(what), _LETTERS)[:2]):
        draw.text((left, top + line * _LINE), text, fill='black', font=font)  # type: ignore[arg-type]  # a PIL font
    # A PIL font.
    draw.text((left, top + 2 * _LINE), shorten(where, _LETTERS), fill='#555555', font=font)  # type: ignore[arg-type]
    picture = clip.frames[time]
    scale = min((_WIDTH - 2 * _RIM) / picture.shape[1], _PICTURE / picture.shape[0])
    width, height = (max(1, round(side * scale)) for side in picture.shape[1::-1])
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_NEAREST
    shown = cv2.resize(np.ascontiguousarray(picture), (width, height), interpolation=how)
    y = top + 3 * _LINE + 2
    page.paste(Image.fromarray(shown), (left, y))
    paced = bool(clip.paced[time])
    box = (left, y, left + width - 1, y + height - 1)
    draw.rectangle(box, outline=PACED if paced else PLAIN, width=5 if paced else 1)
    note = f'frame {clip.numbers[time]}' + (', paced' if paced else '')
    draw.text((left, y + height + 1), note, fill='black', font=font)  # type: ignore[arg-type]  # a PIL font


def encode_gif(frames: Sequence[np.ndarray], fps: float = 6) -> bytes:
    """A GIF of frames uint8 RGB (H, W, 3) that repeats forever."""
    images = [Image.fromarray(frame).quantize(128, method=Image.Quantize.MEDIANCUT) for frame in frames]
    stream = io.BytesIO()
    images[0].save(
        stream, 'GIF', save_all=True, append_images=images[1:], duration=round(1000 / fps), loop=0, optimize=False
    )
    return stream.getvalue()


def write_animation(frames: Sequence[np.ndarray], path: str | Path, fps: int = 6) -> Path:
    """Write frames uint8 RGB (H, W, 3), H and W even, as ``.gif`` or ``.mp4`` (H.264), and return the path. The folder
    is created.
    """
    path = Path(path)
    if path.suffix == '.gif':
        write_whole(path, encode_gif(frames, fps))
        return path
    with WholeFile(path) as whole, av.open(whole.file, 'w', format='mp4') as container:
        stream = container.add_stream('libx264', rate=Fraction(fps))
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = 'yuv420p'
        stream.options = {'crf': '18'}
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format='rgb24')))
        container.mux(stream.encode(None))
    return path
