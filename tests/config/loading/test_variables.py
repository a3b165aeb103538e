"""A config is plain Python: MMEngine alone reads it, and an override of a variable changes all that is made of it."""

import math
import re
from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config
from tool_runs import CONFIGS

from auxskd_mm.apis import load_config
from auxskd_mm.config.loading import class_count, variables
from auxskd_mm.config.loading.overrides import Overrides
from auxskd_mm.errors import InputError
from auxskd_mm.recipes.runs import filled

BASE = """
custom_imports = dict(imports=['auxskd_mm'], allow_failed_imports=False)
split, still = 1, False
lists = 'lists'
num_classes = 7
speeds = (1, 2)
folder = None
sample = dict(type='Sample', speeds=speeds, inner=dict(mode='fit'))
pattern = r'(\\d{2})_{other}'
model = dict(head=dict(num_classes=num_classes), names=(split, [f'a{split}b']), regex=r'v_\\d{2}_{x}')
test_dataloader = dict(dataset=dict(ann_file=f'{lists}/test_split{split}.txt', still=still, save_to=folder))
train_dataloader = dict(dataset=dict(pipeline=[sample, dict(sample, seed=0)], where='{{ fileDirname }}'))
"""
DERIVED = """
_base_ = ['base.py']
lists = 'others'
half = len(_base_.speeds) // 2
test_evaluator = dict(type='M', speeds={{_base_.speeds}}, half=half, groups=f'{lists}/groups.csv')
"""


@pytest.fixture
def config(tmp_path):
    folder = tmp_path / 'configs'
    folder.mkdir()
    (folder / 'base.py').write_text(BASE)
    (folder / 'derived.py').write_text(DERIVED)
    return str(folder / 'derived.py')


def test_what_is_made_of_a_variable_follows_it_in_every_file(config):
    made = load_config(
        config, {'split': 2, 'still': True, 'num_classes': 3, 'lists': '/data/l', 'speeds': (1, 4, 8, 16)}
    )
    assert made.test_dataloader.dataset == dict(ann_file='/data/l/test_split2.txt', still=True, save_to=None)
    assert made.model == dict(head=dict(num_classes=3), names=(2, ['a2b']), regex=r'v_\d{2}_{x}')
    assert made.test_evaluator == dict(type='M', speeds=(1, 4, 8, 16), half=2, groups='/data/l/groups.csv')
    assert [step.speeds for step in made.train_dataloader.dataset.pipeline] == [(1, 4, 8, 16)] * 2
    assert (made.split, made.still, made.lists) == (2, True, '/data/l')
    assert made.train_dataloader.dataset.where == str(Path(config).parent)
    plain = Config.fromfile(config)
    assert (made.filename, made.text) == (plain.filename, plain.text)
    assert (
        plain.test_dataloader.dataset.ann_file == 'lists/test_split1.txt'
    )  # the base's own folder, as MMEngine reads it


def test_a_variable_that_is_assigned_in_a_block_follows_as_well(tmp_path):
    """``width`` of configs/warm_start/_base_maps.py is assigned again in an ``if``."""
    (tmp_path / 'base.py').write_text(
        'width, kind = 8, "wide"\n'
        'if kind == "wide":\n    width = 64\n    model = dict(width=width)\nelse:\n    model = dict(width=width, kind=kind)\n'
        'for number in (1, 2):\n    width += number\n'
        'try:\n    last = missing\nexcept NameError:\n    last = dict(mode="a")\n'
        'def one():\n    width = 3\n    return width\n'
        'head = dict(width=width, last=last, one=one())\ndel one\n'
    )
    (tmp_path / 'made.py').write_text("_base_ = ['base.py']\nneck = dict(width=_base_.width)\n")
    plain = Config.fromfile(tmp_path / 'made.py')
    assert (plain.model.width, plain.head.width, plain.neck.width) == (64, 67, 67)
    for kind in ('wide', 'narrow'):
        made = load_config(str(tmp_path / 'made.py'), {'width': 5, 'kind': kind, 'last.mode': 'b'})
        assert made.model.get('kind') == (None if kind == 'wide' else kind)
        assert (made.model.width, made.head.width, made.neck.width, made.width) == (5, 5, 5, 5)
        assert made.head == dict(width=5, last=dict(mode='b'), one=3)


