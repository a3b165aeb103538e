"""Text from outside (file names, classes) made harmless for where it is written."""

from __future__ import annotations

import html
import re

_MARKDOWN = re.compile(r'([\\`*_\[\]|~$])')


def one_line(text: object) -> str:
    """Text without line breaks and control characters."""
    return ''.join(char if char.isprintable() else ' ' for char in str(text))


def markdown_text(text: object) -> str:
    """Text that Markdown shows literally, also in a table."""
    return html.escape(_MARKDOWN.sub(r'\\\1', one_line(text)), quote=False)


def figure_text(text: object) -> str:
    """Text that matplotlib shows literally. A plain ``$`` would start a formula."""
    return one_line(text).replace('$', r'\$')


def shorten(text: object, length: int) -> str:
    """One line of at most ``length`` letters. Dots replace the middle, the least informative part of file names."""
    line = one_line(text)
    if len(line) <= length:
        return line
    head = (length - 3) // 2
    return f'{line[:head]}...{line[len(line) - (length - 3 - head) :]}'
