"""The recording shows something else than its events say."""

import dataclasses

import numpy as np
import pytest

from auxskd_mm.datasets.motion_clips import MotionClipsSettings, draw_scene, make_recording, render_scene
from auxskd_mm.datasets.motion_clips.recording import draw_parts
from auxskd_mm.datasets.readers import open_reader
from auxskd_mm.errors import InputError

SETTINGS = MotionClipsSettings(width=64, height=48, fps=10, qp=4, classes=('rotation', 'zoom', 'bounce'))


def test_events_cover_the_recording_and_each_shows_its_scene(tmp_path):
    truth = make_recording(tmp_path / 'all.mp4', SETTINGS, 20, 2, 5)
    reader = open_reader(str(tmp_path / 'all.mp4'))
    assert (reader.num_frames, reader.fps) == (200, 10)
    rows = [line.split() for line in truth.read_text().splitlines()]
    spans = [(float(start), float(end)) for start, end, _ in rows]
    assert spans[0][0] == 0
    assert spans[-1][1] == 20
    assert all(one[1] == other[0] and 2 <= one[1] - one[0] <= 7 for one, other in zip(spans, spans[1:]))
    assert all(one[2] != other[2] for one, other in zip(rows, rows[1:]))
    for number, ((start, end), (*_, motion)) in enumerate(zip(spans, rows)):
        first, count = round(start * 10), round((end - start) * 10)
        scene = draw_scene(dataclasses.replace(SETTINGS, frames=count), 'test', motion, number)
        drawn = render_scene(scene)[[0, -1]].astype(int)
        shown = np.stack(reader.read([first, first + count - 1])).astype(int)
        assert np.abs(shown - drawn).mean() < 8  # of the codec, mostly of its coarser colours
        if first:  # across the cut it is another scene
            assert np.abs(reader.read([first - 1])[0].astype(int) - drawn[0]).mean() > 20


def test_other_seeds_give_other_parts():
    assert draw_parts(SETTINGS, 60, seed=1) != draw_parts(SETTINGS, 60, seed=2)
    assert draw_parts(SETTINGS, 60, seed=1) == draw_parts(SETTINGS, 60, seed=1)


@pytest.mark.parametrize('lengths', [(60, 5, 3), (2, 3, 8), (60, 0, 3)])
def test_lengths_that_cannot_be_met(lengths):
    with pytest.raises(InputError, match='expected two classes or more'):
        draw_parts(SETTINGS, *lengths)
