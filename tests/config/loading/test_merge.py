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


def test_a_dotted_key_reaches_keys_with_dots_and_numbers_as_keys(read):
    text = "keys = {'a.b': dict(x=1), 'a': dict(b=dict(x=2)), 'a.b.c': 3}\nmodel = dict(keys=keys, names={0: 'x', '1': 'y'})\n"
    made = read(
        {'a.py': text},
        'keys.a.b.x=4',
        'keys.a.b.c=5',
        'keys.a.d=6',
        'model.names.0=z',
        'model.names.1=7',
        'model.names.2=w',
    )
    assert made['keys'] == made.model['keys'] == {'a.b': dict(x=4), 'a': dict(b=dict(x=2), d=6), 'a.b.c': 5}
    assert made.model.names == {0: 'z', '1': '7', '2': 'w'}


def test_a_dict_of_places_is_merged_into_a_list(read):
    text = "steps = [dict(type='A', x=1), dict(type='B')]\nmodel = dict(steps=steps)\n"
    made = read({'a.py': text}, "steps={0: {'x': 5}, '1': {'y': 6}}")
    assert made.steps == made.model.steps == [dict(type='A', x=5), dict(type='B', y=6)]
    assert read({'a.py': text}, "model.steps={'type': 'C'}").model.steps == dict(type='C')


def test_places_in_lists_of_numbers_and_in_tuples(read):
    text = 'sizes = [1, [2, 3]]\nmodel = dict(sizes=sizes, pair=(4, 5))\n'
    made = read({'a.py': text}, 'sizes.1.0=7', 'model.pair.1=8')
    assert (made.sizes, made.model.sizes, made.model.pair) == ([1, [7, 3]], [1, [7, 3]], (4, 8))
    with pytest.raises(InputError, match=r'--cfg-options model\.sizes\.2: 2 is no place in a list of 2'):
        read({'a.py': text}, 'model.sizes.2=7')


@pytest.mark.parametrize(
    ('text', 'word'),
    [
        ("s = [dict(t='A'), dict(t='B')]\ns.insert(1, {})\n", 's.1.x=5'),
        ("s = [dict(t='A'), dict(t='B')]\ns = [{}, *s]\n", 's.1.x=5'),
        ('s = [1, 2]\ns.insert(0, 0)\n', 's.1=5'),
        ('s = [dict(x=1)]\nfor step in s:\n    step.update(x=2)\n', 's.0.x=5'),
    ],
)
def test_a_list_that_the_config_moves_after_the_override_is_refused(text, word, read):
    """The override would go to the entries that had the place before and after, or is undone."""
    with pytest.raises(InputError, match=r's\.[01x.]+: the config changes s after its assignment'):
        read({'a.py': f'{text}model = dict(s=s)\n'}, word)


def test_a_place_that_a_base_gives_to_another_entry_is_refused(read):
    files = {
        'b.py': 's = [dict(x=1), dict(x=2)]\n',
        'a.py': "_base_ = 'b.py'\ns = [{}, *_base_.s]\nmodel = dict(s=s)\n",
    }
    with pytest.raises(InputError, match=r's\.1\.x: the config changes s after its assignment'):
        read(files, 's.1.x=5')
    files['a.py'] = files['a.py'].replace('[{}, *_base_.s]', '[*_base_.s, {}]')
    assert read(files, 's.1.x=5', 's.2.x=6').model.s == [dict(x=1), dict(x=5), dict(x=6)]


def test_an_entry_that_the_config_changes_later_keeps_its_override(read):
    text = "s = dict(a=1)\nbefore = dict(s)\ns.update(a=2, k=[3, 4])\nmodel = dict(s=s, a=s['a'], before=before)\n"
    made = read({'a.py': text}, 's.a=5', 's.k.0=6')
    assert made.model.s == made.s == dict(a=5, k=[6, 4])
    assert (made.model.a, made.model.before.a) == (5, 5)
    text = "s = dict(k=dict(a=1))\nmodel = dict(s=s, k=s['k'])\ns.update(b=2)\ns['k'].update(c=3)\n"
    assert read({'a.py': text}, 's.k.a=True').model == dict(s=dict(k=dict(a=True, c=3), b=2), k=dict(a=True, c=3))


