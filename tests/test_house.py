"""The layout that design.md and CONTRIBUTING.md promise."""

import ast
import importlib.util
from collections import Counter, namedtuple
from pathlib import Path

import conftest
import pytest

from auxskd_mm.choices import SPLITS
from auxskd_mm.config.load import CONFIG_SUFFIXES
from auxskd_mm.config.pipelines import LOADERS
from auxskd_mm.functional.jitter_params import OPERATIONS
from auxskd_mm.models.adapters.widths import FRAME_OPTIONS

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


@pytest.mark.parametrize(
    'names', [SPLITS, LOADERS, FRAME_OPTIONS, CONFIG_SUFFIXES, OPERATIONS], ids=lambda names: names[0]
)
def test_a_list_of_names_stands_in_one_place(names):
    found = []
    for path, tree in parsed(PACKAGE).items():
        for node in ast.walk(tree):
            if isinstance(node, (ast.Tuple, ast.List, ast.Set)):
                written = [item.value for item in node.elts if isinstance(item, ast.Constant)]
                if len(written) == len(node.elts) == len(names) and set(written) == set(names):
                    found.append(f'{path.relative_to(PACKAGE)}:{node.lineno}')
    assert len(found) <= (names is not LOADERS), found  # LOADERS is made of SPLITS


def test_modules_are_small_and_arguments_typed(code_figures):
    longest = {path.relative_to(PACKAGE): len(path.read_text().splitlines()) for path in parsed(PACKAGE)}
    assert max(longest.values()) <= 400, max(longest, key=longest.get)
    found = code_figures.figures(PACKAGE)
    assert found['module lines, median / p90 / max'].endswith(f' / {max(longest.values())}')
    assert float(found['arguments typed Any'].partition('%')[0]) < 3


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
        ('functional', {'errors', 'weight_hash'}),
        ('models', {'errors', 'choices', 'functional', 'registry', 'compat', 'random_state', 'weight_hash'}),
        (
            'datasets',
            {'errors', 'choices', 'functional', 'registry', 'compat', 'random_state', 'files', 'workers', 'texts'},
        ),
    ],
)
def test_arrows_point_down(room, allowed):
    assert imports_of(room) - {room, 'typing'} <= allowed


# The floors of docs/design.md, from the top.
FLOORS = (
    {'own_videos'},
    {'recipes', 'zoo'},
    {'apis'},
    {'launch'},
    {'hooks', 'loops'},
    {'visualization'},
    {'evaluation'},
    {'records'},
    {'config', 'stock_configs'},
    {'models', 'datasets'},
)
GROUND = {'functional', 'compat'}


def test_every_room_has_a_floor_and_imports_from_those_below():
    rooms = {path.name for path in PACKAGE.iterdir() if (path / '__init__.py').exists()}
    assert set().union(*FLOORS) | GROUND == rooms
    for number, floor in enumerate(FLOORS):
        above = {'tools'}.union(*FLOORS[:number])
        for room in floor:
            assert not imports_of(room) & above, room


def test_the_ground_imports_no_room():
    ground = {path.stem for path in PACKAGE.glob('*.py') if path.name != '__init__.py'} | GROUND
    for room in GROUND:
        assert imports_of(room) <= ground | {room}
    for path in PACKAGE.glob('*.py'):
        if path.name == '__init__.py':  # registers everything
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.level == 1:
                names = {node.module.split('.')[0]} if node.module else {alias.name for alias in node.names}
                assert names <= ground, path.name


def test_the_long_files_are_there_and_come_first():
    tests = Path(__file__).parent
    assert [name for name in conftest.LONG_FILES if not (tests / name).is_file()] == []
    Item = namedtuple('Item', 'path')
    items = [
        Item(tests / name)
        for name in ('test_house.py', conftest.LONG_FILES[1], 'test_files.py', conftest.LONG_FILES[0])
    ]
    conftest.pytest_collection_modifyitems(items)
    assert [item.path.name for item in items] == [
        *(Path(name).name for name in conftest.LONG_FILES[:2]),
        'test_house.py',
        'test_files.py',
    ]
