"""What a naming of weights is."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from torch import Tensor

Tensors = Mapping[str, Tensor]
# Tensors of a file and of the model -> the file's tensors under the model's names.
Rename = Callable[[Tensors, Tensors], dict[str, Tensor]]


class Naming(NamedTuple):
    """A naming of weights.

    Attributes:
        title: Whose weights these are, for messages.
        marks: Patterns at the start of a key. A file has this naming if each of them fits at least one key. A pattern
            may come with the number of dimensions of that tensor.
        backbone: Backbone that the weights belong to, for messages.
        renames: Functions that give the tensors the names of another network that computes the same.
        fresh: Prefixes of the model's tensors that such a file need not have.
    """

    title: str
    marks: tuple[str | tuple[str, int], ...]
    backbone: str
    renames: tuple[Rename, ...] = ()
    fresh: tuple[str, ...] = ()

    def recognises(self, state: Tensors) -> bool:
        """Whether a file with these tensors has this naming."""
        return all(any(_marked(mark, key, value) for key, value in state.items()) for mark in self.marks)


def _marked(mark: str | tuple[str, int], key: str, value: Tensor) -> bool:
    """Whether a mark fits a tensor."""
    pattern, dimensions = (mark, value.ndim) if isinstance(mark, str) else mark
    return value.ndim == dimensions and re.match(pattern, key) is not None


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
