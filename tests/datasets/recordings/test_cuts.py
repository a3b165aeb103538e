"""Cuts between scenes are found to the frame, kept, and not crossed by windows."""

import os
import sys
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from auxskd_mm.datasets import LabeledVideoDataset, UnlabeledVideoDataset
from auxskd_mm.datasets.packing import pack_videos
from auxskd_mm.datasets.recordings import cuts, expand, index_file, reader
from auxskd_mm.datasets.stores import SourceVideo, StoreSettings
from auxskd_mm.errors import InputError

SCENES = (30, 55, 62, 100)  # frame after the last one of each scene; the third has 7 frames


@pytest.fixture
def movie(tmp_path, monkeypatch):
    """Four scenes of moving textures, of one brightness, at 25 frames per second."""
    monkeypatch.delenv(index_file.FOLDERS, raising=False)
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
    index_file._OPEN.clear()
    reader._CONTAINERS.forget()
    rng = np.random.default_rng(0)
    noise = [rng.integers(0, 256, (12, 12, 3), np.uint8) for _ in SCENES]
    planes = [cv2.resize(image, (200, 200), interpolation=cv2.INTER_CUBIC) for image in noise]
    path = tmp_path / 'movie.mp4'
    with av.open(str(path), 'w') as container:
        stream = container.add_stream('libx264', rate=25)
        stream.width, stream.height, stream.pix_fmt = 96, 64, 'yuv420p'
        for i in range(SCENES[-1]):
            scene = sum(i >= end for end in SCENES)
            frame = np.ascontiguousarray(planes[scene][i : i + 64, i : i + 96])
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format='rgb24')))
        container.mux(stream.encode(None))
    return str(path)


def test_windows_never_cross_a_cut(movie, monkeypatch):
    pytest.importorskip('scenedetect')
    assert cuts.find_cuts(movie) == [end / 25 for end in SCENES[:-1]]
    dataset = UnlabeledVideoDataset(movie, window=0.5, stride=0.25, split_at_cuts=True)
    marks = [dataset.get_data_info(i)['filename'].partition('#t=')[2] for i in range(len(dataset))]
    starts = [(0, 0.25, 0.5), (1.2, 1.45, 1.7), (), (2.48, 2.73, 2.98, 3.23, 3.48)]
    assert marks == [f'{start:g},{start + 0.5:g}' for scene in starts for start in scene]
    monkeypatch.setattr(cuts, '_cut_frames', None)  # what was found is kept
    assert len(UnlabeledVideoDataset(movie, window=0.5, split_at_cuts=True)) == 7
    with pytest.raises(InputError, match='no shot between two cuts is as long as window=2 s'):
        UnlabeledVideoDataset(movie, window=2, split_at_cuts=True)


def test_recordings_without_a_long_shot_are_counted(movie, tmp_path, monkeypatch):
    (tmp_path / 'other.mp4').write_bytes(Path(movie).read_bytes())
    monkeypatch.setattr(cuts, 'find_cuts', lambda path, fps: [1.0, 2.0, 3.0] * path.endswith('other.mp4'))
    said = []
    monkeypatch.setattr(expand, 'print_log', lambda line, **options: said.append(line))
    assert len(UnlabeledVideoDataset(str(tmp_path), window=1.5, split_at_cuts=True)) == 2
    assert said == [f'{tmp_path}: 2 windows of 2 recordings, 1 of which have none']


def test_a_class_without_a_long_shot_is_named(movie, tmp_path, monkeypatch):
    """It was in no sample, and the head had its output."""
    for name in ('b.mp4', 'c.mp4'):
        (tmp_path / name).write_bytes(Path(movie).read_bytes())
    monkeypatch.setattr(cuts, 'find_cuts', lambda path, fps: [1.0, 2.0, 3.0] * path.endswith(('b.mp4', 'c.mp4')))
    (tmp_path / 'list.txt').write_text('movie.mp4 0\nb.mp4 0\nc.mp4 1\n')
    options = dict(window=1.5, split_at_cuts=True)
    with pytest.raises(
        InputError, match=r'list\.txt: no recording of class 1 has a window of 1\.5 s between two cuts; '
    ):
        LabeledVideoDataset(tmp_path / 'list.txt', **options)
    (tmp_path / 'classes.txt').write_text('jump\nrun\n')
    with pytest.raises(InputError, match=r'no recording of class run has a window'):
        LabeledVideoDataset(tmp_path / 'list.txt', **options)
    (tmp_path / 'list.txt').write_text('movie.mp4 0\nb.mp4 0\n')  # of a class with a window, other recordings have none
    assert len(LabeledVideoDataset(tmp_path / 'list.txt', **options)) == 2


