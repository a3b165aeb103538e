"""The reference: docstrings that it can show, links to it, and the page of names in configs."""

from __future__ import annotations

import builtins
import inspect
import logging
import re
import sys
from pathlib import Path

import pytest
from tool_runs import ROOT

if sys.version_info < (3, 11):
    pytest.skip('mkdocstrings, and so the site, needs Python 3.11', allow_module_level=True)

import griffe

sys.path.insert(0, str(ROOT / 'docs' / 'hooks'))
from docstring_links import ROLE, DocstringLinks, Names
from reference import link_names, names, page_of, registered
from registered_names import entries, keys_of, names_page

from auxskd_mm.hooks import AtomicCheckpointHook
from auxskd_mm.models import R3DVCOP, R2Plus1DVCOP, VSPPHead
from auxskd_mm.registry import MODELS

PACKAGE = ROOT / 'auxskd_mm'


@pytest.fixture(scope='module')
def package():
    """The package as it is written, without the links."""
    return Names(griffe.load('auxskd_mm', search_paths=[ROOT]))


def test_no_docstring_names_what_is_not_there(package, caplog):
    """Unknown parameters, items without a type, sections that Griffe cannot read."""
    with caplog.at_level(logging.DEBUG, logger='griffe'):
        caplog.clear()
        for one in package.shown.values():
            one.docstring.parse('google')
    said = [record.getMessage() for record in caplog.records]
    quiet = ('admonition skipped', 'cannot be resolved')  # a colon within prose; a base class of another package
    assert [line for line in said if not any(part in line for part in quiet)] == []


def test_a_list_of_arguments_is_whole(package):
    for path, one in package.shown.items():
        function = one.members.get('__init__') if one.is_class else one
        if not isinstance(function, griffe.Function):
            continue
        sections = {section.kind.value: section.value for section in one.docstring.parse('google', warnings=False)}
        if 'parameters' in sections:
            documented = {item.name for kind in ('parameters', 'attributes') for item in sections.get(kind, [])}
            taken = {item.name for item in function.parameters if 'variadic' not in item.kind.value}
            assert taken - documented <= {'self', 'cls'}, path


def test_roles_lead_to_something(package):
    for path, one in package.shown.items():
        for match in ROLE.finditer(one.docstring.value):
            name = ''.join(match[2].split())
            assert package.meant(one, name) is not None or hasattr(builtins, name), f'{path}: {match[0]}'


def test_a_wrong_role_and_a_wrong_argument_are_found(tmp_path, caplog):
    (tmp_path / 'p.py').write_text(
        'def f(x: int) -> None:\n    """Do :func:`g`.\n\n    Args:\n        y: No.\n    """\n'
    )
    wrong = Names(griffe.load('p', search_paths=[tmp_path]))
    assert wrong.meant(wrong.shown['p.f'], 'g') is None
    with caplog.at_level(logging.DEBUG, logger='griffe'):
        wrong.shown['p.f'].docstring.parse('google')
    assert "Parameter 'y' does not appear" in caplog.text


FIRST = '''
"""First, see :mod:`.second` and :class:`Base`."""
from .second import Base


class One(Base):
    """Uses :meth:`run`, :meth:`_hidden`, :func:`~p.second.help_me` and :func:`p.second.
    help_me`.

    Rule::

        a = 1

        b = 2

    Example:
        >>> One()
    """

    def _hidden(self):
        """Hidden."""
'''
SECOND = '''
"""Second."""


class Base:
    """Base."""

    def run(self):
        """Run."""


def help_me():
    """Help."""
'''


@pytest.fixture(scope='module')
def small(tmp_path_factory):
    folder = tmp_path_factory.mktemp('small') / 'p'
    folder.mkdir()
    for name, text in dict(__init__='"""P."""', first=FIRST, second=SECOND).items():
        (folder / f'{name}.py').write_text(text)
    return Names(griffe.load('p', search_paths=[folder.parent], extensions=griffe.Extensions(DocstringLinks())))


def test_roles_become_links_or_plain_code(small):
    assert small.shown['p.first'].docstring.value == 'First, see [`second`][p.second] and [`Base`][p.second.Base].'
    text = small.shown['p.first.One'].docstring.value.split('\n\n')[0]
    assert text == (
        'Uses [`run`][p.second.Base.run], `_hidden`, [`help_me`][p.second.help_me] and '
        '[`p.second.help_me`][p.second.help_me].'
    )


def test_literal_blocks_and_examples_are_markdown(small):
    sections = small.shown['p.first.One'].docstring.parse('google')
    assert [section.kind.value for section in sections] == ['text', 'examples']
    assert sections[0].value.split('\n\n', 1)[1] == 'Rule:\n\n```text\na = 1\n\nb = 2\n```'


