"""Files of a config as MMEngine reads them: text after its substitutions, statements or data, and bases."""

from __future__ import annotations

import ast
import io
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.fileio import load
from mmengine.utils import get_installed_path

from ...errors import InputError

_BASE_VARIABLE = r'\{\{\s*_base_\.[\w.]+\s*\}\}'


def text_of(file: Path) -> str:
    """Text of a config with the values of ``{{ fileDirname }}``, of ``{{$NAME:default}}`` and similar places."""
    with tempfile.TemporaryDirectory() as folder:
        made = os.path.join(folder, file.name)
        Config._substitute_predefined_vars(os.path.abspath(file), made)
        Config._substitute_env_variables(made, made)
        return Path(made).read_text(encoding='utf-8')


def statements_of(file: Path) -> list[ast.stmt]:
    """Statements of a Python config.

    Raises:
        InputError: If the file is not Python.
    """
    try:
        return ast.parse(text_of(file)).body
    except SyntaxError as error:
        raise InputError(f'{file}: line {error.lineno} is not Python ({error.msg})') from None


def data_of(file: Path) -> tuple[str, Any]:
    """Text and content of a YAML or JSON config. ``{{ _base_.name }}`` is a string in them, see :func:`without_quotes`."""
    text = re.sub(_BASE_VARIABLE, r'"\g<0>"', text_of(file))
    return text, load(io.StringIO(text), file_format=file.suffix[1:])


def without_quotes(text: str) -> str:
    """Text of a YAML or JSON config in which ``{{ _base_.name }}`` stands without quotes, as MMEngine takes it."""
    return re.sub(rf'([\'"])({_BASE_VARIABLE})\1', r'\2', text)


def named_bases(bases: object) -> list[str]:
    """Bases in a value of ``_base_``, or in the expression that a Python config assigns to it."""
    if isinstance(bases, ast.expr):
        bases = eval(compile(ast.Expression(bases), '_base_', 'eval'))  # as MMEngine does
    return [bases] if isinstance(bases, str) else list(bases) if isinstance(bases, (list, tuple)) else []


def imported_bases(node: ast.stmt, file: Path) -> Iterator[tuple[str, Path]]:
    """Bases that ``with read_base():`` imports: package ('' for a relative import) and file."""
    for inner in node.body if isinstance(node, ast.With) else ():
        if not isinstance(inner, ast.ImportFrom) or not inner.module:
            continue
        package, *names = inner.module.split('.')
        if inner.level:
            base = file.parent.joinpath(*['..'] * (inner.level - 1), package, *names)
        else:
            base = Path(get_installed_path(package), *names)
        yield '' if inner.level else package, Path(os.path.abspath(f'{base}.py'))
