"""Draw the figures of docs/methods/: what each method shows its network, and what becomes of it, on a clip of MotionClips.

The package's own functions choose the frames, so a figure always agrees with the code.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

sys.path.append(str(Path(__file__).parents[1]))
from tool_start import ToolParser, start

if TYPE_CHECKING:
    import numpy as np

CLIP, FRAMES = 16, 64
# Units: a frame is CELL wide, the figure COLUMNS boxes of BOX.
CELL, HEIGHT, LABEL = 1.0, 0.75, 3.2
BOX_HEIGHT, ROW, STRIP = 0.86, 1.3, 1.25
WIDTH = LABEL + CLIP * CELL
LEARNT, FIXED, LOSS = '#D7E8F5', '#EEEEEE', '#FBE3D6'  # the student's, the teacher's and what is fixed, losses


class Strip(NamedTuple):
    """A row of frames: its label, the frame numbers, and the clip positions with a frame around them."""

    label: str
    numbers: Sequence[int]
    paced: Sequence[bool]


class Node(NamedTuple):
    """A box: column from 0 (in box widths; fractions are allowed), row from 0, text, colour."""

    column: float
    row: float
    text: str
    colour: str = LEARNT


class Figure(NamedTuple):
    """Strips above, boxes and arrows (pairs of the nodes' names) below."""

    strips: Sequence[Strip]
    nodes: dict[str, Node]
    arrows: Sequence[tuple[str, str]]
    columns: float


def segment_strip(label: str, segment: int, speed: int, start: int, lookahead: int = 1) -> Strip:
    """A clip with one of four segments sped up."""
    from auxskd_mm.functional import segment_pace_indices, segment_window

    numbers = segment_pace_indices(FRAMES, CLIP, 4, segment, speed, start, lookahead=lookahead)
    first, last = segment_window(CLIP, 4, segment)
    return Strip(label, numbers.tolist(), [first <= i <= last for i in range(CLIP)])


def plain_strip(label: str, numbers: Sequence[int], paced: bool = False) -> Strip:
    """A clip with a frame around all of it, or around none of it."""
    return Strip(label, list(numbers), [paced] * CLIP)


def auxskd() -> Figure:
    """Two views, two networks, one queue."""
    strips = [
        segment_strip('student view\nsegment 2 at 3x', 1, 3, 4, lookahead=3),
        segment_strip('teacher view\nsegment 4 at 2x', 3, 2, 20, lookahead=3),
    ]
    nodes = {
        's': Node(0, 0, 'student view', FIXED),
        'sb': Node(1, 0, 'backbone'),
        'sn': Node(2, 0, 'projector\n(neck)'),
        'sp': Node(3, 0, 'predictor'),
        'ss': Node(4, 0, 'similarities\nto anchors / 0.1', FIXED),
        'kl': Node(5.1, 1, 'KL divergence', LOSS),
        'q': Node(4, 1, 'queue of\n15,360 anchors', FIXED),
        't': Node(0, 2, 'teacher view', FIXED),
        'tb': Node(1, 2, 'backbone,\nEMA', FIXED),
        'tn': Node(2, 2, 'projector,\nEMA', FIXED),
        'tk': Node(3, 2, 'key', FIXED),
        'ts': Node(4, 2, 'similarities\nto anchors / 0.02', FIXED),
    }
    pairs = 's sb, sb sn, sn sp, sp ss, ss kl, t tb, tb tn, tn tk, tk ts, ts kl, q ss, q ts, sb tb, sn tn, tk q'
    return Figure(strips, nodes, _pairs(pairs), 6.1)


def vspp() -> Figure:
    """One clip, two linear layers."""
    strips = [segment_strip('one clip\nsegment 3 at 3x', 2, 3, 10)]
    nodes = {
        'c': Node(0, 0.5, 'clip', FIXED),
        'b': Node(1, 0.5, 'backbone'),
        'p': Node(2, 0.5, 'average pool', FIXED),
        'l1': Node(3, 0, 'linear, 4 speeds'),
        'l2': Node(3, 1, 'linear, 4 segments'),
        'e1': Node(4, 0, 'cross-entropy', LOSS),
        'e2': Node(4, 1, 'cross-entropy', LOSS),
    }
    return Figure(strips, nodes, _pairs('c b, b p, p l1, p l2, l1 e1, l2 e2'), 5)


def videopace() -> Figure:
    """Clips at a pace each."""
    from auxskd_mm.functional import pace_indices

    strips = [
        plain_strip('a clip at 1x', pace_indices(FRAMES, CLIP, 1, 8).tolist()),
        plain_strip('another at 3x', pace_indices(FRAMES, CLIP, 3, 8).tolist(), True),
    ]
    nodes = {
        'c': Node(0, 0, 'clip', FIXED),
        'b': Node(1, 0, 'backbone'),
        'p': Node(2, 0, 'average pool', FIXED),
        'l': Node(3, 0, 'linear, 4 paces'),
        'e': Node(4, 0, 'cross-entropy', LOSS),
        'z': Node(3, 1, 'projector\n(optional)'),
        'k': Node(4, 1, 'contrastive\n(optional)', LOSS),
    }
    return Figure(strips, nodes, _pairs('c b, b p, p l, l e, p z, z k'), 5)


def vcop() -> Figure:
    """Three shuffled clips, three pairs."""
    from auxskd_mm.functional import order_tuple_indices

    order = (1, 2, 0)
    clips = order_tuple_indices(CLIP, 8, order, 0)
    strips = [plain_strip(f'shown {i}:\nclip {k} of the video', clips[i].tolist()) for i, k in enumerate(order)]
    nodes = {f'c{i}': Node(0, i, f'clip shown {i}', FIXED) for i in range(3)}
    nodes |= {f'b{i}': Node(1, i, 'backbone' if i == 0 else 'same backbone') for i in range(3)}
    nodes |= {
        f'p{i}': Node(2.35, i, f'pair ({a}, {b})\nlinear, ReLU') for i, (a, b) in enumerate(((0, 1), (0, 2), (1, 2)))
    }
    nodes |= {'l': Node(3.5, 1, 'concatenate,\nlinear, 6 orders'), 'e': Node(4.5, 1, 'cross-entropy', LOSS)}
    pairs = 'c0 b0, c1 b1, c2 b2, b0 p0, b1 p0, b0 p1, b2 p1, b1 p2, b2 p2, p0 l, p1 l, p2 l, l e'
    return Figure(strips, nodes, _pairs(pairs), 5.5)


def rspnet() -> Figure:
    """A query and the key view at both speeds."""
    from auxskd_mm.functional import strided_crop

    query, key = strided_crop(FRAMES, 2 * CLIP, 1, 4), strided_crop(FRAMES, 2 * CLIP, 1, 26)
    strips = [
        plain_strip('query q\nat 1x', query[:CLIP].tolist()),
        plain_strip('key k+\nat 1x', key[:CLIP].tolist()),
        plain_strip('key k-\nat 2x', key[::2].tolist(), True),
    ]
    nodes = {
        'q': Node(0, 0, 'query', FIXED),
        'k': Node(0, 1.5, 'both keys', FIXED),
        'b': Node(1, 0, 'backbone'),
        't': Node(1, 1.5, 'backbone, EMA', FIXED),
        'm': Node(2.1, 0, 'motion head'),
        'a': Node(2.1, 1, 'appearance head'),
        'ma': Node(2.1, 2, 'both heads, EMA', FIXED),
        'r': Node(3.5, 0, 'ranking: k+ before\nk- by a margin', LOSS),
        'n': Node(3.5, 1, 'InfoNCE of k+ and\nof k- against queue', LOSS),
        'qu': Node(3.5, 2, 'queue of 16,384\nappearance keys k-', FIXED),
    }
    pairs = 'q b, k t, b m, b a, t ma, b t, m r, a n, ma r, ma n, ma qu, qu n'
    return Figure(strips, nodes, _pairs(pairs), 4.7)


FIGURES = dict(auxskd=auxskd, vspp=vspp, videopace=videopace, vcop=vcop, rspnet=rspnet)


def _pairs(text: str) -> list[tuple[str, str]]:
    return [(pair.split()[0], pair.split()[1]) for pair in text.split(',')]


def draw(figure: Figure, frames: np.ndarray, path: Path) -> None:
    """Write a figure as PNG."""
    import matplotlib
    from PIL import Image

    matplotlib.use('Agg')
    import matplotlib.pyplot as plt

    rows = max(node.row for node in figure.nodes.values()) + 1
    height = len(figure.strips) * STRIP + rows * ROW + 0.4
    canvas, axis = plt.subplots(figsize=(0.55 * WIDTH, 0.55 * height))
    axis.set(xlim=(0, WIDTH), ylim=(height, 0), aspect='equal')
    axis.axis('off')
    for i, strip in enumerate(figure.strips):
        _draw_strip(axis, strip, frames, i * STRIP + 0.05)
    _draw_boxes(axis, figure, len(figure.strips) * STRIP + 0.6)
    canvas.subplots_adjust(0.005, 0.005, 0.995, 0.995)
    canvas.savefig(path, dpi=110)
    plt.close(canvas)
    Image.open(path).convert('RGB').quantize(128).save(path, optimize=True)  # a third of the size


def _draw_strip(axis: Any, strip: Strip, frames: np.ndarray, top: float) -> None:
    from matplotlib.patches import Rectangle

    from auxskd_mm.visualization.clip_sheet import PACED, PLAIN

    axis.text(0, top + HEIGHT / 2, strip.label, va='center', fontsize=9.5)
    for i, (number, paced) in enumerate(zip(strip.numbers, strip.paced)):
        left = LABEL + i * CELL + 0.04
        box = (left, left + CELL - 0.08, top + HEIGHT - 0.05, top)
        axis.imshow(frames[number], extent=box, aspect='auto', interpolation='antialiased')
        colour, width = (PACED, 2) if paced else (PLAIN, 0.8)
        axis.add_patch(Rectangle((left, top), box[1] - left, box[2] - top, fill=False, ec=colour, lw=width))
        axis.text(left + CELL / 2, top + HEIGHT + 0.15, str(number), ha='center', va='center', fontsize=8)


def _draw_boxes(axis: Any, figure: Figure, top: float) -> None:
    from matplotlib.patches import FancyBboxPatch

    step = WIDTH / figure.columns
    width = min(step * 0.8, 3.6)
    centre = {
        name: (node.column * step + step / 2, top + node.row * ROW + BOX_HEIGHT / 2)
        for name, node in figure.nodes.items()
    }
    patches = {}
    for name, node in figure.nodes.items():
        x, y = centre[name]
        patches[name] = FancyBboxPatch(
            (x - width / 2, y - BOX_HEIGHT / 2),
            width,
            BOX_HEIGHT,
            boxstyle='round,pad=0,rounding_size=0.12',
            fc=node.colour,
            ec='#555555',
            lw=0.8,
            zorder=3,
        )
        axis.add_patch(patches[name])
        axis.text(x, y, node.text, ha='center', va='center', fontsize=9, zorder=4)
    for source, target in figure.arrows:
        average = 'EMA' in figure.nodes[target].text and figure.nodes[source].colour == LEARNT
        axis.annotate(
            '',
            centre[target],
            centre[source],
            arrowprops=dict(
                arrowstyle='-|>',
                color='#777777',
                lw=1.1,
                ls=':' if average else '-',
                patchA=patches[source],
                patchB=patches[target],
                shrinkA=1,
                shrinkB=1,
            ),
            zorder=2,
        )


def parse_args() -> argparse.Namespace:
    parser = ToolParser(
        __doc__.splitlines()[0] if __doc__ else None,
        'python tools/misc/draw_methods.py --out-dir docs/images --methods vspp',
    )
    parser.add_argument('--out-dir', type=Path, default=Path('docs/images'), help='folder for <method>.png')
    parser.add_argument('--methods', nargs='+', choices=list(FIGURES), default=list(FIGURES), help='whose figures')
    return parser.parse_args()


def main(arguments: argparse.Namespace) -> None:
    from auxskd_mm.datasets.motion_clips import MotionClipsSettings, draw_scene, render_scene

    frames = render_scene(draw_scene(MotionClipsSettings(frames=FRAMES), 'train', 'orbit', 4))
    arguments.out_dir.mkdir(parents=True, exist_ok=True)
    for name in arguments.methods:
        path = arguments.out_dir / f'method_{name}.png'
        draw(FIGURES[name](), frames, path)
        print(path)


if __name__ == '__main__':
    start(parse_args, main)
