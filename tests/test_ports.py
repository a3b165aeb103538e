"""No two tests get the same port, although neither has opened it yet."""

import socket
import subprocess
import sys
from pathlib import Path

import ports
import pytest


@pytest.fixture
def two_left(monkeypatch):
    """Only two ports to choose from."""
    start = next(n for n in range(18000, 20000, 2) if all(map(opens, (n, n + 1))))
    monkeypatch.setattr(ports, '_PORTS', range(start, start + 2))
    monkeypatch.setattr(ports, '_held', [])
    yield start
    for lock in ports._held:
        lock.close()


def opens(port):
    try:
        with socket.socket() as probe:
            probe.bind(('127.0.0.1', port))
    except OSError:
        return False
    return True


def test_a_port_is_given_once_and_can_be_opened(two_left):
    first, second = ports.free_port(), ports.free_port()
    assert {first, second} == {two_left, two_left + 1}
    assert opens(first)
    with pytest.raises(OSError, match='no free port'):
        ports.free_port()


def test_another_process_does_not_get_it_either(two_left):
    taken = ports.free_port()
    code = f'import ports; ports._PORTS = range({two_left}, {two_left + 2}); print(ports.free_port())'
    done = subprocess.run(
        [sys.executable, '-c', code], capture_output=True, text=True, cwd=Path(ports.__file__).parent, check=True
    )
    assert {taken, int(done.stdout)} == {two_left, two_left + 1}


def test_a_port_in_use_is_passed_over(two_left):
    with socket.socket() as server:
        server.bind(('127.0.0.1', two_left))
        server.listen()
        assert ports.free_port() == two_left + 1