def test_cuts_outside_a_listed_window_divide_nothing(movie, tmp_path, monkeypatch):
    monkeypatch.setattr(cuts, 'find_cuts', lambda *recording: [0.5, 1.0, 2.2, 3.5, 3.8])
    (tmp_path / 'list.txt').write_text('movie.mp4 1.0 3.5\n')
    dataset = UnlabeledVideoDataset(str(tmp_path / 'list.txt'), window=0.5, split_at_cuts=True)
    marks = [dataset.get_data_info(i)['filename'].partition('#t=')[2] for i in range(len(dataset))]
    assert marks == ['1,1.5', '1.5,2', '2.2,2.7', '2.7,3.2']


def test_a_recording_whose_frames_cannot_all_be_decoded_stays_whole(movie, tmp_path, monkeypatch):
    """It stopped the whole data set, which counts an unreadable recording otherwise."""
    pytest.importorskip('scenedetect')
    whole = Path(movie).read_bytes()
    middle, end = (whole.index(b'mdat') + whole.index(b'moov')) // 2, whole.index(b'moov') - 4
    torn = tmp_path / 'torn.mp4'
    torn.write_bytes(whole[:middle] + bytes(end - middle) + whole[end:])
    said = []
    monkeypatch.setattr(expand, 'print_log', lambda line, **options: said.append(line))
    dataset = UnlabeledVideoDataset([movie, str(torn)], window=0.5, split_at_cuts=True)
    marks = [dataset.get_data_info(i)['filename'] for i in range(len(dataset))]
    assert marks[-1] == str(torn)
    assert len(marks) == 8
    assert said[0] == f'{movie}: 7 windows of 1 recordings'
    assert said[1].startswith(f'not divided at cuts: {torn}: cannot be decoded after frame')


@pytest.mark.parametrize('name', ['scan.npy', 'scan.npz', 'scan.tif'])
def test_stacks_of_16_bits_have_windows_and_cuts(tmp_path, monkeypatch, name):
    pytest.importorskip('scenedetect')
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
    rng = np.random.default_rng(0)
    scenes = [rng.integers(1000, 5000, (64, 64)) for _ in range(2)]
    frames = np.stack([scenes[i >= 15] + rng.integers(0, 40, (64, 64)) for i in range(30)]).astype(np.uint16)
    path = str(tmp_path / name)
    if name.endswith('.npy'):
        np.save(path, frames)
    elif name.endswith('.npz'):
        np.savez(path, frames)
    else:
        assert cv2.imwritemulti(path, list(frames))
    assert cuts.find_cuts(path, source_fps=10) == [1.5]
    pipeline = [dict(type='auxskd_mm.OpenVideo', source_fps=10)]
    dataset = UnlabeledVideoDataset(path, pipeline=pipeline, window=0.5, split_at_cuts=True)
    assert [dataset.get_data_info(i)['filename'].partition('#t=')[2] for i in range(len(dataset))] == [
        '0,0.5', '0.5,1', '1,1.5', '1.5,2', '2,2.5', '2.5,3',
    ]  # fmt: skip
    reader = dataset[4]['video_reader']
    np.testing.assert_array_equal(np.stack(reader.read([0, 4]))[..., 0], frames[[20, 24]])
    with pytest.raises(InputError, match='has no frame rate, so seconds name no frames of it; state it by OpenVideo'):
        UnlabeledVideoDataset(path, window=0.5)


def test_without_pyscenedetect_the_error_says_what_to_install(movie, monkeypatch):
    monkeypatch.setitem(sys.modules, 'scenedetect', None)
    with pytest.raises(InputError, match=r"PySceneDetect, which is not installed: pip install 'auxskd_mm\[cuts\]'"):
        UnlabeledVideoDataset(movie, window=0.5, split_at_cuts=True)


def test_cuts_of_a_stored_recording_follow_its_store(tmp_path, monkeypatch):
    """A stored video is no file, so its state is that of its bytes."""
    pytest.importorskip('scenedetect')
    monkeypatch.delenv(index_file.FOLDERS, raising=False)
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
    rng = np.random.default_rng(0)
    scenes = rng.integers(0, 256, (2, 64, 64, 3), np.uint8)
    found = []
    for cut in (15, 20):
        np.savez(tmp_path / 'scan.npz', frames=np.stack([scenes[int(i >= cut)] for i in range(40)]), fps=10.0)
        os.utime(tmp_path / 'scan.npz', (cut, cut))
        videos = [SourceVideo(str(tmp_path / 'scan.npz'), 'scan')]
        pack_videos(tmp_path / 'store', videos, StoreSettings('raw', short_side=64))
        found.append(cuts.find_cuts(str(tmp_path / 'store' / 'scan')))
    assert found == [[1.5], [2.0]]
