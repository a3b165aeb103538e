"""The page of names that a config can use: each with its keys, their types and defaults, and a link to the reference.

The names come from the registries, so a class is on the page as soon as it is registered.
"""

from __future__ import annotations

import ast
import inspect
import itertools
import re
import textwrap
from collections.abc import Iterator
from typing import Any, NamedTuple

import griffe
from docstring_links import ROLE, Names
from mmengine.registry import Registry

from auxskd_mm import registry as registries
from auxskd_mm.datasets.transforms import PretextSampler

SCOPE = 'auxskd_mm'
_NOT_IN_CONFIGS = ('self', 'runner', 'dataloader')  # the Runner gives a loop the last two
_SEE = re.compile(r'See \[`[^`]+`\]\[([^\]]+)\]\.(?: |$)')
_HEAD = f"""# Names in configs

A config names these types as `{SCOPE}.X`, in a place of their kind. Each key of a type is a key of the same `dict`.
The tables hold the keys that a type takes itself, and those that it passes on to its base classes.
MMAction2's and MMEngine's own types keep their names.
"""


class Key(NamedTuple):
    """A key of a type in a config: name, type and default as in Python, description, and the class that takes it.

    ``default`` is None where the key is required.
    """

    name: str
    type: str
    default: str | None
    text: str
    owner: str


class Entry(NamedTuple):
    """A registered name: its kind in the plural, and what it builds."""

    name: str
    kind: str
    built: Any


def entries() -> list[Entry]:
    """Every registered name of the package, as a config finds it, in the order of the kinds and then of the names."""
    found = []
    for registry in vars(registries).values():
        if isinstance(registry, Registry) and registry.scope == SCOPE:
            registry.import_from_location()  # what MMEngine does when a config names a type
            found += [
                Entry(name, _kind(registry.name, built), built)
                for name, built in registry.module_dict.items()
                if built.__module__.startswith(f'{SCOPE}.')
            ]
    return sorted(found, key=lambda one: (one.kind, one.name.lower()))


def _kind(registry: str, built: Any) -> str:
    """Models by their folder, samplers of frames apart from the other transforms."""
    if inspect.isclass(built) and issubclass(built, PretextSampler):
        return 'Samplers of frames'
    folders = built.__module__.split('.')[1:-1]
    kind = registry if registry != 'model' else {'pretext': 'methods'}.get(folders[-1], folders[-1])
    kind = kind.replace('_', ' ').capitalize()
    return kind if kind.endswith('s') else f'{kind}s'


def keys_of(built: Any, names: Names) -> list[Key]:
    """Keys of a type: parameters of its constructor, and of its bases' where it passes ``**kwargs`` on to them.

    Args:
        built: A class or a function.
        names: The package, for the descriptions.
    """
    found: dict[str, Key] = {}
    texts = _descriptions(built, names)  # also where only a base has a constructor
    owners = [one for one in built.__mro__ if '__init__' in vars(one)] if inspect.isclass(built) else [built]
    given: set[str] = set()
    for number, owner in enumerate(owners):
        parameters = inspect.signature(owner.__init__ if inspect.isclass(owner) else owner).parameters.values()
        texts = {**_descriptions(owner, names), **texts}  # the outer class knows best
        for one in parameters:
            hidden = one.name in _NOT_IN_CONFIGS or one.name in given
            if not hidden and one.kind not in (one.VAR_KEYWORD, one.VAR_POSITIONAL):
                found.setdefault(one.name, _key(one, texts, owner))
        passed = _given(owner, owners[number + 1]) if number + 1 < len(owners) else None
        if passed is None:
            break
        given |= passed
    return list(found.values())


