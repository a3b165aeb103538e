"""Crafted checkpoints, loaded and used one by one. Prints what became of them; a crash ends this process.

A file is written by pickling recorders: objects that stand for a class or function by name, with any arguments and state.
"""

import io
import itertools
import json
import pickle
import random
import struct
import sys
import zipfile
from contextlib import suppress
from pathlib import Path

import numpy as np
import torch
from mmengine.logging import HistoryBuffer

import auxskd_mm  # noqa: F401  admits what older checkpoints hold

CORE = 'numpy._core.multiarray' if hasattr(np, '_core') else 'numpy.core.multiarray'


class Name:
    """A global by its name."""

    def __init__(self, module, name):
        self.module, self.name = module, name


class Call:
    """REDUCE of a global, then BUILD with a state."""

    def __init__(self, function, *args, state=None, new=False):
        self.function, self.args, self.state, self.new = function, args, state, new


class Writer(pickle._Pickler):
    """Protocol 2, as torch writes it."""

    def save(self, value, save_persistent_id=True):
        if isinstance(value, Name):
            self.write(b'c' + f'{value.module}\n{value.name}\n'.encode())
        elif isinstance(value, Call):
            self.save(value.function)
            self.save(value.args)
            self.write(pickle.NEWOBJ if value.new else pickle.REDUCE)
            if value.state is not None:
                self.save(value.state)
                self.write(pickle.BUILD)
        else:
            super().save(value, save_persistent_id)


def write(path, content, data=None):
    """A torch file around a pickle."""
    if data is None:
        stream = io.BytesIO()
        Writer(stream, 2).dump(content)
        data = stream.getvalue()
    with zipfile.ZipFile(path, 'w') as file:
        file.writestr('a/data.pkl', data)
        file.writestr('a/version', '3\n')
        file.writestr('a/byteorder', 'little')
    return data


DTYPE, ARRAY, HISTORY = (
    Name('numpy', 'dtype'),
    Name('numpy', 'ndarray'),
    Name(HistoryBuffer.__module__, 'HistoryBuffer'),
)
RECONSTRUCT, SCALAR, GETATTR = Name(CORE, '_reconstruct'), Name(CORE, 'scalar'), Name('builtins', 'getattr')
PLAIN = (3, '<', None, None, None, -1, -1, 0)


def dtype(name='f8', state=PLAIN, *args, new=False):
    return Call(DTYPE, name, *(args or (False, True)), state=state, new=new)


def array(kind=None, shape=(2,), data=bytes(16), fortran=False, version=1, make=None):
    made = make or (ARRAY, (0,), b'b')
    return Call(RECONSTRUCT, *made, state=(version, shape, kind or dtype(), fortran, data))


def history(values=None, counts=None, **state):
    return Call(
        HISTORY,
        new=True,
        state=dict(dict(_log_history=values or array(), _count_history=counts or array(), max_length=10), **state),
    )


