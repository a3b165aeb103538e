"""The suffixes of video files and of image files."""

from __future__ import annotations

# Containers and raw streams that FFmpeg reads, the common ones first: a name in a list that has no suffix is tried with
# each of them in this order.
VIDEO_SUFFIXES = (
    '.mp4', '.avi', '.mkv', '.webm', '.mov', '.m4v', '.mpg', '.mpeg', '.flv', '.wmv', '.ts', '.3gp',
    '.3g2', '.3gpp', '.amv', '.asf', '.av1', '.divx', '.dv', '.dvr-ms', '.evo', '.f4v', '.gif', '.h264', '.h265',
    '.hevc', '.264', '.265', '.insv', '.ivf', '.lrv', '.m1v', '.m2p', '.m2t', '.m2ts', '.m2v', '.mjpeg', '.mjpg',
    '.mk3d', '.mp4v', '.mpe', '.mpv', '.mts', '.mxf', '.nsv', '.nut', '.obu', '.ogm', '.ogv', '.qt', '.rm', '.rmvb',
    '.tod', '.trp', '.vob', '.vro', '.wtv', '.xvid', '.y4m',
)  # fmt: skip
IMAGE_SUFFIXES = ('.jpg', '.jpeg', '.png', '.bmp', '.webp')
