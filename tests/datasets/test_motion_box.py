"""The box misses what moves, or follows noise."""

import json
import os

import cv2
import numpy as np
import pytest
from conftest import write_video

from auxskd_mm.datasets.motion_box import Box, BoxCache, box_around, clip_box, motion_map, video_box
from auxskd_mm.datasets.packing import pack_videos
from auxskd_mm.datasets.readers import Reader
from auxskd_mm.datasets.stores import SourceVideo, StoreSettings


def scene(places, radius=2, size=(120, 160), noise=3, seed=0):
    """Frames with a small bright dot at each place (x, y), or none, on a textured background."""
    rng = np.random.default_rng(seed)
    ground = cv2.resize(rng.integers(40, 160, (12, 16, 3)).astype(np.uint8), size[::-1])
    frames = []
    for place in places:
        frame = np.clip(ground.astype(int) + rng.integers(-noise, noise + 1, ground.shape), 0, 255).astype(np.uint8)
        if place is not None:
            cv2.circle(frame, tuple(map(int, place)), radius, (250, 250, 250), -1)
        frames.append(frame)
    return frames


class Frames(Reader):
    """Frames in memory, which count how often they are read."""

    fps = 25.0

    def __init__(self, frames):
        super().__init__('frames')
        self.frames_, self.num_frames, self.reads = frames, len(frames), 0

    def read(self, indices):
        self.reads += 1
        return [self.frames_[i] for i in indices]


def path_of(kind, count=60):
    t = np.linspace(0, 1, count)
    if kind == 'line':
        return np.stack([20 + 40 * t, 80 - 30 * t], 1)
    if kind == 'corner':
        return np.stack([150 + 5 * np.sin(9 * t), 8 + 4 * np.cos(9 * t)], 1)
    return np.stack([110 + 25 * np.cos(6.28 * t), 70 + 25 * np.sin(6.28 * t)], 1)


@pytest.mark.parametrize('kind', ['line', 'corner', 'circle'])
@pytest.mark.parametrize('size', [0.3, 0.6])
def test_box_contains_the_dot_and_not_much_more(kind, size):
    places = path_of(kind)
    left, top, right, bottom = video_box(Frames(scene(places)), size).pixels(120, 160)
    assert left <= places[:, 0].min() - 1
    assert places[:, 0].max() + 1 < right
    assert top <= places[:, 1].min() - 1
    assert places[:, 1].max() + 1 < bottom
    span = max(np.ptp(places[:, 0]) / 160, np.ptp(places[:, 1]) / 120)
    assert (right - left) / 160 == pytest.approx((bottom - top) / 120, abs=0.02)  # the frame's aspect
    assert size - 0.02 <= (right - left) / 160 <= max(size, span + 0.15) + 0.02


@pytest.mark.parametrize('frames', [scene([None] * 30, noise=4), scene([(30, 30)] * 30), scene([None])])
def test_a_still_video_gets_the_centre(frames):
    assert video_box(Frames(frames), 0.5) == Box(0.25, 0.25, 0.75, 0.75)


def test_a_shaking_background_does_not_hide_the_dot():
    """All moves a little: the dot stands out of it, or the box is the whole frame, but it never leaves the dot out."""
    places = path_of('line')
    frames = [np.roll(frame, i % 2, 1) for i, frame in enumerate(scene(places))]
    left, top, right, bottom = video_box(Frames(frames), 0.4).pixels(120, 160)
    assert left <= 20 < 60 < right
    assert top <= 50 < 80 < bottom


def test_motion_map_by_hand():
    one, other = np.zeros((2, 50, 60), np.uint8)
    other[10:13, 20:22] = 100
    motion = motion_map([(one, other), (other, one)])
    assert motion.shape == (50, 60)
    assert np.argwhere(motion).tolist() == [[y, x] for y in (10, 11, 12) for x in (20, 21)]
    assert motion[10, 20] == 2 * (100 - 12)


def test_box_by_hand():
    motion = np.zeros((100, 200))
    motion[10:20, 150:160] = 1
    box = box_around(motion, 0.1)
    # 0.75 to 0.8 of the width and 0.1 to 0.2 of the height, 0.04 more on each side; the longer side is 0.18.
    np.testing.assert_allclose(box, (0.775 - 0.09, 0.15 - 0.09, 0.775 + 0.09, 0.15 + 0.09))
    assert box.pixels(100, 200) == (137, 6, 173, 24)


def test_clips_without_a_file_use_their_own_frames():
    places = path_of('line', 8)
    left, top, right, bottom = clip_box(scene(places), 0.4).pixels(120, 160)
    assert left <= 20 < 60 < right
    assert top <= 50 < 80 < bottom
    assert clip_box(scene([None]), 0.5) == Box(0.25, 0.25, 0.75, 0.75)


def test_boxes_are_kept_until_the_file_changes(tmp_path):
    video = tmp_path / 'a.mp4'
    video.write_bytes(b'1')
    folder = str(tmp_path / 'boxes')
    cache, box = BoxCache(folder), Box(0.1, 0.2, 0.6, 0.7)
    key = cache.key(str(video), 0.5)
    assert cache.get(key) is None
    cache.put(key, box)
    assert cache.get(key) == box
    assert BoxCache(folder).get(key) == box  # a later run
    assert BoxCache().get(key) is None
    assert len({key, cache.key(str(video), 0.6), cache.key(str(tmp_path / 'b.mp4'), 0.5)}) == 3
    video.write_bytes(b'12')
    assert cache.key(str(video), 0.5) != key
    (file,) = (tmp_path / 'boxes').iterdir()
    for damage in ('', '[1, 2]', json.dumps(['a'] * 4)):
        file.write_text(damage)
        assert BoxCache(folder).get(key) is None


def test_frames_that_are_written_over_have_another_box(tmp_path):
    frame = tmp_path / 'frames' / 'img_00001.jpg'
    frame.parent.mkdir()
    keys = []
    for shade in (0, 200):
        cv2.imwrite(str(frame), np.full((16, 16, 3), shade, np.uint8))
        os.utime(frame, (100 + shade, 100 + shade))
        os.utime(frame.parent, (50, 50))  # as it is when only a file inside is written
        keys += [BoxCache().key(str(frame.parent), 0.5), BoxCache().key(f'{frame.parent}#t=0,1', 0.5)]
    assert len(set(keys)) == 4


def test_a_video_that_was_packed_anew_has_another_box(tmp_path):
    keys = []
    for frames in (6, 9):
        video = write_video(tmp_path / 'a.mp4', frames)
        pack_videos(tmp_path / 'store', [SourceVideo(video, 'a.mp4')], StoreSettings('raw'))
        keys.append(BoxCache().key(str(tmp_path / 'store' / 'a.mp4'), 0.5))
    assert keys[0] != keys[1]
