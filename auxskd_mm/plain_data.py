"""Checkpoints as plain data: tensors and Python's own types when saving, checked numbers when an older file is read.

A pickled NumPy array names a type and passes a state to it. A crafted state makes NumPy read invalid memory. So files of
:class:`AtomicCheckpointHook` hold no NumPy objects. For files of MMEngine's own hook, the classes below replace
NumPy's. They take the same arguments, accept only plain numbers, and return real NumPy objects.
"""

from __future__ import annotations

import math
import re
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.logging import HistoryBuffer, print_log

from .errors import InputError

_HISTORY, _ARRAY = '__history__', '__array__'
_NUMBERS = re.compile(r'[<>=|]?(b1|[iu][1248]|f[248]|c8|c16|\?)')
_NO_PARTS = (None, None, None, -1, -1)  # of a dtype's state: sub-dtype, names, fields, size, alignment
_PLAIN = (type(None), bool, int, float, complex, str, bytes, torch.Tensor, torch.Size, torch.dtype, torch.device)


def to_plain(value: object, where: str = 'checkpoint') -> Any:
    """Convert NumPy objects and ``HistoryBuffer`` in a value to lists. :func:`from_plain` restores equal objects.

    An object without such parts is returned unchanged, so a ``state_dict`` keeps its metadata.

    Args:
        value: Any value. If a dict holds an object of another class, that entry is left out, with a line in the log.
        where: Key of the value, for that line.
    """
    if isinstance(value, HistoryBuffer):
        values, counts = value.data
        return {_HISTORY: [to_plain(values), to_plain(counts)], 'max_length': int(value.max_length)}
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray) and value.dtype.kind in 'biufcSU':
        return {_ARRAY: value.ravel().tolist(), 'dtype': value.dtype.str, 'shape': list(value.shape)}
    if isinstance(value, Mapping):
        changed = {_plain_key(key): to_plain(item, f'{where}.{key}') for key, item in value.items()}
        kept = {key: item for key, item in changed.items() if item is not _LEFT_OUT}
        same = len(kept) == len(value) and all(new is old for new, old in zip(kept.values(), value.values()))
        plain_keys = not any(isinstance(key, np.generic) for key in value)
        return value if same and plain_keys and type(value) in (dict, OrderedDict) else kept
    if isinstance(value, (list, tuple, set, frozenset)) and not isinstance(value, torch.Size):
        items = [to_plain(item, where) for item in value]
        items = [None if item is _LEFT_OUT else item for item in items]
        if type(value) in (list, tuple) and all(new is old for new, old in zip(items, value)):
            return value
        return (
            tuple(items) if isinstance(value, tuple) else set(items) if isinstance(value, (set, frozenset)) else items
        )
    if isinstance(value, Path):
        return str(value)
    for kind in (bool, int, float, str):  # an enumeration of numbers or words, and other subclasses
        if isinstance(value, kind):
            return value if type(value) is kind else kind(value)
    if isinstance(value, _PLAIN):
        return value
    print_log(f'{where}: left out of the checkpoint, a {type(value).__name__} is no plain data', 'current', 30)
    return _LEFT_OUT


_LEFT_OUT = object()


def _plain_key(key: object) -> Any:
    return key.item() if isinstance(key, np.generic) else key


def from_plain(value: Any) -> Any:
    """The inverse of :func:`to_plain`.

    Raises:
        InputError: If an array's description does not fit its numbers.
    """
    if isinstance(value, Mapping):
        if _HISTORY in value:
            values, counts = (from_plain(part) for part in value[_HISTORY])
            return _history(values, counts, value.get('max_length'))
        if _ARRAY in value:
            return _array(value)
        items = {key: from_plain(item) for key, item in value.items()}
        return value if all(items[key] is item for key, item in value.items()) else items
    if type(value) in (list, tuple):
        parts = [from_plain(item) for item in value]
        return value if all(new is old for new, old in zip(parts, value)) else type(value)(parts)
    return value


def _array(value: Mapping[str, Any]) -> np.ndarray:
    name = str(value.get('dtype'))
    if not (_NUMBERS.fullmatch(name) or re.fullmatch(r'[<>=|]?[SU]\d{1,6}', name)):
        raise _hostile(f'an array of {name!r}')
    try:
        return np.array(value[_ARRAY], dtype=name).reshape([int(size) for size in value['shape']])
    except (KeyError, ValueError, TypeError, OverflowError):
        raise _hostile('an array whose numbers do not fit its shape') from None


def _history(values: Any, counts: Any, max_length: object) -> HistoryBuffer:
    for part in (values, counts):
        if not isinstance(part, np.ndarray) or part.ndim != 1 or part.dtype.kind not in 'biuf':
            raise _hostile('a log history that is no row of numbers')
    if len(values) != len(counts) or type(max_length) is not int or max_length < 1:
        raise _hostile('a log history whose counts do not fit')
    history = HistoryBuffer(max_length=max_length)
    history._log_history, history._count_history = np.array(values), np.array(counts)
    return history


