"""Faults of processes, disks and files: killed, preempted, a disk that is full, a checkpoint that is damaged."""

from __future__ import annotations

import multiprocessing
import os
import random
import resource
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from faults_training import INTERVAL, At, Outcome, Training, die, in_peace

from auxskd_mm.files import TEMPORARY
from auxskd_mm.hooks import atomic_checkpoint_hook as writing

WRITE_MOMENTS = ('half written', 'before the rename', 'before the pointer', 'before the old one goes')


def kill_in_write(moment: str, write: int) -> Callable[[], None]:
    """Let this process be killed in its n-th write of a checkpoint, at one of ``WRITE_MOMENTS``."""

    def prepare() -> None:
        whole, replace, remove = writing.write_atomically, os.replace, writing.AtomicCheckpointHook._remove
        count = 0

        def write_or_die(path: Any, content: bytes) -> None:
            nonlocal count
            pointer = Path(path).name == 'last_checkpoint'
            count += not pointer
            if count == write and moment == 'half written' and not pointer:
                with open(f'{path}{TEMPORARY}', 'wb') as file:
                    file.write(content[: len(content) // 2])
                die()
            if count == write and moment == 'before the pointer' and pointer:
                die()
            whole(path, content)

        def replace_or_die(*names: Any) -> None:
            if count == write and moment == 'before the rename':
                die()
            replace(*names)

        def remove_or_die(hook: Any, path: str) -> None:
            if moment == 'before the old one goes':
                die()
            remove(hook, path)

        writing.write_atomically = write_or_die
        os.replace = replace_or_die
        writing.AtomicCheckpointHook._remove = remove_or_die

    return prepare


def sigkill(data: Path, out: Path, tries: int = 20) -> Outcome:
    """One training, killed again and again: half of the times within a write, else anywhere."""
    epochs = tries + 2
    peace = in_peace(data, out / 'peace_kill', epochs=epochs)
    training, rng, lost, inside = Training(data, out / 'kill', epochs=epochs), random.Random(0), [], 0
    for number in range(tries):
        if number % 2:
            training.start(before=kill_in_write(WRITE_MOMENTS[number // 2 % 4], write=rng.choice((1, 2))))
        else:
            training.start()
            time.sleep(rng.uniform(0, 1.5))  # from any moment of the start to some steps later
            training.processes[0].kill()
        codes = training.wait()
        assert codes in ([-signal.SIGKILL], [0]), (codes, training.text()[-2000:])
        inside += number % 2 and codes == [-signal.SIGKILL]
        lost.append(max(training.lost(), 0))
        assert lost[-1] <= INTERVAL, (number, lost)
    training.finish(peace)
    return Outcome(tries, f'resumes, ends equal to the bit; {inside} kills inside a write', lost)


def one_rank_killed(data: Path, out: Path, tries: int = 2) -> Outcome:
    """SIGKILL for one of two ranks."""
    peace, lost = in_peace(data, out / 'peace_ranks', ranks=2), []
    for number in range(tries):
        training, victim = Training(data, out / f'rank_{number}', ranks=2), number % 2
        training.start(At(4, lambda runner, batch, victim=victim: die() if os.environ['RANK'] == str(victim) else None))
        codes = training.wait()
        assert codes[victim] == -signal.SIGKILL, codes
        assert codes[1 - victim] == 1, codes
        lines = [row for row in training.text(1 - victim).splitlines() if row.startswith('error: ')]
        assert len(lines) == 1, training.text(1 - victim)[-3000:]
        assert 'lost the connection to another rank' in lines[0], lines
        lost.append(training.lost())
        training.finish(peace)
    return Outcome(tries, 'the other ends with one line and code 1; resumes, equal to the bit', lost)


def preemption(data: Path, out: Path, tries: int = 2) -> Outcome:
    """SIGTERM for one of two ranks in the middle of an epoch."""
    peace, lost = in_peace(data, out / 'peace_ranks', ranks=2), []
    for number in range(tries):
        training = Training(data, out / f'term_{number}', ranks=2)

        def ask(runner: Any, batch: Any, who: str = str(number % 2)) -> None:
            if os.environ['RANK'] == who:
                os.kill(os.getpid(), signal.SIGTERM)

        assert training.run(At(4, ask)) == [75, 75], training.text()[-2000:]
        assert 'preempted: ' in training.text(), training.text()
        lost.append(training.lost())
        assert lost[-1] == 0, lost
        training.finish(peace)
    return Outcome(tries, 'both save and leave with code 75; go on in mid-epoch, equal to the bit', lost)


def disk_full(data: Path, out: Path, tries: int = 1) -> Outcome:
    """The file system refuses to write more than 200 kB."""
    peace, lost = in_peace(data, out / 'peace'), []

    def limit(runner: Any, batch: Any) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))

    for number in range(tries):
        training = Training(data, out / f'full_{number}')
        assert training.run(At(4, limit)) == [1], training.text()[-2000:]
        assert 'iter_6.pth: cannot be written (File too large' in training.text(), training.text()[-2000:]
        assert not list(training.folder.glob('*.part'))
        lost.append(training.lost())
        training.finish(peace)
    return Outcome(tries, 'ends with one line, the checkpoint before is whole; resumes, equal to the bit', lost)


def damaged(data: Path, out: Path, tries: int = 2) -> Outcome:
    """The newest checkpoint is cut off, or a byte of it is wrong."""
    peace, lost = in_peace(data, out / 'peace'), []
    for number in range(tries):
        training = Training(data, out / f'damaged_{number}')
        assert training.run(At(7, lambda runner, batch: die())) == [-signal.SIGKILL]
        newest = Path((training.folder / 'last_checkpoint').read_text())
        content = bytearray(newest.read_bytes())
        if number % 2:
            content[len(content) // 2] ^= 255
        newest.write_bytes(content if number % 2 else content[: len(content) * 2 // 3])
        lost.append(training.lost())
        training.finish(peace)
        assert f'{newest}: damaged or cut off, not resumed from' in training.text()
    return Outcome(tries, 'the one before it is taken, and the log says so; equal to the bit', lost)


def worker(data: Path, out: Path, tries: int = 1) -> Outcome:
    """A loader worker is killed."""
    peace = in_peace(data, out / 'peace')

    def kill(runner: Any, batch: Any) -> None:
        multiprocessing.active_children()[0].kill()
        time.sleep(0.1)

    for number in range(tries):
        training = Training(data, out / f'worker_{number}', **{'train_dataloader.num_workers': 1})
        assert training.run(At(4, kill)) == [0], training.text()[-3000:]
        assert 'exited unexpectedly' in training.text(), training.text()[-3000:]
        assert 'starting new workers at batch' in training.text()
        training.finish(peace)
    return Outcome(tries, 'new workers go on at the same batch, equal to the bit', [0] * tries)
