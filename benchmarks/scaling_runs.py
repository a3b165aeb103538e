"""Processes that benchmarks/scaling.py measures, and the choice of quiet rounds."""

from __future__ import annotations

import argparse
import contextlib
import multiprocessing
import os
import socket
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
import torch.distributed as dist
from mmengine.registry import init_default_scope
from scaling_model import Parts, Sizes
from torch.nn.parallel import DistributedDataParallel

import auxskd_mm  # noqa: F401
from auxskd_mm.registry import MODELS

ARRAYS = (1 << 12, 1 << 22)  # bytes of the two all-reduces that give latency and bandwidth


class Round(NamedTuple):
    """A round of steps: seconds from the first start to the last end over the steps, each rank's steps, use by others."""

    step: float
    parts: list[list[Parts]]
    others: float


def build(args: argparse.Namespace) -> Any:
    """AuxSKD at the size that is asked for."""
    init_default_scope('mmaction')
    torch.manual_seed(0)
    width = 8 * args.base_channels
    model = MODELS.build(
        dict(
            type='auxskd_mm.AuxSKD',
            backbone=dict(type='auxskd_mm.R2Plus1DVCOP', base_channels=args.base_channels),
            neck=dict(type='auxskd_mm.MLP', in_channels=width, out_channels=128),
            predictor=dict(type='auxskd_mm.MLP', in_channels=128, hidden_channels=1024, out_channels=128),
            queue_size=1024,
            shuffle=args.shuffle,
        )
    )
    model.teacher.copy_from(model.student_modules())
    return model


def sizes_of(args: argparse.Namespace) -> Sizes:
    """Bytes that a rank sends."""
    gradient = sum(p.numel() for p in build(args).parameters() if p.requires_grad) * 4
    return Sizes(gradient, args.batch * 128 * 4, args.batch * 3 * args.frames * args.size**2 * 4)


def work(rank: int, world: int, port: int | None, args: argparse.Namespace, pipe: Any, start: Any) -> None:
    """Run one process: it executes commands from the pipe after its whole group has reached ``start``."""
    torch.set_num_threads(1)
    model = build(args)
    wrapped = model
    if port is not None:
        names = dict(RANK=rank, LOCAL_RANK=rank, WORLD_SIZE=world, MASTER_ADDR='127.0.0.1', MASTER_PORT=port)
        os.environ.update({key: str(value) for key, value in names.items()})
        dist.init_process_group('gloo')
        wrapped = DistributedDataParallel(model, broadcast_buffers=False)  # as MMEngine sets it
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=1e-3)
    clips = torch.randn(args.batch, 2, 3, args.frames, args.size, args.size)

    def step() -> Parts:
        begin = time.perf_counter()
        optimizer.step()
        model.teacher.update(model.student_modules(), 0.999)
        optimizer.zero_grad()
        losses = wrapped(clips, mode='loss')
        middle = time.perf_counter()
        losses['loss_similarity'].backward()
        return Parts(middle - begin, time.perf_counter() - middle)

    step()
    with contextlib.suppress(EOFError):
        while True:
            kind, count = pipe.recv()
            start.wait()
            begin, used = time.perf_counter(), time.process_time()
            if kind == 'steps':
                found: list[Any] = [step() for _ in range(count)]
            else:
                block, found = torch.zeros(kind // 4), []
                for _ in range(count):
                    before = time.perf_counter()
                    dist.all_reduce(block)
                    found.append(time.perf_counter() - before)
            pipe.send((begin, time.perf_counter(), time.process_time() - used, found))
    os._exit(0)


class Group:
    """A number of processes that train together or, if not ``connected``, separately."""

    def __init__(self, world: int, args: argparse.Namespace, connected: bool) -> None:
        context = multiprocessing.get_context('fork')
        port = _free_port() if connected else None
        start, self.pipes, self.world = context.Barrier(world), [], world
        for rank in range(world):
            mine, theirs = context.Pipe()
            context.Process(target=work, args=(rank, world, port, args, theirs, start), daemon=True).start()
            theirs.close()
            self.pipes.append(mine)

    def run(self, kind: Any, count: int) -> tuple[list[tuple], float]:
        """Return the message of every process after ``count`` repetitions, and the share of all cores that others used."""
        busy, begin = _busy_seconds(), time.perf_counter()
        for pipe in self.pipes:
            pipe.send((kind, count))
        answers = [pipe.recv() for pipe in self.pipes]
        seconds = time.perf_counter() - begin
        others = _busy_seconds() - busy - sum(answer[2] for answer in answers)
        return answers, max(others, 0.0) / seconds / (os.cpu_count() or 1)

    def steps(self, count: int) -> Round:
        """A round of steps."""
        answers, others = self.run('steps', count)
        seconds = max(answer[1] for answer in answers) - min(answer[0] for answer in answers)
        return Round(seconds / count, [answer[3] for answer in answers], others)

    def transfers(self, size: int, count: int = 20) -> tuple[float, float]:
        """Fastest all-reduce of ``size`` bytes, and the use by others."""
        answers, others = self.run(size, count)
        return min(max(times) for times in zip(*(answer[3] for answer in answers))), others


def quiet(rounds: Sequence[Round], most: float, least: int = 5) -> list[Round]:
    """Rounds in which others used at most that share of the cores; if these are too few, the ``least`` quietest ones."""
    ordered = sorted(rounds, key=lambda found: found.others)
    return [found for number, found in enumerate(ordered) if found.others <= most or number < least]


def _busy_seconds() -> float:
    """Core seconds that the whole machine has worked so far (Linux; elsewhere 0, and every round counts as quiet)."""
    try:
        with open('/proc/stat') as file:
            user, nice, system, _, _, irq, softirq, *_ = map(int, file.readline().split()[1:])
    except OSError:
        return 0.0
    return (user + nice + system + irq + softirq) / os.sysconf('SC_CLK_TCK')


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        return int(free.getsockname()[1])
