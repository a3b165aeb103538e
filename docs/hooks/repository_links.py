"""What mkdocs.yml asks of Python: equations without a script, and links that leave docs/ and still lead somewhere.

Equations are written ``$...$`` and ``$$...$$``, which GitHub also shows. They become MathML, which every current browser
draws without a script. A page of docs/ may link to any file of the repository. A linked Markdown file becomes a page. Any
other linked text file becomes a page with its source. So the site is complete without a link to a repository.
"""

from __future__ import annotations

import os
import posixpath
import re
from pathlib import Path

from latex2mathml.converter import convert
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[2]
# Files that are pages of the site under another name.
PAGES = {
    'configs/README.md': 'zoo.md',
    'CHANGELOG.md': 'changelog.md',
    'CONTRIBUTING.md': 'contributing.md',
    'docs/tutorial.py': 'tutorial.md',
}
SOURCE = 'source'
_LINK = re.compile(r'(\]\()([^)\s#:]+)(#[^)\s]*)?(\))')
_CODE = re.compile(r'(```.*?```|~~~.*?~~~|`[^`\n]+`)', re.DOTALL)
_MATH = re.compile(r'<(span|div) class="arithmatex">\\[(\[](.*?)\\[)\]]</\1>', re.DOTALL)
_LANGUAGES = {'.py': 'python', '.sh': 'bash', '.yml': 'yaml', '.yaml': 'yaml', '.toml': 'toml', '.cff': 'yaml'}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the files outside docs/ that pages link to."""
    todo = [(f'docs/{file.src_uri}', Path(file.abs_src_path or '').read_text()) for file in files.documentation_pages()]
    todo += [(path, (ROOT / path).read_text()) for path in PAGES]
    done = {name for name, _ in todo}
    while todo:
        name, text = todo.pop()
        if not name.startswith('docs/'):
            files.append(_generated(name, text, config))
        for target in _targets(name, text):
            if target not in done and not target.startswith('docs/') and (ROOT / target).is_file():
                done.add(target)
                todo.append((target, (ROOT / target).read_text()))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Point links to the places where on_files put their targets."""
    origin = _origin(page.file.src_uri)
    return ''.join(
        part if i % 2 else _LINK.sub(lambda match: _relink(match, origin, page.file.src_uri), part)
        for i, part in enumerate(_CODE.split(markdown))
    )


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn the equations into MathML."""
    return _MATH.sub(lambda match: _mathml(match[2], match[1] == 'div'), html)


def _mathml(latex: str, block: bool) -> str:
    for entity, character in (('&lt;', '<'), ('&gt;', '>'), ('&amp;', '&')):
        latex = latex.replace(entity, character)
    return convert(latex.strip(), display='block' if block else 'inline')


def site_name(path: str) -> str:
    """Return the place of a repository file on the site, relative to the site's root.

    Args:
        path: From the root of the repository, with slashes.
    """
    if path in PAGES:
        return PAGES[path]
    if path.startswith('docs/'):
        return path[len('docs/') :]
    return f'{SOURCE}/{path}' if path.endswith('.md') else f'{SOURCE}/{path}.md'


def _origin(site_uri: str) -> str:
    """The file of the repository behind a page."""
    for path, name in PAGES.items():
        if name == site_uri:
            return path
    if not site_uri.startswith(f'{SOURCE}/'):
        return f'docs/{site_uri}'
    path = site_uri[len(SOURCE) + 1 :]
    return path if (ROOT / path).is_file() else path.removesuffix('.md')


def _targets(name: str, text: str) -> set[str]:
    """Files of the repository that a Markdown file links to."""
    if not name.endswith('.md'):
        return set()
    prose = ''.join(part for i, part in enumerate(_CODE.split(text)) if i % 2 == 0)
    return {_resolve(match[2], name) for match in _LINK.finditer(prose)}


def _resolve(link: str, origin: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(origin), link))


def _relink(match: re.Match[str], origin: str, site_uri: str) -> str:
    target = _resolve(match[2], origin)
    if not (ROOT / target).is_file():
        return match[0]  # mkdocs says that it leads nowhere
    link = os.path.relpath(site_name(target), posixpath.dirname(site_uri) or '.').replace(os.sep, '/')
    return f'{match[1]}{link}{match[3] or ""}{match[4]}'


def _generated(name: str, text: str, config: MkDocsConfig) -> File:
    """A page of a file outside of docs/."""
    if not name.endswith('.md'):
        language = _LANGUAGES.get(Path(name).suffix, 'text')
        # Out of the search: a hundred configs would bury the pages that explain them.
        text = f'---\nsearch:\n  exclude: true\n---\n# {name}\n\n``````{language}\n{text}\n``````\n'
    return File.generated(config, site_name(name), content=text)
