"""MMEngine's training loops with exact resume from the middle of an epoch.

The random values of a step depend only on (seed, rank, iteration). Those of a sample depend only on (seed, epoch, place
in the epoch). Both are therefore the same after a resume, and no generator state has to be saved.
"""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Generator, Mapping
from contextlib import closing
from itertools import islice
from typing import TYPE_CHECKING, Any

from mmengine.dataset import InfiniteSampler
from mmengine.dist import get_rank, get_world_size
from mmengine.logging import print_log
from mmengine.runner import EpochBasedTrainLoop, IterBasedTrainLoop

from ..datasets.resumable import ResumableSampler, resumable
from ..errors import InputError, is_out_of_memory, reason_of
from ..hooks.preemption_hook import signals_restored
from ..random_state import STEP, seed_generators
from ..registry import LOOPS
from .device_prefetch import device_of, prefetch
from .loader_check import check_loader, check_same_data
from .memory import no_memory
from .model_check import check_batch_norm, check_classes

if TYPE_CHECKING:
    from mmengine.runner import Runner
    from torch.utils.data import DataLoader

_WORKER_DIED = 'exited unexpectedly'


class _Resumable:
    """Mixin for both loops. It stands in front of MMEngine's loop in the list of bases.

    Attributes:
        seed: Seed of the run, the same on every rank.
        first: Batches of the first epoch that were used before the run was resumed.
    """

    runner: Any
    dataloader: Any
    _iter: int
    _epoch: int
    _closed = False  # see ResumableSampler

    def __init__(
        self,
        runner: Runner,
        dataloader: DataLoader | dict,
        *args: Any,
        worker_restarts: int = 3,
        prefetch: bool = True,
        **kwargs: Any,
    ) -> None:
        if not isinstance(prefetch, bool):
            raise InputError(f'train_cfg.prefetch={prefetch!r}: expected True or False')
        self.seed = int(runner.seed)
        if runner._randomness_cfg.get('diff_rank_seed', False):
            self.seed -= get_rank()
        if isinstance(dataloader, dict):
            dataloader = resumable(dataloader, self.seed, self._closed)
        self.first = 0
        self.restarts_left = worker_restarts
        self.prefetch = prefetch
        super().__init__(runner, dataloader, *args, **kwargs)  # type: ignore[call-arg]  # goes to the mixed-in loop
        check_same_data(self.dataloader.dataset)
        check_loader(self.dataloader)
        check_classes(runner.model, self.dataloader.dataset)
        check_batch_norm(runner.model, self.dataloader, runner.cfg)

    @property
    def sampler(self) -> ResumableSampler | None:
        """The loader's sampler if it can start in the middle of an epoch, else None."""
        sampler = getattr(self.dataloader, 'sampler', None)
        return sampler if isinstance(sampler, ResumableSampler) else None

    def position(self) -> dict[str, Any]:
        """Data that a checkpoint must hold beside MMEngine's epoch and iteration. :meth:`go_on_from` reads it."""
        sampler = self.sampler
        return dict(
            seed=self.seed,
            sampler_seed=getattr(sampler.sampler, 'seed', None) if sampler else None,
            world_size=get_world_size(),
            batches=len(self.dataloader),
            batch_size=self.dataloader.batch_size,
        )

    def go_on_from(self, position: Mapping[str, Any] | None) -> bool:
        """Continue a run at the loop's epoch and iteration, which MMEngine has set.

        Args:
            position: :meth:`position` of the interrupted run. None if the checkpoint holds none.

        Returns:
            True if the loop continues exactly. With other batches or ranks it starts at the beginning of the epoch.
        """
        now = self.position()
        if position is not None:
            self.seed = int(position['seed'])
            if self.sampler is not None:
                self.sampler.seed = self.seed
                if position['sampler_seed'] is not None:
                    self.sampler.sampler.seed = position['sampler_seed']
        keys = ('world_size', 'batches', 'batch_size')
        differ = [key for key in keys if position is not None and position[key] != now[key]]
        if position is None or differ:
            was = ', '.join(f'{key} {position[key]} -> {now[key]}' for key in differ) if position else 'no position'
            print_log(f'resumed, but not exactly: the checkpoint has {was}', 'current', logging.WARNING)
            self._start_anew()
            return False
        self._start_here()
        return True

    def _start_anew(self) -> None:
        raise NotImplementedError

    def _start_here(self) -> None:
        raise NotImplementedError

    def batches_from(self, epoch: int, first: int) -> Generator[tuple[int, Any], None, None]:
        """Yield the batches of an epoch with their numbers, from batch ``first`` on.

        Dead worker processes are replaced a few times per run. The sampler then starts again at the lost batch.
        """
        while True:
            if self.sampler is not None:
                self.sampler.start(epoch, first * self.dataloader.batch_size)
                batches = iter(self.dataloader)
            else:
                batches = islice(iter(self.dataloader), first, None)
            if self.dataloader.num_workers and threading.current_thread() is threading.main_thread():
                # torch's handler raises wherever the process happens to be; a worker's death must show where batches are
                # fetched and can be asked for again, not in the middle of a step.
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            try:
                for batch in batches:
                    yield first, batch
                    first += 1
                return
            except RuntimeError as error:
                if _WORKER_DIED not in str(error) or self.sampler is None or self.restarts_left < 1:
                    raise
                self.restarts_left -= 1
                self.dataloader._iterator = None  # that of persistent workers
                print_log(
                    f'{" ".join(str(error).split())}; starting new workers at batch {first + 1} '
                    f'({self.restarts_left} more times)',
                    'current',
                    logging.WARNING,
                )

    def on_device(self, batches: Generator[Any, None, None]) -> Generator[Any, None, None]:
        """Yield the batches, each copied to the model's CUDA device one step ahead; see :func:`prefetch`.

        A resume starts at the loop's iteration. A batch that was copied and not used counts as not used.
        """
        return prefetch(batches, device_of(self.runner.model)) if self.prefetch else batches

    def run_iter(self, *args: object) -> None:
        """Run one step with the random numbers of this iteration.

        Raises:
            InputError: If the device has no memory for the batch. The line says how many samples fit.
        """
        seed_generators(STEP, self.seed, get_rank(), self._iter)
        reason = None
        try:
            super().run_iter(*args)  # type: ignore[misc]  # the loop that is mixed in has it
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            reason = reason_of(error)
        # Behind the except clause: as long as the error lives, its frames hold the step's feature maps.
        if reason is not None:
            raise InputError(no_memory(self.runner, args[-1], self.dataloader.batch_size, reason))


