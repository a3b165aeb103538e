"""Runs a tool's command line in this process, so that a table of short steps pays for its imports once."""

from __future__ import annotations

import contextlib
import gc
import importlib.util
import io
import logging
import os
import shlex
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from mmengine.logging import MessageHub, MMLogger
from mmengine.visualization import Visualizer

from ...config.load import load_config
from ...config.pipelines import LOADERS
from ...errors import InputError, Preempted, full_disk
from ...launch.tool import describe
from .. import commands

SCREEN = 'screen.txt'


def call(label: str, command: Sequence[str], options: Mapping[str, Any]) -> float:
    """Run a command of a step as :func:`auxskd_mm.recipes.commands.call` does, in this process.

    What the tool prints goes to ``screen.txt`` in its work dir.

    Returns:
        Seconds that the command took.

    Raises:
        InputError: If the tool fails. The line says what the tool said.
        Preempted: If the tool was asked to end, and saved its state.
    """
    words = commands.with_file(command, options)
    script = next(index for index, word in enumerate(words) if word.endswith('.py'))
    folder = Path(words[words.index('--work-dir') + 1])
    folder.mkdir(parents=True, exist_ok=True)
    start = time.time()
    _forget()  # a logger made before writes where it wrote then, not to this screen
    with open(folder / SCREEN, 'a', encoding='utf-8', errors='backslashreplace') as screen:
        screen.write(f'$ {shlex.join(["python", *words[script:]])}\n')
        with contextlib.redirect_stdout(screen), contextlib.redirect_stderr(screen), _argv(words[script:]):
            try:
                _run(Path(words[script]))
            except Preempted:
                raise commands.preempted(label) from None
            except Exception as error:
                line = full_disk(error, folder) or describe(error)
                if line is None:
                    raise
                raise InputError(f'phase {label!r}: {line} (see {folder / SCREEN})') from error
            finally:
                _forget()
                gc.collect()  # a Runner and its hooks hold each other
    return time.time() - start


@contextlib.contextmanager
def silent() -> Iterator[None]:
    """Drop what is printed and logged: each step says the same again in its own ``screen.txt``."""
    nothing = io.StringIO()
    _forget()
    with contextlib.redirect_stdout(nothing), contextlib.redirect_stderr(nothing):
        try:
            yield
        finally:
            _forget()


def _run(script: Path) -> None:
    tool, start = _module(script), _module(script.parent / 'tool_start.py')
    tool.main(start.read_overrides(tool.parse_args()))


def _module(script: Path) -> ModuleType:
    """The module of a tool. A tool finds ``tool_start`` beside itself."""
    name = script.stem if script.stem == 'tool_start' else f'auxskd_mm_tools_{script.stem}'
    if name not in sys.modules:
        if script.stem != 'tool_start':
            _module(script.parent / 'tool_start.py')
        spec = importlib.util.spec_from_file_location(name, script)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name]


@contextlib.contextmanager
def _argv(words: Sequence[str]) -> Iterator[None]:
    """The command line, which the protocol records."""
    kept, sys.argv = sys.argv, list(words)
    try:
        yield
    finally:
        sys.argv = kept


def _forget() -> None:
    """Drop what MMEngine keeps of every Runner for the life of the process."""
    for logger in MMLogger._instance_dict.values():
        for handler in logger.handlers:
            if isinstance(handler, logging.FileHandler):
                handler.close()
    for kept in (MessageHub, MMLogger, *_kinds(Visualizer)):
        kept._instance_dict.clear()


def _kinds(base: type) -> Iterator[Any]:
    yield base
    below: list[type] = base.__subclasses__()
    for kind in below:
        yield from _kinds(kind)


def loader_options(config: Path, options: Mapping[str, Any]) -> dict[str, Any]:
    """Overrides that load the clips in this process: worker processes would cost more than short steps take."""
    with silent():
        loaded = load_config(str(config), dict(options))
    made: dict[str, Any] = {}
    for name in LOADERS:
        if loaded.get(name) is not None:
            made.update({f'{name}.num_workers': 0, f'{name}.persistent_workers': False})
    return {**made, **options}


def prepare_process(threads: int = 1) -> None:
    """Set the number of threads, and register all components."""
    import auxskd_mm

    auxskd_mm.__name__  # noqa: B018
    os.environ.setdefault('OMP_NUM_THREADS', str(threads))
    torch.set_num_threads(threads)
