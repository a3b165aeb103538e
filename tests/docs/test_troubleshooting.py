"""The messages on the troubleshooting page are those of the code: each fixed part of one occurs in a string of it."""

from __future__ import annotations

import ast
import re

from doc_blocks import blocks_of
from tool_runs import ROOT

# Of MMEngine, torch, setuptools, mmcv and MMAction2, as upstream prints them.
UPSTREAM = ('ModuleNotFoundError', 'RuntimeError', '_pickle', 'UserWarning')
MESSAGES = [block for block in blocks_of(ROOT / 'docs' / 'troubleshooting.md') if block.language == 'text']


def strings_of_the_code():
    """Every string constant, those of f-strings in pieces."""
    found = []
    for folder in ('auxskd_mm', 'tools'):
        for path in (ROOT / folder).rglob('*.py'):
            for node in ast.walk(ast.parse(path.read_text(encoding='utf-8'))):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    found.append(' '.join(node.value.split()))
    return found


# Parts of messages that are passed on: of Python, MMEngine's registry and FFmpeg.
PASSED_ON = [
    'got an unexpected keyword argument',
    'is not in the mmaction',
    'Invalid data found when processing input',
]
STRINGS = [*strings_of_the_code(), *PASSED_ON]


def fixed_parts(message):
    """Pieces of a message between what varies: quotations, numbers, paths and brackets with lists."""
    return [
        part.strip()
        for part in re.split(
            r"'[^']*'|\d[\d.]*|\S*[/.]\w+\S*|\b[A-Z]\w*[a-z][A-Z]\w*|\(.*?\)|[,;:=]|\.\.\.",
            message,
        )
    ]


def known(part):
    """Whether a part is in a string of the code, apart from at most one word that varies."""
    words = part.split()
    cuts = [[part], *([' '.join(words[:i]), ' '.join(words[i + 1 :])] for i in range(len(words)))]
    return any(all(any(piece in text for text in STRINGS) for piece in cut) for cut in cuts)


def test_messages_are_those_of_the_code():
    ours = [block for block in MESSAGES if not block.code.startswith(UPSTREAM)]
    assert len(ours) > 15
    for block in ours:
        text = re.sub(r'^(error|InputError): |^WARNING - ', '', block.code.strip())
        parts = [part for part in fixed_parts(text) if len(part) > 14]
        for part in parts:
            assert known(part), f'{block.name}: {part!r} is no message of the code'


def test_a_message_of_nobody_is_found():
    assert not known('the moon is made of green cheese')


def test_every_message_is_followed_by_what_to_do():
    text = (ROOT / 'docs' / 'troubleshooting.md').read_text()
    assert text.count('```text') == len(MESSAGES) > 20
