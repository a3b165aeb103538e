"""The sampler of RSPNet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...errors import check_least, check_whole
from ...functional.relative_speed import frames_needed, strided_crop
from ...registry import TRANSFORMS
from .captions import ShownClip
from .sampling import PretextSampler


@TRANSFORMS.register_module()
class RelativeSpeedSample(PretextSampler):
    """Clips that are long enough for every speed: the sampler of RSPNet.

    Required keys: ``total_frames``. Added keys: ``frame_inds`` int64
    (num_views * clip_len * max_speed,), ``clip_len`` (= clip_len * max_speed, the frames of a view), ``num_clips``
    (= num_views) and ``frame_interval``. There is no label. The model draws the speed of each clip on the device, and
    selects the frames of that speed from the view.

    Each view is drawn independently. It has consecutive frames, and its start is uniform over all starts that fit. A
    shorter video wraps.

    Args:
        clip_len: Frames per clip at the input of the network.
        max_speed: Highest speed that the model takes from a view.
        num_views: Views per video. RSPNet has 2, the query first and the key second.
        fps: See :class:`PretextSampler`. The original has such an option too. It counts frames at the average rate of
            the video (:func:`resample_indices`), which differs by up to a frame.
        seed: See :class:`PretextSampler`.

    Raises:
        InputError: For settings below 1.

    Example:
        >>> from auxskd_mm.datasets.transforms import RelativeSpeedSample
        >>> sample = RelativeSpeedSample(clip_len=4, max_speed=2, seed=0)
        >>> results = sample(dict(total_frames=40, sample_idx=1))
        >>> results['frame_inds'].reshape(2, 8).tolist()  # query view, key view
        [[23, 24, 25, 26, 27, 28, 29, 30], [6, 7, 8, 9, 10, 11, 12, 13]]

    Source: PeihaoChen/RSPNet @ 2958779, ``RandomStrideCrop`` with 32 frames and stride 1.
    """

    span_settings = ('clip_len', 'max_speed')

    def __init__(
        self,
        clip_len: int = 16,
        max_speed: int = 2,
        num_views: int = 2,
        fps: float | None = None,
        seed: int | None = None,
    ) -> None:
        super().__init__(clip_len, seed, fps)
        check_whole(type(self).__name__, max_speed=max_speed, num_views=num_views)
        check_least(f'{type(self).__name__}', max_speed=max_speed, num_views=num_views)
        self.max_speed = max_speed
        self.num_views = num_views

    def frames_needed(self) -> int:
        """See :class:`PretextSampler`. It is the length of a view."""
        return self.clip_len * self.max_speed

    def describe(self) -> str:
        """See :class:`PretextSampler`."""
        views = f'{self.num_views} independent view{"s" if self.num_views > 1 else ""}'
        frames = self.clip_len * self.max_speed
        return f'{views} of {frames} frames{self._at_rate(frames)}, out of which the model takes both speeds{self._seeded()}'

    def shown_clips(self, results: Mapping[str, Any], views: int, length: int) -> list[ShownClip]:
        """Both speeds of each view, as :meth:`RSPNet.clips` takes them; see :class:`PretextSampler`."""
        clips = []
        for view in range(self.num_views):
            who = ('query view', 'key view')[view] if self.num_views == 2 else f'view {view + 1}'
            for speed in dict.fromkeys((1, self.max_speed)):
                positions: np.ndarray = np.arange(length // self.max_speed) * speed
                paced = np.full(len(positions), speed != 1)
                clips.append(ShownClip(view, positions, paced, f'{who} at speed {speed}x'))
        return clips

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Draw the start of every view."""
        num_frames = self.num_frames(results)
        rng = self.generator(results)
        length = self.clip_len * self.max_speed
        free = max(num_frames - frames_needed(length, 1), 0)
        starts = [int(rng.randint(0, free + 1)) for _ in range(self.num_views)]
        self.write_clips(results, [strided_crop(num_frames, length, 1, start) for start in starts])
        return results
