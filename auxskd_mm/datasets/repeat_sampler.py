"""A sampler that puts repetitions of a video next to each other, so that one decoding pass serves several of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch
from mmengine.dataset import DefaultSampler

from ..errors import InputError
from ..registry import DATA_SAMPLERS

if TYPE_CHECKING:
    from mmengine.dataset import BaseDataset


@DATA_SAMPLERS.register_module()
class RepeatSampler(DefaultSampler):
    """``DefaultSampler`` for a data set with ``repeat``, with ``clips_per_decode`` repetitions of a video in a row.

    An epoch has the same samples as with ``DefaultSampler``: each index once, so each video ``repeat`` times.
    ``batch_size`` counts clips. Only the order differs. The sampler divides the ``repeat`` repetitions of a video into
    ``repeat / clips_per_decode`` groups and shuffles the groups. The repetitions of a group follow one another. Where
    they fall into one batch, :class:`UnlabeledVideoDataset` decodes their frames in one pass. Each repetition still
    draws its own clip. A batch then holds fewer different videos, ``batch_size / clips_per_decode``.

    Config: ``sampler=dict(type='auxskd_mm.RepeatSampler', clips_per_decode=5)`` with ``repeat=10``.

    Args:
        dataset: An :class:`UnlabeledVideoDataset`.
        clips_per_decode: Repetitions per group. It must divide ``repeat``. The batch size should be a multiple of it.
        shuffle: See ``DefaultSampler``.
        seed: See ``DefaultSampler``.
        round_up: See ``DefaultSampler``.

    Raises:
        InputError: If the data set does not repeat its list, or not a multiple of ``clips_per_decode`` times.

    Source: Hoffer et al., "Augment your batch: improving generalization through instance repetition", CVPR 2020.
    """

    def __init__(
        self,
        dataset: BaseDataset,
        clips_per_decode: int,
        shuffle: bool = True,
        seed: int | None = None,
        round_up: bool = True,
    ) -> None:
        repeat = getattr(dataset, 'repeat', None)
        if not isinstance(repeat, int):
            raise InputError(
                f'RepeatSampler: {type(dataset).__name__} has no repeat; use it with auxskd_mm.UnlabeledVideoDataset'
            )
        if clips_per_decode < 1 or repeat % clips_per_decode:
            raise InputError(
                f'RepeatSampler.clips_per_decode={clips_per_decode}: expected a divisor of the repeat={repeat} of the '
                'data set'
            )
        super().__init__(dataset, shuffle=shuffle, seed=seed, round_up=round_up)
        self.clips_per_decode = clips_per_decode
        self.videos = len(dataset) // repeat
        self.groups = len(dataset) // clips_per_decode
        mine = self.groups if round_up else self.groups - self.rank
        self.num_samples = -(-mine // self.world_size) * clips_per_decode

    def __iter__(self) -> Iterator[int]:
        """Indices of this rank. Ranks take turns by group, so that each group stays on one rank."""
        per_group = self.clips_per_decode
        generator = torch.Generator().manual_seed(self.seed + self.epoch)
        order = torch.randperm(self.groups, generator=generator) if self.shuffle else torch.arange(self.groups)
        if self.round_up:
            short = -self.groups % self.world_size
            order = torch.cat([order, order[torch.arange(short) % self.groups]])
        # An index counts videos first: group g holds repetitions (g // videos) * n ... of video g % videos.
        first = order // self.videos * per_group * self.videos + order % self.videos
        indices = first[:, None] + torch.arange(per_group) * self.videos
        return iter(indices[self.rank :: self.world_size].flatten().tolist())
