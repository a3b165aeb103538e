"""What goes wrong on clusters, brought about once or twice each; benchmarks/faults.py does it more often and prints a table."""

import importlib.util
import sys
from pathlib import Path

import pytest
from tool_runs import ROOT, tiny_clips


def _module(path: Path):
    spec = importlib.util.spec_from_file_location('faults', path)
    module = importlib.util.module_from_spec(spec)
    sys.modules['faults'] = module
    spec.loader.exec_module(module)
    return module


faults = _module(ROOT / 'benchmarks' / 'faults.py')
TRIES = dict(sigkill=4, damaged=2)


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    return tiny_clips(tmp_path_factory.mktemp('clips'))


@pytest.mark.parametrize('fault', faults.FAULTS)
def test_nothing_is_lost_beyond_the_interval(fault, data, tmp_path):
    tries = TRIES.get(fault, 1)
    outcome = faults.FAULTS[fault][1](data, tmp_path, tries)  # asserts exit codes, log lines and bit-equal ends itself
    assert outcome.tries == tries
    limit = 0 if fault in ('preemption', 'worker', 'corrupt', 'vanishing') else faults.INTERVAL
    # A damaged file may have been the newest one.
    assert max(outcome.lost) <= limit + (faults.INTERVAL if fault == 'damaged' else 0)
