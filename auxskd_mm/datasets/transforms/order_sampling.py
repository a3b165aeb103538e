"""The sampler of VCOP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...errors import InputError, VideoReadError, check_whole
from ...functional.order_tuples import clip_orders, order_tuple_indices, order_tuple_span
from ...functional.tasks import Task, order_names, ordinal
from ...registry import TRANSFORMS
from .sampling import PretextSampler


@TRANSFORMS.register_module()
class ClipOrderSample(PretextSampler):
    """Clips of one video in shuffled order: the sampler of VCOP (clip order prediction).

    Required keys: ``total_frames``. Added keys: ``frame_inds`` int64 (tuple_len * clip_len,), ``clip_len``,
    ``num_clips`` (= tuple_len), ``frame_interval`` and ``order_label`` int64 (1,), the order's rank among all
    permutations in lexicographic order.

    The start is uniform over every frame from which the tuple fits. The order is uniform over all permutations,
    including the identity.

    Args:
        clip_len: Frames per clip.
        tuple_len: Clips per tuple, 2 to 5.
        interval: Frames left out between two neighbouring clips.
        seed: See :class:`PretextSampler`. The test code of the original seeds every item with its index.
        fps: See :class:`PretextSampler`.

    Raises:
        InputError: For an unknown tuple length, clips without frames or a negative interval.
        VideoReadError: From ``transform``, if the tuple is longer than the video. The original leaves such videos out
            of its lists.

    Example:
        >>> from auxskd_mm.datasets.transforms import ClipOrderSample
        >>> sample = ClipOrderSample(clip_len=4, interval=2, tuple_len=3, seed=0)
        >>> results = sample(dict(total_frames=40, sample_idx=3))
        >>> results['frame_inds'].reshape(3, 4).tolist()  # clip 1, clip 0, clip 2
        [[9, 10, 11, 12], [3, 4, 5, 6], [15, 16, 17, 18]]
        >>> results['order_label'].tolist()  # (1, 0, 2) is the third of the six orders
        [2]

    Source: xudejing/video-clip-order-prediction @ 7a1710d, ``UCF101VCOPDataset``. The draw order is start, order.
    """

    span_settings = ('clip_len', 'tuple_len', 'interval')

    def __init__(
        self,
        clip_len: int = 16,
        tuple_len: int = 3,
        interval: int = 8,
        seed: int | None = None,
        fps: float | None = None,
    ) -> None:
        super().__init__(clip_len, seed, fps)
        check_whole(type(self).__name__, tuple_len=tuple_len, interval=interval)
        try:
            self.orders = clip_orders(tuple_len)
            self.span = order_tuple_span(clip_len, interval, tuple_len)
        except InputError as error:
            raise InputError(f'{type(self).__name__}.{error}') from None
        self.tuple_len = tuple_len
        self.interval = interval
        self.tasks = (Task('order', order_names(tuple_len), clips=tuple_len),)

    def frames_needed(self) -> int:
        """See :class:`PretextSampler`. The whole tuple must fit."""
        return self.span

    def describe(self) -> str:
        """See :class:`PretextSampler`."""
        return f'{self._clips_in_words(self.tuple_len)}, {self.interval} apart, shuffled{self._seeded()}'

    def caption(self, results: Mapping[str, Any], view: int, views: int) -> str:
        """See :class:`PretextSampler`."""
        label = int(results['order_label'][0])
        order = self.tasks[0].class_names[label]
        place = int(self.orders[label][view])
        return f'shown {ordinal(view + 1)}: clip {place} in time (order {order}, label {label})'

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Draw start and order."""
        num_frames = self.num_frames(results)
        if num_frames < self.span:
            raise VideoReadError(
                str(results.get('filename', '?')),
                f'has {num_frames} frames{self._at_rate(num_frames)}, but {self.tuple_len} clips of {self.clip_len} with '
                f'intervals of {self.interval} span {self.span}; use longer videos, or lower tuple_len, interval or '
                f'clip_len of {type(self).__name__}',
            )
        rng = self.generator(results)
        start = int(rng.randint(0, num_frames - self.span + 1))
        label = int(rng.randint(0, len(self.orders)))
        order = self.orders[label].tolist()
        self.write_clips(results, list(order_tuple_indices(self.clip_len, self.interval, order, start)))
        results['order_label'] = np.asarray([label], dtype=np.int64)
        return results
