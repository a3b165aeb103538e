"""Errors that a user can act on.

Everything that is the input's fault rather than the code's is an :class:`InputError`: its text is one line that says
which file or key, what was expected and what to do. The command-line tools print that line without a traceback.
"""

from __future__ import annotations

from collections.abc import Iterable


def examples(names: Iterable[str], count: int = 3) -> str:
    """The first few names, and how many there are if not all are shown."""
    names = list(names)
    more = f' ... ({len(names)} in all)' if len(names) > count else ''
    # Bytes of names that are no UTF-8 are shown as any terminal takes them.
    return ', '.join(names[:count]).encode('utf-8', 'backslashreplace').decode('utf-8') + more


class InputError(ValueError):
    """Bad input: a file, a list, a config key or a checkpoint that cannot be used as given."""


class VideoReadError(InputError):
    """One video that cannot be read.

    Args:
        path: Path of the video file or frame folder.
        reason: What is wrong with it, without the path.
    """

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f'{path}: {reason}')
        self.path = path
        self.reason = reason

    def __reduce__(self) -> tuple:
        """Pickle by the two arguments, so that the error crosses worker processes."""
        return type(self), (self.path, self.reason)


class Preempted(Exception):
    """The run was asked to end, saved its state and can go on with ``--resume``.

    Attributes:
        code: Exit code of the process, EX_TEMPFAIL of ``sysexits.h``.
    """

    code = 75
