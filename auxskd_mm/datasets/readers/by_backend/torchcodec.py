"""Reading frames by number through torchcodec."""

from __future__ import annotations

import importlib.metadata
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from ..library import LibraryReader
from ..limits import reason
from ..pyav import PyAVReader
from ..stream import literal_path

_INSTALL = "run `pip install 'auxskd_mm[torchcodec]'`, which needs torch 2.11 and Python 3.10 or later"
_NO_FFMPEG = (
    'torchcodec {} finds no FFmpeg 4 to 9 as shared libraries; run `apt-get install ffmpeg` or `conda install ffmpeg`, '
    'or take those of PyAV by tools/misc/link_ffmpeg.py'
)


class TorchCodecReader(LibraryReader):
    """Reader with torchcodec, in its mode ``exact``, with one thread.

    It gives the same frames as PyAV, to the bit, for files whose groups of pictures are closed and whose first frame has
    time 0, such as most MP4. PyAV reads all others, since torchcodec ends with an error or gives frames without those
    that they refer to. PyAV also reads a file as soon as torchcodec fails on it, or gives a frame of another time than
    the index has.
    """

    device = 'cpu'

    @classmethod
    def missing(cls) -> str:
        """See :class:`Reader`."""
        return _missing()

    def _is_exact(self) -> bool:
        from torchcodec.decoders import VideoDecoder

        if not self._pyav.index.simple:
            return False
        try:
            self._decoder: Any = VideoDecoder(
                literal_path(self.path),
                dimension_order='NHWC',
                num_ffmpeg_threads=1,
                device=self.device,
                seek_mode='exact',
            )
        except (RuntimeError, ValueError):
            return False  # an unknown codec or container, since PyAV has read the file
        return len(self._decoder) == self.num_frames

    def _read(self, indices: Sequence[int]) -> list[np.ndarray]:
        frames = self._decode(indices)
        if frames is None:
            self._by_pyav = True
            self._pyav = PyAVReader(self.path, self.channel_order, self.max_pixels)
            return self._pyav.read(indices)
        # OpenCV writes into no reversed view.
        return list(frames if self.channel_order == 'rgb' else np.ascontiguousarray(frames[..., ::-1]))

    def _decode(self, indices: Sequence[int]) -> np.ndarray | None:
        """Frames uint8 (N, H, W, 3) of the numbers. None if torchcodec fails, or their times are not those of the index."""
        order, unit = self._pyav.index.order, self._pyav.index.time_base
        assert order is not None
        assert unit is not None
        try:
            batch = self._decoder.get_frames_at(list(indices))
        except (RuntimeError, IndexError):
            return None
        expected = np.asarray([order[i] for i in indices]) * unit
        if np.abs(batch.pts_seconds.numpy() - expected).max() > unit / 2:
            return None
        return batch.data.cpu().numpy()


@lru_cache(maxsize=1)
def _missing() -> str:
    """Why torchcodec cannot be used. Trying takes a second, and a running process does not change."""
    import torch

    try:
        from torchcodec.decoders import VideoDecoder
    except ImportError:
        return f'torchcodec is not installed beside torch {torch.__version__}; {_INSTALL}'
    except (OSError, RuntimeError, AttributeError) as error:  # of a torchcodec of another torch
        return _cause(error)
    try:
        VideoDecoder(b'')
    except (OSError, RuntimeError) as error:
        if 'Could not load' in str(error):
            return _cause(error)
    except ValueError:
        pass  # no video, as was to be expected
    return ''


def _cause(error: Exception) -> str:
    """Whether FFmpeg or the right torch is missing, from torchcodec's own message, which has a traceback per FFmpeg."""
    import torch

    version = importlib.metadata.version('torchcodec')
    faults = [line for line in re.findall(r'OSError: (.*)', str(error)) if not line.startswith('Could not load')]
    others = [line for line in faults if not re.search(r'lib(av|sw)\w+\W', line)]
    if faults and not others:
        return _NO_FFMPEG.format(version)
    cause = others[0] if others else reason(error)
    return f'torchcodec {version} does not load with torch {torch.__version__} ({cause[:120]}); {_INSTALL}'


READER = TorchCodecReader
