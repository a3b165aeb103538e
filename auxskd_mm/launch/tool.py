"""What the command-line tools share: a config with overrides, and one line instead of a traceback for bad input."""

from __future__ import annotations

import argparse
import os
import pickle
import sys
from collections.abc import Callable
from typing import Any

from mmengine.config import DictAction
from mmengine.config.utils import ConfigParsingError

from ..errors import InputError, Preempted
from ..files import accept_any_name
from .process_group import lost_process

_TRACEBACK = 'AUXSKD_MM_TRACEBACK'


class CfgOptions(DictAction):
    """MMEngine's ``DictAction`` for ``--cfg-options``, with a usage error for what is not ``key=value``."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        """Read the pairs; see ``argparse.Action``."""
        try:
            super().__call__(parser, namespace, values, option_string)
        except (ValueError, AssertionError):
            text = ' '.join(values)
            raise argparse.ArgumentError(self, f'expected key=value pairs with closed brackets, got: {text}') from None


def run_tool(main: Callable[[], Any]) -> None:
    """Run a tool's ``main``; bad input ends it with exit code 1 and one line on standard error.

    The traceback is shown with ``AUXSKD_MM_TRACEBACK=1``, and for everything that is not the input's fault.
    """
    accept_any_name(sys.stdout)
    try:
        main()
    except Preempted as stop:
        _leave(f'preempted: {stop}', stop.code)
    except Exception as error:
        line = describe(error)
        if line is None or os.environ.get(_TRACEBACK) == '1':
            raise
        _leave(f'error: {line}', 1)


def _leave(line: str, code: int) -> None:
    sys.stdout.flush()
    print(line, file=sys.stderr)
    # Straight out: loader workers and process groups must not print their own tracebacks after it.
    sys.stderr.flush()
    os._exit(code)


def describe(error: BaseException) -> str | None:
    """One line for an error that the user can mend, None for any other."""
    text = str(error.args[0] if isinstance(error, KeyError) and error.args else error)
    if text.startswith('Caught '):
        # A loader worker's error arrives with the worker's traceback as its text.
        last = [row for row in text.strip().splitlines() if row.strip()][-1]
        name, _, rest = last.partition(': ')
        worker_error = name.rsplit('.', 1)[-1] in ('InputError', 'VideoReadError')
        return rest if worker_error else None
    if isinstance(error, (InputError, ConfigParsingError, pickle.UnpicklingError)):
        return ' '.join(text.split())
    if isinstance(error, TypeError) and 'unexpected keyword argument' in text:
        return f'unknown config key: {text}'
    if isinstance(error, TypeError) and (
        'required positional argument' in text or 'required keyword-only argument' in text
    ):
        return f'missing config key: {text}'
    if isinstance(error, KeyError) and 'is not in the' in text:
        return 'unknown type in the config: ' + ' '.join(text.split('. More details')[0].split())
    if isinstance(error, KeyError) and 'must contain the key "type"' in text:
        return 'an entry of the config has no type; is its key misspelt? It holds ' + ' '.join(
            text.partition('but got ')[2].removesuffix('\nNone').split()
        )
    if isinstance(error, (FileNotFoundError, IsADirectoryError, PermissionError)):
        return ' '.join(text.split())
    if isinstance(error, RuntimeError) and (line := lost_process(text)):
        return line
    if isinstance(error, RuntimeError) and 'PytorchStreamReader' in text:
        return f'the checkpoint is damaged or not a checkpoint ({text.splitlines()[0][:120]})'
    return None