CHANGES = {
    'append': 'steps.append(3)',
    'extend': 'steps.extend([3, 4])',
    'insert': 'steps.insert(0, 3)',
    '+=': 'steps += [3]',
    'item': 'steps[0] = 3',
    'del': 'del steps[0]',
    'within an if': 'if True:\n    steps.append(3)',
    'again': 'steps = [*steps, 3]',
}


@pytest.mark.parametrize('change', CHANGES)
def test_a_whole_list_takes_the_place_of_one_that_is_changed_later(change, read):
    """Whoever overrides ``steps`` has seen its final value and replaces that. ``steps=[5,6]`` means these two steps, not
    these two and what a later line adds. So it was for ``steps += [...]``, and for all that MMEngine itself merges. What
    was made of the list before the change, and may be the same object, has the two steps as well."""
    text = f'steps = [1, 2]\nmodel = dict(a=steps, n=len(steps))\n{CHANGES[change]}\ntrain_cfg = dict(a=steps, b=[*steps])\n'
    made = read({'a.py': text}, 'steps=[5,6]')
    assert made.steps == [5, 6]
    assert made.model == dict(a=[5, 6], n=2)
    assert made.train_cfg == dict(a=[5, 6], b=[5, 6])


@pytest.mark.parametrize('change', ['s.append(dict(x=3))', 's += [dict(x=3)]', 's = [*s, dict(s[0], x=3)]'])
def test_an_entry_that_comes_later_is_overridden(change, read):
    text = f's = [dict(x=1), dict(x=2)]\n{change}\nmodel = dict(s=s)\n'
    assert read({'a.py': text}, 's.2.x=9').model.s == [dict(x=1), dict(x=2), dict(x=9)]
    with pytest.raises(InputError, match=r'^--cfg-options s\.3\.x: 3 is no place in a list of 3$'):
        read({'a.py': text}, 's.3.x=9')


@pytest.mark.parametrize('last', ['test = [*first, s]', 'test = [*first]\ntest.append(s)', 'test = first\ntest += [s]'])
def test_an_entry_that_is_the_object_of_another_variable_is_changed_alone(last, read):
    """``test_pipeline.1.seed=0`` changed the step of the training, too, where both are made of one variable."""
    text = f'first = [dict(a=1)]\ns = dict(x=1)\ntrain = [s]\n{last}\nmodel = dict(train=train, test=test)\n'
    made = read({'a.py': text}, 'test.1.x=9')
    assert made.model == dict(train=[dict(x=1)], test=[dict(a=1), dict(x=9)])
    assert made.s == dict(x=1)
    assert read({'a.py': text}, 's.x=9').model == dict(train=[dict(x=9)], test=[dict(a=1), dict(x=9)])


def test_an_entry_that_is_made_of_the_overridden_one_is_no_moved_one(read):
    text = 's = [dict(x=1), dict(x=2)]\ns.append(dict(s[0], y=1))\nmodel = dict(s=s)\n'
    assert read({'a.py': text}, 's.0.x=9').model.s == [dict(x=9), dict(x=2), dict(x=9, y=1)]


def test_a_place_in_a_tuple_and_an_entry_of_what_is_none_at_first(read):
    made = read({'a.py': 's, m = (1, (2, 3)), None\nm = dict(a=1)\nmodel = dict(s=s, m=m)\n'}, 's.1.0=9', 'm.a=4')
    assert made.model == dict(s=(1, (9, 3)), m=dict(a=4))


