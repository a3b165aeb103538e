"""The set on disk: the same clips whatever made them, lists that our dataset reads, and no mixing of two sets."""

import json
import runpy
import sys
from collections import Counter
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from auxskd_mm.datasets import UnlabeledVideoDataset
from auxskd_mm.datasets.motion_clips import MotionClipsSettings, draw_scene, make_motion_clips, render_scene, writer
from auxskd_mm.datasets.readers import open_reader
from auxskd_mm.errors import InputError

SMALL = dict(train=2, val=1, test=1, width=48, height=36, frames=12, gop=5)
CLASSES = ('rotation', 'zoom', 'bounce')
TOOL = Path(__file__).parents[3] / 'tools' / 'data' / 'make_motion_clips.py'


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob('*')) if path.is_file()}


@pytest.fixture(scope='module')
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp('motion') / 'set'
    assert make_motion_clips(folder, MotionClipsSettings(**SMALL, classes=CLASSES)) == (12, 0)
    return folder


def test_layout(made):
    files = contents(made)
    clips = {name for name in files if name.endswith('.mp4')}
    assert Counter(tuple(name.split('/')[:2]) for name in clips) == {
        (split, motion): SMALL[split] for split in ('train', 'val', 'test') for motion in CLASSES
    }
    assert set(files) - clips == {'classes.txt', 'train.txt', 'val.txt', 'test.txt', 'motion_clips.json'}
    assert files['classes.txt'].decode().split() == list(CLASSES)
    listed = [line.split() for name in ('train', 'val', 'test') for line in files[f'{name}.txt'].decode().splitlines()]
    assert {path for path, _ in listed} == clips
    assert len(listed) == len(clips)
    assert all(path.split('/')[1] == CLASSES[int(label)] for path, label in listed)
    assert json.loads(files['motion_clips.json'])['frames'] == 12


def test_workers_and_interruptions_change_nothing(made, tmp_path):
    settings = MotionClipsSettings(**SMALL, classes=CLASSES)
    again = tmp_path / 'again'
    cv2.GaussianBlur(
        np.zeros((1500, 1500), np.float32), (9, 9), 0
    )  # starts OpenCV's threads, which do not survive a fork
    threads = cv2.getNumThreads()
    assert make_motion_clips(again, settings, workers=2) == (12, 0)
    assert cv2.getNumThreads() == threads
    assert contents(again) == contents(made)
    for name in ('train/zoom/zoom_00001.mp4', 'test/bounce/bounce_00000.mp4', 'test.txt'):
        (again / name).unlink()
    kept = again / 'train/zoom/zoom_00000.mp4'
    before = kept.stat().st_mtime_ns
    assert make_motion_clips(again, settings) == (2, 10)
    assert contents(again) == contents(made)
    assert kept.stat().st_mtime_ns == before


class StopsHalfWay:
    """Frames that a full disk or a signal cuts short."""

    shape = (12, 36, 48, 3)

    def __iter__(self):
        yield from np.zeros((6, 36, 48, 3), np.uint8)
        raise KeyboardInterrupt


def test_interrupted_clip_leaves_nothing_half_written(tmp_path, monkeypatch):
    monkeypatch.setattr(writer, 'render_scene', lambda scene: StopsHalfWay())
    with pytest.raises(KeyboardInterrupt):
        make_motion_clips(tmp_path / 'set', MotionClipsSettings(**SMALL, classes=CLASSES))
    assert set(contents(tmp_path / 'set')) == {'motion_clips.json'}


def test_order_and_choice_of_classes_change_labels_only(made, tmp_path):
    other = tmp_path / 'other'
    make_motion_clips(other, MotionClipsSettings(**{**SMALL, 'train': 1, 'val': 0}, classes=('bounce', 'rotation')))
    clips = {name: data for name, data in contents(other).items() if name.endswith('.mp4')}
    assert len(clips) == 4
    assert clips.items() <= contents(made).items()
    assert (other / 'test.txt').read_text().splitlines()[0] == 'test/bounce/bounce_00000.mp4 0'
    assert not (other / 'val.txt').exists()  # an empty list would be refused by every dataset


