"""Finds the videos of a published list in the user's folder."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from ...errors import InputError
from ..recordings.names import named_window, without_window
from ..suffixes import VIDEO_SUFFIXES
from ..video_list import UnlabeledVideoDataset
from .labeled_list import examples, write_lines


class FileIndex:
    """Finds videos and frame folders under a root by their names in a list.

    A name first matches the file of that path. Else it matches a file with another suffix or none (transcoded videos,
    extracted frames). The case of the class folder does not matter, and spaces may replace underscores in it. Of several
    such files, those of the same folder and then of the same suffix go first. Else a name matches the only file of that
    base name (flat folders). The name of a window is that of its recording with its times.

    Args:
        root: Folder to search. It is searched once.

    Raises:
        InputError: If the folder is missing or holds no videos.
    """

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root)
        if not self.root.is_dir():
            raise InputError(f'{root}: no such folder; expected the folder that holds the videos')
        samples = UnlabeledVideoDataset(self.root, lazy_init=True).load_data_list()
        self.paths = [Path(os.path.relpath(sample['filename'], self.root)).as_posix() for sample in samples]
        self._exact = set(self.paths)
        self._by_key: dict[str, list[str]] = defaultdict(list)
        by_base: dict[str, list[str]] = defaultdict(list)
        for path in self.paths:
            self._by_key[_key(path)].append(path)
            by_base[_stem(path)].append(path)
        self._by_base = {base: found[0] for base, found in by_base.items() if len(found) == 1}

    def find(self, name: str, source: str = '') -> str | None:
        """Path of a named video relative to the root with forward slashes, or None. ``source`` says in messages where the
        name stands.

        Raises:
            InputError: If several files differ from the name by their suffix alone, or the times of a window cannot be read.
        """
        if name in self._exact:
            return name
        where = f'{source}: ' if source else ''
        recording = without_window(name)
        if recording != name:
            found = self.find(recording, source)
            if found is not None:
                named_window(name, where)
                found += name.removeprefix(recording)
            return found
        alike = self._by_key.get(_key(name), [])
        for part in (_folder, _suffix):
            alike = [path for path in alike if part(path) == part(name)] or alike
        if len(alike) > 1:
            raise InputError(
                f'{where}{name} may be {" or ".join(alike)} in {self.root}; write the suffix of one, or move the others away'
            )
        return alike[0] if alike else self._by_base.get(_stem(name))

    def each_once(self, names: Sequence[str], found: Sequence[str | None]) -> list[str | None]:
        """What :meth:`find` gives for the names of one list. A base name alone names no file that is another video of the
        list, too: the file would have the labels of both, and be on both sides of a split. A name without a folder is no
        other video.
        """
        files, recordings = ([without_window(name or '') for name in some] for some in (found, names))
        wanted: dict[str, set[str]] = defaultdict(set)
        for name, file in zip(recordings, files):
            wanted[file].add(_key(name))
        return [
            path if len(wanted[file]) < 2 or _key(name) in self._by_key or _folder(name) == '.' else None
            for name, file, path in zip(recordings, files, found)
        ]

    def find_all(
        self, names: Sequence[str], source: str, out: str | Path, max_missing_share: float = 0.0
    ) -> list[str | None]:
        """Paths of all names. Missing names are written to ``out/missing.txt``.

        Args:
            names: Names as the list gives them.
            source: Where the names come from, for messages.
            out: Folder for ``missing.txt``. It is created if it does not exist.
            max_missing_share: Largest tolerated share of missing videos.

        Returns:
            One path per name, None for a missing one.

        Raises:
            InputError: If a name is that of several files, or more are missing. The message gives their number, examples,
                and the content of the folder.
        """
        found = self.each_once(names, [self.find(name, source) for name in names])
        missing = [name for name, path in zip(names, found) if path is None]
        note = Path(out, 'missing.txt')
        note.unlink(missing_ok=True)
        if missing:
            write_lines(note, missing)
        if len(missing) > max_missing_share * len(names):
            unused = sorted(self._exact - {without_window(path) for path in found if path is not None})
            instead = f'; it holds {len(unused)} others, e.g. {unused[0]}' if unused else ''
            allowed = f', {max_missing_share:.0%} may be' if max_missing_share else ''
            raise InputError(
                f'{source}: {len(missing)} of {len(names)} videos are not in {self.root}{allowed}: '
                f'{examples(missing)} (all in {note}){instead}'
            )
        return found


def _stem(name: str) -> str:
    path = PurePosixPath(name)
    return path.stem if path.suffix.lower() in VIDEO_SUFFIXES else path.name


def _folder(name: str) -> str:
    return PurePosixPath(name).parent.as_posix()


def _suffix(name: str) -> str:
    return PurePosixPath(name).suffix.lower()


def _key(name: str) -> str:
    return f'{_folder(name).lower().replace(" ", "_")}/{_stem(name)}'
