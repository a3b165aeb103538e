"""Clips as a page for a browser, in a single file."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from ..files import write_whole
from .clip_animation import animate, encode_gif
from .clip_sheet import render_clip_sheet
from .plain_text import one_line
from .seen_clips import STAGES, SeenSample, sheet_rows


def write_gallery(
    samples: Sequence[SeenSample],
    path: str | Path,
    title: str,
    facts: Sequence[str] = (),
    stages: Sequence[str] = tuple(STAGES),
) -> Path:
    """Write an HTML file with one section per sample of :func:`see_samples`: its clips as strips of frames and as
    animations. Return the path.

    ``facts`` are the lines below the title, and ``stages`` those of ``STAGES`` to show.

    All outside text, such as file names, is shown as text and never as markup.
    """
    from jinja2 import Environment, FileSystemLoader

    environment = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True, trim_blocks=True)
    page = environment.get_template('clip_gallery.html.j2').render(
        title=one_line(title),
        facts=[one_line(fact) for fact in facts],
        sections=[_section(sample, stages) for sample in samples],
    )
    return write_whole(path, page.encode('utf-8', 'backslashreplace'))


def _section(sample: SeenSample, stages: Sequence[str]) -> dict[str, object]:
    rows = sheet_rows([sample], stages)
    playing = encode_gif(animate([row._replace(caption=row.caption.partition('   ')[0]) for row in rows], len(stages)))
    return dict(
        name=one_line(sample.filename),
        captions=[one_line(clip.caption) for clip in sample.clips],
        strip=_base64(_png(render_clip_sheet(rows, 'Frame numbers below'))),
        playing=_base64(playing),
    )


def _png(picture: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(picture).quantize(256).save(stream, 'PNG', optimize=True)
    return stream.getvalue()


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode('ascii')