def test_an_entry_of_a_variable_follows_as_well(config):
    made = load_config(config, {'sample.speeds': (1, 8), 'sample.inner.mode': 'faithful', 'sample.inner.new.a': 1})
    assert made.train_dataloader.dataset.pipeline == [
        dict(type='Sample', speeds=(1, 8), inner=dict(mode='faithful', new=dict(a=1)), **more)
        for more in ({}, dict(seed=0))
    ]
    assert load_config(config, {'sample': dict(speeds=(1, 8))}).train_dataloader.dataset.pipeline[1].speeds == (1, 8)


def test_keys_of_the_runner_are_merged_after_the_variables(config):
    made = load_config(
        config, {'split': 2, 'test_dataloader.dataset.still': 5, 'train_dataloader.dataset.pipeline.1.seed': 9}
    )
    assert made.test_dataloader.dataset == dict(ann_file='lists/test_split2.txt', still=5, save_to=None)
    assert made.train_dataloader.dataset.pipeline[1].seed == 9


def test_a_base_in_the_package_follows_too(tmp_path):
    (tmp_path / 'mine.py').write_text("_base_ = 'auxskd_mm::downstream/finetune_r21d_ucf101.py'\nwork_dir = 'w'\n")
    made = load_config(str(tmp_path / 'mine.py'), {'split': 3})
    assert [made[f'{part}_dataloader'].dataset.ann_file for part in ('train', 'test')] == [
        'fit_split3.txt',
        'test_split3.txt',
    ]


def test_a_stock_config_keeps_its_scope(tmp_path):
    (tmp_path / 'mine.py').write_text(
        "_base_ = 'mmaction::recognition/slowonly/slowonly_r50_8xb16-4x16x1-256e_kinetics400-rgb.py'\nn = 3\n"
        'model = dict(cls_head=dict(num_classes=n), backbone={{_base_.model.backbone}})\n'
    )
    made, plain = load_config(str(tmp_path / 'mine.py'), {'n': 5}), Config.fromfile(tmp_path / 'mine.py')
    assert made.model.cls_head.num_classes == 5
    assert made.model.backbone == plain.model.backbone
    assert 'dataset_type' in plain
    with pytest.raises(InputError, match="would change nothing, since the config has used its variable 'dataset_type'"):
        load_config(str(tmp_path / 'mine.py'), {'dataset_type': 'X'})


def test_an_entry_of_what_is_filled_in_later_names_the_variable_to_override(tmp_path):
    (tmp_path / 'base.py').write_text("trunk = dict(type='T', model='a')\n")
    text = "_base_ = 'base.py'\nstep = dict(type='S', trunk={{_base_.trunk}}, n=1)\nmodel = dict(step=step)\n"
    (tmp_path / 'c.py').write_text(text)
    config = str(tmp_path / 'c.py')
    says = '--cfg-options step.trunk.model: the config takes this part from trunk; override trunk.model instead'
    with pytest.raises(InputError, match=f'^{re.escape(says)}$'):
        load_config(config, {'step.trunk.model': 'b'})
    assert load_config(config, {'trunk.model': 'b', 'step.n': 2}).model.step == dict(
        type='S', trunk=dict(type='T', model='b'), n=2
    )


@pytest.mark.parametrize(
    'steps', ['[dict(n=1), {{_base_.trunk}}]', '({}, {"model": 1}, {{_base_.trunk}})', '[*_base_.m]']
)
def test_a_step_that_is_filled_in_later_names_the_variable_to_override(steps, tmp_path):
    (tmp_path / 'base.py').write_text(
        "trunk = dict(model='a')\nm = [{}]\nsteps = [{}, dict(model='b'), dict(model='c')]\n"
    )
    (tmp_path / 'c.py').write_text(f"_base_ = 'base.py'\nsteps = {steps}\nmodel = dict(steps=steps)\n")
    place = steps.count(',') or 1
    says = 'the config takes this part from trunk; override trunk.model instead'
    if 'trunk' not in steps:
        says = '1 is no place in a list of 1'
    with pytest.raises(InputError, match=rf'^--cfg-options steps\.{place}\.model: {says}$'):
        load_config(str(tmp_path / 'c.py'), {f'steps.{place}.model': 'd'})


