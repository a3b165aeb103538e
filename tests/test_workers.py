"""Progress in a terminal and in a log file."""

import io
import os

import pytest

from auxskd_mm import workers


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
