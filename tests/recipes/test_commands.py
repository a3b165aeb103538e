"""Command lines of steps."""

import shlex
import sys

import pytest
from mmengine.config import DictAction

from auxskd_mm.errors import InputError, Preempted, Terminated
from auxskd_mm.recipes import commands


def test_overrides_survive_the_command_line():
    values = {'a': 3, 'b': 0.5, 'c': 'text', 'd': [1, 2], 'e': (3, 4), 'f': [(1, 2), (3, 4)], 'g': None, 'h': True}
    for pair in commands.pairs(values):
        key, text = pair.split('=', 1)
        if key == 'e':  # DictAction reads a bare tuple as a list only when it has no brackets
            assert tuple(DictAction._parse_iterable(text)) == (3, 4)
        else:
            assert DictAction._parse_iterable(text) == values[key], pair


def test_what_is_printed_is_what_is_run(tmp_path, capfd):
    script = tmp_path / 'a script.py'
    script.write_text('import sys, pathlib; pathlib.Path(sys.argv[1]).write_text(repr(sys.argv[2:]))\n')
    seconds = commands.call('x', [sys.executable, str(script), str(tmp_path / 'out')], {'k': 'two words'})
    printed = capfd.readouterr().out.strip().removeprefix('$ ')
    assert shlex.split(printed) == ['python', str(script), str(tmp_path / 'out'), '--cfg-options', 'k=two words']
    assert (tmp_path / 'out').read_text() == "['--cfg-options', 'k=two words']"
    assert seconds > 0
    with pytest.raises(InputError, match="phase 'x' ended with exit code 3"):
        commands.call('x', [sys.executable, '-c', 'raise SystemExit(3)'], {})


STOPPED = """
import signal, sys
signal.signal(signal.SIGTERM, lambda *given: sys.exit({code}))
print('ready', flush=True)
signal.pause()
"""


@pytest.mark.parametrize(
    ('code', 'error', 'line'),
    [
        (75, Preempted, "phase 'x' saved its state"),
        (143, Terminated, 'terminated'),
        (130, KeyboardInterrupt, 'interrupted'),
    ],
)
def test_a_stop_is_handed_to_the_command(code, error, line, monkeypatch, tmp_path):
    """SIGTERM reaches the recipe alone; the training saves and leaves, or only leaves."""
    real = commands.subprocess.Popen
    stopped = []

    class Stopped(real):
        def wait(self, timeout=None):
            if not stopped:
                stopped.append(self.stdout.readline())
                if code == 130:  # a terminal sends Ctrl-C to both
                    self.terminate()
                    raise KeyboardInterrupt
                raise Terminated('terminated')
            return super().wait(timeout)

    monkeypatch.setattr(commands.subprocess, 'Popen', lambda words: Stopped(words, stdout=commands.subprocess.PIPE))
    with pytest.raises(error, match=f'^{line}; run the same command again to go on'):
        commands.call('x', [sys.executable, '-c', STOPPED.format(code=code)], {})
    assert stopped == [b'ready\n']


def test_launchers():
    assert commands.launcher(0) == [sys.executable]
    assert commands.launcher(2)[-1] == '--nproc_per_node=2'
