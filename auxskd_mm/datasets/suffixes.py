"""The suffixes of video files, of stacks of frames and of image files."""

from __future__ import annotations

import pkgutil
from pathlib import Path

# Suffix of each kind of stack, and the module that reads it: the modules are named after their suffixes.
STACK_MODULES = {
    f'.{suffix}': module.name
    for module in pkgutil.iter_modules([str(Path(__file__).parent / 'readers' / 'by_suffix')])
    for suffix in module.name.split('_')
}
# Of an array that may also lie beside the frames of a video.
ARRAY_SUFFIXES = ('.npy', '.npz')
# Containers and raw streams that FFmpeg reads, the common ones first: a name in a list that has no suffix is tried with
# each of them in this order.
VIDEO_SUFFIXES = (
    '.mp4', '.avi', '.mkv', '.webm', '.mov', '.m4v', '.mpg', '.mpeg', '.flv', '.wmv', '.ts', '.3gp',
    '.3g2', '.3gpp', '.amv', '.asf', '.av1', '.divx', '.dv', '.dvr-ms', '.evo', '.f4v', '.gif', '.h264', '.h265',
    '.hevc', '.264', '.265', '.insv', '.ivf', '.lrv', '.m1v', '.m2p', '.m2t', '.m2ts', '.m2v', '.mjpeg', '.mjpg',
    '.mk3d', '.mp4v', '.mpe', '.mpv', '.mts', '.mxf', '.nsv', '.nut', '.obu', '.ogm', '.ogv', '.qt', '.rm', '.rmvb',
    '.tod', '.trp', '.vob', '.vro', '.wtv', '.xvid', '.y4m', *STACK_MODULES,
)  # fmt: skip
# A TIFF of one page is an image, and one of several pages a stack.
IMAGE_SUFFIXES = ('.jpg', '.jpeg', '.png', '.bmp', '.webp', '.tif', '.tiff')
