"""Errors that a user can act on.

An :class:`InputError` reports a fault of the input, not of the code. Its text is one line. The line names the file or
key, the expected value and the remedy. The command-line tools print it without a traceback.
"""

from __future__ import annotations

import errno
import os
import pickle
import re
from collections.abc import Collection, Iterable


def examples(names: Iterable[str], count: int = 3) -> str:
    """The first few names, and how many there are if not all are shown."""
    names = list(names)
    more = f' ... ({len(names)} in all)' if len(names) > count else ''
    # Bytes of names that are no UTF-8 are shown as any terminal takes them.
    return ', '.join(names[:count]).encode('utf-8', 'backslashreplace').decode('utf-8') + more


# Set by the command `auxskd-mm`. Tools that a tool starts inherit it.
_AS_COMMANDS = 'AUXSKD_MM_AS_COMMANDS'
_TOOL = re.compile(r'(?:\bpython )?(?<![\w./])tools/(?:\w+/)*(\w+)\.(?:py|sh)\b')


def as_typed(text: str) -> str:
    """Name the tools in a text as the user calls them.

    After ``auxskd-mm own-videos``, ``python tools/data/check_videos.py DIR`` becomes ``auxskd-mm check-videos DIR``: an
    installed package has no ``tools`` in the folder where the user is.
    """
    if os.environ.get(_AS_COMMANDS) != '1':
        return text
    return _TOOL.sub(lambda match: 'auxskd-mm ' + match[1].replace('_', '-'), text)


class InputError(ValueError):
    """Bad input: a file, a list, a config key or a checkpoint that cannot be used as given."""


def check_least(owner: str, least: int = 1, /, **numbers: float | None) -> None:
    """Refuse numbers below ``least``. The message names them ``owner.key``, or ``key`` without an owner. None passes.

    Raises:
        InputError: If a number is below ``least``, or NaN.
    """
    for key, value in numbers.items():
        if value is not None and not value >= least:
            raise InputError(f'{owner}.{key}={value}: expected at least {least}'.removeprefix('.'))


def is_whole(value: object) -> bool:
    """Whether a value is a whole number. True and False are none, nor are 2.0 and '2'."""
    return isinstance(value, int) and not isinstance(value, bool)


def check_whole(owner: str, /, **numbers: object) -> None:
    """Refuse what is no whole number; see :func:`check_least`. Numbers of frames would be cut off without a word.

    Raises:
        InputError: If a value is no whole number.
    """
    for key, value in numbers.items():
        if not is_whole(value):
            raise InputError(f'{owner}.{key}={value!r}: expected a whole number'.removeprefix('.'))


def check_weights(owner: str, /, **weights: float) -> None:
    """Refuse negative weights of losses, and several that are all 0; see :func:`check_least`.

    Raises:
        InputError: If a weight is negative or NaN, or all of several are 0.
    """
    for key, value in weights.items():
        if not value >= 0:
            raise InputError(f'{owner}.{key}={value}: a loss weight must not be negative')
    if len(weights) > 1 and not any(weights.values()):
        raise InputError(f'{owner}: {" and ".join(weights)} are 0, so nothing would be trained; set one above 0')


def check_choice(key: str, value: object, choices: Collection[object]) -> None:
    """Refuse a value that is none of the choices. The message names it ``key``.

    Raises:
        InputError: If the value is none of the choices.
    """
    if value not in choices:
        words = list(map(repr, choices))
        expected = ' or '.join(words) if len(words) == 2 else f'one of {", ".join(words)}'
        raise InputError(f"{key}='{value}': expected {expected}")


def check_step(owner: str, sample: Collection[str], key: str, before: str) -> None:
    """Refuse a sample on which a step of a pipeline comes too early.

    Args:
        owner: Class name of the step.
        sample: Keys of the sample.
        key: Key that the step reads.
        before: Steps that write the key, in words.

    Raises:
        InputError: If the key is missing. The message says what must stand before the step.
    """
    if key not in sample:
        raise InputError(f"{owner}: the sample has no '{key}' yet; put {before} before it in the pipeline")


class VideoReadError(InputError):
    """One video that cannot be read.

    Args:
        path: Path of the video file or frame folder.
        reason: Fault of the video, without the path.
    """

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f'{path}: {reason}')
        self.path = path
        self.reason = reason

    def __reduce__(self) -> tuple:
        """Pickle by the two arguments, so that the error crosses worker processes."""
        return type(self), (self.path, self.reason)


class Terminated(KeyboardInterrupt):
    """SIGTERM in place of Ctrl-C. Like this, it runs through ``finally`` and ``with``, so that nothing half written stays.

    Attributes:
        code: Exit code of the process, a shell's for SIGTERM.
    """

    code = 143


class Preempted(Exception):
    """The run was asked to end, saved its state and can go on with ``--resume``.

    Attributes:
        code: Exit code of the process, EX_TEMPFAIL of ``sysexits.h``.
    """

    code = 75


_ASKED = re.compile(
    r'GLOBAL (\S+)|Unsupported (?:global|class) (\S+)|type (\S+) (?:to be|was not) allowed', re.IGNORECASE
)
_ESCAPES = re.compile(r'\x1b\[[0-9;]*m')


def refusal(error: BaseException) -> str:
    """Return the message of a failed ``torch.load``, without torch's advice to turn the check off."""
    text = _ESCAPES.sub('', str(error))
    if asked := _ASKED.search(text):
        name = next(filter(None, asked.groups()))
        return (
            f'refused, because it holds {name} beside tensors and loading that could run code; where you trust it, save '
            'its state_dict alone'
        )
    if isinstance(error, OSError):
        return f'cannot be read ({reason_of(error)})'
    if isinstance(error, pickle.UnpicklingError):
        return 'refused, because it is no plain data of tensors, or damaged'
    return f'not a checkpoint of torch, or damaged ({type(error).__name__}: {reason_of(error)})'


def reason_of(error: BaseException) -> str:
    """First line of an error, without escape codes."""
    lines = _ESCAPES.sub('', str(error)).split('\n')
    return ' '.join(lines[0].split())[:160] or type(error).__name__


FULL_DISK = {
    errno.ENOSPC: 'the disk is full',
    errno.EDQUOT: 'the disk quota is used up',
    errno.EFBIG: 'a file grew too big',
}


def full_disk(error: BaseException, where: object = '') -> str | None:
    """A line about a disk without space, with the file that was being written; None for any other error.

    Args:
        error: The error.
        where: File or folder to name if the error names none.
    """
    if not isinstance(error, OSError) or error.errno not in FULL_DISK:
        return None
    file = error.filename2 or error.filename or where or 'a file that was being written'
    return f'{file}: {FULL_DISK[error.errno]}; make room and run the same command again'


_NO_MEMORY = ('out of memory', 'ALLOC_FAILED', "can't allocate memory")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether a device or the machine had no memory: torch's own error, cuBLAS's, cuDNN's or the CPU allocator's."""
    return isinstance(error, RuntimeError) and any(words in str(error) for words in _NO_MEMORY)
