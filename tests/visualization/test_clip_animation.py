"""Animations are read back: as many frames, each showing its clip's frame at that time."""

import io

import av
import numpy as np
import pytest
from PIL import Image

from auxskd_mm.visualization.clip_animation import animate, encode_gif, write_animation
from auxskd_mm.visualization.clip_sheet import SheetClip

SHADES = (40, 120, 220)


def clips(lengths=(3, 2)):
    shades = np.array(SHADES, np.uint8)
    return [
        SheetClip(
            np.broadcast_to(shades[:n, None, None, None], (n, 48, 64, 3)), range(n), [0, 1, 0][:n], f'{n}   a.mp4'
        )
        for n in lengths
    ]


def shade(frame, column):
    """At the middle of a tile's picture."""
    return float(frame[120, 270 * column + 130].mean())


def test_tiles_play_and_shorter_ones_begin_again():
    frames = animate(clips())
    assert [shade(frame, 0) for frame in frames] == [40, 120, 220]
    assert [shade(frame, 1) for frame in frames] == [40, 120, 40]
    orange = [int((frame == np.array((0xD5, 0x5E, 0x00))).all(-1).sum()) for frame in frames]
    assert orange[0] == orange[2] == 0
    assert orange[1] > 1000


def test_rows_of_tiles():
    # A row is a picture of 170 pixels, four lines of 15 and two rims of 6.
    assert animate(clips((1, 1, 1)))[0].shape == (2 * 242, 540, 3)
    assert animate(clips((1,)))[0].shape == (242, 270, 3)


def test_a_line_of_pixels_stays_one():
    clip = SheetClip(np.zeros((1, 900, 2, 3), np.uint8), [0], [0], 'x')
    assert animate([clip])[0].shape == (242, 270, 3)


@pytest.mark.parametrize('suffix', ['.gif', '.mp4'])
def test_written_and_read_back(tmp_path, suffix):
    path = write_animation(animate(clips()), tmp_path / 'new' / f'x{suffix}', fps=5)
    if suffix == '.gif':
        image = Image.open(path)
        assert (image.n_frames, image.info['duration'], image.info['loop']) == (3, 200, 0)
        found = []
        for i in range(3):
            image.seek(i)
            found.append(np.asarray(image.convert('RGB')))
    else:
        with av.open(str(path)) as container:
            assert container.streams.video[0].average_rate == 5
            found = [frame.to_ndarray(format='rgb24') for frame in container.decode(video=0)]
    assert np.allclose([shade(frame, 0) for frame in found], SHADES, atol=4)


def test_gif_bytes():
    assert Image.open(io.BytesIO(encode_gif(animate(clips((1,)))))).size == (270, animate(clips((1,)))[0].shape[0])


def test_an_error_on_the_way_leaves_the_old_animation_and_no_half_written_one(tmp_path):
    frames, path = animate(clips()), tmp_path / 'a.mp4'
    write_animation(frames, path)
    whole = path.read_bytes()
    with pytest.raises(ValueError, match='uint8'):
        write_animation([*frames, None], path)
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [whole]
