"""Values of ``--cfg-options``. The type of a value depends on the value that it replaces."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from mmengine.logging import print_log

from ...errors import InputError
from .merge import MISSING, at, path_of, same
from .source import read_source, source_of, without_numpy

if TYPE_CHECKING:
    from ...typing import ConfigLike

_INTEGER = re.compile(r'[+-]?(0|[1-9]\d*)')
_FLOAT = re.compile(r'[+-]?((\d+\.\d*|\.\d+)([eE][+-]?\d+)?|\d+[eE][+-]?\d+)')
# Keys that hold a path or a name wherever they stand, also where the config has None or nothing.
_TEXTS = frozenset(
    (
        'load_from',
        'work_dir',
        'experiment_name',
        'pretrained',
        'checkpoint',
        'source',
        'ann_file',
        'data_root',
        'save_to',
    )
)
# Of these, keys whose `None` is the usual way to switch them off: the text None means no value, not a file of that name.
_OPTIONAL = frozenset(('load_from', 'pretrained', 'init_cfg', 'work_dir', 'save_to'))


class Overrides(dict):
    """Overrides by dotted key, as the command line gives them.

    The values are the texts, read without knowledge of the config. :meth:`fit` reads the texts again for a config.

    Attributes:
        texts: Text for each key that was written as ``key=text``.
        merged: Values of the last merge by :func:`auxskd_mm.config.load.load_config`.
    """

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.texts: dict[str, str] = {}
        self.merged: dict[str, Any] = {}

    @classmethod
    def read(cls, words: Iterable[str]) -> Overrides:
        """Read ``key=text`` (see :func:`read_text`) and ``key:=value`` (a Python or JSON value).

        Raises:
            ValueError: For a word of another form.
        """
        options = cls()
        for word in words:
            key, equals, text = word.partition('=')
            key = key.strip()
            if not equals or not key.strip(': '):
                raise ValueError(word)
            literal, key = key.endswith(':'), key.removesuffix(':')
            options.pop(key, None)  # what comes last is merged last
            options.texts.pop(key, None)
            options[key] = _read_literal(text) if literal else read_text(text, key=key)
            if not literal:
                options.texts[key] = text
        return options

    def fit(self, config: ConfigLike) -> dict[str, Any]:
        """Return the values for a config. A text that replaces a string does not change.

        Raises:
            InputError: If an empty dict is to replace a dict that is not empty. It would be merged and change nothing.
        """
        values = dict(self)
        for key, text in self.texts.items():
            replaced = value_at(config, key)
            value = read_text(text, replaced, key)
            if value == {} and isinstance(replaced, Mapping) and replaced:
                raise InputError(
                    f"--cfg-options {key}={{}}: an empty dict is merged and changes nothing; {key}={{'_delete_':True}} empties it"
                )
            # {0: ...} is of places in a list, and any other dict takes the place of the list.
            if isinstance(value, dict) and not isinstance(replaced, Mapping):
                places = isinstance(replaced, list) and value and all(str(name).isdecimal() for name in value)
                value = value if places else {**value, '_delete_': True}
            values[key] = value
            try:
                alone = read_text(text)
            except ValueError:  # a name such as '{last}.pth'
                continue
            if isinstance(value, str) and isinstance(replaced, str) and not isinstance(alone, str):
                print_log(
                    f'--cfg-options {key}: it replaces the string {replaced!r}, so {value!r} is taken as text; write '
                    f'{key}:={alone!r} for what is no text',
                    'current',
                    logging.WARNING,
                )
        return values


def value_at(config: ConfigLike, key: str, default: object = MISSING) -> Any:
    """Return the value for a dotted key of a config, such as ``'model.cls_head.type'``. ``default`` if it is missing."""
    found = at(config, path_of(config, key))
    return default if found is MISSING else found


def read_text(text: str, replaced: object = MISSING, key: str = '') -> Any:
    """Read the value from a text of the command line.

    Args:
        text: Text after ``key=``. One pair of quotes around it is removed and makes the value a string.
        replaced: Value that the text replaces. If it is a string, the text is taken literally as a string. Otherwise a
            text of a clear form is a number, True, False, None, a list ``[a,b]`` or ``a,b``, a tuple ``(a,b)`` or a dict
            ``{...}`` or ``dict(...)``.
        key: Dotted key. Keys such as ``load_from`` always hold strings.

    Raises:
        ValueError: If brackets do not close.
    """
    name = key.rpartition('.')[2]
    if len(text) > 1 and text[0] in '\'"' and text[-1] == text[0] and text[0] not in text[1:-1]:
        return text[1:-1]
    if name in _OPTIONAL and text == 'None':
        return None
    if isinstance(replaced, str) or (name in _TEXTS and (replaced is None or replaced is MISSING)):
        return text
    bare = text.strip()
    words = {'true': True, 'false': False}
    if bare == 'None' or bare.lower() in words:
        return words.get(bare.lower())
    if _INTEGER.fullmatch(bare):
        return int(bare)
    if _FLOAT.fullmatch(bare):
        return float(bare)
    if isinstance(replaced, (int, float)) and not isinstance(replaced, bool):
        for kind in (int, float):  # 007, 1_000, inf
            try:
                return kind(bare)
            except ValueError:
                continue
    return _read_brackets(bare, text, replaced)


def _read_brackets(bare: str, text: str, replaced: object) -> Any:
    if bare.startswith(('{', 'dict(')):
        try:
            return _read_literal(bare)
        except ValueError:
            if bare[-1:] != '}':
                raise
            return text
    items = replaced if isinstance(replaced, (list, tuple)) else ()
    like = '' if items and all(isinstance(item, str) for item in items) else MISSING
    for opening, closing, kind in (('[', ']', list), ('(', ')', tuple)):
        if bare[:1] == opening and bare[-1:] == closing and _closes_last(bare):
            return kind(read_text(item, like) for item in _split(bare[1:-1]))
    if ',' not in bare and bare[:1] not in ('(', '['):
        return text
    try:
        parts = _split(bare)
    except ValueError:
        if bare[:1] in ('(', '['):
            raise
        return text
    if ',' in bare and len(parts) + bare.endswith(',') > 1:
        return [read_text(item, like) for item in parts]
    return text


def _read_literal(text: str) -> Any:
    """A Python value (``(1, None)``) or, with its own words, a JSON one (``[1, null]``)."""
    try:
        return read_source(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            raise ValueError(text) from None


def _split(text: str) -> list[str]:
    """Split at commas outside brackets and quotes, and strip blanks around the parts.

    Raises:
        ValueError: If brackets do not close.
    """
    parts, depth, quote = [''], 0, ''
    for char in text:
        if quote:
            quote = '' if char == quote else quote
        elif char in '\'"' and not parts[-1].strip():
            quote = char
        elif char in '([{':
            depth += 1
        elif char in ')]}':
            depth -= 1
        if depth < 0:
            raise ValueError(text)
        if char == ',' and not depth and not quote:
            parts.append('')
        else:
            parts[-1] += char
    if depth:
        raise ValueError(text)
    parts = [part.strip() for part in parts]
    return parts[:-1] if not parts[-1] else parts


def _closes_last(text: str) -> bool:
    """Whether the bracket that opens a text closes at its end, unlike that of ``(1,2),(3,4)``."""
    depth = 0
    for place, char in enumerate(text):
        depth += (char in '([{') - (char in ')]}')
        if not depth:
            return place == len(text) - 1
    return False


def read_options_file(path: str) -> Overrides:
    """Overrides of a file that :func:`options_text` made.

    Raises:
        InputError: If the file is missing or of another form.
    """
    try:
        with open(path, encoding='utf-8') as file:
            content = read_source(file.read())
    except OSError as error:
        raise InputError(f'--cfg-file {path}: cannot be read ({error.strerror})') from None
    except (ValueError, SyntaxError):
        content = None
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise InputError(f"--cfg-file {path}: expected one Python dict of literals, {{'key.of.config': value, ...}}")
    return Overrides(content)


def options_text(options: Mapping[str, Any]) -> str:
    """Write overrides as the content of a file for ``--cfg-file``: one Python dict of literals, exact to the bit.

    Raises:
        InputError: If a value is not a number, string, boolean, None, list, tuple or dict.
    """
    lines = []
    for key, value in options.items():
        plain = _plain(value)
        text = source_of(plain, key)
        try:
            readable = same(read_source(text), plain)
        except (ValueError, SyntaxError):  # a range, which only code makes
            readable = False
        if not readable:
            raise InputError(f'{key}={value!r}: an override must be made of numbers, strings, lists, tuples and dicts')
        lines.append(f'    {key!r}: {text},\n')
    return '{\n' + ''.join(lines) + '}\n'


def _plain(value: object) -> Any:
    value = without_numpy(value)
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(map(_plain, value)) if type(value) in (list, tuple) else list(map(_plain, value))
    return str(value) if isinstance(value, str) else value
