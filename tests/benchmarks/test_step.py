"""What the step benchmark would measure on a GPU, and how it reckons; its times are not tested."""

import importlib.util
import sys

import pytest
import torch
from tool_runs import ROOT


@pytest.fixture(scope='module')
def scripts():
    """The modules ``step`` and ``all``, as they see each other when they are run."""
    folder = str(ROOT / 'benchmarks')
    sys.path.insert(0, folder)
    try:
        found = {}
        for name in ('step', 'all'):
            spec = importlib.util.spec_from_file_location(f'benchmark_{name}', f'{folder}/{name}.py')
            found[name] = importlib.util.module_from_spec(spec)
            sys.modules[spec.name] = found[name]  # NamedTuples with future annotations look themselves up
            spec.loader.exec_module(found[name])
        yield found
    finally:
        sys.path.remove(folder)


def test_a_gpu_gets_every_precision_and_layout(scripts):
    found = scripts['step'].ways(cuda=True, bf16=True, compiled=True)
    assert next(iter(found)) == 'float32'
    switches = {
        name: (way.bf16, way.layout, way.compiled) for name, way in found.items() if way.tf32 and not way.beside
    }
    assert switches == {
        'float32': (False, False, False),
        'float32, channels_last_3d': (False, True, False),
        'bf16': (True, False, False),
        'bf16, channels_last_3d': (True, True, False),
        'bf16, channels_last_3d, compiled': (True, True, True),
    }
    assert [name for name, way in found.items() if not way.tf32] == ['float32, TF32 off']
    assert [name for name, way in found.items() if way.beside] == [
        'bf16, channels_last_3d, teacher beside',
        'bf16, channels_last_3d, compiled, teacher beside',
    ]


def test_a_cpu_without_bfloat16_leaves_it_out(scripts):
    found = scripts['step'].ways(cuda=False, bf16=False, compiled=True)
    assert list(found) == ['float32', 'float32, channels_last_3d', 'float32, channels_last_3d, compiled']


def test_one_command_measures_as_the_configs_train(scripts):
    arguments_of = scripts['all'].arguments_of
    assert arguments_of('step', False, True, 'clips') == [
        *('--batch', '30', '--rounds', '20', '--compile'),
        *('--videos', 'clips'),
    ]
    assert arguments_of('auxskd_step', False, True, 'clips')[:2] == ['--batch', '30']
    assert arguments_of('step', False, False, None) == []
    assert '--compile' not in arguments_of('step', True, True, None)


def test_the_table(scripts):
    """Two videos in 10 ms are 200 per second; three passes of 5 GMAC, twice in 10 ms, are 3,000 GMAC/s."""
    times = {('vspp', 'float32'): [0.04, 0.03, 0.05], ('vspp', 'bf16'): [0.01], ('auxskd', 'bf16'): [0.02]}
    rows = (
        scripts['step']
        .report(times, 2, dict(vspp=5 * 10**9, auxskd=5 * 10**9), ('bf16', 6e12), dict(vspp=0.003, auxskd=0.006))
        .splitlines()
    )
    assert 'share of bf16 matmul rate' in rows[0]
    assert rows[2:] == [
        '| vspp | float32 | 40 (30-50) | 50.0 | 12% | 0.15 | 1.00 |',
        '| vspp | bf16 | 10 (10-10) | 200.0 | 50% | 0.60 | 4.00 |',
        '| auxskd | bf16 | 20 (20-20) | 100.0 | 33% | 0.60 | - |',
    ]


def test_one_way_that_fails_leaves_the_others(scripts, monkeypatch):
    step, calls = scripts['step'], []

    def step_of(method, args, device, way):
        if way.layout:
            raise torch.OutOfMemoryError('no memory\nfor it')
        return lambda: calls.append(method)

    monkeypatch.setattr(step, 'step_of', step_of)
    monkeypatch.setattr(sys, 'argv', ['step.py', '--methods', 'auxskd', '--rounds', '2'])
    times, failed = step.measure(step.parse_args(), torch.device('cpu'))
    assert {key: len(values) for key, values in times.items() if 'bf16' not in key[1]} == {('auxskd', 'float32'): 2}
    assert failed['auxskd', 'float32, channels_last_3d'] == 'OutOfMemoryError: no memory'
