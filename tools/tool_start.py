"""How every tool starts: it parses its arguments first, and imports the package afterwards.

The import of torch, MMEngine and MMAction2 takes seconds. ``--help`` and the error for a mistyped option need none of
them, so this module uses only the standard library. Tools find it because they append their ``tools`` folder to
``sys.path``.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import importlib
import importlib.util
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

_PACKAGE = 'auxskd_mm'
# Set by the command `auxskd-mm`: the name that the user typed, such as 'auxskd-mm train'.
_CALLED_AS = 'AUXSKD_MM_CALLED_AS'


class _Help(argparse.RawDescriptionHelpFormatter):
    """The help of an option ends with its default, unless it names the default itself or there is none."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        text, value = action.help, action.default
        if not text or 'default' in text or _is_none(value):
            return text
        shown = ' '.join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
        return f'{text} (default: {shown.replace("%", "%%")})'


def _is_none(default: Any) -> bool:
    """Whether a default says nothing: none, a switch, something empty, or a place on this machine."""
    if default is None or isinstance(default, bool) or default in ('', [], ()) or default == argparse.SUPPRESS:
        return True
    return isinstance(default, (str, Path)) and Path(default).is_absolute()


class ToolParser(argparse.ArgumentParser):
    """Parser of a tool, whose ``--help`` shows the defaults of its options and ends with an example.

    Under ``auxskd-mm`` usage and example name that command, and the configs of the package as it finds them from any folder.

    Args:
        description: Purpose of the tool.
        example: A complete command line.
    """

    def __init__(self, description: str | None, example: str) -> None:
        self.called = os.environ.pop(_CALLED_AS, None)  # a tool that this one starts has its own name
        super().__init__(
            prog=self.called, description=description, epilog=f'example:\n  {example}', formatter_class=_Help
        )

    def format_help(self) -> str:
        """Text of ``--help``. Under ``auxskd-mm`` it names commands, and configs that need no checkout."""
        text = super().format_help()
        if self.called is None:
            return text
        text = light_module('auxskd_mm.errors').as_typed(text)
        return re.sub(r'(?<![\w/])configs/(?=[\w/]+\.py)', 'auxskd_mm::', text)


class Words(list):
    """Overrides as typed: the option's action and its value, for each use of the option.

    Attributes:
        parser: Parser that refuses overrides it cannot read.
    """

    parser: argparse.ArgumentParser


class CfgOptions(argparse.Action):
    """``--cfg-options key=value ...``; :func:`read_overrides` reads the words after the imports.

    ``--cfg-file FILE`` has the same action. Both add to ``cfg_options``, so the later option wins.
    """

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        """Add the words to those before; see ``argparse.Action``."""
        words = getattr(namespace, 'cfg_options', None) or Words()
        words.parser = parser
        words.append((self, values))
        namespace.cfg_options = words


_SHARED: dict[str, dict[str, Any]] = {
    '--cfg-options': dict(nargs='+', action=CfgOptions, help='overrides as key=value'),
    '--device': dict(help='default: the accelerator if there is one'),
    '--num-workers': dict(type=int, default=2, help='processes that decode'),
}


def add_cfg_file(parser: argparse.ArgumentParser) -> None:
    """Give a tool the option ``--cfg-file``."""
    parser.add_argument(
        '--cfg-file', action=CfgOptions, help='file with a Python dict of overrides, as recipes write it'
    )


def add_shared(parser: argparse.ArgumentParser | argparse._ArgumentGroup, *names: str) -> None:
    """Give a tool, or a group of its options, options that several tools have, such as ``--device``."""
    for name in names:
        parser.add_argument(name, **_SHARED[name])


def weights(text: str) -> str | None:
    """Type of an argument for a checkpoint; 'none' stands for random weights."""
    return None if text == 'none' else text


def named_paths(items: Sequence[str], own_name: Callable[[str], str], kind: str) -> dict[str, str]:
    """Path of each item by its name. ``NAME=PATH`` gives the name; a path alone has ``own_name(path)``.

    A path that is there is a path alone, such as the folder ``lr=0.1``.

    Raises:
        InputError: If two items have one name. The line calls them by ``kind``, such as 'run'.
    """
    found: dict[str, str] = {}
    for item in items:
        named = '=' in item and not Path(item).exists()
        name, _, path = item.partition('=') if named else ('', '', item)
        name = name or own_name(path)
        if name in found:
            from auxskd_mm.errors import InputError

            raise InputError(f"{item}: a second {kind} called '{name}'; give each its own name, as NAME={kind.upper()}")
        found[name] = path
    return found


