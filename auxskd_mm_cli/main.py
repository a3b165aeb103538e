"""Entry point: lists the commands, or becomes the tool that is asked for."""

from __future__ import annotations

import difflib
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from .commands import Command, NotInstalled, command_name, find_commands, package_folder, tools_folder
from .completion import candidates, script

PROGRAM = 'auxskd-mm'
# Tells a tool under which name it was called, for its usage and examples; tools/tool_start.py reads it.
CALLED_AS = 'AUXSKD_MM_CALLED_AS'
# Tells a tool, and those that it starts, to name commands instead of files of tools; auxskd_mm/errors.py reads it.
AS_COMMANDS = 'AUXSKD_MM_AS_COMMANDS'
# Commands that are no files.
BUILT_IN = {'completion': 'Print the completion script of a shell, bash or zsh.'}


def main(words: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        words: Arguments. None takes those of the process.

    Returns:
        Exit code. On POSIX systems the process becomes the tool, and the function does not return.
    """
    words = list(sys.argv[1:] if words is None else words)
    try:
        code = _main(words)
        sys.stdout.flush()
        return code
    except NotInstalled as error:
        print(f'error: {error}', file=sys.stderr)
        return 1
    except BrokenPipeError:  # the reader has seen enough, as in `auxskd-mm --help | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python's own flush at the end complains
        return 1


def _main(words: list[str]) -> int:
    first = words[0] if words else '--help'
    if first == '--version':
        print(f'{PROGRAM} {version()}')
        return 0
    commands = find_commands(tools_folder())
    if first in ('-h', '--help'):
        print(usage(commands))
        return 0
    if first == 'completion':
        return _completion(words[1:], commands)
    found = commands.get(command_name(first))
    if found is None:
        print(f'error: {_unknown(first, [*commands, *BUILT_IN])}', file=sys.stderr)
        return 2
    return run(found, words[1:])


def version() -> str:
    """Version of the package, from its ``version.py``."""
    scope: dict[str, str] = {}
    exec((package_folder() / 'version.py').read_text(encoding='utf-8'), scope)
    return scope['__version__']


def usage(commands: Mapping[str, Command]) -> str:
    """Text of ``--help``: every command with the first line of its docstring, by folder.

    Args:
        commands: Commands by name.
    """
    about = {'': [*BUILT_IN.items()]}
    for command in commands.values():
        about.setdefault(command.group, []).append((command.name, command.about()))
    width = max(len(name) for lines in about.values() for name, _ in lines) + 2
    parts = [
        f'usage: {PROGRAM} [-h] [--version] COMMAND ...\n\n'
        'Video self-supervision for MMAction2. COMMAND --help shows the options of a command.'
    ]
    for group, lines in about.items():
        rows = [f'  {name:<{width}}{text}'.rstrip() for name, text in sorted(lines)]
        parts.append('\n'.join([f'{group or "commands"}:', *rows]))
    return '\n\n'.join(parts)


def run(command: Command, words: Sequence[str]) -> int:
    """Start a tool. Arguments, signals and the exit code are its own.

    Args:
        command: The tool.
        words: Its arguments.
    """
    environment = {**os.environ, CALLED_AS: f'{PROGRAM} {command.name}', AS_COMMANDS: '1'}
    if command.path.suffix == '.sh':
        environment.pop(CALLED_AS)  # the Python tool that the script starts is another one
        environment.setdefault('PYTHON', sys.executable)
    program = sys.executable if command.path.suffix == '.py' else shutil.which('bash')
    if not program:
        raise NotInstalled(f'{command.name}: is a script for bash, which is not on the PATH')
    call = [program, str(command.path), *words]
    if os.name == 'posix':  # elsewhere exec does not replace the process
        sys.stdout.flush()
        os.execve(program, call, environment)
    return subprocess.run(call, env=environment).returncode


def _completion(words: Sequence[str], commands: Mapping[str, Command]) -> int:
    if words and words[0] == '--words':
        print('\n'.join(candidates(words[1:], commands, BUILT_IN)))
        return 0
    text = script(words[0]) if len(words) == 1 else None
    if text is None:
        given = ' '.join(words) or 'nothing'
        print(f'error: completion: expected bash or zsh, not {given}; see {PROGRAM} --help', file=sys.stderr)
        return 2
    print(text, end='')
    return 0


def _unknown(word: str, names: Sequence[str]) -> str:
    """One line with the nearest names. They may stand in the file's form, or be part of a longer name."""
    asked = command_name(word)
    near = difflib.get_close_matches(asked, names, n=3, cutoff=0.6)
    near += [name for name in names if asked in name.split('-') and name not in near][:3]
    what = f'unknown command {word!r}'
    if Path(word).suffix == '.py' and Path(word).is_file():
        return f'{what}: it is a file; a command stands before it, as in {PROGRAM} train {word}'
    if near:
        return f'{what}; did you mean {", ".join(near)}?'
    return f'{what}; {PROGRAM} --help lists the commands'
