"""When a source counts as changed."""

import os

import numpy as np
import pytest
from PIL import Image

from auxskd_mm.datasets.stores.sources import source_state


@pytest.fixture
def folder(tmp_path):
    for number in range(40):
        Image.fromarray(np.full((8, 8, 3), number, np.uint8)).save(tmp_path / f'{number:05}.png')
        os.utime(tmp_path / f'{number:05}.png', ns=(10**18, 10**18))
    os.utime(tmp_path, ns=(10**18, 10**18))
    return tmp_path


def test_frames_that_are_written_again_change_a_frame_folder(folder):
    """As of a second `ffmpeg -y`, with the same names. It changes no entry of the folder."""
    before = source_state(str(folder))
    assert before == (40, 10**18)
    for path in folder.iterdir():
        path.write_bytes(path.read_bytes())
    os.utime(folder, ns=(10**18, 10**18))
    now = source_state(str(folder))
    assert now.size == 40
    assert now.mtime > before.mtime


@pytest.mark.parametrize('frame', ['00000.png', '00039.png'])
def test_the_first_and_the_last_frame_are_looked_at(folder, frame):
    os.utime(folder / frame, ns=(10**18, 10**18 + 1))
    assert source_state(str(folder)) == (40, 10**18 + 1)


def test_a_frame_that_is_added_or_taken_away_changes_it(folder):
    (folder / '00039.png').unlink()
    now = source_state(str(folder))
    assert now.size == 39
    assert now.mtime > 10**18


def test_a_folder_without_frames_is_no_source(tmp_path):
    assert source_state(str(tmp_path)) == (-1, -1)
    assert source_state(str(tmp_path / 'none')) == (-1, -1)
