"""Speed of a config: of its loader, of its model in inference, and of a training step."""

from __future__ import annotations

import functools
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.runner import Runner
from torch.utils.data import DataLoader

from ..apis.inference import init_model
from ..config.loading.loaders import mend_loader
from ..config.parts import loader_of
from ..config.sample_shape import made_up_inputs
from ..errors import InputError, check_least
from ..launch.trunk_weights import check_trunk_weights


class Speed(NamedTuple):
    """Times of some batches.

    Attributes:
        seconds: Seconds per batch, without the warm-up.
        batch_size: Samples per batch.
    """

    seconds: tuple[float, ...]
    batch_size: int

    @property
    def median(self) -> float:
        """Seconds per batch."""
        return statistics.median(self.seconds)

    @property
    def samples_per_second(self) -> float:
        """Over all batches that were timed."""
        return self.batch_size * len(self.seconds) / sum(self.seconds)

    def __str__(self) -> str:
        low, high = min(self.seconds), max(self.seconds)
        return (
            f'{self.samples_per_second:.2f} samples per second, batches of {self.batch_size}: median '
            f'{1000 * self.median:.1f} ms ({1000 * low:.1f} to {1000 * high:.1f} over {len(self.seconds)})'
        )


def loader_speed(config: Config, split: str = 'train', *, batches: int = 20, warmup: int = 3) -> Speed:
    """Time the batches of a config's loader. Its workers decode and augment; no model consumes the batches.

    Args:
        config: Config with a ``<split>_dataloader``.
        split: 'train', 'val' or 'test'.
        batches: Number of batches to time. A shorter loader starts again.
        warmup: Number of untimed batches before them, while the workers start.

    Raises:
        InputError: If the config has no such loader, its data are missing, or it yields no batch.
    """
    settings = loader_of(config, split)
    _check_counts(batches, warmup)
    loader = Runner.build_dataloader(mend_loader(settings), seed=0)
    check_trunk_weights(loader.dataset)
    endless = _again_and_again(loader, split)
    seconds = _timed(lambda: next(endless), batches, warmup, lambda: None)
    return Speed(seconds, int(loader.batch_size or settings['batch_size']))


def _again_and_again(loader: DataLoader, split: str) -> Iterator[Any]:
    """The batches of a loader without an end.

    Raises:
        InputError: If there is none. Otherwise this would go on for ever.
    """
    while True:
        batch = None
        for batch in loader:
            yield batch
        if batch is None:
            raise InputError(
                f'{split}_dataloader yields no batch: too few samples for a batch_size of {loader.batch_size} with drop_last; '
                f'lower {split}_dataloader.batch_size'
            )


def inference_speed(
    config: Config,
    *,
    batch_size: int = 1,
    batches: int = 20,
    warmup: int = 3,
    device: str | None = None,
    amp: bool = False,
) -> Speed:
    """Time the forward passes of a config's model in eval mode on made-up clips, with the data preprocessor.

    Args:
        config: Config with a model and a pipeline. The pipeline gives the shape of the clips.
        batch_size: Samples per batch.
        batches: Number of batches to time.
        warmup: Number of untimed batches before them.
        device: Device of the model. None takes the accelerator if there is one.
        amp: Whether autocast computes in bfloat16.

    Raises:
        InputError: If the config has no model or pipeline.
    """
    check_least('', batch_size=batch_size)
    _check_counts(batches, warmup)
    where = torch.device(device or get_device())
    model = init_model(config, None, where)
    made = made_up_inputs(config)  # stored feature maps are floating-point numbers, frames are not
    noise = torch.randn if made.is_floating_point() else functools.partial(torch.randint, 0, 256)
    inputs = [noise(made.shape).to(made.dtype) for _ in range(batch_size)]

    def timed() -> None:
        with torch.no_grad(), torch.autocast(where.type, torch.bfloat16, enabled=amp):
            data = model.data_preprocessor(dict(inputs=inputs, data_samples=None), False)
            model(data['inputs'], mode='tensor', stage='head')  # a PretextModel takes no stage, and gives features

    return Speed(_timed(timed, batches, warmup, _waiter(where)), batch_size)


def _timed(action: Callable[[], Any], batches: int, warmup: int, wait: Callable[[], None]) -> tuple[float, ...]:
    seconds = []
    for i in range(warmup + batches):
        wait()
        start = time.perf_counter()
        action()
        wait()
        if i >= warmup:
            seconds.append(time.perf_counter() - start)
    return tuple(seconds)


def _waiter(device: torch.device) -> Callable[[], None]:
    """Return the function that waits for an accelerator before the clock is read."""
    return (lambda: torch.cuda.synchronize(device)) if device.type == 'cuda' else (lambda: None)


def _check_counts(batches: int, warmup: int) -> None:
    if batches < 1 or warmup < 0:
        raise InputError(f'batches={batches}, warmup={warmup}: expected at least 1 and 0')
