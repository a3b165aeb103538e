"""The same clips as source videos, folders of JPGs and training stores, for the loader benchmarks."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import av
import cv2
import numpy as np

from auxskd_mm.datasets.motion_clips import MotionClipsSettings, make_motion_clips
from auxskd_mm.datasets.packing import pack_videos
from auxskd_mm.datasets.readers import open_reader
from auxskd_mm.datasets.stores import SourceVideo, StoreSettings
from auxskd_mm.datasets.video_list import UnlabeledVideoDataset

# What Kinetics-100 is at its usual size, and what the papers resize it to.
SOURCE_SIZE = (320, 240)
STORE_SIZE = (171, 128)


def find_videos(folder: str | None, out: Path, count: int) -> list[str]:
    """Take ``count`` videos spread over a folder. Without a folder, make MotionClips in ``out``."""
    if folder is None:
        folder = str(out / 'motion_clips')
        width, height = SOURCE_SIZE
        settings = MotionClipsSettings(train=-(-count // 8), val=0, test=0, width=width, height=height, frames=150)
        make_motion_clips(folder, settings)
    found = [sample['filename'] for sample in UnlabeledVideoDataset(folder, lazy_init=True).load_data_list()]
    return [found[i] for i in np.unique(np.linspace(0, len(found) - 1, min(count, len(found))).astype(int))]


def write_source(path: Path, video: str, frames: int) -> None:
    """Make a video like those on the internet: H.264 with x264's defaults (key frames up to 250 apart, B-frames), 30 fps.

    Shorter clips play forward and backward until they have this length.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), 'w') as container:
        stream = container.add_stream('libx264', rate=30)
        stream.width, stream.height = SOURCE_SIZE
        stream.pix_fmt = 'yuv420p'
        stream.codec_context.thread_count = 1
        for image in islice(_to_and_fro(video), frames):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(cv2.resize(image, SOURCE_SIZE), format='rgb24')))
        container.mux(stream.encode(None))


def _to_and_fro(video: str) -> Iterator[np.ndarray]:
    reader = open_reader(video)
    images = list(reader.stream())
    reader.close()
    while True:
        yield from images
        yield from images[-2:0:-1]


def write_frames(folder: Path, video: str) -> None:
    """All frames as JPGs of quality 95, OpenCV's own, in full size."""
    folder.mkdir(parents=True)
    reader = open_reader(video, channel_order='bgr')
    for i, image in enumerate(reader.stream()):
        cv2.imwrite(str(folder / f'{i:05d}.jpg'), image)
    reader.close()


class ClipSets:
    """One list of videos in every form.

    Args:
        out: Folder for the forms. Forms that already exist are kept.
        folder: Folder of the videos. None takes MotionClips.
        count: Number of videos.
        frames: Number of frames per video.
    """

    def __init__(self, out: Path, folder: str | None = None, count: int = 16, frames: int = 150) -> None:
        self.out = out
        self.sources = [str(out / 'videos' / f'{i:04d}.mp4') for i in range(count)]
        missing = [path for path in self.sources if not os.path.exists(path)]
        if missing:
            videos = find_videos(folder, out, count)
            for i, path in enumerate(self.sources):
                write_source(Path(path), videos[i % len(videos)], frames)

    def frame_folders(self) -> list[str]:
        """JPG folders."""
        folders = [str(self.out / 'frames' / Path(path).stem) for path in self.sources]
        for folder, video in zip(folders, self.sources):
            if not os.path.isdir(folder):
                write_frames(Path(folder), video)
        return folders

    def stored(self, layout: str) -> list[str]:
        """Names in a store of a layout, 171x128."""
        videos = [SourceVideo(path, Path(path).name) for path in self.sources]
        store = pack_videos(self.out / f'store_{layout}', videos, StoreSettings(layout, size=STORE_SIZE))
        return [sample['filename'] for sample in store.samples()]

    def megabytes(self, paths: Sequence[str]) -> float:
        """Size of one form on the disk."""
        top = self.out / Path(paths[0]).relative_to(self.out).parts[0]
        return sum(file.stat().st_size for file in top.rglob('*') if file.is_file()) / 1e6
