"""Variables that are filled in after the overrides."""

import pytest
from mmengine.config import Config

from auxskd_mm.apis import load_config
from auxskd_mm.config.variables import fill_value
from auxskd_mm.errors import InputError

TEXT = """
split = 1
lists = 'lists'
still = False
num_classes = 7
folder = None
pattern = r'(\\d{2})_{other}'
model = dict(head=dict(num_classes='{num_classes}'), names=('{split}', ['a{split}b{split}']), regex=r'v_\\d{2}_{x}')
test_dataloader = dict(dataset=dict(ann_file='{lists}/test_split{split}.txt', still='{still}', save_to='{folder}'))
"""


@pytest.fixture
def config(tmp_path):
    path = tmp_path / 'config.py'
    path.write_text(TEXT)
    return str(path)


def test_they_take_the_overrides_and_keep_their_types(config):
    filled = load_config(config, {'split': 2, 'still': True, 'num_classes': 3, 'lists': '/data/l'})
    assert filled.test_dataloader.dataset == dict(ann_file='/data/l/test_split2.txt', still=True, save_to=None)
    assert filled.model == dict(head=dict(num_classes=3), names=(2, ['a2b2']), regex=r'v_\d{2}_{x}')
    assert filled.pattern == r'(\d{2})_{other}'
    assert load_config(config).test_dataloader.dataset.ann_file == 'lists/test_split1.txt'
    # What was filled once is a config like any other.
    assert load_config(config, {'num_classes': 4}).model.head.num_classes == 4


@pytest.mark.parametrize('split', [0, 4, '2', True, None])
def test_a_split_that_does_not_exist_is_one_line(config, split):
    with pytest.raises(InputError, match=r'^split=.*: expected one of 1, 2, 3$'):
        load_config(config, {'split': split})


def test_a_split_that_changes_nothing_is_refused(config, tmp_path):
    filled = load_config(config, {'split': 2})
    filled.dump(tmp_path / 'filled.py')
    with pytest.raises(InputError, match=r"no path of this config holds '\{split\}'"):
        load_config(str(tmp_path / 'filled.py'), {'split': 3})
    assert load_config(str(tmp_path / 'filled.py')).test_dataloader.dataset.ann_file == 'lists/test_split2.txt'


def test_a_config_that_nobody_filled_names_the_place(config):
    raw = Config.fromfile(config)
    assert (
        raw.test_dataloader.dataset.ann_file == '{lists}/test_split{split}.txt'
    )  # no such file, wherever it is opened


def test_values_outside_a_config():
    assert fill_value({'a': ['{x}/b', '{y}'], 'b': ('{z}',)}, dict(x='p', y=3)) == {'a': ['p/b', 3], 'b': ('{z}',)}
