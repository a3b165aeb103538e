"""Fake CUDA streams that record calls, and everything that is certain to be done before each call.

Streams run what is put on them in order and know nothing of each other but what they were told to wait for. So from the
notes one can say whether a result was waited for, and whether two pieces of work may run at the same time.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor


class FakeStream:
    """A stream, or (by ``record_event``) a moment of one."""

    def __init__(self, reached: set[str] | None = None) -> None:
        self.reached: set[str] = set() if reached is None else reached

    def record_event(self) -> FakeStream:
        return FakeStream(set(self.reached))

    def wait_event(self, event: FakeStream) -> None:
        self.reached |= event.reached

    def wait_stream(self, other: FakeStream) -> None:
        self.reached |= other.reached


class FakeCuda:
    """Stands in for ``torch.cuda``.

    Attributes:
        main: The stream that all work is put on unless told otherwise.
        before: For each piece of work, in the order of putting, what is sure to be done before it.
        on: For each piece of work, its stream.
        held: For each tensor's tag, the streams that its memory is kept for.
    """

    def __init__(self, monkeypatch: Any) -> None:
        self.main = self.current = FakeStream()
        self.before: dict[str, frozenset[str]] = {}
        self.on: dict[str, FakeStream] = {}
        self.held: dict[str, set[FakeStream]] = {}
        monkeypatch.setattr(torch.cuda, 'Stream', lambda device=None: FakeStream())
        monkeypatch.setattr(torch.cuda, 'stream', self.stream)
        monkeypatch.setattr(torch.cuda, 'current_stream', lambda device=None: self.current)

    @contextlib.contextmanager
    def stream(self, stream: FakeStream) -> Iterator[None]:
        outer, self.current = self.current, stream
        try:
            yield
        finally:
            self.current = outer

    def put(self, work: str) -> None:
        """Note a piece of work on the current stream."""
        assert work not in self.before, f'{work} twice'
        self.before[work] = frozenset(self.current.reached)
        self.on[work] = self.current
        self.current.reached.add(work)

    def order(self) -> list[str]:
        """All work in the order in which the host put it."""
        return list(self.before)

    def apart(self, one: str, other: str) -> bool:
        """Whether two pieces of work may run at the same time."""
        return one not in self.before[other] and other not in self.before[one]


class OnDevice(Tensor):
    """A tensor that says it lies on a CUDA device; what is computed from it lies there too."""

    noted_by: FakeCuda
    tag = ''

    @property
    def is_cuda(self) -> bool:  # type: ignore[override]
        return True

    def record_stream(self, stream: FakeStream) -> None:  # type: ignore[override]
        self.noted_by.held.setdefault(self.tag, set()).add(stream)


class Pinned(Tensor):
    """A tensor on the host whose copy to the device is noted as ``copy <tag>``."""

    noted_by: FakeCuda
    tag = ''

    def to(self, device: torch.device, non_blocking: bool = False) -> Tensor:  # type: ignore[override]
        assert device.type == 'cuda'
        assert non_blocking, 'the host waits for this copy'
        self.noted_by.put(f'copy {self.tag}')
        return on_device(self.as_subclass(Tensor).clone(), self.noted_by, self.tag)


def on_device(values: Any, cuda: FakeCuda, tag: str) -> OnDevice:
    """A tensor on the device, by a name."""
    return _noted(torch.as_tensor(values).as_subclass(OnDevice), cuda, tag)


def pinned(values: Any, cuda: FakeCuda, tag: str) -> Pinned:
    """A tensor in pinned memory, by a name."""
    return _noted(torch.as_tensor(values).as_subclass(Pinned), cuda, tag)


def _noted(tensor: Any, cuda: FakeCuda, tag: str) -> Any:
    tensor.noted_by, tensor.tag = cuda, tag
    return tensor
