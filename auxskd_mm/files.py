"""Files: write them whole or not at all, read them exactly, and check paths beforehand."""

from __future__ import annotations

import io
import json
import os
import os.path as osp
import pickle
import re
import sys
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from .errors import InputError, full_disk, reason_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def check_writable(path: str | Path, reads: Iterable[str | Path] = (), overwrite: bool = True) -> Path:
    """Make the folder of a file, and check that the file may and can be written. The file itself does not change.

    Args:
        path: The file.
        reads: Files that the same command reads. They are never overwritten.
        overwrite: Whether to replace a file that this tool did not write (see :func:`mark_written`).

    Raises:
        InputError: If the file cannot or may not be written.
    """
    path = Path(path)
    if any(_same_file(path, source) for source in reads):
        raise InputError(f'{path}: is read by this command and would be written over; give another name')
    if not overwrite and path.is_file() and not was_written_here(path):
        raise InputError(
            f'{path}: is there already, and not as this tool wrote it; give another name, or --overwrite to replace it'
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        there = path.exists()
        try:
            with open(path, 'ab'):
                pass
        finally:
            if not there and not path.is_symlink():  # a link into a folder that is missing is the user's
                path.unlink(missing_ok=True)
    except OSError as error:
        raise InputError(f'{path}: cannot be written ({error.strerror or reason_of(error)})') from None
    return path


def file_state(path: str | os.PathLike) -> tuple[int, int]:
    """Size and modification time (in nanoseconds) of a file, which show a change. (-1, -1) if it does not exist."""
    try:
        status = os.stat(path)
        return status.st_size, status.st_mtime_ns
    except (OSError, ValueError):
        return -1, -1


def make_folder(path: str | Path) -> Path:
    """Make a folder for the files of a command.

    Raises:
        InputError: If it cannot be made.
    """
    try:
        Path(path).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f'{path}: cannot be written to ({error.strerror})') from None
    return Path(path)


def _same_file(path: str | Path, other: str | Path) -> bool:
    try:
        return os.path.samefile(path, other)
    except (OSError, ValueError):
        return False


# A file's own attribute, on file systems that have them: which tool wrote it, and when.
_ATTRIBUTE = 'user.auxskd_mm.written'


def mark_written(path: str | Path) -> None:
    """Mark in a file's attributes that the running tool wrote it. The same tool may then replace it.

    On systems without such attributes nothing is marked, and the user must give ``--overwrite``.
    """
    with suppress(OSError, AttributeError):
        os.setxattr(path, _ATTRIBUTE, _mark(path))


def was_written_here(path: str | Path) -> bool:
    """Whether the running tool wrote a file, and nobody has changed it since."""
    try:
        return os.getxattr(path, _ATTRIBUTE) == _mark(path)
    except (OSError, AttributeError):
        return False


def _mark(path: str | Path) -> bytes:
    state = os.stat(path)
    return f'{osp.basename(sys.argv[0])} {state.st_mtime_ns} {state.st_size}'.encode('utf-8', 'surrogateescape')


def size_text(count: float) -> str:
    """Number of bytes in the unit that fits, of powers of 1000: ``'3.2 GB'``, ``'45.1 MB'``, ``'420 B'``."""
    for unit, name in ((1e9, 'GB'), (1e6, 'MB'), (1e3, 'kB')):
        if count >= unit:
            return f'{count / unit:.1f} {name}'
    return f'{count:.0f} B'


class WholeFile:
    """A file that gets its name only after all of it is on the disk.

    Until then the file has a hidden name with the number of the process. An error removes the file. Write into ``file``,
    which is open in binary mode. The folder is made if it does not exist.

    Args:
        path: The file.
        partial: Name of the file during writing. After a kill, the next process uses a fixed name again.
    """

    def __init__(self, path: str | os.PathLike, partial: Path | None = None) -> None:
        self.path = Path(path)
        self.partial = partial or self.path.with_name(f'.{self.path.name}.{os.getpid()}')

    def __enter__(self) -> WholeFile:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self.file: Any = open(self.partial, 'wb')
        except KeyboardInterrupt:  # the file may be there, and without its block nobody removes it
            self.partial.unlink(missing_ok=True)
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None = None, *rest: object) -> None:
        try:
            self._close(kind is None)
        except OSError as failed:
            error = failed
            raise
        finally:
            self.partial.unlink(missing_ok=True)
            if isinstance(error, OSError) and error.filename is None:  # an error of a write names no file
                error.filename = os.fspath(self.path)

    def _close(self, whole: bool) -> None:
        try:
            if whole:
                self.file.flush()
                os.fsync(self.file.fileno())
        finally:
            with nullcontext() if whole else suppress(OSError):  # what is left in the buffer goes with the file
                self.file.close()
        if whole:
            os.replace(self.partial, self.path)
            _sync_folder(self.path.parent)