def test_a_variable_that_the_base_has_used_already_is_warned_of(tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr(variables, 'print_log', lambda text, *rest: said.append(text))
    (tmp_path / 'base.py').write_text('epochs = 24\nsize = 3\nmodel = dict(a=epochs, b=size)\nload_from = None\n')
    config = tmp_path / 'c.py'
    config.write_text("_base_ = 'base.py'\nepochs = 2\nsize = 4\nload_from = 'a.pth'\nmodel = dict(b=size)\n")
    assert load_config(str(config)).model == dict(a=24, b=4)
    (line,) = said
    assert line.startswith(f'{config}: epochs = 2 changes nothing of what its base has made of epochs')
    assert 'give --cfg-options epochs=2, or set the keys themselves' in line
    assert load_config(str(config), {'epochs': 2}).model == dict(a=2, b=4)
    assert len(said) == 1


READ_BASE = 'from mmengine.config import read_base\nwith read_base():\n    from .base import *\n'


def test_a_late_variable_of_a_new_style_config_is_warned_of(tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr(variables, 'print_log', lambda text, *rest: said.append(text))
    (tmp_path / 'base.py').write_text(
        'from mmengine.hooks import IterTimerHook\nepochs = 24\nmodel = dict(type=IterTimerHook, a=epochs)\n'
    )
    config = tmp_path / 'c.py'
    config.write_text(f'{READ_BASE}epochs = 2\n')
    assert load_config(str(config)).model.a == 24
    (line,) = said
    assert line.startswith(f'{config}: epochs = 2 changes nothing of what its base has made of epochs')
    assert load_config(str(config), {'epochs': 2}).model.a == 2
    for text in (
        'epochs = 24\n',
        'epochs = 2\nmodel.update(a=epochs)\n',
        'epochs = 2\nmodel = dict(a=2)\n',
        'own = 2\n',
    ):
        config.write_text(READ_BASE + text)
        load_config(str(config))
    assert len(said) == 1


def test_a_late_variable_that_would_change_nothing_is_no_warning(tmp_path, monkeypatch):
    """The base's own value, and a file that sets all that was made of the variable, as configs/demo/probe_motion.py."""
    said = []
    monkeypatch.setattr(variables, 'print_log', lambda text, *rest: said.append(text))
    (tmp_path / 'base.py').write_text('epochs = 4\ntrain_cfg = dict(max_epochs=epochs)\n')
    for text in ('epochs = 4\n', 'train_cfg = epochs = None\n'):
        (tmp_path / 'made.py').write_text(f"_base_ = ['base.py']\n{text}")
        load_config(str(tmp_path / 'made.py'))
    load_config(str(CONFIGS / 'demo/probe_motion.py'))
    assert said == []


def test_overrides_may_need_each_other(tmp_path):
    (tmp_path / 'mine.py').write_text("a, b = (1,), 'x'\nassert len(a) == len(b)\nmodel = dict(a=a, b=b)\n")
    assert load_config(str(tmp_path / 'mine.py'), {'a': (1, 2), 'b': 'xy'}).model == dict(a=(1, 2), b='xy')


def test_a_split_of_another_kind_is_free(tmp_path):
    (tmp_path / 'mine.py').write_text("split = 'train'\nmodel = dict(split=split)\n")
    assert load_config(str(tmp_path / 'mine.py'), {'split': 'val'}).model.split == 'val'


@pytest.mark.parametrize('split', [0, 4, '2', True, None])
def test_a_split_that_does_not_exist_is_one_line(config, split):
    with pytest.raises(InputError, match=r'^split=.*: expected one of 1, 2, 3$'):
        load_config(config, {'split': split})


def test_a_value_that_the_config_cannot_be_made_with(config):
    with pytest.raises(InputError, match=r'^--cfg-options speeds: .*derived\.py cannot be made with it \(TypeError: '):
        load_config(config, {'speeds': 3})


def test_a_variable_that_no_line_reads_changes_nothing_and_says_so(config, tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr(variables, 'print_log', lambda text, *rest: said.append(text))
    load_config(config, {'split': 2}).dump(tmp_path / 'dumped.py')
    for options in ({'split': 3}, {'lists': 'a', 'train_dataloader.dataset.where': 'b'}, {'sample.speeds': (1, 3)}):
        load_config(str(tmp_path / 'dumped.py'), options)
        assert 'nothing in this config depends on' in said.pop()
    assert (
        load_config(str(tmp_path / 'dumped.py'), {'split': 2}).test_dataloader.dataset.ann_file
        == 'lists/test_split2.txt'
    )


def test_nothing_is_said_of_a_number_of_classes_that_was_counted_and_not_given(tmp_path, monkeypatch):
    """A pretraining may share a base with a fine-tuning, whose variable it does not use."""
    said = []
    monkeypatch.setattr(variables, 'print_log', lambda text, *rest: said.append(text))
    (tmp_path / 'classes.txt').write_text('a\nb\nc\n')
    (tmp_path / 'c.py').write_text(f'lists = {str(tmp_path)!r}\nnum_classes = None\nsteps = 3\nmodel = dict(a=steps)\n')
    made = load_config(str(tmp_path / 'c.py'), {'steps': 5})
    assert (made.num_classes, made.model.a, said) == (3, 5, [])
    load_config(str(tmp_path / 'c.py'), {'num_classes': 4})
    assert said.pop().startswith('--cfg-options num_classes: nothing in this config depends on num_classes')


@pytest.mark.parametrize(
    ('config', 'warns'), [('pace_features', 0), ('vspp_pixels', 0), ('finetune_features', 1), ('finetune', 1)]
)
def test_only_what_needs_the_number_of_classes_says_that_it_is_not_known(config, warns, tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr(class_count, 'print_log', lambda text, **rest: said.append(text))
    made = load_config(str(CONFIGS / f'warm_start/{config}.py'), {'lists': str(tmp_path)})
    assert made.num_classes == 2
    assert [text.startswith(f'{tmp_path}/classes.txt: no such file, so 2 classes') for text in said] == [True] * warns


@pytest.mark.parametrize(
    ('text', 'write'), [("'{lists}/a.txt'", r"f'\{lists\}/a\.txt'"), ("'{n}'", 'n'), ("['{n}']", 'n')]
)
def test_places_of_earlier_versions_are_refused(text, write, tmp_path):
    (tmp_path / 'old.py').write_text(f"lists = 'l'\nn = 3\ntest_dataloader = dict(a=dict(b={text}))\n")
    with pytest.raises(InputError, match=f'is not filled any more: write {write} there'):
        load_config(str(tmp_path / 'old.py'))


@pytest.mark.parametrize(
    'path',
    [path for path in sorted(CONFIGS.rglob('*.py')) if 'recipes' not in path.parts],
    ids=lambda path: path.relative_to(CONFIGS).as_posix(),
)
def test_every_shipped_config_means_the_same_to_mmengine(path, monkeypatch):
    stock = Config.fromfile(path)
    said = []
    monkeypatch.setattr(variables, 'print_log', lambda text, *rest: said.append(text))
    ours = load_config(str(path))
    assert said == []  # none of them has a late variable
    if stock.get('num_classes', 0) is None:  # counted in classes.txt, which there is not
        assert ours.num_classes == 2
        return
    assert ours.to_dict() == stock.to_dict()
    # What a variable is made again of, by its own value, is the same config.
    name = next((name for name in ('split', 'epochs', 'crop', 'num_clips') if stock.get(name) is not None), None)
    assert load_config(str(path), {name: stock[name]} if name else None).to_dict() == stock.to_dict()
    assert '{' not in str(stock.to_dict()).replace("{'", '').replace('{}', '')


def test_options_of_a_recipe_are_filled():
    assert filled({'a': ['{x}/b', '{y}'], 'b': ('{z}',)}, dict(x='p', y=3)) == {'a': ['p/b', 3], 'b': ('{z}',)}


def test_a_linked_config_takes_its_bases_from_beside_the_link(tmp_path):
    """As stock ``Config.fromfile`` does, with overrides as without."""
    for folder, width in (('theirs', 1), ('mine', 2)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / 'base.py').write_text(f'width = {width}\n')
    (tmp_path / 'theirs' / 'child.py').write_text("_base_ = ['./base.py']\ndepth = 1\ntotal = [depth, _base_.width]\n")
    (tmp_path / 'mine' / 'child.py').symlink_to(tmp_path / 'theirs' / 'child.py')
    path = str(tmp_path / 'mine' / 'child.py')
    assert load_config(path).total == [1, 2]
    assert load_config(path, {'depth': 3}).total == [3, 2]


@pytest.mark.parametrize('kind', ['py', 'read_base', 'yml', 'json'])
@pytest.mark.parametrize('value', ['inf', '-inf', 'nan'])
def test_numbers_that_are_no_literals_reach_what_is_made_of_a_variable(kind, value, tmp_path):
    (tmp_path / 'base.py').write_text('limit = 1.0\nmodel = dict(a=limit, b=[limit])\n')
    files = dict(py="_base_ = 'base.py'\n", read_base=READ_BASE, yml='_base_: base.py\n', json='{"_base_": "base.py"}')
    config = tmp_path / f'c.{"py" if kind == "read_base" else kind}'
    config.write_text(files[kind])
    for options in (Overrides.read([f'limit={value}']), {'limit': float(value)}):
        made = load_config(str(config), options)
        assert [repr(one) for one in (made.limit, made.model.a, *made.model.b)] == [value] * 3


VALUES = [
    (np.float32(0.1), 0.10000000149011612),
    (np.int64(3), 3),
    (np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
    ((np.bool_(True), [np.inf]), (True, [math.inf])),
    ({'_delete_': True, 'a': {2: np.str_('x')}}, {'a': {2: 'x'}}),
    ({'_delete_': True, 'a': frozenset({1}), 'b': {2}, 'c': 2j}, dict(a=frozenset({1}), b={2}, c=2j)),
    (slice(1, None), slice(1, None)),
    ([set(), frozenset(), (), complex(1, np.inf)], [set(), frozenset(), (), complex(1, math.inf)]),
]


@pytest.mark.parametrize(('value', 'plain'), VALUES)
def test_values_of_numpy_and_containers_stand_in_a_config_as_plain_ones(value, plain, tmp_path):
    """As for a key of the Runner: MMEngine writes a config as text, and reads it again."""
    (tmp_path / 'c.py').write_text('v = 1\nmodel = dict(v=v, w=1)\n')
    made = load_config(str(tmp_path / 'c.py'), {'v': value, 'model.w': value})
    assert made.v == made.model.v == made.model.w == plain
    assert repr(made.model.to_dict() if hasattr(made.model, 'to_dict') else made.model).count('np.') == 0


def test_a_value_that_is_no_part_of_a_config_is_one_line(tmp_path):
    (tmp_path / 'c.py').write_text('v = 1\nmodel = dict(v=v)\n')
    for value in (object(), [np.zeros, 1], {'_delete_': True, 'a': {'b': int}}):
        with pytest.raises(InputError) as error:
            load_config(str(tmp_path / 'c.py'), {'v': value})
        assert str(error.value).startswith('--cfg-options v=')
        assert 'an override must be made of numbers, strings, lists, tuples and dicts, not of ' in str(error.value)
        assert '\n' not in str(error.value)


def test_a_config_with_an_array_or_nan_takes_overrides(tmp_path):
    """They are compared to see what an override changes: an array has no truth, and nan is not equal to itself."""
    text = "mean, never = __import__('numpy').array([1., 2.]), [float('nan')]\nn = 2\nmodel = dict(never=never)\n"
    (tmp_path / 'c.py').write_text(f'{text}m = dict(n=n)\n')
    assert load_config(str(tmp_path / 'c.py'), {'n': 3}).m.n == 3
    (tmp_path / 'c.py').write_text(f'{text}n = [n]\n')
    with pytest.raises(InputError, match='nothing in this config depends on n'):
        load_config(str(tmp_path / 'c.py'), {'n': 3})


@pytest.mark.parametrize('kind', ['yml', 'json'])
def test_a_variable_of_the_environment_is_kept_in_a_config_that_is_no_python(kind, tmp_path, monkeypatch):
    monkeypatch.setenv('SOME_RATE', '0.5')
    text = {
        'yml': 'rate: {{$SOME_RATE:0.1}}\nsplit: &split 1\nmodel: {split: *split, name: "{{$SOME_NAME:x}}"}\n',
        'json': '{"rate": {{$SOME_RATE:0.1}}, "split": 1, "model": {"name": "{{$SOME_NAME:x}}"}}',
    }[kind]
    path = tmp_path / f'a.{kind}'
    path.write_text(text)
    loaded = load_config(str(path), dict(split=2))
    assert (loaded.rate, loaded.split, loaded.model.name) == (0.5, 2, 'x')
    assert loaded.model.get('split', 2) == 2


def test_a_new_style_config_looks_beside_itself_also_with_an_override(tmp_path):
    (tmp_path / 'base.py').write_text('width = 1\nhere = __file__\n')
    path = tmp_path / 'a.py'
    path.write_text(
        'from mmengine.config import read_base\n\nwith read_base():\n    from .base import *\n'
        'model = dict(width=width, base=here, file=__file__)\n'
    )
    loaded = load_config(str(path), dict(width=2))
    assert loaded.model == dict(width=2, base=str(tmp_path / 'base.py'), file=str(path))
