"""The copy of the next batch to a CUDA device, in parallel with the current step."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any

import torch
from mmengine.model import BaseDataPreprocessor
from mmengine.structures import BaseDataElement
from torch import Tensor, nn

from ..unwrap import unwrap

if TYPE_CHECKING:
    from ..typing import DataBatch


def prefetch(batches: Generator[Any, None, None], device: torch.device | None) -> Generator[Any, None, None]:
    """Yield the same batches, each copied to a CUDA device while the one before it is in use.

    When a batch is yielded, the copy of the next one is already queued on a separate stream. From pinned memory
    (``pin_memory=True``) the copy runs in parallel with the step. Nothing waits on the host. An error of fetching the
    next batch is raised at that batch's turn, so no earlier batch is lost.

    Args:
        batches: Batches of any nesting that MMEngine's data preprocessors take. It is closed together with the returned
            generator.
        device: Device of the model. For None and for all but CUDA devices, ``batches`` itself is returned.

    Source: as NVIDIA apex's ``data_prefetcher``, but with one event per batch. A step waits for its own copy and not
        for the next one.
    """
    return batches if device is None or device.type != 'cuda' else _one_ahead(batches, _Copies(device))


def device_of(model: nn.Module) -> torch.device | None:
    """The device to which a model's data preprocessor moves batches. None if it has none."""
    return getattr(getattr(unwrap(model), 'data_preprocessor', None), 'device', None)


def _one_ahead(batches: Generator[Any, None, None], copies: _Copies) -> Generator[Any, None, None]:
    with closing(batches):
        ready: tuple[Any, Any] | None = None
        while True:
            following, error = None, None
            try:
                following = copies.start(next(batches))
            except StopIteration:
                pass
            except Exception as raised:
                error = raised
            if ready is not None:
                yield copies.wait(*ready)
            if error is not None:
                raise error
            if following is None:
                return
            ready = following


class _Copies:
    """Copies on a separate stream."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.stream = torch.cuda.Stream(device)
        self.preprocessor = BaseDataPreprocessor(non_blocking=True)
        self.preprocessor.to(device)

    def start(self, batch: DataBatch) -> tuple[Any, Any]:
        """The batch on the device, and the event that marks the end of its copy."""
        with torch.cuda.stream(self.stream):
            return self.preprocessor.cast_data(batch), self.stream.record_event()

    def wait(self, batch: DataBatch, event: torch.cuda.Event) -> Any:
        """The batch, for use on the current stream."""
        user = torch.cuda.current_stream(self.device)
        user.wait_event(event)
        for tensor in _tensors(batch):
            if tensor.is_cuda:
                # Its memory belongs to the stream of the copies, which must not take it for the batch after next while
                # the step still reads it.
                tensor.record_stream(user)
        return batch


def _tensors(batch: object) -> Iterator[Tensor]:
    if isinstance(batch, Tensor):
        yield batch
    elif isinstance(batch, (Mapping, BaseDataElement)):
        for value in batch.values():
            yield from _tensors(value)
    elif isinstance(batch, Sequence) and not isinstance(batch, (str, bytes)):
        for value in batch:
            yield from _tensors(value)