def write_whole(path: str | os.PathLike, content: bytes | str, partial: Path | None = None, advice: str = '') -> Path:
    """Write a file whole. At any moment, even at a power cut, the path holds the old file, the new file or no file.

    Args:
        path: The file. Its folder is made if it does not exist.
        content: Bytes, or text to write as UTF-8.
        partial: See :class:`WholeFile`.
        advice: End of the error message.

    Raises:
        InputError: If the disk is full or refuses the write. No partial file is left.
    """
    data = content.encode('utf-8') if isinstance(content, str) else content
    try:
        with WholeFile(path, partial) as whole:
            whole.file.write(data)
    except OSError as error:
        if not advice and full_disk(error):
            advice = '; make room and run the same command again'
        raise InputError(
            f'{path}: cannot be written ({error.strerror or error}, {size_text(len(data))}){advice}'
        ) from error
    return Path(path)


def save_tensors(path: str | os.PathLike, content: Mapping[str, Any]) -> Path:
    """Write a checkpoint file with :func:`write_whole`; torch's own errors of a full disk do not say so."""
    buffer = io.BytesIO()
    torch.save(dict(content), buffer)
    return write_whole(path, buffer.getvalue())


def read_record(path: str | os.PathLike) -> dict[str, Any]:
    """What a program has noted in a JSON file to save work. Without the file, or if it is damaged: {}, so that it works again."""
    try:
        held = json.loads(Path(path).read_text(encoding='utf-8'))
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError, ValueError, RecursionError):
        return {}
    return held if isinstance(held, dict) else {}


def save_figure(figure: Figure, path: str | os.PathLike, dpi: float) -> Path:
    """Write a figure of matplotlib, whole or not at all; the suffix is the format."""
    with WholeFile(path) as whole:
        figure.savefig(whole.file, dpi=dpi, format=Path(path).suffix[1:] or 'png')
    return Path(path)


TEMPORARY = '.part'


def write_atomically(path: str | os.PathLike, content: bytes) -> None:
    """:func:`write_whole` for a checkpoint: the error says how to go on, and a kill leaves at most one partial file."""
    advice = '; the checkpoints before it are whole: free space and go on with --resume'
    write_whole(path, content, Path(f'{os.fspath(path)}{TEMPORARY}'), advice)


_PARTIAL = re.compile(r'\..+\.\d+|.+' + re.escape(TEMPORARY))


@contextmanager
def only_writer(folder: str | os.PathLike) -> Iterator[None]:
    """Hold a folder, so that no second process writes to it. What a killed one has half written there is removed.

    A file system without locks gives the folder to every process, and nothing is removed.

    Args:
        folder: The folder. It exists.

    Raises:
        InputError: If another process holds it.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    held = False
    try:
        try:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            held = True
        except BlockingIOError:
            raise InputError(
                f'{os.fspath(folder)}: another process works in it; wait for its end, or give another folder'
            ) from None
        except (ImportError, OSError):
            pass
        for path in Path(folder).rglob('*') if held else ():
            if _PARTIAL.fullmatch(path.name) and path.is_file():
                path.unlink(missing_ok=True)
        yield
    finally:
        if held:  # a forked worker that lives on has the descriptor, too, and would keep the lock
            with suppress(OSError):
                fcntl.flock(descriptor, fcntl.LOCK_UN)
        os.close(descriptor)


def _sync_folder(folder: Path) -> None:
    """Write a rename to the disk, if the system can open folders."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_exactly(descriptor: int, size: int, offset: int) -> bytes:
    """``pread`` that repeats until all bytes are read or the file ends."""
    data = os.pread(descriptor, size, offset)
    if len(data) == size:
        return data
    buffer = io.BytesIO()
    while data:
        buffer.write(data)
        data = os.pread(descriptor, size - buffer.tell(), offset + buffer.tell())
    return buffer.getvalue()


# First bytes of a torch file that is not a zip archive (torch before 1.6).
_LEGACY_START = pickle.dumps(torch.serialization.MAGIC_NUMBER, protocol=2)

# A file, or the index of the shards of one network.
SAFETENSORS = ('.safetensors', '.safetensors.index.json')


def check_checkpoint(path: str | None) -> None:
    """Refuse a missing or truncated local checkpoint, or another kind of file. torch's own errors do not name the file.

    Raises:
        InputError: If the file is missing, or is no checkpoint of torch.
    """
    if path is None:
        return
    if not osp.isfile(path):
        there = sorted(file.name for file in Path(path).parent.glob('*.pth'))
        hint = f'; in its folder there is {", ".join(there[-5:])}' if there else ''
        raise InputError(f'{path}: no such checkpoint file{hint}')
    if zipfile.is_zipfile(path) or path.endswith(SAFETENSORS):  # that format's own reader checks its length
        return
    with open(path, 'rb') as file:
        start = file.read(len(_LEGACY_START))
    if start != _LEGACY_START:
        raise InputError(
            f'{path}: not a checkpoint of torch, or damaged ({osp.getsize(path)} bytes); copy or download it again'
        )
