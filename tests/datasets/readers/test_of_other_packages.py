"""Readers that other packages bring by an entry point, in a process that finds such a package."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

# A file of 8 bytes (frames, height, width: 2 bytes each, 2 unused), then uint16 values.
READER = """
import numpy as np
from auxskd_mm.datasets.readers.stack import StackReader

class SeqReader(StackReader):
    def __init__(self, path, channel_order='rgb', max_pixels=8192 * 8192):
        super().__init__(path, channel_order, max_pixels)
        frames, height, width, _ = np.fromfile(path, 'uint16', 4).tolist()
        self._values = np.fromfile(path, 'uint16', offset=8).reshape(frames, height, width, 1)
        self._note(self._values.shape, self._values.dtype)

    def _frames(self, indices):
        return (self._values[i] for i in indices)
"""
CHECK = """
import numpy as np
from auxskd_mm.datasets.packing import pack_videos
from auxskd_mm.datasets.readers import open_reader
from auxskd_mm.datasets.stores import StoreSettings
from auxskd_mm.datasets.video_list import UnlabeledVideoDataset
from auxskd_mm.errors import InputError

expected = np.load('expected.npy')
for name in ('camera/walk.seq', 'camera/run.SQ2'):
    with open_reader(name) as reader:
        assert (reader.read([3, 0]) == expected[[3, 0]]).all()
videos = UnlabeledVideoDataset('camera', lazy_init=True)
store = pack_videos('store', videos.source_videos(), StoreSettings(layout='raw', size=(20, 16)))
with open_reader('store/walk') as reader:
    assert (reader.read(range(6)) == expected).all() and reader.read([0])[0].dtype == 'uint16'
with open_reader('array.npy') as reader:  # what this package reads stays
    assert type(reader).__module__.endswith('npy_npz')
for name in ('a.lost', 'a.number'):
    try:
        open_reader(name)
    except InputError as error:
        print(error)
"""
ENTRY_POINTS = """[auxskd_mm.readers]
seq_sq2 = seq_reader:SeqReader
npy = seq_reader:SeqReader
lost = seq_reader:Lost
number = math:pi
"""


@pytest.fixture
def installed(tmp_path):
    """Folder of a package that is installed as pip leaves it: a module and the folder of its entry points."""
    about = tmp_path / 'site' / 'seq_reader-1.0.dist-info'
    about.mkdir(parents=True)
    (tmp_path / 'site' / 'seq_reader.py').write_text(READER)
    (about / 'METADATA').write_text('Metadata-Version: 2.1\nName: seq-reader\nVersion: 1.0\n')
    (about / 'entry_points.txt').write_text(ENTRY_POINTS)
    return tmp_path / 'site'


def test_files_of_a_reader_by_an_entry_point_are_videos_everywhere(installed, tmp_path):
    frames = np.random.RandomState(0).randint(0, 65536, (6, 16, 20, 1)).astype('uint16')
    np.save(tmp_path / 'expected.npy', frames)
    np.save(tmp_path / 'array.npy', frames)
    (tmp_path / 'camera').mkdir()
    for name in ('camera/walk.seq', 'camera/run.SQ2', 'a.lost', 'a.number'):
        header = np.array([*frames.shape[:3], 0], 'uint16')
        (tmp_path / name).write_bytes(header.tobytes() + frames.tobytes())
    paths = [str(installed), str(Path(__file__).parents[3]), os.environ.get('PYTHONPATH', '')]
    result = subprocess.run(
        [sys.executable, '-c', CHECK],
        cwd=tmp_path,
        env=dict(os.environ, PYTHONPATH=os.pathsep.join(paths)),
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    lines = [line for line in result.stdout.splitlines() if 'entry point' in line]
    assert lines == [
        "entry point 'seq_reader:Lost' of auxskd_mm.readers: module 'seq_reader' has no attribute 'Lost'; "
        'install its package again',
        f"entry point 'math:pi' of auxskd_mm.readers: expected a StackReader, not {np.pi!r}",
    ]
