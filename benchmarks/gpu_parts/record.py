"""The results of a part as a JSON file: written after each measurement, taken up by the next start."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from auxskd_mm.errors import reason_of
from auxskd_mm.files import write_whole

FAILED = 'failed'
Part = TypeVar('Part')


class Record:
    """Measurements of a part by name.

    A measurement of an earlier start with the same settings is kept. One that failed is made again. When the time is
    up, the rest is left out and named.

    Args:
        path: JSON file of the part.
        settings: Everything that the figures depend on: sizes, card, versions.
        until: Time at which no further measurement starts, as of ``clock``.
        clock: Seconds since 1970.
    """

    def __init__(
        self, path: Path, settings: Mapping[str, Any], until: float, clock: Callable[[], float] = time.time
    ) -> None:
        self.path, self.until, self.clock = path, until, clock
        self.settings = json.loads(json.dumps(settings))
        earlier = read_part(path, self.settings)
        self.items: dict[str, Any] = {} if earlier is None else working(earlier)
        self.late: list[str] = []
        self.start, self.before = clock(), 0.0 if earlier is None else float(earlier['seconds'])

    def left(self) -> float:
        """Seconds until the time is up."""
        return self.until - self.clock()

    def measure(self, name: str, call: Callable[[], Any], least: float = 0.0) -> None:
        """Make a measurement, unless it is there or the time is up.

        Args:
            name: Name of the measurement.
            call: Returns what JSON can hold. If it raises, the first line of the error is kept in its place.
            least: Seconds that it takes at least.
        """
        if name in self.items:
            return
        self.late.append(name)
        if self.left() < least or self.left() <= 0:
            return
        print(f'  {name}', flush=True)
        try:
            self.items[name] = call()
        except Exception as error:
            self.items[name] = {FAILED: f'{type(error).__name__}: {reason_of(error)}'}
            print(f'    {self.items[name][FAILED]}', flush=True)
        self.late.remove(name)
        self.write(complete=False)

    def write(self, complete: bool) -> None:
        """Write the file."""
        content = dict(
            settings=self.settings,
            date=time.strftime('%Y-%m-%d', time.localtime(self.clock())),
            seconds=round(self.before + self.clock() - self.start, 1),
            complete=complete and not self.late,
            late=self.late,
            items=self.items,
        )
        write_whole(self.path, json.dumps(content, indent=1) + '\n')


def read_part(path: Path, settings: Mapping[str, Any] | None = None) -> dict[str, Any] | None:
    """The content of a part's file. None if there is none, it is damaged, or it is of other settings."""
    try:
        content = json.loads(path.read_text(encoding='utf-8'))
        matches = settings is None or content['settings'] == json.loads(json.dumps(settings))
        return content if matches and isinstance(content['items'], dict) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def working(content: Mapping[str, Any]) -> dict[str, Any]:
    """The measurements of a part that did not fail."""
    return {name: item for name, item in content['items'].items() if FAILED not in item}


def failures(content: Mapping[str, Any]) -> list[str]:
    """A line for each measurement that failed."""
    return [f'{name}: {item[FAILED]}' for name, item in content['items'].items() if FAILED in item]


def is_done(path: Path, settings: Mapping[str, Any]) -> bool:
    """Whether a part needs no further run: it is complete, of the same settings, and nothing of it failed."""
    content = read_part(path, settings)
    return content is not None and bool(content.get('complete')) and not failures(content)


def budgets(weights: Mapping[Part, float], todo: Iterable[Part], seconds: float) -> dict[Part, float]:
    """Share the seconds that are left among the parts to run.

    Before each part the rest is shared anew, so what a part does not use goes to those behind it.
    """
    chosen = list(todo)
    whole = sum(weights[name] for name in chosen)
    return {name: seconds * weights[name] / whole for name in chosen}
