"""Overrides of entries: dicts, lists, keys that are no names, files of every kind and bases of every kind."""

import pytest
from mmengine.config import Config

from auxskd_mm.config.load import load_config
from auxskd_mm.config.loading.merge import merge
from auxskd_mm.config.loading.overrides import Overrides
from auxskd_mm.errors import InputError


@pytest.fixture
def read(tmp_path):
    """Write files (the last one is the config) and load it with the words of ``--cfg-options``."""

    def read(files, *words):
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        return load_config(str(path), Overrides.read(words))

    return read


@pytest.mark.parametrize('old', ['None', '[1, 2]', "'text'"])
def test_a_dict_takes_the_place_of_what_is_none(old, read):
    made = read({'a.py': f'limits = {old}\nmodel = dict(limits=limits)\n'}, "limits:={'_delete_': True, 'a': 1}")
    assert made.limits == made.model.limits == dict(a=1)


def test_delete_is_no_key_of_what_is_made_of_a_variable(read):
    made = read({'a.py': 's = dict(a=0, b=2)\nmodel = dict(t=dict(s, c=3))\n'}, "s={'_delete_':True,'a':1}")
    assert made.model.t == dict(a=1, c=3)


def test_an_empty_dict_is_refused_where_it_would_be_merged(read):
    with pytest.raises(InputError, match=r"s=\{\}: an empty dict is merged and changes nothing; s=\{'_delete_':True\}"):
        read({'a.py': 's = dict(a=0)\nmodel = dict(s=s)\n'}, 's={}')


def test_keys_with_dots_and_numbers_as_keys(read):
    text = "keys = {'a.b': 1, 'c': 2}\nmodel = dict(keys=keys, names={0: 'x', 1: 'y'})\n"
    made = read({'a.py': text}, "keys={'a.b': 3, 'd.e': 4}", "model.names={0: 'z'}")
    assert made['keys'] == made.model['keys'] == {'a.b': 3, 'c': 2, 'd.e': 4}
    assert made.model.names == {0: 'z', 1: 'y'}


def test_places_in_lists_of_numbers_and_in_tuples(read):
    text = 'sizes = [1, [2, 3]]\nmodel = dict(sizes=sizes, pair=(4, 5))\n'
    made = read({'a.py': text}, 'sizes.1.0=7', 'model.pair.1=8')
    assert (made.sizes, made.model.sizes, made.model.pair) == ([1, [7, 3]], [1, [7, 3]], (4, 8))
    with pytest.raises(InputError, match=r'--cfg-options model\.sizes\.2: 2 is no place in a list of 2'):
        read({'a.py': text}, 'model.sizes.2=7')


def test_a_variable_that_the_config_changes_later_is_refused(read):
    """The override went to the steps that had the place before and after."""
    with pytest.raises(InputError, match=r'pipeline\.1\.x: the config changes pipeline after its assignment'):
        read(
            {'a.py': "pipeline = [dict(type='A'), dict(type='B')]\npipeline.insert(1, {})\nmodel = dict(p=pipeline)\n"},
            'pipeline.1.x=5',
        )
    with pytest.raises(InputError, match=r's\.a: the config changes s after its assignment'):
        read({'a.py': "s = dict(a=1)\ns.update(a=2)\nmodel = dict(s=s, a=s['a'])\n"}, 's.a=5')


BASE = "speeds = (1, 2)\nsplit = 1\nmodel = dict(speeds=speeds, number=len(speeds), file=f'x{split}')\n"
DERIVED = {
    'read_base': {
        'inner/b.py': BASE,
        'c.py': 'from mmengine.config import read_base\nwith read_base():\n    from .inner.b import *\n',
        'a.py': 'from mmengine.config import read_base\nwith read_base():\n    from .c import *\nown = dict(f=f"{split}")\n',
    },
    'yaml': {'b.py': BASE, 'a.yml': '_base_: b.py\nown: {f: "1"}\n'},
    'json': {'b.py': BASE, 'a.json': '{"_base_": ["b.py"], "own": {"f": "1"}}'},
    'yaml within': {
        'b.py': BASE,
        'c.yml': '_base_: b.py\n',
        'a.py': "_base_ = 'c.yml'\nown = dict(f=f'{_base_.split}')\n",
    },
    'a base that is computed': {'b.py': BASE, 'a.py': "_base_ = ['b' + '.py']\nown = dict(f=f'{_base_.split}')\n"},
}