def refuse_options(
    parser: argparse.ArgumentParser, group: argparse._ArgumentGroup, args: argparse.Namespace, other: str
) -> None:
    """End with a usage error if an option of a group has another value than its default, since it would do nothing.

    Args:
        parser: Parser of the tool.
        group: The options that do nothing with ``args``.
        args: The arguments.
        other: The option that they need, such as '--timeline'.
    """
    for action in group._group_actions:
        if getattr(args, action.dest) != parser.get_default(action.dest):
            parser.error(f'{action.option_strings[0]}: has no effect without {other}; add that, or leave it out')


def seconds(text: str) -> float:
    """Type of an argument for a length of time, above 0."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float('inf'):
        raise argparse.ArgumentTypeError(f'{text}: expected seconds above 0')
    return value


def add_windows(parser: argparse.ArgumentParser) -> None:
    """Give a tool the options that divide long recordings into windows: ``--window``, ``--stride``, ``--split-at-cuts``."""
    group = parser.add_argument_group('long recordings')
    group.add_argument('--window', type=seconds, metavar='S', help='divide each video into windows of S seconds')
    group.add_argument('--stride', type=seconds, metavar='S', help='from one window to the next; default: --window')
    group.add_argument(
        '--split-at-cuts', action='store_true', help='windows never cross a cut (PySceneDetect); decodes each video'
    )


def add_overwrite(parser: argparse.ArgumentParser) -> None:
    """Give a tool the option ``--overwrite``; the tool then calls ``check_outputs`` or ``check_folder``."""
    parser.add_argument('--overwrite', action='store_true', help='replace files that this tool did not write itself')


def start(parse_args: Callable[[], argparse.Namespace], main: Callable[[argparse.Namespace], Any]) -> None:
    """Parse, then import the package, then run ``main`` under :func:`auxskd_mm.launch.tool.run_tool`.

    If a package for the import is missing, the tool ends with one line and exit code 1, as for bad input.
    """
    args = parse_args()
    try:
        with _imports_kept():
            from auxskd_mm.launch.tool import run_tool
    except KeyboardInterrupt:
        print('interrupted', file=sys.stderr)
        sys.exit(130)
    except Exception as error:
        # The class of bad input cannot be imported here; its name tells it.
        expected = isinstance(error, ModuleNotFoundError) or type(error).__name__ == 'InputError'
        if not expected or os.environ.get('AUXSKD_MM_TRACEBACK') == '1':
            raise
        _refuse(error)
    run_tool(lambda: main(read_overrides(args)))


@contextlib.contextmanager
def _imports_kept() -> Iterator[None]:
    """Keep the garbage collector away from what a block imports, in the block and after it.

    Otherwise a million objects that stay are looked at again and again. That costs a sixth of the time of the imports.
    It also costs a quarter of a second for each data set, for which MMEngine collects. Nothing happens where the
    package is there already.
    """
    if 'auxskd_mm' in sys.modules or not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        gc.enable()


def read_overrides(args: argparse.Namespace) -> argparse.Namespace:
    """Replace the words of ``--cfg-options`` and ``--cfg-file`` by their overrides. This imports the package.

    Words that are not overrides are a usage error, with argparse's exit code 2.
    """
    words = getattr(args, 'cfg_options', None)
    if not isinstance(words, Words):
        return args
    from auxskd_mm.launch import tool

    args.cfg_options = None
    for action, values in words:
        kind = tool.CfgFile if isinstance(values, str) else tool.CfgOptions
        try:
            kind(action.option_strings, action.dest)(words.parser, args, values)
        except argparse.ArgumentError as error:
            words.parser.error(str(error))
    return args


def light_module(name: str) -> ModuleType:
    """Import a module without the ``__init__`` of its packages, for choices and defaults that ``--help`` shows.

    Args:
        name: A module with light imports, such as ``'auxskd_mm.choices'``.
    """
    if _PACKAGE in sys.modules:
        return importlib.import_module(name)
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        _refuse(ModuleNotFoundError(f'No module named {_PACKAGE!r}', name=_PACKAGE))
    folder = Path(spec.submodule_search_locations[0])
    parents = name.split('.')[:-1]
    try:
        for depth in range(1, len(parents) + 1):
            stub = ModuleType('.'.join(parents[:depth]))
            stub.__path__ = [str(folder.joinpath(*parents[1:depth]))]
            sys.modules[stub.__name__] = stub
        return importlib.import_module(name)
    finally:
        # The real package is imported later.
        for loaded in [loaded for loaded in sys.modules if loaded.partition('.')[0] == _PACKAGE]:
            del sys.modules[loaded]


def _refuse(error: Exception) -> NoReturn:
    text = str(error)
    if isinstance(error, ModuleNotFoundError):
        text = f'{error.name} is not installed; run `pip install .` in the folder of {_PACKAGE}, with its requirements'
    print(f'error: {" ".join(text.split())}', file=sys.stderr)
    sys.exit(1)