def crafted():
    """Contents that must be refused, each with a word on what is wrong."""
    objects = dtype('O8', (3, '|', None, None, None, -1, -1, 63))
    names = [
        'O',
        'O8',
        'V8',
        'V0',
        'S8',
        'U2',
        'M8[ns]',
        'm8',
        'f8,f8',
        '2f8',
        '(2,)f8',
        'f16',
        'i3',
        'f8\n',
        'g',
        '',
        'x',
    ]
    yield from ((f'name {name!r}', array(dtype(name), data=bytes(16))) for name in names)
    for other in (None, 3, ['f8'], [('a', 'O')], {'names': ['a'], 'formats': ['O']}, ('f8', (2,)), objects, ARRAY):
        yield f'name {type(other).__name__}', array(Call(DTYPE, other, False, True, state=PLAIN))
    parts = (objects, ('f8', (2,)), (objects, (2,)), (objects, (2**40,)), {}, ('a',), 'a', 1, -2, 2**62, 63, 255, b'x')
    for place, part in itertools.product(range(2, 8), parts):
        state = (*PLAIN[:place], part, *PLAIN[place + 1 :])
        for use in (array, history):
            made = array(dtype('f8', state))
            yield f'state[{place}]', made if use is array else history(made, made)
    # A number that NumPy takes for objects, and would follow as addresses.
    bare = Call(DTYPE, 'O8', False, True)
    for sub, size, flags, order in itertools.product(((bare, (1,)), (bare, (2,)), None), (8, 16, -1), (0, 1, 63), '<|'):
        if sub is not None or size == 16 or flags:
            state = (3, order, sub, None, None, size, 8, flags)
            yield 'sub-dtype', array(dtype('f8', state), (2,), b'A' * 16)
            yield 'sub-dtype', history(array(dtype('f8', state), (2,), b'A' * 16), array())
    for state in ((), (3,), PLAIN[:5], (*PLAIN, {}), (*PLAIN, 0, 0), list(PLAIN), {'dtype': objects}, 'x', 7):
        yield 'state shape', array(dtype('f8', state))
    for order in ('', '<>', 'x', '<=', None, 3, b'<', [], 'little'):
        yield 'byte order', array(dtype('f8', (3, order, *PLAIN[2:])))
    shapes = [
        (3,),
        (1,),
        (-2,),
        (2**62,),
        (2**31, 2**31),
        (2**63, 2),
        (2.0,),
        ([2],),
        [2],
        2,
        None,
        'ab',
        (2, -1, -1),
        (1,) * 40 + (2,),
        (True, 2),
        (2**47, 2**47, 0),
    ]
    yield from (('shape', array(shape=shape)) for shape in shapes)
    for data in (b'', bytes(15), bytes(17), '0' * 16, None, [objects] * 2, [1.0, 2.0], 16, bytearray(16)):
        yield 'data', array(data=data)
        yield 'data of objects', array(objects, data=data)
    for make in (
        (ARRAY, (2**40,), b'b'),
        (ARRAY, (2,), b'O'),
        (ARRAY, (0,), b'O'),
        (HISTORY, (0,), b'b'),
        (dtype(), (0,), b'b'),
        (Name('builtins', 'list'), (0,), b'b'),
        (Name('torch', 'Tensor'), (0,), b'b'),
        (ARRAY, 2**40, b'b'),
    ):
        yield 'reconstruct', array(make=make)
    for new in (True, False):
        for args in (((2**40,),), ((2,), objects), ((2,), dtype(), bytes(16)), ((2,), dtype('O'), bytes(16), 0, None)):
            yield 'array by constructor', Call(ARRAY, *args, new=new)
    for kind, data in itertools.product((dtype(), dtype('f4'), objects), (b'', bytes(4), bytes(16), '0', None)):
        if data != bytes(8):
            yield 'scalar', Call(SCALAR, kind, data) if data != bytes(4) else Call(SCALAR, dtype(), data)
    for kind in (None, 'f8', ARRAY, [], np.pi):
        yield 'scalar without a type', Call(SCALAR, kind, bytes(8))
        yield 'array without a type', Call(RECONSTRUCT, ARRAY, (0,), b'b', state=(1, (2,), kind, False, bytes(16)))
    for rows in ([1.0], 'x', 3, dtype(), array(shape=(1, 2)), array(dtype('c16'), (1,), bytes(16))):
        yield 'history', history(rows, rows)
    yield 'history lengths', history(array(), array(shape=(1,), data=bytes(8)))
    for length in (0, -1, None, '5', 2.0, [], dtype()):
        yield 'history length', history(max_length=length)
    yield 'history by arguments', Call(HISTORY, array(), array(), 5)
    yield 'history by arguments', Call(HISTORY, array(), new=True)
    for state in ((), [], 'x', 3, array(), {'_log_history': array()}):
        yield 'history state', Call(HISTORY, new=True, state=state)
    for owner, name in (
        (HISTORY, '__init__'),
        (HISTORY, 'update'),
        (HISTORY, '__class__'),
        (HISTORY, '__reduce_ex__'),
        (ARRAY, 'mean'),
        (ARRAY, 'tofile'),
        (DTYPE, 'dtype'),
        (GETATTR, '__globals__'),
        (RECONSTRUCT, '__globals__'),
    ):
        yield 'getattr', Call(GETATTR, owner, name)
    yield 'method of a history', Call(Call(GETATTR, HISTORY, 'mean'), history())
    for module, name in (
        ('os', 'system'),
        ('posix', 'system'),
        ('builtins', 'eval'),
        ('builtins', 'exec'),
        ('builtins', '__import__'),
        ('subprocess', 'Popen'),
        ('numpy', 'load'),
        ('numpy', 'fromfile'),
        ('numpy', 'memmap'),
        ('pickle', 'loads'),
        (CORE, 'fromfile'),
        (CORE, '_vec_string'),
        ('numpy._core.numeric', '_frombuffer'),
        ('ctypes', 'CDLL'),
        ('numpy.lib.format', 'read_array'),
        ('auxskd_mm.compat.checkpoints', '_history_method'),
        ('torch', 'load'),
        ('auxskd_mm.plain_data', 'from_plain'),
        ('numpy.f2py', 'main'),
        ('copyreg', '_reconstructor'),
    ):
        yield f'{module}.{name}', Call(Name(module, name), 'touch ran')


