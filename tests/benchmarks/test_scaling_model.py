"""The model of benchmarks/scaling.py: processes that share cores, against a scheduler that deals out slices of time."""

import random
import sys

import pytest
from tool_runs import ROOT

sys.path.insert(0, str(ROOT / 'benchmarks'))

import scaling_model as model

NOTHING_SENT = model.Link(0.0, float('inf'))
SIZES = model.Sizes(gradient=4_000_000, keys=2048, clips=1_000_000)


def slices(work, cores, slowdown, slice_seconds=1e-4):
    """Round robin: in each slice of time the first so many of a queue run, and go to its end."""
    queue, now = [[seconds] for seconds in work], 0.0
    while queue:
        running = queue[:cores]
        queue = queue[cores:]
        for process in running:
            process[0] -= slice_seconds / slowdown[len(running)]
        queue += [process for process in running if process[0] > 0]
        now += slice_seconds
    return now


@pytest.mark.parametrize(('count', 'cores'), [(1, 1), (2, 1), (2, 2), (3, 2), (4, 2), (5, 3)])
def test_processes_take_turns_on_cores(count, cores):
    rng = random.Random(count)
    slowdown = {1: 1.0, 2: 1.3, 3: 1.5}
    work = [rng.uniform(0.05, 0.2) for _ in range(count)]
    machine = model.Machine(cores, slowdown)
    assert model.together(work, machine) == pytest.approx(slices(work, cores, slowdown), rel=0.03)


def test_hand_calculation():
    machine = model.Machine(2, {1: 1.0, 2: 1.0})
    # Two thirds of a core each until 1.5, when the first ends; a core each until 2.5; alone until 3.5.
    assert model.together([3.0, 1.0, 2.0], machine) == pytest.approx(3.5)
    assert model.together([1.0] * 4, model.Machine(2, {1: 1.0, 2: 1.2})) == pytest.approx(2.4)
    # Others with a quarter of both cores leave a core and a half: no loss for one process, a third more for two and four.
    shared = model.Machine(2, {1: 1.0}, others=0.25)
    assert [model.together([3.0] * n, shared) for n in (1, 2, 4)] == pytest.approx([3.0, 4.0, 8.0])


def test_a_step_waits_for_the_slowest_at_keys_and_gradient():
    machine = model.Machine(2, {1: 1.0})
    parts = [model.Parts(1.0, 5.0), model.Parts(4.0, 2.0)]
    # Each process takes 6 s; two that draw different steps take 4 s up to the keys and 5 s from there: 9 s, half of the time.
    assert model.simulate(parts, SIZES, 1, NOTHING_SENT, machine) == pytest.approx(6.0)
    times = {model.simulate([*parts], SIZES, 2, NOTHING_SENT, machine, steps=1 + seed) for seed in range(9)}
    assert times <= {6.0, 7.5, 9.0}
    assert max(times) > 6
    alike = [model.Parts(1.0, 2.0)]
    assert model.simulate(alike, SIZES, 2, NOTHING_SENT, machine) == pytest.approx(3.0)
    assert model.simulate(alike, SIZES, 4, NOTHING_SENT, machine) == pytest.approx(6.0)


def test_what_is_sent():
    link, machine, parts = model.Link(0.001, 1e9), model.Machine(8, {1: 1.0}), [model.Parts(1.0, 2.0)]
    # Of four: gradient 1.5 x 4 MB in 6 hops, keys of 3 others in 3 hops.
    sent = (6e6 / 1e9 + 0.006) + (3 * 2048 / 1e9 + 0.003)
    assert model.simulate(parts, SIZES, 4, link, machine) == pytest.approx(3 + sent)
    assert model.cluster_step([3.0], SIZES, 4, link, shuffle=False) == pytest.approx(3 + sent)
    clips = 3 * (1_000_000 + 2048) / 1e9 + 0.006
    assert model.simulate(parts, SIZES, 4, link, machine, shuffle=True) == pytest.approx(3 + sent + clips)
    # Copies are work, too: on one core that four share they take four times as long as beside each other.
    crowded = model.simulate(parts, SIZES, 4, link, model.Machine(1, {1: 1.0}))
    assert crowded == pytest.approx(4 * (3 + sent))
