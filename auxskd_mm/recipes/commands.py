"""Command lines of a recipe's steps, which a user can also run by hand."""

from __future__ import annotations

import shlex
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..config.loading.overrides import options_text, read_text
from ..errors import InputError, Preempted, Terminated
from ..files import write_atomically

OPTIONS = 'overrides.txt'


def call(label: str, command: Sequence[str], options: Mapping[str, Any]) -> float:
    """Print and run a command with overrides.

    A tool with a ``--work-dir`` gets its overrides through a file in that folder (``--cfg-file``), so each value arrives
    unchanged. Any other command gets them as ``--cfg-options``.

    Args:
        label: Name of the step.
        command: Program and arguments.
        options: Overrides.

    Returns:
        Seconds that the command took.

    Raises:
        InputError: If the command fails.
        Preempted: If the command was asked to end, and saved its state.
    """
    words = with_file(command, options)
    print(f'   $ {line(words, {})}', flush=True)
    start = time.time()
    code = _run(words)
    if code == Preempted.code:
        raise preempted(label)
    if code:
        raise InputError(
            f'phase {label!r} ended with exit code {code}; start the recipe again to go on from its last checkpoint'
        )
    return time.time() - start


def preempted(label: str) -> Preempted:
    """The error of a step that was asked to end, and saved its state. ``--resume`` is the step's, not the user's."""
    return Preempted(f'phase {label!r} saved its state; run the same command again to go on')


def with_file(command: Sequence[str], options: Mapping[str, Any]) -> list[str]:
    """Add the overrides to a command: through a file if it has a ``--work-dir``, else as ``--cfg-options``."""
    if '--work-dir' not in command or not options:
        return with_options(command, options)
    file = Path(command[command.index('--work-dir') + 1], OPTIONS)
    write_atomically(file, options_text(options).encode('utf-8', 'surrogateescape'))
    return [*command, '--cfg-file', str(file)]


def _run(command: Sequence[str]) -> int:
    """Run a command to its end. Ctrl-C and SIGTERM are the command's, which saves and leaves."""
    asked: KeyboardInterrupt | None = None
    with subprocess.Popen(command) as process:
        while True:
            try:
                code = process.wait()
                break
            except KeyboardInterrupt as stop:
                asked = stop
                if isinstance(stop, Terminated):  # a terminal sends Ctrl-C to both
                    process.terminate()
    if asked is not None and code not in (0, Preempted.code):
        raise type(asked)(f'{str(asked) or "interrupted"}; run the same command again to go on') from None
    return code


def with_options(command: Sequence[str], options: Mapping[str, Any]) -> list[str]:
    """A command with its ``--cfg-options``."""
    return [*command, *(['--cfg-options', *pairs(options)] if options else [])]


def pairs(options: Mapping[str, Any]) -> list[str]:
    """Write overrides as a user types them: ``key=value``, or ``key:=value`` if ``key=value`` would give another value."""
    return [_pair(key, value) for key, value in options.items()]


def _pair(key: str, value: object) -> str:
    text = _literal(value)
    try:
        same = read_text(text, key=key)
    except ValueError:
        same = None
    return f'{key}={text}' if type(same) is type(value) and same == value else f'{key}:={value!r}'


def _literal(value: object) -> str:
    if isinstance(value, (list, tuple)):
        inside = ','.join(_literal(item) for item in value)
        return f'[{inside}]' if isinstance(value, list) else f'({inside})'
    return str(value)


def line(command: Sequence[str], options: Mapping[str, Any]) -> str:
    """The command as text for a shell."""
    words = ['python' if word == sys.executable else word for word in with_options(command, options)]
    return shlex.join(words)


def launcher(gpus: int) -> list[str]:
    """Start of a command: the interpreter, with torchrun for several processes."""
    if gpus < 1:
        return [sys.executable]
    return [sys.executable, '-m', 'torch.distributed.run', '--standalone', f'--nproc_per_node={gpus}']
