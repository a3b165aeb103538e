"""Origin of each key in a config's chain of bases."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from mmengine.config import Config

from ..errors import InputError
from .loading.shipped import missing_config


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
        InputError: If a file is missing or is not Python.
    """
    package, _, _ = path.rpartition('::')
    file = Path(Config._get_cfg_path(path, '')[0]) if package else Path(path)
    if not file.is_file():
        raise missing_config(path)
    text = file.read_text(encoding='utf-8')
    names, bases = _assigned(text, str(file))
    chain = [ConfigFile(file, depth, tuple(names), _header(text), package)]
    for base in bases:
        chain += config_chain(base if '::' in base else str((file.parent / base).resolve()), depth + 1)
    return chain


def origins(chain: Sequence[ConfigFile]) -> dict[str, list[str]]:
    """{top-level key: names of the files that set it, the deciding one first}."""
    found: dict[str, list[str]] = {}
    for file in chain:
        for name in file.sets:
            found.setdefault(name, []).append(file.path.name)
    return found


def _assigned(text: str, path: str) -> tuple[list[str], list[str]]:
    """Top-level names that a config assigns, and its bases."""
    try:
        # ``{{_base_.name}}`` reads as a set of a set.
        tree = ast.parse(text)
    except SyntaxError as error:
        raise InputError(f'{path}: line {error.lineno} is not Python ({error.msg})') from None
    names: list[str] = []
    bases: list[str] = []
    for node in tree.body:
        if not isinstance(node, ast.Assign):
            continue
        for target in node.targets:
            if isinstance(target, ast.Name) and target.id == '_base_':
                value = ast.literal_eval(node.value)
                bases += [value] if isinstance(value, str) else list(value)
            elif isinstance(target, ast.Name):
                names.append(target.id)
    return list(dict.fromkeys(names)), bases


def _header(text: str) -> str:
    """The comment lines at the top, as one line."""
    lines = []
    for line in text.splitlines():
        if not line.startswith('#'):
            break
        lines.append(line.lstrip('# ').rstrip())
    return ' '.join(lines)
