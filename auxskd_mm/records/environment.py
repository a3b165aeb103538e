"""Environment of a run: command, revision, versions, time."""

from __future__ import annotations

import datetime
import importlib.metadata
import platform
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

PACKAGES = ('auxskd_mm', 'torch', 'mmengine', 'mmaction2', 'mmcv', 'mmcv-lite', 'numpy')


def command_of_process() -> str:
    """The command line of this process, with ``python`` for the interpreter."""
    return shlex.join(['python', *sys.argv])


def git_revision(folder: Path | None = None) -> dict[str, Any] | None:
    """Find the git revision of the package's checkout, and whether it has uncommitted changes.

    Args:
        folder: Root of the checkout. None takes the folder above the package.

    Returns:
        ``revision`` and ``dirty``. None for an installed package, or if git is missing.
    """
    folder = folder or Path(__file__).resolve().parents[2]

    def git(*words: str) -> str:
        done = subprocess.run(['git', '-C', str(folder), *words], capture_output=True, text=True, timeout=30)
        if done.returncode:
            raise OSError(done.stderr)
        return done.stdout.strip()

    try:
        # A package installed below somebody's own checkout is not of that checkout.
        if Path(git('rev-parse', '--show-toplevel')).resolve() != folder.resolve():
            return None
        return dict(revision=git('rev-parse', 'HEAD'), dirty=bool(git('status', '--porcelain', '-uno')))
    except (OSError, subprocess.SubprocessError):
        return None


def package_versions() -> dict[str, str]:
    """Return the versions of Python and of the installed packages that the numbers depend on."""
    versions = dict(python=platform.python_version())
    for name in PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


def now() -> str:
    """The time, ISO 8601 in UTC."""
    return datetime.datetime.now(datetime.timezone.utc).isoformat(timespec='seconds')
