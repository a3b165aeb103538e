"""Opening and decoding. Each video is decoded once per sample for all views, and only the requested frames."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform

from ...compat import resize_any_channels, whole_hues
from ...errors import InputError, VideoReadError, check_choice, check_least, check_step
from ...functional.pixels import to_channels
from ...registry import TRANSFORMS
from ..readers import CHANNEL_ORDERS, READERS, Reader, open_reader
from ..readers.limits import MAX_PIXELS
from .shown_settings import ShowsSettings

resize_any_channels()
whole_hues()

# Steps that open and decode videos: ours, whose channel order is an option, and MMAction2's, which give RGB.
OWN_OPENERS = ('OpenVideo', 'OpenInput')
OPENERS = (*OWN_OPENERS, 'DecordInit', 'PyAVInit', 'OpenCVInit', 'PIMSInit')
DECODERS = ('DecodeClips', 'DecordDecode', 'PyAVDecode', 'OpenCVDecode', 'PIMSDecode', 'RawFrameDecode')


def own_frames(frames: Iterable[np.ndarray]) -> list[np.ndarray]:
    """The frames, arrays (H, W, 3). Repeated frames become copies, since MMAction2's Flip writes into its frames."""
    seen: set[int] = set()
    own = []
    for frame in frames:
        own.append(frame.copy() if id(frame) in seen else frame)
        seen.add(id(frame))
    return own


def _with_channels(frames: Sequence[np.ndarray], channels: int, reader: Reader) -> list[np.ndarray]:
    try:
        return [to_channels(frame, channels, reader.channel_order) for frame in frames]
    except ValueError as error:
        raise VideoReadError(reader.path, str(error)) from None


