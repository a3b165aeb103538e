"""DICOM cine loops that pydicom writes: values, order, times, and what is refused in one line."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from auxskd_mm.datasets.readers import open_reader
from auxskd_mm.datasets.transforms import OpenVideo, TimedSampleFrames
from auxskd_mm.errors import InputError, VideoReadError

pydicom = pytest.importorskip('pydicom', reason='pydicom 3 needs Python 3.10')
from pydicom.dataset import FileMetaDataset  # noqa: E402
from pydicom.uid import ExplicitVRLittleEndian, generate_uid  # noqa: E402

GRAY = np.random.RandomState(0).randint(0, 4096, (6, 20, 30)).astype(np.uint16)
COLOUR = np.random.RandomState(1).randint(0, 256, (4, 20, 30, 3)).astype(np.uint8)


def write(path, frames, **tags):
    """A minimal multi-frame file. Tags of None are left out."""
    colour, bits = frames.ndim == 4, 8 * frames.dtype.itemsize
    file = pydicom.Dataset()
    file.file_meta = FileMetaDataset()
    file.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    file.file_meta.MediaStorageSOPClassUID = '1.2.840.10008.5.1.4.1.1.3.1'  # ultrasound multi-frame
    file.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    values = dict(
        NumberOfFrames=len(frames), Rows=frames.shape[1], Columns=frames.shape[2], SamplesPerPixel=3 if colour else 1,
        PhotometricInterpretation='RGB' if colour else 'MONOCHROME2', BitsAllocated=bits, BitsStored=bits, HighBit=bits - 1,
        PixelRepresentation=int(frames.dtype.kind == 'i'), PlanarConfiguration=0 if colour else None,
    )  # fmt: skip
    for key, value in {**values, **tags}.items():
        if value is not None:
            setattr(file, key, value)
    if 'PixelData' not in tags:
        file.PixelData = frames.tobytes()
    file.save_as(path, enforce_file_format=True)
    return str(path)


@pytest.mark.parametrize('frames', [GRAY, (GRAY.astype(np.int16) - 2000), COLOUR, GRAY.astype(np.uint8)], ids=str)
def test_values_are_those_of_the_file(tmp_path, frames):
    reader = open_reader(write(tmp_path / 'a.dcm', frames))
    expected = frames if frames.ndim == 4 else frames[..., None]
    assert reader.num_frames == len(frames)
    read = reader.read([0, 2, 3])
    assert {frame.dtype for frame in read} == {frames.dtype}
    np.testing.assert_array_equal(read, expected[[0, 2, 3]])
    np.testing.assert_array_equal(list(reader.stream()), expected)
    swapped = open_reader(str(tmp_path / 'a.dcm'), channel_order='bgr').read([1])[0]
    np.testing.assert_array_equal(swapped, expected[1][..., ::-1])


def test_file_without_suffix_is_known_by_its_content(tmp_path):
    assert open_reader(write(tmp_path / 'IM0001', GRAY)).num_frames == 6


def test_window_and_rescaling_are_not_applied(tmp_path):
    path = write(tmp_path / 'a.dcm', GRAY, RescaleSlope=2, RescaleIntercept=-1000, WindowCenter=40, WindowWidth=80,
                 PhotometricInterpretation='MONOCHROME1')  # fmt: skip
    np.testing.assert_array_equal(open_reader(path).read([5])[0][..., 0], GRAY[5])


@pytest.mark.parametrize(
    ('tags', 'fps', 'times'),
    [
        (dict(FrameTime=40), 25, np.arange(6) / 25),
        (dict(CineRate=30), 30, np.arange(6) / 30),
        (dict(RecommendedDisplayFrameRate=10), 10, np.arange(6) / 10),
        (dict(FrameTime=50, CineRate=99), 20, np.arange(6) / 20),
        (dict(FrameTimeVector=[0, 10, 30, 10, 30, 20], CineRate=99), 50, [0, 0.01, 0.04, 0.05, 0.08, 0.1]),
        (dict(), None, None),
    ],
)
def test_times(tmp_path, tags, fps, times):
    reader = open_reader(write(tmp_path / 'a.dcm', GRAY, **tags))
    assert reader.fps == (None if fps is None else pytest.approx(fps))
    if times is None:
        assert reader.times() is None
    else:
        np.testing.assert_allclose(reader.times(), times)


def test_missing_pydicom_is_an_error_of_one_line_and_no_bad_video(tmp_path, monkeypatch):
    path = write(tmp_path / 'a.dcm', GRAY)
    monkeypatch.setitem(sys.modules, 'pydicom', None)
    with pytest.raises(
        InputError, match=r'a\.dcm: is a DICOM file, and pydicom 3 is not installed; run `pip install'
    ) as error:
        open_reader(path)
    assert not isinstance(error.value, VideoReadError)  # which would only replace the video


@pytest.mark.parametrize(
    ('tags', 'says'),
    [
        (
            dict(PhotometricInterpretation='PALETTE COLOR'),
            "1 samples of 16 bits as 'PALETTE COLOR', which are not read",
        ),
        (dict(PhotometricInterpretation='RGB'), "1 samples of 16 bits as 'RGB'"),
        (dict(PixelData=None), 'holds no pixels'),
        (dict(Rows=None), r'holds no pixels \(no Rows\)'),
    ],
)
def test_what_cannot_be_guessed_is_refused_in_one_line(tmp_path, tags, says):
    path = write(tmp_path / 'a.dcm', GRAY, **tags)
    with pytest.raises(VideoReadError, match=says) as error:
        open_reader(path)
    assert '\n' not in str(error.value)


def test_cut_off_file_and_no_dicom(tmp_path):
    path = write(tmp_path / 'a.dcm', GRAY)
    data = (tmp_path / 'a.dcm').read_bytes()
    (tmp_path / 'a.dcm').write_bytes(data[:-500])
    with pytest.raises(VideoReadError, match=r'a\.dcm: ') as error:
        open_reader(path).read([5])
    assert '\n' not in str(error.value)
    (tmp_path / 'b.dcm').write_text('no DICOM')
    with pytest.raises(VideoReadError, match=r'b\.dcm: cannot be read as DICOM'):
        open_reader(str(tmp_path / 'b.dcm'))


def test_clips_by_time_need_a_rate(tmp_path):
    """DICOM states one, the list's pipeline may, and without any the line says what to set."""
    timed = TimedSampleFrames(clip_len=3, fps=10, test_mode=True)
    path = write(tmp_path / 'a.dcm', GRAY, FrameTime=50)
    assert timed(OpenVideo()(dict(filename=path)))['frame_inds'].tolist() == [0, 2, 4]
    np.save(tmp_path / 'a.npy', GRAY)
    array = dict(filename=str(tmp_path / 'a.npy'))
    assert timed(OpenVideo(source_fps=20)(dict(array)))['frame_inds'].tolist() == [0, 2, 4]
    with pytest.raises(InputError, match=r'a\.npy: has no frame rate.*state it by OpenVideo\.source_fps') as error:
        timed(OpenVideo()(dict(array)))
    assert '\n' not in str(error.value)
