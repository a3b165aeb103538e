"""Configs and tools that come with the package."""

from __future__ import annotations

import difflib
from pathlib import Path

from ...errors import InputError

_PACKAGE = Path(__file__).resolve().parents[2]


def shipped_folders(kind: str) -> list[Path]:
    """Return the folders of this kind that exist: in ``.mim`` of an installed package, and beside it in a checkout.

    Args:
        kind: 'configs' or 'tools'.
    """
    folders = [folder.resolve() for folder in (_PACKAGE / '.mim' / kind, _PACKAGE.parent / kind) if folder.is_dir()]
    return list(dict.fromkeys(folders))  # of an editable install both are the folder of the checkout


def shipped_file(name: str) -> Path:
    """Return a config or tool that comes with the package.

    Args:
        name: Path in a checkout, such as 'tools/train.py' or 'configs/vspp_r21d_k100.py'.

    Raises:
        InputError: If it is missing.
    """
    kind, _, inner = name.partition('/')
    for folder in shipped_folders(kind):
        if (folder / inner).is_file():
            return folder / inner
    raise InputError(f'{name} is missing beside the package {_PACKAGE}; install auxskd_mm again')


def shipped_configs() -> dict[str, Path]:
    """Return all configs but those of ``_base_``: file by name, such as 'demo/vspp_motion'."""
    return {
        path.relative_to(folder).with_suffix('').as_posix(): path
        for folder in shipped_folders('configs')
        for path in sorted(folder.rglob('*.py'))
        if '_base_' not in path.parts
    }


def missing_config(path: str, recipe: bool = False) -> InputError:
    """Return the error for a config that does not exist. It names the shipped configs whose names are nearest.

    Args:
        path: Path as given, a file or ``package::path``.
        recipe: A recipe was expected. Other configs are not named then.
    """
    package, _, inner = path.rpartition('::')
    asked = Path(inner).with_suffix('').name
    names = shipped_configs() if package in ('', 'auxskd_mm') else {}
    stems = {name.rpartition('/')[2]: name for name in names if name.startswith('recipes/') or not recipe}
    near = [stems[stem] for stem in difflib.get_close_matches(asked, stems, n=3, cutoff=0.7)]
    start = 'auxskd_mm::' if package or not Path('configs').is_dir() else 'configs/'
    hint = f'; did you mean {", ".join(f"{start}{name}.py" for name in near)}?' if near else ''
    return InputError(f'{path}: no such {"recipe" if recipe else "config file"}{hint}')
