"""The suffixes of video files, of stacks of frames and of image files."""

from __future__ import annotations

import pkgutil
from collections.abc import Sequence
from importlib.metadata import entry_points
from pathlib import Path

_OWN = 'auxskd_mm.datasets.readers.by_suffix'
# Suffix of each kind of stack, and its reader as 'module:class'. Modules here are named after their suffixes, and so are
# the entry points of other packages (docs/other_pixels.md). What a suffix of this package means cannot be changed.
STACK_READERS = {
    f'.{suffix}': reader
    for name, reader in (
        *((entry.name.lower(), entry.value) for entry in entry_points(group='auxskd_mm.readers')),
        *(
            (module.name, f'{_OWN}.{module.name}:READER')
            for module in pkgutil.iter_modules([str(Path(__file__).parent / 'readers' / 'by_suffix')])
        ),
    )
    for suffix in name.split('_')
}
# Of an array that may also lie beside the frames of a video.
ARRAY_SUFFIXES = ('.npy', '.npz')
# Containers and raw streams that FFmpeg reads, the common ones first.
_FFMPEG_SUFFIXES = (
    '.mp4', '.avi', '.mkv', '.webm', '.mov', '.m4v', '.mpg', '.mpeg', '.flv', '.wmv', '.ts', '.3gp',
    '.3g2', '.3gpp', '.amv', '.asf', '.av1', '.divx', '.dv', '.dvr-ms', '.evo', '.f4v', '.gif', '.h264', '.h265',
    '.hevc', '.264', '.265', '.insv', '.ivf', '.lrv', '.m1v', '.m2p', '.m2t', '.m2ts', '.m2v', '.mjpeg', '.mjpg',
    '.mk3d', '.mp4v', '.mpe', '.mpv', '.mts', '.mxf', '.nsv', '.nut', '.obu', '.ogm', '.ogv', '.qt', '.rm', '.rmvb',
    '.tod', '.trp', '.vob', '.vro', '.wtv', '.xvid', '.y4m',
)  # fmt: skip
VIDEO_SUFFIXES = tuple(dict.fromkeys((*_FFMPEG_SUFFIXES, *STACK_READERS)))
# A TIFF of one page is an image, and one of several pages a stack.
IMAGE_SUFFIXES = ('.jpg', '.jpeg', '.png', '.bmp', '.webp', '.tif', '.tiff')


def meant_by_stem(paths: Sequence[str]) -> list[str]:
    """Those of several files with one stem that a name without a suffix may mean. An array beside another file holds
    keypoints or features of it.
    """
    return [path for path in paths if not path.lower().endswith(ARRAY_SUFFIXES)] or list(paths)