def _given(owner: type, base: type) -> set[str] | None:
    """Parameters of a base's constructor that a class sets itself, so that a config cannot. None: it passes nothing on."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(owner.__init__)))  # type: ignore[misc]
    except OSError:  # a class without a source file
        return None
    names = [name for name in inspect.signature(base.__init__).parameters if name != 'self']  # type: ignore[misc]
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == 'super().__init__':
            words = [word.arg for word in node.keywords]
            places = list(itertools.takewhile(lambda value: not isinstance(value, ast.Starred), node.args))
            return {*names[: len(places)], *filter(None, words)} if None in words else None  # None: **kwargs
    return None


def _key(parameter: inspect.Parameter, texts: dict[str, str], owner: Any) -> Key:
    kind, default = parameter.annotation, parameter.default
    return Key(
        parameter.name,
        '' if kind is parameter.empty else kind if isinstance(kind, str) else inspect.formatannotation(kind),
        None if default is parameter.empty else repr(default),
        texts.get(parameter.name, ''),
        owner.__name__,
    )


def _descriptions(owner: Any, names: Names) -> dict[str, str]:
    """What the docstring of a class or function says of each parameter; Google style, as upstream's are too."""
    shown = names.shown.get(f'{owner.__module__}.{owner.__qualname__}')
    plain = ROLE.sub(r'`\2`', inspect.getdoc(owner) or '')  # of another package, which the reference does not show
    docstring = griffe.Docstring(plain) if shown is None else shown.docstring
    if docstring is None:
        return {}
    return {
        one.name: _referred(one.name, ' '.join(one.description.split()), names)
        for section in docstring.parse('google', warnings=False)
        if section.kind is griffe.DocstringSectionKind.parameters
        for one in section.value
    }


def _referred(parameter: str, text: str, names: Names) -> str:
    """A description, with what another class says in the place of ``See :class:`X`.``."""
    match = _SEE.match(text)
    if match is None or (other := names.shown[match[1]].docstring) is None:
        return text
    for section in other.parse('google', warnings=False):
        if section.kind is griffe.DocstringSectionKind.parameters:
            for one in section.value:
                if one.name == parameter:
                    return f'{" ".join(one.description.split())} {text[match.end() :]}'.strip()
    return text


def names_page(names: Names) -> str:
    """Markdown of the page: the names by kind, then each with its keys."""
    kinds: dict[str, list[Entry]] = {}
    for entry in entries():
        kinds.setdefault(entry.kind, []).append(entry)
    table = [
        f'| [{kind}](#{_anchor(kind)}) | {" ".join(f"[`{one.name}`](#{SCOPE}.{one.name})" for one in group)} |'
        for kind, group in kinds.items()
    ]
    parts = [_HEAD, '\n'.join(['| kind | names |', '|---|---|', *table])]
    for kind, group in kinds.items():
        parts.append(f'## {kind} {{#{_anchor(kind)}}}')
        parts += [text for one in group for text in _section(one, names)]
    return '\n\n'.join(parts) + '\n'


def _anchor(kind: str) -> str:
    return kind.lower().replace(' ', '-')


def _section(entry: Entry, names: Names) -> Iterator[str]:
    path = f'{entry.built.__module__}.{entry.built.__qualname__}'
    yield f"### `{SCOPE}.{entry.name}` {{#{SCOPE}.{entry.name} data-toc-label='{entry.name}'}}"
    yield f'{first_line(names.shown[path])} [Reference][{path}]'
    rows = [
        f'| `{one.name}` | {_code(one.type)} | {"required" if one.default is None else _code(one.default)} | {_cell(one)} |'
        for one in keys_of(entry.built, names)
    ]
    if more := _descriptions(entry.built, names).get('kwargs'):
        rows.append(f'| other keys | | | {_escaped(more)} |')
    yield '\n'.join(['| key | type | default | |', '|---|---|---|---|', *rows]) if rows else 'It takes no keys.'


def _code(text: str) -> str:
    return f'`{text}`' if text else ''


def _cell(key: Key) -> str:
    return _escaped(key.text or ('' if key.owner.startswith('_') else f'See `{key.owner}`.'))


def _escaped(text: str) -> str:
    return text.replace('|', '\\|')


def first_line(one: griffe.Object) -> str:
    """First paragraph of a docstring, in one line."""
    text = one.docstring.value.split('\n\n')[0] if one.docstring else ''
    return ' '.join(text.split())