@LOOPS.register_module()
class ResumableEpochTrainLoop(_Resumable, EpochBasedTrainLoop):
    """MMEngine's ``EpochBasedTrainLoop``. A run resumed from the middle of an epoch continues at the next batch.

    Args:
        worker_restarts: How many times per run dead loader workers are replaced.
        prefetch: Copy the next batch while the model uses the current one. This applies to CUDA devices only.
        args: Arguments of ``EpochBasedTrainLoop``.

    Raises:
        InputError: See :func:`check_loader`, :func:`check_same_data`, :func:`check_classes` and :func:`check_batch_norm`.
    """

    def _start_here(self) -> None:
        self.first = self._iter - self._epoch * len(self.dataloader)

    def _start_anew(self) -> None:
        self._iter = self._epoch * len(self.dataloader)

    def run(self) -> Any:
        """Train from the loop's epoch to the last."""
        with signals_restored(self.runner):
            return super().run()

    def run_epoch(self) -> None:
        """Run one epoch, or the rest of it after a resume."""
        self.runner.call_hook('before_train_epoch')
        self.runner.model.train()
        first, self.first = self.first, 0
        # Closing ends the workers when a step raises.
        with closing(self.on_device(self.batches_from(self._epoch, first))) as batches:
            for number, batch in batches:
                self.run_iter(number, batch)
        self.runner.call_hook('after_train_epoch')
        self._epoch += 1


@LOOPS.register_module()
class ResumableIterTrainLoop(_Resumable, IterBasedTrainLoop):
    """MMEngine's ``IterBasedTrainLoop``. After a resume it does not decode the samples of earlier iterations again.

    Args:
        worker_restarts: See :class:`ResumableEpochTrainLoop`.
        prefetch: See :class:`ResumableEpochTrainLoop`.
        args: Arguments of ``IterBasedTrainLoop``.

    Raises:
        InputError: See :func:`check_loader`, :func:`check_same_data`, :func:`check_classes` and :func:`check_batch_norm`.
    """

    _closed = True  # MMEngine makes its iterator, and with it the workers, in the constructor

    def _start_here(self) -> None:
        self.first = self._iter

    _start_anew = _start_here

    def run(self) -> Any:
        """Train from the loop's iteration to the last."""
        with signals_restored(self.runner):
            self._run()
        return self.runner.model

    def _run(self) -> None:
        self.runner.call_hook('before_train')
        self.runner.call_hook('before_train_epoch')
        self.first = self._iter
        # Closing ends the workers: behind the last batch, and when a step raises.
        with closing(self.on_device(self._endless(self._max_iters - self._iter))) as batches:
            self.dataloader_iterator = batches  # type: ignore[assignment]  # MMEngine's iterator has no end
            while self._iter < self._max_iters and not self.stop_training:
                self.runner.model.train()
                self.run_iter(next(self.dataloader_iterator))
                self._decide_current_val_interval()
                if (
                    self.runner.val_loop is not None
                    and self._iter >= self.val_begin
                    and (self._iter % self.val_interval == 0 or self._iter == self._max_iters)
                ):
                    self.runner.val_loop.run()
        self.runner.call_hook('after_train_epoch')
        self.runner.call_hook('after_train')

    def _endless(self, count: int) -> Generator[Any, None, None]:
        """Yield ``count`` batches over as many passes through the data as needed. It reads no surplus batch."""
        inner = self.sampler.sampler if self.sampler is not None else None
        epoch, first = (
            (0, self.first) if isinstance(inner, InfiniteSampler) else divmod(self.first, len(self.dataloader))
        )
        while True:
            if epoch and self.sampler is not None:
                self.sampler.set_epoch(epoch)
            for _, batch in self.batches_from(epoch, first):
                yield batch
                count -= 1
                if count < 1:
                    return
            epoch, first = epoch + 1, 0
