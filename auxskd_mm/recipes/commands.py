"""Command lines of a recipe's steps, such as a user can run by hand."""

from __future__ import annotations

import shlex
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..config.overrides import options_text, read_text
from ..errors import InputError
from ..files import write_atomically


def call(label: str, command: Sequence[str], options: Mapping[str, Any], file: Path | None = None) -> float:
    """Print and run a command with overrides.

    Args:
        label: The step's name.
        command: Program and arguments.
        options: Overrides.
        file: Where to write the overrides for the command's ``--cfg-file``, so that each arrives as it is. Without it
            they become ``--cfg-options``.

    Returns:
        The seconds it took.

    Raises:
        InputError: If it fails.
    """
    if file is not None and options:
        write_atomically(file, options_text(options).encode('utf-8', 'surrogateescape'))
        command, options = [*command, '--cfg-file', str(file)], {}
    print(f'   $ {line(command, options)}', flush=True)
    start = time.time()
    code = subprocess.run(with_options(command, options)).returncode
    if code:
        raise InputError(
            f'phase {label!r} ended with exit code {code}; start the recipe again to go on from its last checkpoint'
        )
    return time.time() - start


def with_options(command: Sequence[str], options: Mapping[str, Any]) -> list[str]:
    """A command with its ``--cfg-options``."""
    return [*command, *(['--cfg-options', *pairs(options)] if options else [])]


def pairs(options: Mapping[str, Any]) -> list[str]:
    """Overrides as a user writes them: ``key=value``, and ``key:=value`` where that would be read as something else."""
    return [_pair(key, value) for key, value in options.items()]


def _pair(key: str, value: Any) -> str:
    text = _literal(value)
    try:
        same = read_text(text, key=key)
    except ValueError:
        same = None
    return f'{key}={text}' if type(same) is type(value) and same == value else f'{key}:={value!r}'


def _literal(value: Any) -> str:
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


def tool(name: str) -> Path:
    """The tool beside the package: in ``.mim`` of an installed one, in ``tools`` of a checkout.

    Raises:
        InputError: If it is in neither.
    """
    package = Path(__file__).resolve().parents[1]
    for folder in (package / '.mim' / 'tools', package.parent / 'tools'):
        if (folder / name).is_file():
            return folder / name
    raise InputError(f'tools/{name} is missing beside the package {package}; install auxskd_mm again')