@pytest.mark.parametrize('file', ['a.py', 'a.yml'])
@pytest.mark.parametrize('old', ['None', '3', "'x'"])
@pytest.mark.parametrize('name', ['m', 'model'])
def test_an_entry_of_what_has_none_says_what_to_write(name, old, file, read):
    """Of a variable as of a key of the Runner, and what it says works."""
    yaml = old.replace('None', 'null')
    text = f'{name} = dict(s={old}, t=1)\n' if file == 'a.py' else f'{name}: {{s: {yaml}, t: 1}}\n'
    with pytest.raises(InputError) as error:
        read({file: text}, f'{name}.s.a.b=2')
    says = f"--cfg-options {name}.s.a.b: {name}.s is {old}, which has no entries; write {name}.s:={{'_delete_': True, 'a': "
    assert str(error.value) == says + "{'b': 2}} instead"
    made = read({file: text}, str(error.value).partition('write ')[2].removesuffix(' instead'), f'{name}.s.c=4')
    assert made[name] == dict(s=dict(a=dict(b=2), c=4), t=1)


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


def test_a_merge_of_yaml_follows(read):
    text = (
        'base: &s {a: 1, b: {c: 2}}\nother: &o {d: 4}\nnumber: &n 5\n'
        'model: {one: {<<: *s, e: *n}, own: {<<: *s, a: 7}, two: {<<: [*o, *s]}}\n'
    )
    made = read({'a.yml': text}, 'base.a=9', 'base.b.c=8', 'other.d=3', 'number=6', 'base.f=0')
    new = dict(a=9, b=dict(c=8), f=0)
    assert (made.base, made.other, made.number) == (new, dict(d=3), 6)
    assert made.model == dict(one=dict(new, e=6), own=dict(new, a=7), two=dict(new, d=3))
    assert read({'a.yml': text}, "base={'_delete_':True,'g':1}").model.own == dict(a=7, g=1)
    with pytest.raises(InputError, match=r'base: .*a\.yml cannot be made with it \(ConstructorError: [^\n]*$'):
        read({'a.yml': text}, 'base=None')


def test_a_tuple_in_a_config_that_has_none(read):
    """JSON keeps lists alone. A base in Python may set the same variable."""
    files = {'b.py': 's = [1]\nmodel = dict(s=s)\n', 'a.json': '{"_base_": "b.py", "s": [2], "m": [[1]]}'}
    made = read(files, 's=((3,4),5)', 'm=[(1,2)]')
    assert made.model.s == ((3, 4), 5)
    assert made.m == [(1, 2)]


def test_a_value_of_yaml_from_an_anchor_is_changed_alone(read):
    text = 'x: &x {a: {q: 1}}\ny: *x\nz: {<<: *x, c: 1}\nmodel: {x: *x, l: &l [1, {m: 2}], k: *l}\n'
    made = read({'a.yml': text}, 'y.a.q=2', 'z.a.q=3')
    assert (made.x, made.y, made.z) == (dict(a=dict(q=1)), dict(a=dict(q=2)), dict(a=dict(q=3), c=1))
    assert made.model == dict(x=dict(a=dict(q=1)), l=[1, dict(m=2)], k=[1, dict(m=2)])


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


@pytest.mark.parametrize(
    'line', ["made = wave.open('x')", 'made = wave.WAVE_FORMAT_PCM * 2', "made = wave.names['x']", 'made = wave()']
)
def test_a_module_that_mmengine_does_not_import_is_told_from_an_error_of_the_code(line, read):
    text = f'import wave\n{line}\n'
    with pytest.raises(
        InputError, match=r'a\.py: line 2 of .*a\.py uses what it imports, .*write `_base_ = \[\]` above the imports'
    ):
        read({'a.py': text})
    made = read(
        {'a.py': '_base_ = []\nimport wave\nwidth = wave.WAVE_FORMAT_PCM\nmodel = dict(width=width)\n'}, 'width=5'
    )
    assert made.model.width == 5


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