def twice_built():
    """One array built twice, the first state in use by a history."""
    one = array(shape=(1000,), data=bytes(8000))
    stream = io.BytesIO()
    writer = Writer(stream, 2)
    writer.write(pickle.PROTO + b'\x02')
    writer.save(one)
    writer.write(pickle.BINPUT + b'\xf0')
    writer.save(history(counts=array(shape=(1000,), data=bytes(8000))))
    data = stream.getvalue()
    return (
        data
        + pickle.POP
        + pickle.BINGET
        + b'\xf0'
        + _pickled((1, (1,), dtype(), False, bytes(8)))
        + pickle.BUILD
        + b'.'
    )


def _pickled(value):
    stream = io.BytesIO()
    writer = Writer(stream, 2)
    writer.fast = True
    writer.save(value)
    return stream.getvalue()


def use(value, depth=0):
    """Touch everything as a resumed run would, and more."""
    if isinstance(value, HistoryBuffer):
        for name in ('mean', 'min', 'max', 'current'):
            try:
                value.statistics(name)
            except Exception:
                continue
        value.update(1.0)
    elif isinstance(value, np.ndarray):
        value.tolist(), value.copy(), value.sum() if value.size else None
        assert not value.dtype.hasobject
        assert value.dtype.fields is None
    elif isinstance(value, dict) and depth < 50:
        for key in value:
            use(value[key], depth + 1)
    elif isinstance(value, (list, tuple)) and depth < 50:
        for item in value:
            use(item, depth + 1)


def mutants(honest, count, seed=0):
    """Bytes of honest pickles with changes at random: opcodes, numbers, names."""
    draw = random.Random(seed)
    tokens = [
        b'f8',
        b'O8',
        b'|',
        b'<',
        b'(',
        b't',
        b'R',
        b'b',
        b'\x81',
        b'N',
        b'K\x00',
        b'K\xff',
        b'J\xff\xff\xff\x7f',
        b'M\xff\xff',
        b'h\x01',
        b'q\x01',
        b'0',
        b'.',
        b'}',
        b']',
        b's',
        b'u',
        b'e',
        b'\x85',
        b'\x86',
        b'\x87',
        b'\x88',
        struct.pack('<d', 1e300),
    ]
    for number in range(count):
        data = bytearray(draw.choice(honest))
        for _ in range(draw.choice((1, 1, 2, 4))):
            place = draw.randrange(2, len(data))
            kind = draw.randrange(3)
            if kind == 0:
                data[place] = draw.randrange(256)
            elif kind == 1:
                token = draw.choice(tokens)
                data[place : place + len(token)] = token
            else:
                data[place:place] = draw.choice(tokens)
        yield f'mutant {number}', bytes(data)


def main(folder):
    path = folder / 'a.pth'
    counts = dict(tried=0, refused=0, harmless=0, crafted_loaded=[], honest_refused=[])

    def load(data=None, content=None):
        write(path, content, data)
        try:
            value = torch.load(path, weights_only=True)
        except Exception:  # whatever it says, nothing ran
            return False
        with suppress(Exception):
            use(value)
        return True

    honest = [
        write(path, content)
        for content in (
            array(),
            history(),
            dict(a=array(dtype('>i4', (3, '>', *PLAIN[2:])), (2, 2)), b=Call(SCALAR, dtype(), bytes(8))),
            dict(h=history(statistics_methods=dict(mean=Call(GETATTR, HISTORY, 'mean')))),
            array(dtype('b1', (3, '|', *PLAIN[2:])), (16,)),
        )
    ]
    counts['honest_refused'] = [number for number, data in enumerate(honest) if not load(data)]
    for what, content in crafted():
        loaded = load(content=content)
        counts['tried'] += 1
        counts['refused'] += not loaded
        if loaded:
            counts['crafted_loaded'].append(what)
    for what, data in [('twice', twice_built()), *mutants(honest, 600)]:
        loaded = load(data)
        counts['tried'] += 1
        counts['harmless' if loaded else 'refused'] += 1
        if loaded and what == 'twice':
            counts['crafted_loaded'].append(what)
    print(json.dumps(counts))


if __name__ == '__main__':
    main(Path(sys.argv[1]))