@pytest.mark.parametrize('kind', DERIVED)
def test_variables_of_bases_of_every_kind(kind, read):
    made = read(DERIVED[kind], 'speeds=(1,2,4)', 'split=3')
    assert made.model == dict(speeds=(1, 2, 4), number=3, file='x3')
    assert (made.speeds, made.split) == ((1, 2, 4), 3)
    assert made.own.f == ('1' if kind in ('yaml', 'json') else '3')
    assert 'read_base' not in made


def test_a_variable_that_a_yaml_config_sets_for_its_base(read):
    made = read({'b.py': BASE, 'a.yml': '_base_: b.py\nsplit: 2\n'}, 'split=3')
    assert (made.split, made.model.file) == (3, 'x3')


def test_places_in_the_text_of_a_yaml_config(read, tmp_path):
    text = "_base_: b.py\nhere: '{{ fileDirname }}/x'\nown: {speeds: {{ _base_.speeds }}}\n"
    made = read({'b.py': BASE, 'a.yml': text}, 'speeds=(1,2,4)')
    assert (made.here, made.own) == (f'{tmp_path}/x', dict(speeds=(1, 2, 4)))


def test_an_anchor_of_yaml_follows(read):
    """An equal list that is not the anchor's does not: it changed as well, without a word."""
    text = 'speeds: &s [1, 2]\nsample: &d {a: 1}\nmodel: {speeds: *s, other: [1, 2], steps: [{sample: *d}]}\n'
    made = read({'a.yml': text}, 'speeds=[1,4]', 'sample.a=2')
    assert (made.speeds, made.sample) == ([1, 4], dict(a=2))
    assert made.model == dict(speeds=[1, 4], other=[1, 2], steps=[dict(sample=dict(a=2))])


@pytest.mark.parametrize(
    ('files', 'says'),
    [
        ({'a.py': 'model = dict(a=missing)\n'}, r"a\.py: .* \(NameError: name 'missing' .* in line 1 of .*a\.py\)$"),
        ({'b.py': 'x = 1\n\ny = x / 0\n', 'a.py': "_base_ = 'b.py'\n"}, r'ZeroDivisionError.* in line 3 of .*b\.py'),
        ({'b.py': 'x = 1\n', 'c.py': 'x = 2\n', 'a.py': "_base_ = ['b.py', 'c.py']\n"}, r"Duplicate keys: \{'x'\}"),
    ],
)
def test_a_config_whose_code_fails_is_one_line(files, says, read):
    with pytest.raises(InputError, match=says) as error:
        read(files)
    assert '\n' not in str(error.value)


def test_an_error_of_an_imported_module_keeps_its_traceback(read, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / 'broken_module_of_a_user.py').write_text('1 / 0\n')
    with pytest.raises(ZeroDivisionError):
        read({'a.py': "custom_imports = dict(imports=['broken_module_of_a_user'])\n"})


def test_merge_is_that_of_mmengine():
    content = dict(model=dict(a=1, b=dict(c=2)), pipeline=[dict(type='A'), dict(type='B')], n=None)
    options = {
        'model.b.d': 3,
        'pipeline.1.x': dict(y=4),
        'pipeline': {'0': dict(z=5)},
        'model.new.e': [dict(f=6)],
        'model.b': dict(_delete_=True, g=7),
        'n': dict(_delete_=True, h=8),
        'm': dict(i=9),
    }
    for key, value in options.items():
        ours, theirs = Config(content), Config(content)
        merge(ours, {key: value})
        theirs.merge_from_dict({key: dict(value) if isinstance(value, dict) else value})
        assert ours.to_dict() == theirs.to_dict(), key
        assert type(ours.model) is type(theirs.model)
    with pytest.raises(TypeError, match='n: a dict cannot be merged into None; set _delete_=True in it'):
        merge(Config(content), dict(n=dict(a=1)))


def test_a_base_that_cannot_be_computed_is_named(tmp_path):
    (tmp_path / 'made.py').write_text("root = '.'\n_base_ = [root + '/b.py']\n")
    with pytest.raises(InputError, match=r'made.py: cannot be read \(NameError: .*root.* in _base_\)'):
        load_config(str(tmp_path / 'made.py'))
