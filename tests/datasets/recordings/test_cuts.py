"""Cuts between scenes are found to the frame, kept, and not crossed by windows."""

import sys

import av
import cv2
import numpy as np
import pytest

from auxskd_mm.datasets import UnlabeledVideoDataset
from auxskd_mm.datasets.recordings import cuts, index_file, reader
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


def test_without_pyscenedetect_the_error_says_what_to_install(movie, monkeypatch):
    monkeypatch.setitem(sys.modules, 'scenedetect', None)
    with pytest.raises(InputError, match=r"PySceneDetect, which is not installed: pip install 'auxskd_mm\[cuts\]'"):
        UnlabeledVideoDataset(movie, window=0.5, split_at_cuts=True)
