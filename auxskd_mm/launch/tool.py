"""Shared code of the command-line tools: a config with overrides, and one line instead of a traceback for bad input."""

from __future__ import annotations

import argparse
import contextlib
import difflib
import inspect
import logging
import os
import pickle
import signal
import sys
import threading
import urllib.error
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from mmengine.config import DictAction
from mmengine.config.utils import ConfigParsingError

from ..config.loading.overrides import Overrides, read_options_file
from ..errors import InputError, Preempted, Terminated, as_typed, full_disk, reason_of, refusal
from ..texts import print_any_name
from .device_errors import device_line
from .outputs import mark_outputs
from .process_group import end_group, lost_process

if TYPE_CHECKING:
    from types import FrameType

_TRACEBACK = 'AUXSKD_MM_TRACEBACK'
_INTERRUPTED = 128 + signal.SIGINT  # a shell's exit code for it


class CfgOptions(DictAction):
    """``--cfg-options key=value ...``: MMEngine's ``DictAction``, but a value that replaces a string keeps its text.

    :class:`auxskd_mm.config.loading.overrides.Overrides` describes the values.
    """

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        """Add the pairs to those before; see ``argparse.Action``."""
        try:
            add_overrides(namespace, Overrides.read(values), self.dest)
        except ValueError:
            text = ' '.join(values)
            raise argparse.ArgumentError(self, f'expected key=value pairs with closed brackets, got: {text}') from None


class CfgFile(argparse.Action):
    """``--cfg-file FILE``: overrides that need no text form, as a recipe hands them to its phases."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        """Add the file's overrides to those before; see ``argparse.Action``."""
        try:
            add_overrides(namespace, read_options_file(values))
        except InputError as error:
            raise argparse.ArgumentError(None, str(error)) from None


def add_overrides(namespace: argparse.Namespace, options: Overrides, dest: str = 'cfg_options') -> None:
    """Add overrides to the overrides in a namespace. Later overrides win."""
    held = getattr(namespace, dest, None) or Overrides()
    for key in options:
        held.texts.pop(key, None)
    held.update(options)
    held.texts.update(options.texts)
    setattr(namespace, dest, held)


def run_tool(main: Callable[[], Any]) -> None:
    """Run a tool's ``main`` and leave its process group; bad input ends with exit code 1 and one line on standard error.

    The traceback is shown with ``AUXSKD_MM_TRACEBACK=1``, and for everything that is not the input's fault.
    """
    print_any_name()
    setattr(logging.Handler, 'handleError', _say_less)  # noqa: B010  # mypy knows methods as fixed
    try:
        try:
            with _tidy_at_sigterm():
                main()
                end_group()
        finally:
            mark_outputs()
    except Preempted as stop:
        _leave(f'preempted: {stop}', stop.code)
    except KeyboardInterrupt as stop:
        _leave(str(stop) or 'interrupted', getattr(stop, 'code', _INTERRUPTED))
    except Exception as error:
        line = describe(error)
        if line is None or os.environ.get(_TRACEBACK) == '1':
            raise
        _leave(f'error: {line}', 1)


_say_all = logging.Handler.handleError


def _say_less(handler: logging.Handler, record: logging.LogRecord) -> None:
    """Drop a line of a log file for which the disk has no room: logging prints a traceback for each, and goes on."""
    error = sys.exc_info()[1]
    if error is None or full_disk(error) is None:
        _say_all(handler, record)


@contextlib.contextmanager
def _tidy_at_sigterm() -> Iterator[None]:
    """Let SIGTERM run through ``finally`` as Ctrl-C does.

    Not for one of several ranks: it may wait inside a collective for a rank that has left, where no exception reaches it.
    """
    alone = int(os.environ.get('WORLD_SIZE', 1)) == 1 and threading.current_thread() is threading.main_thread()
    if not alone or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _terminate(number: int, frame: FrameType | None) -> None:
    signal.signal(number, signal.SIG_DFL)  # a second one ends at once
    raise Terminated('terminated')


def _leave(line: str, code: int) -> None:
    sys.stdout.flush()
    print(as_typed(line), file=sys.stderr)
    # Straight out: loader workers and process groups must not print their own tracebacks after it.
    sys.stderr.flush()
    os._exit(code)


def describe(error: BaseException) -> str | None:
    """Return one line for an error that the user can fix. None for any other error."""
    text = str(error.args[0] if isinstance(error, KeyError) and error.args else error)
    if text.startswith('Caught '):
        # A loader worker's error arrives with the worker's traceback as its text.
        last = [row for row in text.strip().splitlines() if row.strip()][-1]
        name, _, rest = last.partition(': ')
        worker_error = name.rsplit('.', 1)[-1] in ('InputError', 'VideoReadError')
        return rest if worker_error else None
    if isinstance(error, (InputError, ConfigParsingError)):
        return ' '.join(text.split())
    if (line := full_disk(error)) is not None:
        return line
    if isinstance(error, pickle.UnpicklingError):
        return f'a file that was to be loaded: {refusal(error)}'
    if isinstance(error, RecursionError) and 'JSON' in text:
        return 'a JSON file that the command reads is nested too deeply to be one that this package wrote'
    if isinstance(error, urllib.error.URLError):
        return (
            f'{getattr(error, "filename", None) or "an address of the config"} cannot be fetched ({reason_of(error)})'
        )
    if isinstance(error, ValueError) and 'more than 1 value per channel' in text:
        return (
            f'BatchNorm got a single value for each channel ({reason_of(error)}): a batch of one sample; set '
            'train_dataloader.drop_last=True or another train_dataloader.batch_size'
        )
    if isinstance(error, TypeError) and 'unexpected keyword argument' in text:
        return f'unknown config key: {_unknown_key(error, text)}'
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
    if (line := device_line(error)) is not None:
        return line
    if isinstance(error, RuntimeError) and 'PytorchStreamReader' in text:
        return f'the checkpoint is damaged or not a checkpoint ({text.splitlines()[0][:120]})'
    return None


def _unknown_key(error: TypeError, text: str) -> str:
    """The error's text with the class that the config names, not the base class that got the key, and the nearest key."""
    key = text.partition("argument '")[2].partition("'")[0]
    trace, built = error.__traceback__, None
    while trace is not None:
        known = trace.tb_frame.f_locals
        if trace.tb_frame.f_code.co_name == 'build_from_cfg' and key in known.get('args', ()):
            built = known.get('obj_cls')
        trace = trace.tb_next
    if not inspect.isclass(built):
        return text
    # Only its own keys: one of a base class may be set by the class itself.
    near = difflib.get_close_matches(key, set(inspect.signature(built).parameters) - {'args', 'kwargs'}, n=1)
    hint = f'; did you mean {near[0]!r}?' if near else ''
    return f'{built.__name__}.__init__() got an unexpected keyword argument {key!r}{hint}'