def _hostile(what: str) -> InputError:
    return InputError(f'the checkpoint holds {what}; it is not one that MMEngine wrote, do not trust it')


class PlainDtype:
    """Replaces ``numpy.dtype`` and accepts only numbers of a fixed size and byte order.

    Args:
        name: Name of the type, such as ``'f8'``.
        align: Argument that NumPy writes. It must be False or 0.
        copy: Argument that NumPy writes. It has no effect here.
    """

    def __init__(self, name: object, align: object = False, copy: object = True) -> None:
        if not isinstance(name, str) or not _NUMBERS.fullmatch(name) or align not in (False, 0):
            raise _hostile(f'an array of {str(name)[:40]!r}')
        self.dtype = np.dtype(name)

    def __setstate__(self, state: object) -> None:
        """Take ``(version, byte order, None, None, None, -1, -1, 0)``; see ``_NO_PARTS``."""
        if not hasattr(self, 'dtype') or type(state) is not tuple or len(state) < 7:
            raise _hostile('a dtype with a state that is none')
        order = state[1]
        if type(order) is not str or order not in tuple('<>=|') or state[2:] not in (_NO_PARTS, (*_NO_PARTS, 0)):
            raise _hostile('a dtype of parts, not of numbers')
        self.dtype = self.dtype.newbyteorder(order)  # type: ignore[arg-type]  # order is checked above


class PlainArray(np.ndarray):
    """Replaces ``numpy.ndarray``. It is empty until it gets a state of plain numbers."""

    def __new__(cls, *args: object) -> PlainArray:
        """An empty array; NumPy's arguments (shape, dtype, buffer) are refused."""
        if args:
            raise _hostile('an array by its buffer')
        return super().__new__(cls, (0,), np.int8)

    def __setstate__(self, state: object) -> None:
        """Take ``(version, shape, dtype, Fortran order, bytes)`` if all values are consistent."""
        if type(state) is not tuple or len(state) != 5 or self.__dict__:  # a second state would free what others read
            raise _hostile('an array with a state that is none')
        _, shape, dtype, fortran, data = state
        known = _known(dtype)
        sizes = type(shape) is tuple and len(shape) <= 32 and all(type(n) is int and 0 <= n < 2**48 for n in shape)
        if not sizes or type(data) is not bytes or len(data) != math.prod(shape) * known.itemsize:
            raise _hostile('an array whose bytes do not fit its shape')
        super().__setstate__((1, shape, known, bool(fortran), data))  # type: ignore[arg-type]  # checked above
        self.whole = True


PlainArray.__name__ = 'ndarray'  # name in messages about a file


class PlainHistory(HistoryBuffer):
    """Replaces ``HistoryBuffer``, which would accept any attribute and any statistics from a file."""

    def __new__(cls) -> PlainHistory:
        """An empty history; arguments are refused."""
        history = super().__new__(cls)
        history.__init__()  # type: ignore[misc]  # of this very class, whose unpickling leaves it out
        return history

    def __setstate__(self, state: object) -> None:
        """Take the two rows of numbers and their greatest length, and become a ``HistoryBuffer``."""
        if not isinstance(state, dict):
            raise _hostile('a log history with a state that is none')
        rows = (state.get('_log_history'), state.get('_count_history'))
        self.__dict__.clear()
        self.__dict__.update(_history(*rows, state.get('max_length')).__dict__)
        self.__class__ = HistoryBuffer  # type: ignore[assignment]  # the layouts are equal


def reconstruct(kind: object, shape: object, typecode: object) -> PlainArray:
    """Replaces ``numpy.core.multiarray._reconstruct``."""
    if kind is not PlainArray or shape != (0,) or typecode not in (b'b', 'b'):
        raise _hostile('an array of a class of its own')
    return PlainArray()


def scalar(dtype: object, data: object = None) -> np.generic:
    """Replaces ``numpy.core.multiarray.scalar``."""
    known = _known(dtype)
    if type(data) is not bytes or len(data) != known.itemsize:
        raise _hostile('a number whose bytes do not fit its type')
    return np.frombuffer(data, known)[0]


def _known(dtype: object) -> np.dtype:
    if not isinstance(dtype, PlainDtype) or not hasattr(dtype, 'dtype'):
        raise _hostile('numbers without a type')
    return dtype.dtype


def safe_globals() -> list[Any]:
    """Return the stand-ins by name that ``torch.load(weights_only=True)`` needs for MMEngine's own checkpoints."""
    named: list[Any] = [
        (PlainHistory, 'mmengine.logging.history_buffer.HistoryBuffer'),
        (PlainArray, 'numpy.ndarray'),
        (PlainDtype, 'numpy.dtype'),
    ]
    for core in ('core', '_core'):  # NumPy 1 and 2
        named += [
            (reconstruct, f'numpy.{core}.multiarray._reconstruct'),
            (scalar, f'numpy.{core}.multiarray.scalar'),
        ]
    return named