@TRANSFORMS.register_module()
class OpenVideo(ShowsSettings, BaseTransform):
    """Open a video file, a stack, a frame folder or a video in a training store, and count its frames.

    Required keys: ``filename``. Added keys: ``video_reader`` (an existing one is kept), ``total_frames``, ``avg_fps``
    (None if unknown), and ``channels`` if it is set. The frame count of the file replaces the frame count of a list.

    Args:
        backend: 'pyav', 'decord', 'opencv', 'torchcodec' or 'torchcodec_cuda' for video files.
        channel_order: 'rgb', or 'bgr' as in the original loaders of the VideoPace family.
        target: (width, height) that the pipeline resizes to. Folders of much larger JPGs are then read at a half, a
            quarter or an eighth of their size (:class:`FrameFolderReader`), at least twice as fast. The resized frames
            then differ from those of full reading by about 3 grey levels on average, since pixels are averaged before
            the interpolation. With None, and for all other kinds of files, frames are read in full.
        max_pixels: Largest number of pixels per stored frame, so that no file takes all memory. A video with larger
            frames is bad. The default is 8192 x 8192.
        channels: Number of channels of the frames. Gray becomes 3 equal channels, and colours become 1 by their luma. A file
            with another number is bad. None keeps the channels of a file. Then 8-bit images and videos have 3.
        source_fps: Frame rate of sources that have none, such as frame folders and arrays. Samplers with ``fps`` need
            it. It has no effect on files with a frame rate.

    Raises:
        InputError: For an unknown backend or channel order.
        VideoReadError: If the video cannot be used; :class:`UnlabeledVideoDataset` then takes another video.
    """

    def __init__(
        self,
        backend: str = 'pyav',
        channel_order: str = 'rgb',
        target: tuple[int, int] | None = None,
        max_pixels: int = MAX_PIXELS,
        source_fps: float | None = None,
        channels: int | None = None,
    ) -> None:
        check_choice('OpenVideo.backend', backend, READERS)
        check_choice('OpenVideo.channel_order', channel_order, CHANNEL_ORDERS)
        if target is not None and (len(target) != 2 or min(target) < 1):
            raise InputError(f'OpenVideo.target={target}: expected (width, height), as of the Resize that follows')
        check_least('OpenVideo', max_pixels=max_pixels)
        if source_fps is not None and not 0 < source_fps < float('inf'):
            raise InputError(f'OpenVideo.source_fps={source_fps}: expected the frames per second of the sources')
        if channels is not None and (not isinstance(channels, int) or isinstance(channels, bool) or channels < 1):
            raise InputError(f'OpenVideo.channels={channels!r}: expected a whole number from 1 on, or None')
        self.backend = backend
        self.channels = channels
        self.channel_order = channel_order
        self.max_pixels = max_pixels
        self.source_fps = source_fps
        self.target = None if target is None else (int(target[0]), int(target[1]))

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Open ``results['filename']``.

        MMAction2's inferencers put ``DecordInit`` before this step and ``DecordDecode`` in place of the step that decodes.
        Their reader is kept then, with its number of frames.

        Raises:
            InputError: If there is no file name, or such a reader would give the channels in another order.
        """
        reader = results.get('video_reader')
        if reader is not None and not hasattr(reader, 'num_frames'):
            return self._keep_decord(results)
        if reader is None:
            if 'frame_dir' in results and 'filename' not in results:
                raise InputError(
                    "OpenVideo: the sample has 'frame_dir' and no 'filename'; take auxskd_mm.LabeledVideoDataset in place of "
                    'RawframeDataset, as it reads folders of frames too, and auxskd_mm.apis.predict in place of '
                    "MMAction2's inferencer"
                )
            if 'filename' not in results:
                raise InputError(
                    "OpenVideo: the sample has no 'filename'; give MMAction2's inferencer a video, no array"
                )
            reader = open_reader(
                results['filename'],
                backend=self.backend,
                channel_order=self.channel_order,
                target=self.target,
                max_pixels=self.max_pixels,
                source_fps=self.source_fps,
            )
        return self.note(results, reader)

    def _keep_decord(self, results: dict[str, Any]) -> dict[str, Any]:
        if self.channel_order != 'rgb' or self.channels is not None:
            raise InputError(
                'OpenVideo: DecordDecode gives RGB frames only, and this config asks for others; use auxskd_mm.apis.predict '
                "in place of MMAction2's inferencer"
            )
        results.setdefault('modality', 'RGB')
        return results

    def describe(self) -> str:
        """See :class:`ShowsSettings`."""
        order = 'BGR, as OpenCV reads' if self.channel_order == 'bgr' else 'RGB'
        channels = f', {self.channels} channel{"s" if self.channels > 1 else ""}' if self.channels else ''
        rate = f', {self.source_fps:g} per second where none is stated' if self.source_fps else ''
        return f'open the video with {self.backend}, frames {order}{channels}{rate}'

    def note(self, results: dict[str, Any], reader: Reader) -> dict[str, Any]:
        """Write what an opened reader knows into the sample."""
        reader.fps = reader.fps or self.source_fps
        results['video_reader'] = reader
        results['total_frames'] = reader.num_frames
        results['avg_fps'] = reader.fps
        if self.channels is not None:
            results['channels'] = self.channels
        results.setdefault('start_index', 0)  # MMAction2's SampleFrames asks; frames count from 0 here
        results.setdefault('modality', 'RGB')  # MMAction2's Flip asks, in whatever channel order
        return results


@TRANSFORMS.register_module()
class DecodeClips(ShowsSettings, BaseTransform):
    """Decode the frames of ``frame_inds`` and close the video.

    Required keys: ``video_reader``, ``frame_inds`` int (N,). Added keys: ``imgs``, a list of N uint8 (H, W, 3) arrays
    in the order of ``frame_inds`` (a frame at several positions is decoded once), ``original_shape`` and
    ``img_shape`` (H, W). Frames of stacks are (H, W, C) of the file's type. With the key ``channels``, C is that number.
    """

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Decode every distinct frame (H, W, C) once."""
        return self.decode([results])[0]

    def decode(self, group: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Decode several samples of one video together. They share one ``video_reader``.

        Raises:
            InputError: If no video is open or no sampler ran before, or another step than :class:`OpenVideo` opened it.
        """
        for key, before in (('video_reader', 'OpenVideo'), ('frame_inds', 'a sampler')):
            check_step('DecodeClips', group[0], key, before)
        if not hasattr(group[0]['video_reader'], 'num_frames'):
            raise InputError(
                'DecodeClips: it decodes what auxskd_mm.OpenVideo opens; put that in place of the step of MMAction2 that '
                'opens the video'
            )
        numbers = [np.asarray(results['frame_inds']).reshape(-1) for results in group]
        distinct, position = np.unique(np.concatenate(numbers), return_inverse=True)
        with group[0]['video_reader'] as reader:
            frames = reader.read(distinct.tolist())
        wanted = group[0].get('channels')
        if wanted is not None and frames[0].shape[2] != wanted:
            frames = _with_channels(frames, wanted, reader)
        imgs = own_frames([frames[i] for i in position.reshape(-1).tolist()])
        for results, own in zip(group, numbers):
            results.pop('video_reader')
            results['imgs'], imgs = imgs[: len(own)], imgs[len(own) :]
            results['original_shape'] = results['img_shape'] = frames[0].shape[:2]
        return list(group)

    def describe(self) -> str:
        """See :class:`ShowsSettings`."""
        return 'decode each frame that is needed once'
