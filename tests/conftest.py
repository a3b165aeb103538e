"""Shared fixtures: the default scope, and small videos made on the spot."""

from __future__ import annotations

import functools
import gc
import json
import logging
import signal
import sys
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.registry import DefaultScope, init_default_scope

import auxskd_mm  # noqa: F401

# What the exporters of torch 2.6 cannot do; the tool then says so in one line.
needs_newer_exporter = pytest.mark.skipif(
    tuple(map(int, torch.__version__.split('.')[:2])) < (2, 7),
    reason='torch 2.6: torch.export fixes this batch size, refuses attributes that change, or repeats a name in ONNX',
)

DATA = Path(__file__).parent / 'data'
sys.path[:0] = [str(DATA), str(Path(__file__).parent)]
# pytest-xdist runs a process a core; more threads than that only fight.
torch.set_num_threads(1)
# The first backward pass of a process decides whether autograd starts threads, after which a fork can train no more (several
# tests fork). Behind torch.export or torch.compile it would: their fake tensors pass for an accelerator.
torch.ones(1, requires_grad=True).sum().backward()


@pytest.fixture(autouse=True)
def mmaction_scope():
    """Resolve types as a Runner with ``default_scope='mmaction'`` does."""
    init_default_scope('mmaction')
    yield
    DefaultScope._instance_dict.clear()


@pytest.fixture(autouse=True)
def signals_kept():
    """A test leaves the handlers of Ctrl-C and SIGTERM as they were; a later test would see them."""
    numbers = signal.SIGINT, signal.SIGTERM
    before = [signal.getsignal(number) for number in numbers]
    yield
    after = [signal.getsignal(number) for number in numbers]
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)
    assert after == before


@pytest.fixture
def call(monkeypatch, capfd):
    """Run a tool in this process, see :func:`tool_runs.call_tool`."""
    from tool_runs import call_tool

    return functools.partial(call_tool, monkeypatch, capfd)


@pytest.fixture
def plain_config_text(monkeypatch):
    """Leave out the pretty printing of configs, which takes most of the time of so short a training."""
    monkeypatch.setattr(Config, 'pretty_text', property(lambda config: repr(config._cfg_dict)))


@pytest.fixture
def quiet(monkeypatch):
    """Leave out the line that MMEngine logs per parameter as it initialises."""
    monkeypatch.setattr(MMLogger.get_current_instance(), 'level', logging.ERROR)


# Files with few tests that take long. pytest-xdist hands out files in this order; at the end, one of them would run beside
# an idle process.
LONG_FILES = (
    'integration/test_learning.py',
    'models/pretext/test_aux_skd_parity.py',
    'models/pretext/test_vspp_parity.py',
    'integration/test_faults.py',
    'integration/test_launch.py',
    'integration/test_sharded_precision.py',
    'integration/test_global_batch.py',
    'integration/test_fully_sharded.py',
    'integration/test_tutorial.py',
)


def pytest_collection_finish() -> None:
    """Leave the objects of all imports out of garbage collection. MMEngine collects for every data set, 0.25 s each time."""
    gc.collect()
    gc.freeze()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests of the long files first, in the order of :data:`LONG_FILES`."""
    places = {Path(__file__).parent / name: place for place, name in enumerate(LONG_FILES)}
    items.sort(key=lambda item: places.get(item.path, len(places)))


def recorded(name: str) -> Any:
    """Values recorded from the original code, ``tests/data/<name>.json``; each file names its origin."""
    return json.loads((DATA / f'{name}.json').read_text())


def counted_frame(index: int, size: tuple[int, int] = (64, 48)) -> np.ndarray:
    """Frame whose left half shows its number as 8 black or white blocks (survives compression) on a grey ground."""
    width, height = size
    frame = np.full((height, width, 3), 128, np.uint8)
    block = width // 8
    for bit in range(8):
        frame[: height // 2, bit * block : (bit + 1) * block] = 255 if index >> bit & 1 else 0
    return frame


def read_count(frame: np.ndarray) -> int:
    """Number that :func:`counted_frame` wrote."""
    height, width = frame.shape[:2]
    block = width // 8
    return sum(
        int(frame[height // 8 : 3 * height // 8, bit * block + 2 : (bit + 1) * block - 2].mean() > 128) << bit
        for bit in range(8)
    )


def write_video(path, num_frames=24, size=(64, 48), codec='libx264', fps=25, options=None, audio_only=False) -> str:
    """Write a video of counted frames (or a file with a silent audio track alone)."""
    path = str(path)
    with av.open(path, 'w', options={} if options is None else options.get('container', {})) as container:
        if audio_only:
            stream = container.add_stream('aac', rate=16000)
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format='fltp', layout='mono')
            frame.sample_rate = 16000
            for packet in [*stream.encode(frame), *stream.encode(None)]:
                container.mux(packet)
            return path
        stream = container.add_stream(codec, rate=fps)
        stream.width, stream.height = size
        stream.pix_fmt = 'yuv420p'
        if codec == 'libx264':  # without mbtree, with which x264 gives other frames once in a while
            stream.options = {'g': '10', 'x264-params': 'mbtree=0', **((options or {}).get('codec', {}))}
        if num_frames == 0:
            container.start_encoding()
            return path
        for i in range(num_frames):
            for packet in stream.encode(av.VideoFrame.from_ndarray(counted_frame(i, size), format='rgb24')):
                container.mux(packet)
        for packet in stream.encode(None):
            container.mux(packet)
    return path


@pytest.fixture
def video(tmp_path):
    """Path of a 24-frame video of counted frames."""
    return write_video(tmp_path / 'video.mp4')
