"""Bring about what goes wrong on clusters, and show what a training makes of it.

    python benchmarks/faults.py            # all faults, 20 kills, a table; a few minutes on one core
    python benchmarks/faults.py --only worker disk_full

Every fault is checked, not only counted: a run that is resumed must end with a checkpoint equal to the bit to that of a run
left in peace. Lost work is iterations done again. The trainings are auxSKD (queue, teacher, accumulated state) on 8 clips,
forked from this process, so that twenty starts take seconds; signals, exit codes and files are those of real processes.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import resource
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / 'tests'))

import runs
import torch
from mmengine.hooks import Hook
from tool_runs import forget_runs, tiny_clips

from auxskd_mm.apis import run_tool
from auxskd_mm.apis.last_checkpoint import choose_checkpoint, is_whole
from auxskd_mm.apis.launch_checks import start_group
from auxskd_mm.hooks import atomic_checkpoint_hook as writing

INTERVAL = 3  # iterations between checkpoints: the most that may be lost
WRITE_MOMENTS = ('half written', 'before the rename', 'before the pointer', 'before the old one goes')


class Outcome(NamedTuple):
    """A row of the table: times tried, what happened, iterations lost a time (mean, most)."""

    tries: int
    text: str
    lost: Sequence[int]


class Progress(Hook):
    """Write down every finished iteration, outside what a crash could take back."""

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
    """The work dir of a training that nothing happens to; made once."""
    if not folder.exists():
        assert Training(data, folder, **settings).run() == [0] * settings.get('ranks', 1), folder
    return folder


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def kill_in_write(moment: str, write: int) -> Callable[[], None]:
    """Arrange that this process is killed in its n-th write of a checkpoint, at one of ``WRITE_MOMENTS``."""

    def prepare() -> None:
        whole, replace, remove = writing.write_atomically, os.replace, writing.AtomicCheckpointHook._remove
        count = 0

        def write_or_die(path: Any, content: bytes) -> None:
            nonlocal count
            pointer = Path(path).name == 'last_checkpoint'
            count += not pointer
            if count == write and moment == 'half written' and not pointer:
                with open(f'{path}{writing.TEMPORARY}', 'wb') as file:
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


def _many_clips(data: Path, folder: Path, count: int = 20) -> list[Path]:
    """A data folder with so many links to the clips."""
    clips, names = sorted((data / 'train').rglob('*.mp4')), []
    (folder / 'train').mkdir(parents=True)
    for i in range(count):
        name = folder / 'train' / f'{i:03d}.mp4'
        name.symlink_to(clips[i % len(clips)].resolve())
        names.append(name)
    return names


def corrupt(data: Path, out: Path, tries: int = 1) -> Outcome:
    """One video in twenty is damaged."""
    for number in range(tries):
        folder = out / f'corrupt_data_{number}'
        names = _many_clips(data, folder)
        content = names[3].resolve().read_bytes()
        names[3].unlink()
        names[3].write_bytes(content[: len(content) // 2])
        training = Training(folder, out / f'corrupt_{number}')
        assert training.run() == [0], training.text()[-2000:]
        assert training.text().count('unreadable video left out') == 1, training.text()[-2000:]
        assert '1 of 20 training videos could not be read' in training.text()
    return Outcome(tries, 'left out, replaced, named once and at the end', [0] * tries)


def vanishing(data: Path, out: Path, tries: int = 1) -> Outcome:
    """A video is deleted during the run."""
    for number in range(tries):
        names = _many_clips(data, out / f'vanish_data_{number}')
        training = Training(out / f'vanish_data_{number}', out / f'vanish_{number}')
        assert training.run(At(2, lambda runner, batch, name=names[5]: name.unlink())) == [0], training.text()[-2000:]
        assert 'no such file' in training.text(), training.text()[-2000:]
        assert '1 of 20 training videos could not be read' in training.text()
    return Outcome(tries, 'left out, replaced, named once and at the end', [0] * tries)


def _poison(runner: Any, batch: Any) -> None:
    batch['inputs'] = [clip.float() * float('nan') for clip in batch['inputs']]


def non_finite(data: Path, out: Path, tries: int = 1) -> Outcome:
    """The loss is NaN; the default stops."""
    peace, lost = in_peace(data, out / 'peace'), []
    for number in range(tries):
        training = Training(data, out / f'nan_{number}')
        assert training.run(At(7, _poison)) == [1], training.text()[-2000:]
        lines = [row for row in training.text().splitlines() if row.startswith('error: the loss is nan at iteration 8')]
        assert len(lines) == 1, training.text()[-2000:]
        assert lines[0].count('.mp4') == 4, lines
        lost.append(training.lost())
        training.finish(peace)
    return Outcome(tries, "stops before the step, names the batch's files; resumes, equal to the bit", lost)


def non_finite_skip(data: Path, out: Path, tries: int = 1) -> Outcome:
    """The same with ``default_hooks.non_finite.action=skip``."""
    for number in range(tries):
        training = Training(data, out / f'skip_{number}', **{'default_hooks.non_finite': dict(action='skip')})
        assert training.run(At(7, _poison)) == [0], training.text()[-2000:]
        assert training.text().count('skipped: the loss is nan at iteration 8') == 1
        tensors = runs.tensors_of((training.folder / 'last_checkpoint').read_text())
        assert all(torch.isfinite(value.double()).all() for value in tensors.values())
        assert tensors['state_dict.queue.filled'] == 18
    return Outcome(
        tries, 'leaves the batch out, names its files; weights, statistics and queue stay finite', [1] * tries
    )


FAULTS: dict[str, tuple[str, Callable[..., Outcome], int]] = {
    'sigkill': ('SIGKILL at a random moment or within a write', sigkill, 20),
    'one_rank_killed': ('one of two ranks killed', one_rank_killed, 4),
    'preemption': ('SIGTERM (preemption) for one of two ranks', preemption, 4),
    'disk_full': ('disk full during a checkpoint', disk_full, 2),
    'damaged': ('newest checkpoint cut off or damaged', damaged, 4),
    'worker': ('a loader worker dies', worker, 3),
    'corrupt': ('5% corrupt videos', corrupt, 2),
    'vanishing': ('a video vanishes during the run', vanishing, 2),
    'non_finite': ('loss not finite, action stop', non_finite, 2),
    'non_finite_skip': ('loss not finite, action skip', non_finite_skip, 2),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--only', nargs='+', choices=list(FAULTS), help='these faults alone')
    parser.add_argument('--keep', type=Path, help='folder that keeps the work dirs and logs')
    args = parser.parse_args()
    torch.set_num_threads(1)
    out = args.keep or Path(tempfile.mkdtemp())
    data = tiny_clips(out / 'clips')
    print('| fault | tried | outcome | iterations lost (mean, most) |\n|---|---|---|---|', flush=True)
    failed = 0
    for key in args.only or FAULTS:
        title, fault, tries = FAULTS[key]
        try:
            tried, text, lost = fault(data, out / key, tries)
            losses = f'{sum(lost) / len(lost):.1f}, {max(lost)} (checkpoints every {INTERVAL})'
        except AssertionError as error:
            failed += 1
            tried, text, losses = tries, f'FAILED: {str(error)[:300]!r}', '-'
        print(f'| {title} | {tried} | {text} | {losses} |', flush=True)
    if args.keep is None and not failed:
        import shutil

        with suppress(OSError):
            shutil.rmtree(out)
    sys.exit(bool(failed))


if __name__ == '__main__':
    main()
