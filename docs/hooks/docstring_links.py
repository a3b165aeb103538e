"""Docstrings as Markdown: ``:class:`X` `` becomes a link to X, or plain code where the reference shows no X.

mkdocs.yml names this file as an extension of Griffe, which reads the package without importing it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import griffe

ROLE = re.compile(r':(?:class|func|meth|mod|attr|data|exc|obj):`(~?)([^`]+)`')
# A line that ends in two colons, and the deeper lines below it.
_LITERAL = re.compile(
    r'^(?P<outer> *)(?P<before>\S.*?)?::\n\n(?P<block>(?P<indent>(?P=outer) +)\S.*\n?(?:(?:(?P=indent).*)?(?:\n|\Z))*)',
    re.MULTILINE,
)


class Names:
    """What the reference shows of a package: its public modules, classes, functions and attributes with a docstring.

    Args:
        package: The loaded package.

    Attributes:
        shown: Objects by their full names.
    """

    def __init__(self, package: griffe.Module) -> None:
        self.package = package
        self.shown = {one.path: one for one in _public(package)}
        self._by_name: dict[str, list[str]] = {}
        for path, one in self.shown.items():
            if one.is_class or (one.is_function and one.parent is not None and one.parent.is_module):
                self._by_name.setdefault(one.name, []).append(path)

    def find(self, name: str) -> str | None:
        """Full name of what a name means anywhere in the package; None if it is unknown, ambiguous or not shown.

        Args:
            name: A full name, also one that a package passes on (``auxskd_mm.models.VSPPHead``); a class or function by
                itself (``VSPPHead``); or a member of a class (``VSPPHead.loss``).
        """
        return self._if_shown(self._anywhere(name.split('.')))

    def find_from(self, scope: griffe.Object, name: str) -> str | None:
        """Full name of what a name means in a docstring, None if the reference does not show it.

        Args:
            scope: The object that has the docstring.
            name: As it is written there.
        """
        return self._if_shown(self.meant(scope, name))

    def meant(self, scope: griffe.Object, name: str) -> griffe.Object | None:
        """What a name means in a docstring: a member, a neighbour, an import, a module beside it, or any unique name.

        Args:
            scope: The object that has the docstring.
            name: As it is written there. ``.x`` is a module of the same folder.
        """
        parts = name.lstrip('.').split('.')
        owner: griffe.Object | None = scope
        while owner is not None:
            if not owner.is_function and (found := _member(owner, parts)) is not None:
                return found
            if owner.is_module and (owner.is_init_module or not name.startswith('.')):
                break
            owner = owner.parent
        folder = scope.module if scope.module.is_init_module else scope.module.parent
        return (folder and _member(folder, parts)) or self._anywhere(parts)

    def _anywhere(self, parts: list[str]) -> griffe.Object | None:
        if parts[0] == self.package.name:
            return _member(self.package, parts[1:])
        paths = self._by_name.get(parts[0], [])
        return _member(self.shown[paths[0]], parts[1:]) if len(paths) == 1 else None

    def _if_shown(self, one: griffe.Object | None) -> str | None:
        return one.path if one is not None and one.path in self.shown else None


def _member(owner: griffe.Object, parts: list[str]) -> griffe.Object | None:
    """A member, an inherited one too, under its own name."""
    one: griffe.Object | griffe.Alias = owner
    try:
        for part in parts:
            one = one.all_members[part]
        return one.final_target if isinstance(one, griffe.Alias) else one
    except (KeyError, griffe.GriffeError):
        return None


def _public(one: griffe.Object) -> Iterator[griffe.Object]:
    if one.has_docstring:
        yield one
    for name, member in one.members.items():
        if not isinstance(member, griffe.Alias) and not name.startswith('_') and not one.is_function:
            yield from _public(member)


def as_markdown(text: str, scope: griffe.Object, names: Names) -> str:
    """Turn the roles, the example and the literal blocks of a docstring into Markdown as griffe reads it.

    Args:
        text: Docstring.
        scope: The object that has it.
        names: What can be linked to.
    """

    def link(match: re.Match[str]) -> str:
        name = ''.join(match[2].split())  # a long name may go over two lines
        written = name.rsplit('.', 1)[-1] if match[1] else name.lstrip('.')
        path = names.find_from(scope, name)
        return f'`{written}`' if path is None else f'[`{written}`][{path}]'

    text = re.sub(r'^( *)Example:$', r'\1Examples:', ROLE.sub(link, text), flags=re.MULTILINE)
    return _LITERAL.sub(_fence, text)


def _fence(match: re.Match[str]) -> str:
    before, indent, block = match['before'], match['indent'], match['block']
    lines = [line[len(indent) :] for line in block.rstrip('\n').split('\n')]
    outer = match['outer']
    head = f'{outer}{before}:\n\n' if before else ''
    return head + '\n'.join(f'{outer}{line}' for line in ('```text', *lines, '```')) + '\n\n'


class DocstringLinks(griffe.Extension):
    """Griffe calls this when it has read the whole package, and before a docstring is parsed."""

    def on_package(self, *, pkg: griffe.Module, loader: griffe.GriffeLoader, **kwargs: Any) -> None:
        """Replace the roles in the docstrings that the reference shows."""
        names = Names(pkg)
        for one in names.shown.values():
            if one.docstring is not None:
                one.docstring.value = as_markdown(one.docstring.value, one, names)
