"""A small training for benchmarks/faults.py: it is started, disturbed and started again."""

from __future__ import annotations

import multiprocessing
import os
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import runs
import torch
from mmengine.hooks import Hook
from tool_runs import forget_runs

from auxskd_mm.apis import run_tool
from auxskd_mm.launch.process_group import start_group
from auxskd_mm.launch.resume import choose_checkpoint, is_whole

INTERVAL = 3  # iterations between checkpoints: the most that may be lost


class Outcome(NamedTuple):
    """A row of the table: number of trials, outcome, lost iterations per trial (mean, maximum)."""

    tries: int
    text: str
    lost: Sequence[int]


class Progress(Hook):
    """Record every finished iteration in a place that a crash cannot undo."""

    priority = 'VERY_HIGH'

    def __init__(self, path: Path) -> None:
        self.path = path

    def after_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        """Append the number."""
        with open(self.path, 'a') as file:
            file.write(f'{runner.iter + 1}\n')


class At(Hook):
    """Call something at the beginning of an iteration (from 0)."""

    priority = 'HIGH'

    def __init__(self, iteration: int, call: Callable[..., None]) -> None:
        self.iteration, self.call = iteration, call

    def before_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None) -> None:
        """Call it."""
        if runner.iter == self.iteration:
            self.call(runner, data_batch)


class Training:
    """A training in a work dir that is started, disturbed and started again."""

    def __init__(self, data: Path, folder: Path, epochs: int = 3, ranks: int = 1, **options: Any) -> None:
        self.data, self.folder, self.ranks = data, folder, ranks
        self.options = {
            'train_cfg.max_epochs': epochs,
            'default_hooks.checkpoint.by_epoch': False,
            'default_hooks.checkpoint.interval': INTERVAL,
            **options,
        }
        self.processes: list[Any] = []
        folder.mkdir(parents=True, exist_ok=True)

    def start(self, *hooks: Hook, before: Callable[[], None] | None = None) -> None:
        """Start all ranks, always as with ``--resume``."""
        with socket.socket() as free:
            free.bind(('127.0.0.1', 0))
            port = free.getsockname()[1]
        context = multiprocessing.get_context('fork')
        self.processes = [
            context.Process(target=self._work, args=(rank, port, hooks, before)) for rank in range(self.ranks)
        ]
        for process in self.processes:
            process.start()

    def _work(self, rank: int, port: int, hooks: Sequence[Hook], before: Callable[[], None] | None) -> None:
        log = os.open(self.log(rank), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(log, 1)
        os.dup2(log, 2)
        sys.stdout, sys.stderr = (open(number, 'w', buffering=1) for number in (1, 2))  # noqa: SIM115 (pytest has others)
        torch.set_num_threads(1)
        if before is not None:
            before()

        def main() -> None:
            forget_runs()  # loggers of this process's parent write elsewhere
            config = runs.config_of('auxskd', self.data, self.folder, self.options)
            launcher = 'none' if self.ranks == 1 else 'pytorch'
            config.launcher = launcher
            names = dict(RANK=rank, LOCAL_RANK=rank, WORLD_SIZE=self.ranks, MASTER_ADDR='127.0.0.1', MASTER_PORT=port)
            os.environ.update({name: str(value) for name, value in names.items()} if self.ranks > 1 else {})
            config.experiment_name = self.folder.name
            start_group(config, launcher)
            choose_checkpoint(config)
            runs.runner_of(config, Progress(self.folder / f'progress_{rank}'), *hooks).train()

        run_tool(main)
        sys.stdout.flush()
        os._exit(0)

    def log(self, rank: int = 0) -> Path:
        """File with all that a rank printed."""
        return self.folder / f'rank_{rank}.log'

    def text(self, rank: int = 0) -> str:
        """All that a rank printed."""
        return self.log(rank).read_text(errors='replace')

    def wait(self, timeout: float = 240) -> list[int]:
        """Exit codes of the ranks; a rank that hangs is a failure."""
        for process in self.processes:
            process.join(timeout)
            if process.is_alive():
                process.kill()
                raise AssertionError(f'a rank hangs; see {self.folder}')
        return [process.exitcode for process in self.processes]

    def run(self, *hooks: Hook, before: Callable[[], None] | None = None) -> list[int]:
        """Start and wait."""
        self.start(*hooks, before=before)
        return self.wait()

    def done(self) -> int:
        """Iterations that were finished, the last one that a process wrote down."""
        path = self.folder / 'progress_0'
        lines = path.read_text().split() if path.exists() else []
        return int(lines[-1]) if lines else 0

    def saved(self) -> int:
        """Iteration of the newest whole checkpoint, found without the code under test."""
        whole = [path for path in self.folder.glob('*.pth') if is_whole(path)]
        return max((int(torch.load(path, weights_only=True)['meta']['iter']) for path in whole), default=0)

    def lost(self) -> int:
        """Finished iterations that the next start does again."""
        return self.done() - self.saved()

    def finish(self, peace: Path) -> None:
        """Resume to the end, and compare with a training left in peace."""
        assert self.run() == [0] * self.ranks, self.text()[-2000:]
        last = Path((self.folder / 'last_checkpoint').read_text())
        different = runs.unequal(last, peace / last.name)
        assert not different, (self.folder, different[:5])
        assert not list(self.folder.glob('*.part')), 'a temporary file is left'


def in_peace(data: Path, folder: Path, **settings: Any) -> Path:
    """Return the work dir of an undisturbed training. The training runs once."""
    if not folder.exists():
        assert Training(data, folder, **settings).run() == [0] * settings.get('ranks', 1), folder
    return folder


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
