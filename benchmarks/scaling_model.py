"""The model of benchmarks/scaling.py: cost of a step of W ranks, on one machine and on a cluster."""

from __future__ import annotations

import random
import statistics
from collections.abc import Mapping, Sequence
from typing import NamedTuple


class Sizes(NamedTuple):
    """Bytes of the gradient, of a rank's keys, and of a rank's clips for one view."""

    gradient: int
    keys: int
    clips: int


class Link(NamedTuple):
    """Seconds of latency, bytes per second."""

    latency: float
    bandwidth: float

    def seconds(self, size: float, hops: int = 1) -> float:
        """Time for ``size`` bytes in ``hops`` rounds."""
        return self.latency * hops + size / self.bandwidth


class Parts(NamedTuple):
    """Seconds of a step of one process: up to the keys (optimizer of the step before, both forward passes), and after."""

    forward: float
    backward: float


class Machine(NamedTuple):
    """The machine that the processes compute on.

    Attributes:
        cores: Number of cores.
        slowdown: Slowdown of each process by the number of busy cores: ``{1: 1.0, 2: 1.2}``.
        others: Share of all cores that other programs use.
    """

    cores: int
    slowdown: Mapping[int, float]
    others: float = 0.0

    def rate(self, running: int) -> float:
        """Share of an unshared core's work that each of the running processes gets done: cores go round in turn."""
        share = min(1.0, self.cores * (1 - self.others) / running)
        return share / self.slowdown[max(n for n in self.slowdown if n <= min(running, self.cores))]


def gather_seconds(sizes: Sizes, world: int, link: Link, shuffle: bool) -> float:
    """All-gather of the keys, W - 1 times a rank's; with batch shuffle the clips before the teacher, features after it."""
    total = link.seconds((world - 1) * sizes.keys, world - 1)
    if shuffle:
        total += link.seconds((world - 1) * (sizes.clips + sizes.keys), 2 * (world - 1))
    return total


def reduce_seconds(sizes: Sizes, world: int, link: Link) -> float:
    """Ring all-reduce of the gradient, 2 (W - 1) / W of its bytes from each rank."""
    return link.seconds(2 * (world - 1) / world * sizes.gradient, 2 * (world - 1))


def together(work: Sequence[float], machine: Machine) -> float:
    """Seconds until processes that begin at once have all done their work, on cores that they share in turn.

    Events are the ends of processes: between two of them each runs at the rate of :meth:`Machine.rate`.
    """
    left, now = sorted(work), 0.0
    done = 0.0  # by each process that still runs
    while left:
        now += (left[0] - done) / machine.rate(len(left))
        done = left.pop(0)
    return now


def simulate(
    parts: Sequence[Parts],
    sizes: Sizes,
    world: int,
    link: Link,
    machine: Machine,
    shuffle: bool = False,
    steps: int = 2000,
) -> float:
    """Simulate a step of ``world`` processes on one machine and return its median seconds.

    A step is simulated rank by rank. Every rank computes up to the keys and waits there for the others. Then all ranks
    copy the data that are sent. The same follows with the backward pass and the gradient. The same cores make the copies.

    Args:
        parts: Measured steps of one process. The simulation draws from them.
        sizes: Sizes of the data that are sent.
        world: Number of processes.
        link: Link between two processes with one core each.
        machine: The machine.
        shuffle: Whether the step has a batch shuffle.
        steps: Number of steps to simulate.
    """
    if world == 1:
        return statistics.median(sum(part) for part in parts)
    rng, times = random.Random(0), []
    # The link was measured with two processes at work beside each other.
    alone = machine._replace(others=0.0).rate(min(2, machine.cores))
    gather, reduce = gather_seconds(sizes, world, link, shuffle) * alone, reduce_seconds(sizes, world, link) * alone
    for _ in range(steps):
        drawn = rng.choices(parts, k=world)
        seconds = together([part.forward for part in drawn], machine) + together([gather] * world, machine)
        seconds += together([part.backward for part in drawn], machine) + together([reduce] * world, machine)
        times.append(seconds)
    return statistics.median(times)


def cluster_step(compute: Sequence[float], sizes: Sizes, world: int, link: Link, shuffle: bool) -> float:
    """Mean seconds of a step of ``world`` devices that share nothing: the slowest of ``world`` draws, plus the communication."""
    rng = random.Random(0)
    slowest = statistics.fmean(max(rng.choices(compute, k=world)) for _ in range(2000))
    if world == 1:
        return slowest
    return slowest + gather_seconds(sizes, world, link, shuffle) + reduce_seconds(sizes, world, link)
