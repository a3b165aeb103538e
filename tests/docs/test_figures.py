"""The figures of the methods' pages show the frames that the methods take."""

from __future__ import annotations

import numpy as np
import pytest
from doc_blocks import script_names
from PIL import Image
from tool_runs import ROOT

FIGURES = script_names(ROOT / 'tools' / 'misc' / 'draw_methods.py')


def test_frames_of_a_paced_segment():
    """The worked example of docs/methods/vspp.md: five fast positions of four."""
    strip = FIGURES['segment_strip']('', 1, 2, 10)
    assert strip.numbers == [10, 11, 12, 13, 15, 17, 19, 21, 23, 24, 25, 26, 27, 28, 29, 30]
    assert [i for i, paced in enumerate(strip.paced) if paced] == [4, 5, 6, 7, 8]


def test_frames_of_an_order():
    strips = FIGURES['vcop']().strips
    assert [strip.numbers[0] for strip in strips] == [24, 48, 0]  # clips of 16 frames, 8 between them, in order 1, 2, 0
    assert [strip.numbers[-1] for strip in strips] == [39, 63, 15]


@pytest.mark.parametrize('name', ['auxskd', 'vspp', 'videopace', 'vcop', 'rspnet'])
def test_a_figure_is_drawn_and_is_the_one_shipped(name, tmp_path):
    figure = FIGURES[name.replace('-', '_')]()
    assert {end for pair in figure.arrows for end in pair} == set(figure.nodes)
    FIGURES['draw'](figure, np.full((64, 72, 96, 3), 200, np.uint8), tmp_path / 'x.png')
    with (
        Image.open(tmp_path / 'x.png') as drawn,
        Image.open(ROOT / 'docs' / 'images' / f'method_{name}.png') as shipped,
    ):
        assert drawn.size == shipped.size
