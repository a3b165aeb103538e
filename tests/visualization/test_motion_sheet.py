"""The sheet shows, for each class in the order of the labels, the frames it names."""

import numpy as np
import pytest

from auxskd_mm.datasets.motion_clips import MotionClipsSettings, draw_scene, make_motion_clips, render_scene
from auxskd_mm.errors import InputError
from auxskd_mm.visualization import motion_sheet


def test_rows_are_the_classes_first_clips(tmp_path, monkeypatch):
    settings = MotionClipsSettings(train=2, val=0, test=0, width=48, height=36, frames=9, classes=('swing', 'orbit'))
    make_motion_clips(tmp_path / 'set', settings)
    drawn = []

    def draw(clips, path, title):
        drawn.extend(clips)
        return path

    monkeypatch.setattr(motion_sheet, 'draw_clip_sheet', draw)
    assert motion_sheet.draw_motion_sheet(tmp_path / 'set', 'x.png', columns=3, step=4) == 'x.png'
    assert [(clip.caption, list(clip.numbers)) for clip in drawn] == [('swing', [0, 4, 8]), ('orbit', [0, 4, 8])]
    other = drawn[1].frames.astype(float)
    for clip in drawn:
        frames = render_scene(draw_scene(settings, 'train', clip.caption, 0))[[0, 4, 8]]
        left = np.abs(frames - clip.frames.astype(float)).mean()  # what H.264 leaves
        assert 3 * left < np.abs(frames - other).mean()
        other = drawn[0].frames.astype(float)


def test_missing_set(tmp_path):
    with pytest.raises(InputError, match='no such list file'):
        motion_sheet.draw_motion_sheet(tmp_path, tmp_path / 'x.png')
    (tmp_path / 'train.txt').write_text('a.mp4 0\n')
    with pytest.raises(InputError, match=r'classes\.txt: no such file'):
        motion_sheet.draw_motion_sheet(tmp_path, tmp_path / 'x.png')


def test_a_class_name_with_a_blank_is_one_class(tmp_path, monkeypatch):
    (tmp_path / 'classes.txt').write_text('\ufeffturn left\nturn right\n', encoding='utf-8')
    (tmp_path / 'test.txt').write_text('a.mp4 0\nb.mp4 1\n')
    shown = []

    class Reader:
        num_frames = 1

        def __init__(self, path):
            pass

        def read(self, numbers):
            return [np.zeros((4, 4, 3), np.uint8) for _ in numbers]

        def close(self):
            pass

    monkeypatch.setattr(motion_sheet, 'open_reader', Reader)
    monkeypatch.setattr(
        motion_sheet, 'draw_clip_sheet', lambda rows, path, title: shown.extend(row[-1] for row in rows)
    )
    motion_sheet.draw_motion_sheet(tmp_path, tmp_path / 'out.png', split='test')
    assert shown == ['turn left', 'turn right']
