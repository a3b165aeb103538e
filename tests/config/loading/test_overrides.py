"""What the text of an override means, by the value that it replaces."""

import math

import numpy as np
import pytest
from mmengine.config import Config

from auxskd_mm.config.load import load_config
from auxskd_mm.config.loading.overrides import Overrides, options_text, read_options_file
from auxskd_mm.errors import InputError

CONFIG = """
classes = 7
model = dict(type='M', pretrained='a.pth', num_classes=classes, width=4, frozen=False)
train_dataloader = dict(dataset=dict(source='videos', scale=(4, 3), names=['a'], extra=None, pipeline=[dict(type='A', n=1)]))
load_from = None
"""


@pytest.fixture
def config(tmp_path):
    path = tmp_path / 'c.py'
    path.write_text(CONFIG)
    return str(path)


DATASET = 'train_dataloader.dataset.'


@pytest.mark.parametrize(
    'text',
    [
        'My Videos',
        ' a',
        'a, b',
        '[a,b]',
        '(1,2)',
        '{x}',
        '1e-3',
        'None',
        'True',
        '007',
        '12',
        'a=b',
        '',
        'a"b',
        'x(y',
        "it's",
        '[a',
        '{last}.mp4',
        'dict(a',
    ],
)
def test_a_text_that_replaces_a_string_loses_nothing(config, text):
    loaded = load_config(config, Overrides.read([f'{DATASET}source={text}']))
    assert loaded.train_dataloader.dataset.source == text


VALUES = {
    f'{DATASET}source="My Videos"': 'My Videos',
    f"{DATASET}source:=['a', 'b c']": ['a', 'b c'],
    f'{DATASET}source:=["a", null]': ['a', None],
    f'{DATASET}scale=(8, 6)': (8, 6),
    f'{DATASET}scale=8,6': [8, 6],
    f'{DATASET}names=[001, x y]': ['001', 'x y'],
    f'{DATASET}names=["a, b",c]': ['a, b', 'c'],
    f'{DATASET}extra=[(1,2),(3,4)]': [(1, 2), (3, 4)],
    f'{DATASET}extra=(1,2),(3,4)': [(1, 2), (3, 4)],
    f"{DATASET}extra={{'a': 1}}": {'a': 1},
    f"{DATASET}extra=dict(a=-1, b=[dict(c='x, y'), inf])": {'a': -1, 'b': [{'c': 'x, y'}, math.inf]},
    f'{DATASET}extra=[dict(a=1),dict(b=(2,))]': [{'a': 1}, {'b': (2,)}],
    f"{DATASET}extra=dict({{'a.b': 1}})": {'a.b': 1},
    f'{DATASET}extra=007': '007',
    f'{DATASET}extra=two words': 'two words',
    f'{DATASET}extra="7"': '7',
    f'{DATASET}pipeline.0.n=1e-3': 1e-3,
    'model.width=007': 7,
    'model.frozen=true': True,
    'model.num_classes=9': 9,
    'model.pretrained=None': None,
    'load_from=2024': '2024',
    'load_from=a, b.pth': 'a, b.pth',
    'load_from=None': None,
}


@pytest.mark.parametrize('word', VALUES)
def test_values(config, word):
    loaded = load_config(config, Overrides.read([word]))
    value = loaded
    for name in word.partition('=')[0].rstrip(':').split('.'):
        value = value[int(name)] if name.isdigit() else value[name]
    assert value == VALUES[word]
    assert type(value) is type(VALUES[word]) or isinstance(value, dict)


def test_overrides_in_a_file_need_no_text_form(tmp_path):
    options = {'a.b': 'My, [Videos] = "1"', 'c': (1, (2.5e-3, None)), 'd': [True, '007'], 'e': {'f': -0.1}}
    path = tmp_path / 'o.txt'
    path.write_text(options_text(Config(dict(x=options)).x))
    assert read_options_file(str(path)) == options
    with pytest.raises(InputError, match=r'k=.*: an override must be made of'):
        options_text({'k': object()})
    path.write_text('[1]')
    with pytest.raises(InputError, match=r'--cfg-file .*o\.txt: expected one Python dict'):
        read_options_file(str(path))
    with pytest.raises(InputError, match='cannot be read'):
        read_options_file(str(tmp_path / 'none'))


def test_numbers_that_are_no_literals_in_a_file_and_after_a_colon(tmp_path):
    options = {'a': [math.inf, -math.inf], 'b': {'c': math.inf}, 'd': (np.float64(0.5), math.inf)}
    path = tmp_path / 'o.txt'
    path.write_text(options_text({**options, 'e': math.nan}))
    read = read_options_file(str(path))
    assert repr(read.pop('e')) == 'nan'
    assert read == options
    assert type(read['d'][0]) is float
    assert Overrides.read(["v:=[1, float('-inf'), inf]"])['v'] == [1, -math.inf, math.inf]
    with pytest.raises(ValueError, match='print'):
        Overrides.read(["v:=print('x')"])
    with pytest.raises(InputError, match=r'^k=range\(0, 3\): an override must be made of'):
        options_text({'k': range(3)})


def test_blanks_around_a_key_and_a_literal_after_a_text(config):
    assert Overrides.read([' load_from = x.pth']) == {'load_from': ' x.pth'}
    options = Overrides.read(['model.width=5', 'model.width:=6'])
    assert load_config(config, options).model.width == 6


def test_a_dict_does_not_drop_what_is_said_of_its_entries(config):
    words = [f'{DATASET}source=one', 'train_dataloader.dataset={"repeat":1}']
    for order in (words, words[::-1]):
        dataset = load_config(config, Overrides.read(order)).train_dataloader.dataset
        assert (dataset.source, dataset.repeat) == ('one', 1)
