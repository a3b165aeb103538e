"""Samples whose random numbers depend only on their place in the training, and a sampler that can start anywhere.

With both, a loader has no state. From (seed, epoch, first batch) it yields the same batches as an uninterrupted run,
for any number of workers. It draws the same augmentation for a sample for any number of ranks.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby, islice
from typing import Any, NamedTuple

from mmengine.dist import get_dist_info
from mmengine.registry import DATA_SAMPLERS as MMENGINE_SAMPLERS
from mmengine.registry import DATASETS as MMENGINE_DATASETS
from torch.utils.data import Dataset, Sampler

from ..random_state import SAMPLE, seed_generators
from ..registry import DATA_SAMPLERS, DATASETS


class Draw(NamedTuple):
    """One sample of a training.

    Attributes:
        sample: Index into the dataset.
        seed: Seed of the run.
        epoch: Epoch, from 0.
        position: Place in the epoch over all ranks, from 0.
    """

    sample: int
    seed: int
    epoch: int
    position: int


@DATA_SAMPLERS.register_module()
class ResumableSampler(Sampler):
    """Yield the indices of another sampler as :class:`Draw`, from any place on.

    Args:
        dataset: The dataset.
        sampler: Config of the sampler. Its order must depend on its seed and epoch alone, as with MMEngine's
            ``DefaultSampler`` and ``InfiniteSampler``.
        seed: Seed of the run, the same on every rank.
        closed: True yields nothing before :meth:`start`. Some loops need this: they create their iterator before they
            know where to start.
    """

    def __init__(self, dataset: Any, sampler: dict, seed: int, closed: bool = False) -> None:
        self.sampler = MMENGINE_SAMPLERS.build(sampler, default_args=dict(dataset=dataset, seed=seed))
        self.seed = seed
        self.closed = closed
        self._epoch = self._first = 0

    def start(self, epoch: int, first: int) -> None:
        """Set the next pass to ``epoch`` without the ``first`` samples of this rank. Later passes are whole."""
        self.closed, self._epoch, self._first = False, epoch, first
        if hasattr(self.sampler, '_indices_of_rank'):  # InfiniteSampler's only iterator may have been begun
            self.sampler.indices = self.sampler._indices_of_rank()

    def __iter__(self) -> Iterator[Draw]:
        first, self._first = self._first, 0
        return self._draws(self._epoch, first)

    def _draws(self, epoch: int, first: int) -> Iterator[Draw]:
        if self.closed:
            return
        rank, world = get_dist_info()
        for place, index in enumerate(islice(iter(self.sampler), first, None), first):
            yield Draw(int(index), self.seed, epoch, place * world + rank)

    def __len__(self) -> int:
        return len(self.sampler)

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch of the inner sampler."""
        if hasattr(self.sampler, 'set_epoch'):
            self.sampler.set_epoch(epoch)


@DATASETS.register_module()
class SeededSamples(Dataset):
    """Seed the global generators before a data set loads a sample. It passes everything else to the data set.

    Args:
        dataset: Data set or its config. It receives plain indices.
    """

    def __init__(self, dataset: Any) -> None:
        self.dataset = MMENGINE_DATASETS.build(dataset) if isinstance(dataset, dict) else dataset

    def __getitem__(self, draw: Draw | int) -> Any:
        if not isinstance(draw, Draw):
            return self.dataset[draw]
        seed_generators(SAMPLE, draw.seed, draw.epoch, draw.position)
        return self.dataset[draw.sample]

    def __getitems__(self, draws: list[Draw | int]) -> list[Any]:
        """Samples of a batch. Neighbours of one video, which the dataset may decode together, share the first one's seed."""
        together = getattr(self.dataset, '__getitems__', None)
        videos = len(self.dataset) // int(getattr(self.dataset, 'repeat', 1))
        samples: list[Any] = []
        for _, members in groupby(draws, key=lambda draw: (draw.sample if isinstance(draw, Draw) else draw) % videos):
            group = list(members)
            first = group[0]
            if len(group) == 1 or together is None or not isinstance(first, Draw):
                samples.extend(self[draw] for draw in group)
            else:
                seed_generators(SAMPLE, first.seed, first.epoch, first.position)
                samples.extend(together([draw.sample for draw in group if isinstance(draw, Draw)]))
        return samples

    def __len__(self) -> int:
        return len(self.dataset)

    def __getattr__(self, name: str) -> Any:
        # `dataset` itself is missing while a worker unpickles this.
        if name == 'dataset' or name.startswith('__'):
            raise AttributeError(name)
        return getattr(self.dataset, name)


def resumable(dataloader: dict, seed: int, closed: bool = False) -> dict:
    """Config of a loader with both classes, see there. A config with a ``batch_sampler`` is returned unchanged."""
    if dataloader.get('batch_sampler') is not None or not isinstance(dataloader.get('sampler'), dict):
        return dataloader
    sampler = dict(type='auxskd_mm.ResumableSampler', sampler=dataloader['sampler'], seed=seed, closed=closed)
    return {
        **dataloader,
        'dataset': dict(type='auxskd_mm.SeededSamples', dataset=dataloader['dataset']),
        'sampler': sampler,
    }
