"""The site's reference: a page for each folder of the package, and links from the guides to it.

The pages come from the folders and docstrings that are there when the site is built, so a new module is in no list.
mkdocstrings renders the docstrings.
"""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import griffe
from docstring_links import DocstringLinks, Names
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from registered_names import SCOPE, entries, first_line, names_page

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = 'auxskd_mm'
FOLDER = 'reference'
# Fences, headings, links and equations stay as they are.
_LEFT_ALONE = re.compile(
    r'(^(?:```|~~~).*?^(?:```|~~~)|^#.*?$|!?\[[^\]]*\]\([^)]*\)|\$\$.*?\$\$)', re.DOTALL | re.MULTILINE
)
_SPAN = re.compile(r'(?<![`\[])`([A-Za-z_][\w.]*)(\(\))?`(?!`)')


@cache
def names() -> Names:
    """The package, read once for each build."""
    return Names(griffe.load(PACKAGE, search_paths=[ROOT], extensions=griffe.Extensions(DocstringLinks())))


@cache
def registered() -> frozenset[str]:
    """Names of the package in configs, with the scope."""
    return frozenset(f'{SCOPE}.{one.name}' for one in entries())


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Fill the part of the navigation that mkdocs.yml leaves empty."""
    for entry in config.nav or []:
        if isinstance(entry, dict) and 'Reference' in entry:
            entry['Reference'] = _navigation(names().package)
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add a page for each folder of the package, and their table."""
    for room in _rooms(names().package):
        files.append(File.generated(config, page_of(room), content=_room_page(room)))
    files.append(File.generated(config, f'{FOLDER}/index.md', content=_table_of_rooms()))
    files.append(File.generated(config, f'{FOLDER}/names.md', content=names_page(names())))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Link the names of the package that a guide mentions to the reference, each once in a section."""
    if page.file.src_uri.startswith((f'{FOLDER}/', 'source/')):
        return markdown
    names_uri = os.path.relpath(f'{FOLDER}/names.md', posixpath.dirname(page.file.src_uri) or '.').replace(os.sep, '/')
    return link_names(markdown, names(), {name: f'{names_uri}#{name}' for name in registered()})


def link_names(markdown: str, known: Names, configs: Mapping[str, str]) -> str:
    """Make links of the code spans that name something of the package; mkdocstrings resolves them.

    Args:
        markdown: A page.
        known: What can be linked to.
        configs: Names of configs and where they are explained.
    """
    seen: set[str] = set()

    def link(match: re.Match[str]) -> str:
        target = configs.get(match[1]) or known.find(match[1])
        # A single lower-case word is more often a key of a config or a word of a command.
        word = not match[2] and match[1].islower() and not re.search(r'[._]', match[1])
        if target is None or target in seen or word:
            return match[0]
        seen.add(target)
        return f'[{match[0]}]({target})' if match[1] in configs else f'[{match[0]}][{target}]'

    parts = _LEFT_ALONE.split(markdown)
    for i, part in enumerate(parts):
        if part.startswith('#'):
            seen.clear()
        elif i % 2 == 0:
            parts[i] = _SPAN.sub(link, part)
    return ''.join(parts)


def page_of(room: griffe.Module) -> str:
    """Path of a folder's page in the site."""
    return f'{FOLDER}/{room.path}.md'


def _rooms(room: griffe.Module) -> list[griffe.Module]:
    """A package and the packages in it, from the outside to the inside."""
    inner = [one for _, one in sorted(room.modules.items()) if one.is_init_module and not one.is_alias]
    return [room, *(deeper for one in inner for deeper in _rooms(one))]


def _modules(room: griffe.Module) -> list[griffe.Module]:
    return [one for name, one in sorted(room.modules.items()) if not one.is_init_module and not name.startswith('_')]


def _navigation(package: griffe.Module) -> list[dict[str, Any]]:
    """The overview, the names, and each folder with the folders in it below."""
    entries: list[dict[str, Any]] = [
        {'Overview': f'{FOLDER}/index.md'},
        {'Names in configs': f'{FOLDER}/names.md'},
        {package.name: page_of(package)},
    ]
    for room in _rooms(package)[1:]:
        if room.parent is package:
            inner = _rooms(room)[1:]
            own = {room.name: page_of(room)}
            below = [{one.path.removeprefix(f'{room.path}.'): page_of(one)} for one in inner]
            entries.append({room.name: [own, *below]} if inner else own)
    return entries


def _room_page(room: griffe.Module) -> str:
    """The folder's docstring, a table of what is in it, then each module."""
    inner = [one for one in _rooms(room)[1:] if one.parent is room]
    rows = [f'| [`{one.name}/`]({one.path}.md) | {_row_text(one)} |' for one in inner]
    rows += [f'| [`{one.name}`][{one.path}] | {_row_text(one)} |' for one in _modules(room)]
    table = '\n'.join(['| module | what is in it |', '|---|---|', *rows])
    head = f'::: {room.path}\n    options:\n      heading_level: 1\n      members: false\n      show_root_full_path: true\n'
    blocks = [f'::: {one.path}\n    options:\n      heading_level: 2\n' for one in _modules(room)]
    return '\n\n'.join([head, table if rows else '', *blocks]) + '\n'


def _table_of_rooms() -> str:
    rows = [f'| [`{room.path}`]({room.path}.md) | {_row_text(room)} |' for room in _rooms(names().package)]
    return '\n'.join(
        [
            '# Reference',
            '',
            'Every public module, class and function, from the docstrings. [Names in configs](names.md) lists what a',
            'config can name.',
            '',
            '| folder | what is in it |',
            '|---|---|',
            *rows,
            '',
        ]
    )


def _row_text(one: griffe.Object) -> str:
    return first_line(one).replace('|', '\\|')
