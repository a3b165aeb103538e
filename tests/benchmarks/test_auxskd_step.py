"""How the benchmark of a step with a teacher reckons; its times are not tested."""

import importlib.util
import sys

import pytest
import torch
from tool_runs import ROOT


@pytest.fixture(scope='module')
def script():
    folder = str(ROOT / 'benchmarks')
    sys.path.insert(0, folder)
    try:
        spec = importlib.util.spec_from_file_location('benchmark_auxskd_step', f'{folder}/auxskd_step.py')
        found = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = found
        spec.loader.exec_module(found)
        yield found
    finally:
        sys.path.remove(folder)


def arguments(script, monkeypatch):
    sizes = ('--batch', '2', '--size', '16', '--base-channels', '2', '--queue-size', '8', '--rounds', '2')
    monkeypatch.setattr(sys, 'argv', ['auxskd_step.py', *sizes])
    return script.parse_args()


def test_floors(script):
    """Forward 100, backward 200 less the 10 of the first convolution's input: 290 per step."""
    found = {name: script.floor(name, 100, 10) for name in script.PASSES}
    assert found == {'plain': 1, 'auxskd': 1 + 100 / 290, 'rspnet': 1 + 200 / 290}


def test_multiplications_of_the_first_convolution(script, monkeypatch):
    """1 x 7 x 7 from 3 colours, stride 2, in 16 frames of 8 x 8; all counted by FlopCountAnalysis otherwise."""
    args = arguments(script, monkeypatch)
    forward, first = script.multiplications(args)
    middle = 3 * 7 * 7 * 3 * 2 // (7 * 7 * 3 + 3 * 2)  # channels between the two convolutions of the pair
    assert first == middle * 3 * 49 * 16 * 8 * 8
    assert 0 < first < forward


@pytest.mark.parametrize('name', ['plain', 'auxskd', 'rspnet'])
def test_parts_add_up_and_the_passes_are_those_of_the_floor(script, monkeypatch, name):
    step = script.Step(name, arguments(script, monkeypatch), torch.device('cpu'))
    calls = dict(student=0, teacher=0)
    step.model.backbone.register_forward_hook(lambda *_: calls.update(student=calls['student'] + 1))
    if name != 'plain':
        hook = step.model.teacher.backbone.register_forward_hook
        hook(lambda *_: calls.update(teacher=calls['teacher'] + 1))
    before = step.model.backbone.conv1.spatial_conv.weight.detach().clone()
    step.watch()
    _, seconds = step.clock.time(step)
    assert not torch.equal(step.model.backbone.conv1.spatial_conv.weight, before)
    assert calls == dict(student=1, teacher=script.PASSES[name])
    found = script.shares(step.parts, seconds[1], 1)
    assert all(times for times in step.parts.values())  # each part was met
    assert sum(found.values()) == pytest.approx(1)
    assert -0.05 < found['rest'] < 1


def test_the_table(script):
    """Each step is compared with the plain one of its own round."""
    times = dict(plain=[(1.0, 2.0), (1.0, 1.0)], auxskd=[(2.0, 3.0), (1.5, 1.4)])
    rows = script.report(times, dict(plain=1, auxskd=1.34), dict(plain=10, auxskd=12), 1).splitlines()
    assert rows[2] == '| plain | 1000 (1000-1000) | 1500 (1000-2000) | 1 |  |  | 10 |'
    auxskd = '| auxskd | 1750 (1500-2000) | 2200 (1400-3000) | 1.450 (1.400-1.500) | '
    assert rows[3] == auxskd + '1.333, by multiplications 1.340 | 1.345 | 12 |'
    by_clock = script.report(times, dict(plain=1, auxskd=1.34), dict(plain=10, auxskd=12), 0).splitlines()[3]
    assert '| 1.750 (1.500-2.000) |' in by_clock
