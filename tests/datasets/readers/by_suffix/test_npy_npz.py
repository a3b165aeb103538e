"""Stacks in NumPy's files: values, types, channels, and what is refused in one line."""

from __future__ import annotations

import os

import numpy as np
import pytest

from auxskd_mm.datasets.readers import open_reader
from auxskd_mm.errors import VideoReadError

GRAY = np.random.RandomState(0).randint(0, 65536, (7, 20, 30)).astype(np.uint16)
WRITE = {
    'plain.npy': lambda path, array: np.save(path, array),
    'fortran.npy': lambda path, array: np.save(path, np.asfortranarray(array)),
    'plain.npz': lambda path, array: np.savez(path, array),
    'small.npz': lambda path, array: np.savez_compressed(path, frames=array, other=np.zeros(3)),
    'fortran.npz': lambda path, array: np.savez(path, np.asfortranarray(array)),
}


@pytest.mark.parametrize('name', WRITE)
@pytest.mark.parametrize('array', [GRAY, GRAY.reshape(7, 20, 6, 5), GRAY.reshape(7, 20, 10, 3)], ids=['1', '5', '3'])
def test_values_are_those_of_the_array(tmp_path, name, array):
    WRITE[name](tmp_path / name, array)
    reader = open_reader(str(tmp_path / name))
    expected = array if array.ndim == 4 else array[..., None]
    for read in (reader.read([1, 2, 6]), list(reader.stream())[1:3] + list(reader.stream())[6:]):
        assert all(frame.dtype == np.uint16 and frame.flags.writeable for frame in read)
        np.testing.assert_array_equal(read, expected[[1, 2, 6]])
    swapped = open_reader(str(tmp_path / name), channel_order='bgr').read([3])[0]
    np.testing.assert_array_equal(swapped, expected[3][..., ::-1] if expected.shape[3] == 3 else expected[3])


@pytest.mark.parametrize(
    ('dtype', 'kept'),
    [
        ('u1', 'uint8'), ('i2', 'int16'), ('>u2', 'uint16'), ('f4', 'float32'), ('f8', 'float64'), ('f2', 'float32'),
        ('?', 'uint8'), ('i4', 'float64'), ('i8', 'float64'), ('u4', 'float64'),
    ],
)  # fmt: skip
def test_every_type_of_numbers_keeps_its_values(tmp_path, dtype, kept):
    array = (np.arange(2 * 5 * 6).reshape(2, 5, 6) % (2 if dtype == '?' else 100)).astype(dtype)
    np.save(tmp_path / 'a.npy', array)
    (frame,) = open_reader(str(tmp_path / 'a.npy')).read([1])
    assert frame.dtype.name == kept
    assert (frame[..., 0] == array[1]).all()


def test_rate_of_an_npz(tmp_path):
    np.savez(tmp_path / 'a.npz', frames=GRAY, fps=12.5)
    reader = open_reader(str(tmp_path / 'a.npz'))
    assert reader.fps == 12.5
    np.testing.assert_allclose(reader.times(), np.arange(7) / 12.5)
    np.save(tmp_path / 'a.npy', GRAY)
    assert open_reader(str(tmp_path / 'a.npy')).times() is None
    np.savez(tmp_path / 'b.npz', frames=GRAY, fps=-1)
    with pytest.raises(VideoReadError, match=r"b\.npz: has no frame rate in 'fps'"):
        open_reader(str(tmp_path / 'b.npz'))


class _Trap:
    """Creates a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


@pytest.mark.parametrize('suffix', ['.npy', '.npz'])
def test_objects_are_never_unpickled(tmp_path, suffix):
    path, trap = tmp_path / f'a{suffix}', tmp_path / 'trap'
    (np.save if suffix == '.npy' else np.savez)(path, np.array([_Trap(str(trap))] * 2, dtype=object))
    with pytest.raises(VideoReadError, match='holds Python objects, which are never loaded'):
        open_reader(str(path))
    assert not trap.exists()


@pytest.mark.parametrize(
    ('array', 'says'),
    [
        (np.zeros((240, 320, 3), np.uint8), r'\(240, 320, 3\), which may be one image \(H, W, C\) or frames'),
        (np.zeros((5, 3, 32, 32), np.uint8), r'seems to be \(T, C, H, W\); save it as \(T, H, W, C\)'),
        (np.zeros((32, 32)), r'has the shape \(32, 32\), expected a stack of frames \(T, H, W\)'),
        (np.zeros((0, 32, 32)), 'expected a stack'),
        (np.zeros((1, 2, 8, 8, 3)), 'expected a stack'),
        (np.zeros((3, 8, 8), complex), 'values of type complex128, which are no pixels'),
        (np.zeros((3, 8, 8), 'U3'), 'which are no pixels'),
        (np.zeros((3, 8, 8), [('a', 'u1')]), 'which are no pixels'),
        (np.full((3, 8, 8), 2**60), 'whole numbers beyond'),
        (np.full((3, 8, 8), np.nan, np.float32), 'frame 0 holds 64 values that are NaN or infinite'),
        (np.full((3, 8, 8), -np.inf), 'NaN or infinite'),
    ],
)
@pytest.mark.parametrize('suffix', ['.npy', '.npz'])
def test_what_is_no_stack_is_refused_in_one_line(tmp_path, array, says, suffix):
    path = tmp_path / f'a{suffix}'
    (np.save if suffix == '.npy' else np.savez)(path, array)
    with pytest.raises(VideoReadError, match=says) as error:
        open_reader(str(path)).read([0])
    assert str(error.value).startswith(f'{path}: ')
    assert '\n' not in str(error.value)


@pytest.mark.parametrize('name', ['a.npy', 'a.npz'])
@pytest.mark.parametrize('size', [3, 60, 300, 8000])
def test_cut_off_files_are_refused(tmp_path, name, size):
    WRITE[f'plain{name[1:]}'](tmp_path / name, GRAY)
    data = (tmp_path / name).read_bytes()
    assert len(data) > size
    (tmp_path / name).write_bytes(data[:size])
    with pytest.raises(VideoReadError, match='is cut off') as error:
        open_reader(str(tmp_path / name))
    assert '\n' not in str(error.value)


def test_file_cut_off_in_use_does_not_end_the_process(tmp_path):
    np.save(tmp_path / 'a.npy', GRAY)
    reader = open_reader(str(tmp_path / 'a.npy'))
    reader.read([0])
    os.truncate(tmp_path / 'a.npy', 200)
    with pytest.raises(VideoReadError, match='was cut off since it was opened'):
        reader.read([6])


def test_several_arrays_need_a_name(tmp_path):
    np.savez(tmp_path / 'a.npz', left=GRAY, right=GRAY)
    with pytest.raises(
        VideoReadError, match="holds the arrays left, right; expected one stack, or one that is called 'frames'"
    ):
        open_reader(str(tmp_path / 'a.npz'))


def test_large_frames_and_missing_frames(tmp_path):
    np.save(tmp_path / 'a.npy', GRAY)
    with pytest.raises(VideoReadError, match='30x20 pixels, more than max_pixels=599'):
        open_reader(str(tmp_path / 'a.npy'), max_pixels=599)
    with pytest.raises(VideoReadError, match='has 7 frames, asked for 7 to 7'):
        open_reader(str(tmp_path / 'a.npy')).read([7])
