"""What the user sees while it runs: on a terminal one live line per phase, elsewhere plain lines."""

from __future__ import annotations

import contextlib
import io
import shutil
import sys
from collections.abc import Iterator
from typing import TextIO


class Screen:
    """Prints lines that stay, and lines that the next one replaces.

    Args:
        stream: Where to print. On a terminal a passing line is overwritten; elsewhere it is a line like any other.
        quiet: Whether passing lines are dropped where there is no terminal.

    Attributes:
        doing: What is being done, for a line about an interruption.
        notes: Lines that the report repeats.
    """

    def __init__(self, stream: TextIO | None = None, quiet: bool = False) -> None:
        self.stream = stream or sys.stdout
        self.quiet = quiet
        self.terminal = self.stream.isatty()
        self.doing = 'looking for videos'
        self._live = False
        self.notes: list[str] = []

    def say(self, line: str = '') -> None:
        """Print a line that stays."""
        self.clear()
        print(line, file=self.stream, flush=True)

    def note(self, line: str) -> None:
        """Print a line that stays and that the report repeats, about the user's videos."""
        self.notes.append(line)
        self.say(line)

    def passing(self, line: str) -> None:
        """Print a line that the next one replaces."""
        if not self.terminal:
            if not self.quiet:
                print(line, file=self.stream, flush=True)
            return
        width = shutil.get_terminal_size().columns - 1
        self.stream.write(f'\r\x1b[K{line[:width]}')
        self.stream.flush()
        self._live = True

    def clear(self) -> None:
        """Remove the passing line."""
        if self._live:
            self.stream.write('\r\x1b[K')
            self._live = False

    @contextlib.contextmanager
    def passing_output(self, head: str) -> Iterator[None]:
        """Show what is printed inside as passing lines behind a heading."""
        with contextlib.redirect_stdout(_Lines(self, head)):
            yield
        self.clear()


class _Lines(io.TextIOBase):
    """Hands whole lines to the screen."""

    def __init__(self, screen: Screen, head: str) -> None:
        self.screen, self.head, self.rest = screen, head, ''

    def write(self, text: str) -> int:
        """Keep the last unfinished line, and pass on the others."""
        *lines, self.rest = (self.rest + text).split('\n')
        for line in filter(str.strip, lines):
            self.screen.passing(f'{self.head}: {line.strip()}')
        return len(text)

    def isatty(self) -> bool:
        """False: what is printed is lines."""
        return False
