"""The commands: each runnable file of ``tools/`` is one, under its own name."""

from __future__ import annotations

import ast
import importlib.util
from pathlib import Path
from typing import NamedTuple

PACKAGE = 'auxskd_mm'
# What every tool imports; its folder is ours and not some other package called tools.
_MARK = 'tool_start.py'


class NotInstalled(Exception):
    """The package or its tools are missing. The text is one line that says what to do."""


class Command(NamedTuple):
    """A tool as a command.

    Attributes:
        name: Its name, such as ``pack-videos`` for ``tools/data/pack_videos.py``.
        path: File of the tool.
        group: Folder below ``tools``; '' for the tools that lie in it.
    """

    name: str
    path: Path
    group: str

    def about(self) -> str:
        """First line of the tool's docstring, or of the comment at the start of a shell script."""
        text = self.path.read_text(encoding='utf-8')
        if self.path.suffix == '.py':
            lines = (ast.get_docstring(ast.parse(text)) or '').splitlines()
        else:
            lines = [line.removeprefix('#').strip() for line in text.splitlines()[1:] if line.startswith('#')]
        return lines[0] if lines else ''


def package_folder() -> Path:
    """Return the folder of the package. The package is found, and not imported.

    Raises:
        NotInstalled: If there is no such package.
    """
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise NotInstalled(f'{PACKAGE} is not installed; run `pip install {PACKAGE}`')
    return Path(spec.submodule_search_locations[0])


def tools_folder() -> Path:
    """Return the folder of the tools: ``.mim/tools`` of an installed package, or ``tools`` of a checkout.

    Raises:
        NotInstalled: If there is neither.
    """
    package = package_folder()
    for folder in (package / '.mim' / 'tools', package.parent / 'tools'):
        if (folder / _MARK).is_file():
            return folder
    raise NotInstalled(f'{package}: has no tools beside it; install {PACKAGE} again')


def find_commands(folder: Path) -> dict[str, Command]:
    """Return the commands by name: first those of the folder itself, then those of its subfolders.

    A Python file is a command if it runs as a program, and a shell script if it starts with ``#!``. If two files have one
    name, their folders stand before it, as in ``data/prepare``.

    Args:
        folder: Folder of the tools.
    """
    files = sorted((path for path in folder.rglob('*') if _runs(path)), key=lambda path: (path.parent, path.name))
    names = [_name(path) for path in files]
    found = {}
    for path, name in zip(files, names):
        group = '' if path.parent == folder else path.parent.relative_to(folder).as_posix()
        if names.count(name) > 1:
            name = f'{group}/{name}' if group else name
        found[name] = Command(name, path, group)
    return found


def command_name(word: str) -> str:
    """Return the name that a user means: ``pack_videos`` and ``pack_videos.py`` stand for ``pack-videos``."""
    return word.removesuffix('.py').removesuffix('.sh').replace('_', '-')


def _name(path: Path) -> str:
    return path.stem.replace('_', '-')


def _runs(path: Path) -> bool:
    if path.suffix not in ('.py', '.sh') or path.name.startswith('_') or not path.is_file():
        return False
    text = path.read_text(encoding='utf-8')
    return '\nif __name__ ==' in text if path.suffix == '.py' else text.startswith('#!')
