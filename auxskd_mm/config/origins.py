"""Origin of each key in a config's chain of bases."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from mmengine.config import Config

from .loading.files import data_of, imported_bases, named_bases, statements_of
from .loading.shipped import missing_config
from .loading.statements import targets, touched


class ConfigFile(NamedTuple):
    """One file of the chain of bases.

    Attributes:
        path: Path of the file.
        depth: Distance from the config: 0 for the config itself, 1 for its direct bases ...
        sets: Top-level names that the file assigns, in order.
        header: Comment at the top of the file, as one string.
        package: ``'mmaction'`` for ``mmaction::...``; '' for a relative base.
    """

    path: Path
    depth: int
    sets: tuple[str, ...]
    header: str
    package: str


def config_chain(path: str, depth: int = 0) -> list[ConfigFile]:
    """List the config and all its bases, depth first. Earlier files override later files.

    Args:
        path: Config file, or ``package::path``.
        depth: Depth of the first file.

    Raises:
        InputError: If a file is missing, or a Python file is not Python.
    """
    package, _, _ = path.rpartition('::')
    file = Path(Config._get_cfg_path(path, '')[0]) if package else Path(path)
    if not file.is_file():
        raise missing_config(path)
    names: list[str] = []
    bases: list[tuple[str, Path]] = []
    named: object = ()
    if file.suffix == '.py':
        for node in statements_of(file):
            if isinstance(node, ast.Assign) and targets(node) == {'_base_'}:
                named = node.value
            names += sorted(touched(node) - {'_base_'})
            bases += imported_bases(node, file)
    else:
        content = data_of(file)[1]
        named = content.pop('_base_', ())
        names += content
    chain = [ConfigFile(file, depth, tuple(dict.fromkeys(names)), _header(file.read_text(encoding='utf-8')), package)]
    for base in named_bases(named):
        chain += config_chain(base if '::' in base else str((file.parent / base).resolve()), depth + 1)
    for source, imported in reversed(bases):  # of two imports the later one wins
        first, *rest = config_chain(str(imported), depth + 1)
        chain += [first._replace(package=source), *rest]
    return chain


def origins(chain: Sequence[ConfigFile]) -> dict[str, list[str]]:
    """{top-level key: names of the files that set it, the deciding one first}."""
    found: dict[str, list[str]] = {}
    for file in chain:
        for name in file.sets:
            found.setdefault(name, []).append(file.path.name)
    return found


def _header(text: str) -> str:
    """The comment lines at the top, as one line."""
    lines = []
    for line in text.splitlines():
        if not line.startswith('#'):
            break
        lines.append(line.lstrip('# ').rstrip())
    return ' '.join(lines)
