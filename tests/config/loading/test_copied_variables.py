"""Overrides of variables that the config file has copied elsewhere."""

import pytest

from auxskd_mm.config.load import load_config
from auxskd_mm.errors import InputError

CONFIG = """
clip_len = 8
classes = 5
note = 'x'
decode = [dict(type='Open')]
train_pipeline = [*decode, dict(type='Sample', clip_len=clip_len)]
train_dataloader = dict(dataset=dict(type='Repeat', dataset=dict(pipeline=train_pipeline)))
val_dataloader = dict(dataset=dict(datasets=[dict(pipeline=train_pipeline)]))
model = dict(type='M', num_classes=classes)
"""


@pytest.fixture
def config(tmp_path):
    path = tmp_path / 'c.py'
    path.write_text(CONFIG)
    return str(path)


def test_an_override_of_a_pipeline_reaches_all_loaders_that_have_it(config):
    loaded = load_config(config, {'train_pipeline.1.clip_len': 16})
    assert loaded.train_dataloader.dataset.dataset.pipeline[1].clip_len == 16
    assert loaded.val_dataloader.dataset.datasets[0].pipeline[1].clip_len == 16
    both = {'train_pipeline.1.clip_len': 16, 'train_dataloader.dataset.dataset.pipeline.1.clip_len': 4}
    assert load_config(config, both).train_dataloader.dataset.dataset.pipeline[1].clip_len == 4


def test_a_variable_reaches_what_was_made_of_it(config):
    assert load_config(config, {'classes': 9}).model.num_classes == 9
    assert load_config(config, {'clip_len': 4}).val_dataloader.dataset.datasets[0].pipeline[1].clip_len == 4
    assert load_config(config, {'decode.0.type': 'Other'}).train_dataloader.dataset.dataset.pipeline[0].type == 'Other'
    # Nothing in the file reads this one: whoever reads it does so later.
    assert load_config(config, {'note': 'y'}).note == 'y'


def test_an_override_that_would_do_nothing_is_refused(tmp_path):
    # A base of another package is not evaluated again, and a number may stand in many places by chance.
    mine = tmp_path / 'mine.py'
    mine.write_text("_base_ = 'mmaction::recognition/slowonly/slowonly_r50_8xb16-4x16x1-256e_kinetics400-rgb.py'\n")
    with pytest.raises(
        InputError, match=r"would change nothing, .* 'data_root' .*; override train_dataloader\.dataset"
    ):
        load_config(str(mine), {'data_root': 'elsewhere'})
    (tmp_path / 'own.py').write_text("size = 8\nmodel = dict(type='M', size=size)\nmodel = dict(type='M')\n")
    with pytest.raises(InputError, match='nothing in this config depends on size'):
        load_config(str(tmp_path / 'own.py'), {'size': 9})
