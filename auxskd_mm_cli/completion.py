"""Completion for bash and zsh: commands, the options of each tool, the choices of an option, else files.

The scripts ask this program at each Tab. So they know a new tool or option at once, and starting a shell costs nothing.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import runpy
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NoReturn

from .commands import Command, command_name

SHELLS = ('bash', 'zsh')
_BASH = r"""# Completion of auxskd-mm for bash. In ~/.bashrc:  eval "$(auxskd-mm completion bash)"
_auxskd_mm() {
    local IFS=$'\n'
    COMPREPLY=($("${COMP_WORDS[0]}" completion --words "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _auxskd_mm auxskd-mm
"""
_ZSH = r"""#compdef auxskd-mm
# Completion of auxskd-mm for zsh. In ~/.zshrc behind compinit:  eval "$(auxskd-mm completion zsh)"
_auxskd_mm() {
    local -a found
    found=("${(@f)$("${words[1]}" completion --words "${(@)words[2,CURRENT]}" 2>/dev/null)}")
    if [[ -n ${found[1]} ]]; then
        compadd -- "${found[@]}"
    else
        _files
    fi
}
if [[ ${funcstack[1]} == _auxskd_mm ]]; then
    _auxskd_mm "$@"
else
    compdef _auxskd_mm auxskd-mm
fi
"""


class _Captured(Exception):
    """Carries the parser of a tool out of its ``parse_args``."""

    def __init__(self, parser: argparse.ArgumentParser) -> None:
        super().__init__()
        self.parser = parser


def script(shell: str) -> str | None:
    """Return the completion script of a shell, or None for a shell that has none.

    Args:
        shell: 'bash' or 'zsh'.
    """
    return dict(bash=_BASH, zsh=_ZSH).get(shell)


def candidates(words: Sequence[str], commands: Mapping[str, Command], built_in: Iterable[str]) -> list[str]:
    """Return what the last word may become. None at all means files.

    Args:
        words: Words of the command line behind the program; the last one is under the cursor, and may be empty.
        commands: Commands by name.
        built_in: Names of commands that are no files.
    """
    *before, current = words or ['']
    if not before:
        return _starting([*sorted([*commands, *built_in]), '--help', '--version'], current)
    if before[0] == 'completion':
        return _starting(SHELLS, current) if len(before) == 1 else []
    command = commands.get(command_name(before[0]))
    parser = tool_parser(command) if command is not None else None
    if parser is None:
        return []
    parser, tasks = _inner(parser, before[1:])
    options = {name: action for action in parser._actions for name in action.option_strings}
    if current.startswith('-'):
        return _starting(options, current)
    last = options.get(before[-1])
    return _starting(map(str, last.choices) if last is not None and last.choices else tasks, current)


def _inner(parser: argparse.ArgumentParser, words: Sequence[str]) -> tuple[argparse.ArgumentParser, list[str]]:
    """The parser of the task that stands among the words, or the tool's own with the tasks that may follow."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            chosen = next((action.choices[word] for word in words if word in action.choices), None)
            return (parser, list(action.choices)) if chosen is None else (chosen, [])
    return parser, []


def tool_parser(command: Command) -> argparse.ArgumentParser | None:
    """Return the parser that a tool makes, without running the tool. None if it makes none (a shell script).

    Args:
        command: The tool.
    """

    if command.path.suffix != '.py':
        return None
    with _parsers_captured(), _first_in_path(str(command.path.parent)):
        try:
            runpy.run_path(str(command.path), run_name='completion')['parse_args']()
        except _Captured as captured:
            return captured.parser
        except (Exception, SystemExit):  # a tool that cannot start here completes to files
            return None
    return None


@contextlib.contextmanager
def _parsers_captured() -> Iterator[None]:
    """A parser that is asked to parse stops there. Nothing is printed."""

    def capture(parser: argparse.ArgumentParser, *_: object, **__: object) -> NoReturn:
        raise _Captured(parser)

    # Not unittest.mock, which imports asyncio: each Tab would wait for it.
    kept = argparse.ArgumentParser.parse_args
    argparse.ArgumentParser.parse_args = capture  # type: ignore[method-assign, assignment]
    silent = io.StringIO()
    try:
        with contextlib.redirect_stdout(silent), contextlib.redirect_stderr(silent):
            yield
    finally:
        argparse.ArgumentParser.parse_args = kept  # type: ignore[method-assign]


@contextlib.contextmanager
def _first_in_path(folder: str) -> Iterator[None]:
    """A tool finds its neighbours, as when Python runs its file."""
    kept = list(sys.path)
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        sys.path[:] = kept


def _starting(names: Iterable[str], start: str) -> list[str]:
    return [name for name in names if name.startswith(start)]
