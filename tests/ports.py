"""Ports for groups of processes, which no other test can take before the group opens them."""

from __future__ import annotations

import random
import socket

# Below the range (32768 and up) from which Linux gives ports to whoever asks for any, as servers and connections do.
_PORTS = range(21000, 31000)
_held: list[socket.socket] = []


def free_port(host: str = '127.0.0.1') -> int:
    """A TCP port that is free and, until this process ends, is given to no other caller of this function.

    A closed probe of port 0 holds nothing: the system may give its number to another test at once. Here a UDP socket of
    the same number is the lock. UDP and TCP ports are independent, so the group can open its TCP port meanwhile.
    """
    for port in random.SystemRandom().sample(_PORTS, len(_PORTS)):
        lock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            lock.bind(('127.0.0.1', port))
            with socket.socket() as probe:
                probe.bind((host, port))
        except OSError:
            lock.close()
            continue
        _held.append(lock)
        return port
    raise OSError(f'no free port in {_PORTS}')
