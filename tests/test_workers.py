"""Progress in a terminal and in a log file; workers that end with their parent, and those that a notebook's loader starts."""

import io
import multiprocessing
import os
import signal
import sys
import time
from pathlib import Path
from types import ModuleType

import pytest
from torch.utils.data import DataLoader, Dataset

from auxskd_mm import workers
from auxskd_mm.errors import InputError, Terminated
from auxskd_mm.files import WholeFile


class Terminal(io.StringIO):
    def isatty(self):
        return True


def run(stream, monkeypatch, seconds):
    """A thousand videos, each of which takes as long."""
    now = [0.0]
    monkeypatch.setattr('tqdm.std.time', lambda: now[0])
    with workers.progress_bar(1000, stream) as bar:
        bar._time = lambda: now[0]
        for _ in range(1000):
            now[0] += seconds
            bar.update()
    return stream.getvalue()


def test_a_log_file_gets_a_line_every_ten_seconds(monkeypatch):
    text = run(io.StringIO(), monkeypatch, 0.125)  # exact in binary
    assert '\r' not in text
    lines = text.splitlines()
    assert 13 <= len(lines) <= 15
    assert all(len(line) <= 100 for line in lines)
    assert lines[5].startswith('40%')
    assert lines[5].endswith('400/1000 videos, 00:50, ETA 01:15')
    assert lines[-1].startswith('100%')


def test_a_terminal_gets_one_line_that_moves(monkeypatch):
    text = run(Terminal(), monkeypatch, 0.1)
    assert text.count('\n') == 1
    assert text.count('\r') > 500


def test_nothing_is_shown_without_a_stream(capfd):
    with workers.progress_bar(3) as bar:
        bar.update(3)
    assert capfd.readouterr() == ('', '')


def number(value):
    if value < 0:
        raise ValueError(value)
    return os.getpid()


def test_an_error_leaves_the_pool_and_the_threads_of_opencv_come_back():
    import cv2

    threads = cv2.getNumThreads()
    with workers.worker_pool(2) as pool:
        assert os.getpid() not in set(pool.map(number, range(4)))
        assert cv2.getNumThreads() == 1
    with pytest.raises(ValueError, match='-1'), workers.worker_pool(2) as pool:
        list(pool.map(number, [1, -1]))
    assert cv2.getNumThreads() == threads


def half(path):
    """Write half a file, until something ends it."""
    with WholeFile(path) as whole:
        whole.file.write(b'half')
        time.sleep(60)


def started(folder, pattern='.*'):
    """Wait for a file."""
    end = time.monotonic() + 30
    while not (found := list(folder.glob(pattern))):
        assert time.monotonic() < end
        time.sleep(0.01)
    return found[0]


@pytest.mark.parametrize('stop', [KeyboardInterrupt, Terminated])
def test_a_stop_ends_the_tasks_and_leaves_nothing_half_written(stop, tmp_path, capfd):
    begun, seen = time.monotonic(), []

    def work():
        with workers.worker_pool(1) as pool:
            pool.submit(half, tmp_path / 'file')
            seen.append(pool.submit(half, tmp_path / 'other'))
            seen.append(int(started(tmp_path).name.rpartition('.')[2]))
            raise stop

    with pytest.raises(stop):
        work()
    waiting, pid = seen
    assert time.monotonic() - begun < 30
    assert waiting.cancelled() or waiting.exception() is not None
    assert list(tmp_path.iterdir()) == []
    assert capfd.readouterr() == ('', '')
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_ctrl_c_of_a_terminal_ends_a_task_without_a_word(tmp_path, capfd):
    """It reaches the workers, too: one that works, and one that waits."""

    def work():
        with workers.worker_pool(2) as pool:
            task = pool.submit(half, tmp_path / 'file')
            started(tmp_path)
            for worker in multiprocessing.active_children():
                os.kill(worker.pid, signal.SIGINT)
            task.result(30)

    with pytest.raises(KeyboardInterrupt):
        work()
    assert list(tmp_path.iterdir()) == []
    assert capfd.readouterr() == ('', '')


def pool_of_a_parent_that_is_killed(folder):
    with workers.worker_pool(2) as pool:
        pool.submit(half, folder / 'file')
        started(folder)
        os.kill(os.getpid(), signal.SIGKILL)


def runs(pid):
    try:
        return Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[0] != 'Z'
    except FileNotFoundError:
        return False


def test_workers_end_with_a_parent_that_is_killed(tmp_path):
    parent = multiprocessing.get_context('fork').Process(target=pool_of_a_parent_that_is_killed, args=(tmp_path,))
    parent.start()
    parent.join(60)
    assert parent.exitcode == -signal.SIGKILL
    pid = int(started(tmp_path).name.rpartition('.')[2])
    end = time.monotonic() + 30
    while runs(pid):
        assert time.monotonic() < end, 'the worker outlives its parent'
        time.sleep(0.01)


def mask():
    return signal.pthread_sigmask(signal.SIG_BLOCK, ())


def test_signals_that_wait_for_a_fork_do_not_wait_in_the_worker():
    with workers.worker_pool(1) as pool:
        assert pool.submit(mask).result() == mask() == set()


class Numbers(Dataset):
    """A data set of a module, with a lock as :class:`UnlabeledVideoDataset` has, and perhaps a step."""

    def __init__(self, step=None):
        self.step = step
        self.lock = multiprocessing.get_context('spawn').Lock()

    def __len__(self):
        return 2

    def __getitem__(self, index):
        return index


def cell_function(sample):
    return sample


cell_function.__module__ = '__main__'
CellStep = type('CellStep', (), dict(__module__='__main__'))


@pytest.fixture
def notebook(monkeypatch):
    """``__main__`` of a Jupyter kernel: it has no file."""
    main = ModuleType('__main__')
    main.cell_function, main.CellStep = cell_function, CellStep
    monkeypatch.setitem(sys.modules, '__main__', main)
    return main


def loader(step=None, workers=1, method='spawn', **options):
    return DataLoader(
        Numbers(step), num_workers=workers, multiprocessing_context=method if workers else None, **options
    )


@pytest.mark.parametrize('method', ['spawn', 'forkserver'])
@pytest.mark.parametrize(
    ('step', 'options', 'name'),
    [
        ([CellStep()], {}, 'CellStep'),
        (dict(deep=[CellStep]), {}, 'CellStep'),
        (cell_function, {}, 'cell_function'),
        (None, dict(collate_fn=cell_function), 'cell_function'),
        (None, dict(worker_init_fn=cell_function), 'cell_function'),
        (lambda sample: sample, {}, 'Numbers'),  # no process can be sent it
    ],
)
def test_a_cell_is_refused_where_workers_import(step, options, name, method, notebook):
    with pytest.raises(
        InputError, match=rf"^{name}\b.*started by '{method}'.*set num_workers=0, or put it into a module"
    ):
        workers.check_workers(loader(step, method=method, **options))


def test_loaders_that_work_are_left_alone(notebook):
    workers.check_workers(loader())
    workers.check_workers(loader([CellStep()], workers=0))
    workers.check_workers(loader([CellStep()], method='fork'))
    notebook.__file__ = 'script.py'  # spawned workers run a script again
    workers.check_workers(loader([CellStep()]))
