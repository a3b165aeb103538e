"""The layout that design.md and CONTRIBUTING.md promise."""

import ast
import importlib.util
from collections import Counter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / 'auxskd_mm'


@pytest.fixture(scope='module')
def code_figures():
    spec = importlib.util.spec_from_file_location('code_figures', PACKAGE.parent / 'tools' / 'misc' / 'code_figures.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def parsed(root):
    return {path: ast.parse(path.read_text()) for path in root.rglob('*.py') if '.mim' not in path.parts}


def test_a_circle_is_found_and_a_chain_is_none(code_figures, tmp_path):
    root = tmp_path / 'p'
    root.mkdir()
    sources = dict(
        __init__='', a='from . import b', b='def f():\n    from .c import x', c='import p.a', d='from .a import b'
    )
    for name, text in sources.items():
        (root / f'{name}.py').write_text(text)
    assert code_figures.import_circles(root, parsed(root)) == [['p.a', 'p.b', 'p.c']]
    (root / 'c.py').write_text('')
    assert code_figures.import_circles(root, parsed(root)) == []


def test_no_import_circle(code_figures):
    assert code_figures.import_circles(PACKAGE, parsed(PACKAGE)) == []


def test_no_folder_is_crowded():
    folders = Counter(path.parent for path in PACKAGE.rglob('*.py') if path.name != '__init__.py')
    assert max(folders.values()) <= 15, folders.most_common(2)


def imports_of(folder):
    """Rooms of the package that the modules of a room import."""
    found = set()
    for path, tree in parsed(PACKAGE / folder).items():
        depth = len(path.relative_to(PACKAGE).parts)
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.level == depth:
                found |= {node.module.split('.')[0]} if node.module else {alias.name for alias in node.names}
    return found


@pytest.mark.parametrize(
    ('room', 'allowed'),
    [
        ('functional', {'errors'}),
        ('models', {'errors', 'choices', 'functional', 'registry', 'compat', 'random_state'}),
        ('datasets', {'errors', 'functional', 'registry', 'compat', 'random_state', 'files', 'workers', 'texts'}),
    ],
)
def test_arrows_point_down(room, allowed):
    assert imports_of(room) - {room, 'typing'} <= allowed


def test_nothing_imports_the_tools_and_only_the_top_floor_imports_apis():
    rooms = [path.name for path in PACKAGE.iterdir() if path.is_dir() and (path / '__init__.py').exists()]
    assert len(rooms) > 10
    for room in rooms:
        assert 'tools' not in imports_of(room)
        if room not in ('apis', 'recipes', 'zoo'):
            assert 'apis' not in imports_of(room), room