def test_every_clip_is_another():
    settings = MotionClipsSettings(**SMALL)
    places = [
        ('train', 'zoom', 0),
        ('val', 'zoom', 0),
        ('test', 'zoom', 0),
        ('train', 'zoom', 1),
        ('train', 'shear', 0),
    ]
    clips = [render_scene(draw_scene(settings, *place)) for place in places]
    clips.append(render_scene(draw_scene(MotionClipsSettings(**SMALL, seed=1), *places[0])))
    for i, one in enumerate(clips):
        # Other textures, so other by tens of levels.
        assert all(np.abs(one.astype(float) - two).mean() > 15 for two in clips[:i])


def test_files_are_what_was_rendered_and_seek_fast(made):
    reader = open_reader(str(made / 'val/bounce/bounce_00000.mp4'))
    assert (reader.num_frames, reader.fps) == (12, 25)
    seen = np.stack(reader.read(range(12)))
    reader.close()
    drawn = render_scene(draw_scene(MotionClipsSettings(**SMALL), 'val', 'bounce', 0))
    assert seen.shape == drawn.shape == (12, 36, 48, 3)
    errors = ((seen[:, None].astype(float) - drawn[None]) ** 2).mean(axis=(2, 3, 4))
    assert errors.argmin(axis=1).tolist() == list(range(12))
    assert 10 * np.log10(255**2 / errors.diagonal().max()) > 28  # decibels
    with av.open(str(made / 'val/bounce/bounce_00000.mp4')) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
    assert [packet.is_keyframe for packet in packets] == [i % 5 == 0 for i in range(12)]
    assert [packet.pts for packet in packets] == sorted(packet.pts for packet in packets)  # no B-frames


def test_our_dataset_reads_folder_and_list(made):
    data = UnlabeledVideoDataset(str(made / 'train.txt'))
    data.full_init()
    assert [data.get_data_info(i)['label'] for i in range(len(data))] == [0, 0, 1, 1, 2, 2]
    assert len(UnlabeledVideoDataset(str(made / 'train'))) == 6


def test_other_settings_are_refused(made):
    before = contents(made)
    with pytest.raises(InputError, match=r'other settings \(frames 12, not 16; seed 0, not 3\)'):
        make_motion_clips(made, MotionClipsSettings(**{**SMALL, 'frames': 16}, seed=3, classes=CLASSES))
    assert contents(made) == before


def test_foreign_folders_are_refused(tmp_path):
    (tmp_path / 'thesis.txt').write_text('do not lose')
    with pytest.raises(InputError, match='not a MotionClips folder'):
        make_motion_clips(tmp_path, MotionClipsSettings(**SMALL))
    with pytest.raises(InputError, match='not a MotionClips folder'):
        make_motion_clips(tmp_path / 'thesis.txt', MotionClipsSettings(**SMALL))
    assert list(contents(tmp_path)) == ['thesis.txt']
    (tmp_path / 'motion_clips.json').write_text('[1]')
    with pytest.raises(InputError, match='not a settings file'):
        make_motion_clips(tmp_path, MotionClipsSettings(**SMALL))


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (dict(width=97), 'width=97: expected an even number'),
        (dict(height=16), 'height=16: expected at least 32'),
        (dict(frames=0), 'frames=0: expected at least 1'),
        (dict(seed=-1), 'seed=-1'),
        (dict(qp=52), 'qp=52: expected at most 51'),
        (dict(classes=('zoom', 'jump')), 'classes=zoom jump: expected different ones of translation'),
        (dict(classes=('zoom', 'zoom')), 'expected different ones'),
        (dict(classes=()), 'expected different ones'),
        (dict(train=0, val=0, test=0), 'at least one clip'),
        (dict(train=-1), 'train=-1'),
    ],
)
def test_bad_settings(change, message):
    with pytest.raises(InputError, match=message):
        MotionClipsSettings(**change)
    with pytest.raises(InputError, match='workers=0'):
        make_motion_clips('unused', workers=0)


def test_tool(tmp_path, monkeypatch, capsys):
    out, sheet = tmp_path / 'set', tmp_path / 'sheet.png'
    line = [str(TOOL), str(out), '--train', '1', '--val', '0', '--test', '1', '--width', '48', '--height', '36']
    line += ['--frames', '6', '--classes', 'zoom', 'shear', '--workers', '1', '--sheet', str(sheet)]
    monkeypatch.setattr(sys, 'argv', line)
    for counts in ('4 clips written, 0 kept, 2 classes', '0 clips written, 4 kept, 2 classes'):
        runpy.run_path(str(TOOL), run_name='__main__')
        assert counts in capsys.readouterr().out
    assert sheet.read_bytes().startswith(b'\x89PNG')
