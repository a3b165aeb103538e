"""The tutorial as a page and as a notebook, both made from docs/tutorial.py when the site is built."""

from __future__ import annotations

from pathlib import Path

import jupytext
import nbformat
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

SOURCE = Path(__file__).resolve().parents[1] / 'tutorial.py'
# HTML: as Markdown, the link to the script would lead to the page.
_DOWNLOAD = (
    'Download it <a href="tutorial.ipynb" download>as a notebook</a> or <a href="tutorial.py" download>as a script</a>.'
)


def notebook() -> nbformat.NotebookNode:
    """The notebook, as ``jupytext --to ipynb docs/tutorial.py`` writes it."""
    made = jupytext.read(SOURCE)
    made.metadata['kernelspec'] = dict(name='python3', display_name='Python 3', language='python')
    for number, cell in enumerate(made.cells):
        cell.id = f'cell-{number}'  # jupytext draws them at random
    return made


def page(made: nbformat.NotebookNode) -> str:
    """The cells as Markdown."""
    texts = [cell.source if cell.cell_type == 'markdown' else f'```python\n{cell.source}\n```' for cell in made.cells]
    return '\n\n'.join([texts[0], _DOWNLOAD, *texts[1:]]) + '\n'


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add both to the site."""
    made = notebook()
    files.append(File.generated(config, 'tutorial.md', content=page(made)))
    files.append(File.generated(config, 'tutorial.ipynb', content=nbformat.writes(made)))
    return files