def test_a_guide_links_each_name_once_in_a_section(small):
    guide = '# `One`\n\n`One` and `One`, `help_me()`, [`One`](x.md), `p.Z`, `Unknown`.\n\n## Two\n\n`One`\n\n'
    guide += '```python\n`One`\n```\n'
    assert link_names(guide, small, {'p.Z': 'names.md#p.Z'}) == (
        '# `One`\n\n[`One`][p.first.One] and `One`, [`help_me()`][p.second.help_me], [`One`](x.md), '
        '[`p.Z`](names.md#p.Z), `Unknown`.\n\n## Two\n\n[`One`][p.first.One]\n\n```python\n`One`\n```\n'
    )


def test_words_of_configs_and_commands_are_no_links():
    """``interval`` is a function of the package too; a guide means the key."""
    assert names().find('interval') is not None
    for word in ('interval', 'predict', 'pretraining'):
        assert link_names(f'Set `{word}`.', names(), {}) == f'Set `{word}`.'


def test_every_folder_has_a_page_and_every_module_is_on_it():
    from reference import _room_page, _rooms

    rooms = _rooms(names().package)
    folders = {path.parent for path in PACKAGE.rglob('__init__.py') if '.mim' not in path.parts}
    assert {Path(*room.path.split('.')) for room in rooms} == {folder.relative_to(ROOT) for folder in folders}
    assert len({page_of(room) for room in rooms}) == len(rooms)
    for room in rooms:
        text = _room_page(room)
        for path in (ROOT / Path(*room.path.split('.'))).glob('*.py'):
            if path.name != '__init__.py':
                assert f'\n::: {room.path}.{path.stem}\n' in text


def test_keys_of_a_head():
    """Written by hand from the constructor of VSPPHead."""
    keys = {key.name: key for key in keys_of(VSPPHead, names())}
    assert list(keys) == list(inspect.signature(VSPPHead).parameters)
    assert keys['in_channels'][1:4] == ('int', None, "Channels C of the backbone's feature map.")
    assert keys['window'][1:3] == ('Sequence[int] | None', 'None')
    assert keys['speed_weight'][1:] == ('float', '1.0', "Weight of the speed's cross-entropy.", 'VSPPHead')


def test_keys_that_are_passed_on_are_those_of_the_base():
    keys = {key.name: key for key in keys_of(AtomicCheckpointHook, names())}
    assert keys['interval'].owner == 'CheckpointHook'
    assert keys['interval'].default == '-1'
    assert 'args' not in keys
    assert 'kwargs' not in keys


def test_what_a_class_gives_its_base_is_no_key():
    """R(2+1)D and R3D choose the convolution themselves."""
    for network in (R2Plus1DVCOP, R3DVCOP):
        names_of_keys = {key.name for key in keys_of(network, names())}
        assert {'base_channels', 'out_indices'} <= names_of_keys
        assert 'conv' not in names_of_keys
        with pytest.raises(TypeError, match='multiple values'):
            network(conv=None)


def test_a_description_that_refers_to_another_class_is_that_of_the_other():
    (adapter,) = (entry for entry in entries() if entry.name == 'MLPAdapter')
    keys = {key.name: key for key in keys_of(adapter.built, names())}
    assert keys['reduction'].text.startswith('The bottleneck has ``channels // reduction`` channels')


def test_what_is_registered_is_on_the_page():
    assert {'auxskd_mm.VSPPHead', 'auxskd_mm.OpenVideo', 'auxskd_mm.PretextInferencer'} <= registered()
    MODELS.register_module(name='AnotherVSPPHead', module=VSPPHead)
    try:
        page = names_page(names())
    finally:
        del MODELS.module_dict['AnotherVSPPHead']
    section = page.split('### `auxskd_mm.AnotherVSPPHead`')[1].split('###')[0]
    assert 'Video segment pace prediction' in section
    assert '[Reference][auxskd_mm.models.heads.vspp_head.VSPPHead]' in section
    assert '| `num_speeds` | `int` | `4` | Number of speeds.' in section


def test_keys_that_go_to_another_program_are_explained():
    """PyTorchVideoBackbone passes what it does not know to pytorchvideo."""
    section = names_page(names()).split('### `auxskd_mm.PyTorchVideoBackbone`')[1].split('###')[0]
    assert '| other keys | | | ' in section


def test_each_key_of_ours_is_explained():
    for entry in entries():
        for key in keys_of(entry.built, names()):
            ours = re.search(rf'\bclass {key.owner}\b', Path(inspect.getfile(entry.built)).read_text())
            assert key.text or not ours, f'{entry.name}: {key.name} is not in the docstring'
