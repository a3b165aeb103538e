"""What a naming of weights is."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from torch import Tensor

Tensors = Mapping[str, Tensor]
# Tensors of a file and of the model -> the file's tensors under the model's names.
Rename = Callable[[Tensors, Tensors], dict[str, Tensor]]


class Naming(NamedTuple):
    """A naming of weights.

    Attributes:
        title: Whose weights these are, for messages.
        marks: Patterns at the start of a key. A file has this naming if each of them fits at least one key.
        backbone: Backbone that the weights belong to, for messages.
        renames: Functions that give the tensors the names of another network that computes the same.
        fresh: Prefixes of the model's tensors that such a file need not have.
    """

    title: str
    marks: tuple[str, ...]
    backbone: str
    renames: tuple[Rename, ...] = ()
    fresh: tuple[str, ...] = ()

    def recognises(self, keys: Iterable[str]) -> bool:
        """Whether a file with these keys has this naming."""
        keys = list(keys)
        return all(any(re.match(mark, key) for key in keys) for mark in self.marks)


def rename_key(key: str, table: Sequence[tuple[str, str]]) -> str:
    """Rename a key by pairs of pattern and replacement, as for ``re.sub``, one after the other."""
    for pattern, replacement in table:
        key = re.sub(pattern, replacement, key)
    return key


def substitutions(table: Sequence[tuple[str, str]]) -> Rename:
    """Make a function that renames each key as :func:`rename_key` does."""

    def rename(state: Tensors, own: Tensors) -> dict[str, Tensor]:
        return {rename_key(key, table): tensor for key, tensor in state.items()}

    return rename
