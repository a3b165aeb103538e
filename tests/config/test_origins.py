"""Which file sets which key, on files written for the test."""

import pytest

from auxskd_mm.config.origins import config_chain, origins
from auxskd_mm.errors import InputError


def test_what_comes_earlier_overrides_what_comes_later(tmp_path):
    (tmp_path / 'parts').mkdir()
    (tmp_path / 'parts' / 'data.py').write_text('# Data.\nloader = 1\nmodel = 0\n')
    (tmp_path / 'parts' / 'run.py').write_text('hooks = 2\n')
    (tmp_path / 'base.py').write_text(
        "# Faithful to X,\n# but.\n\n# Not this.\n_base_ = ['parts/data.py', 'parts/run.py']\nmodel = 1\n"
    )
    (tmp_path / 'top.py').write_text(
        "_base_ = 'base.py'\nmodel = dict(a={{_base_.loader}})\nmodel.b = 2\nextra = model\n"
    )
    chain = config_chain(str(tmp_path / 'top.py'))
    assert [(file.path.name, file.depth) for file in chain] == [
        ('top.py', 0),
        ('base.py', 1),
        ('data.py', 2),
        ('run.py', 2),
    ]
    assert [file.header for file in chain] == ['', 'Faithful to X, but.', 'Data.', '']
    assert origins(chain) == dict(
        model=['top.py', 'base.py', 'data.py'], extra=['top.py'], loader=['data.py'], hooks=['run.py']
    )


def test_bases_of_other_packages(tmp_path):
    (tmp_path / 'mine.py').write_text(
        "_base_ = 'mmaction::recognition/slowonly/slowonly_r50_8xb16-4x16x1-256e_kinetics400-rgb.py'\n"
    )
    chain = config_chain(str(tmp_path / 'mine.py'))
    assert [file.package for file in chain] == ['', 'mmaction', '', '']
    assert origins(chain)['auto_scale_lr'] == ['slowonly_r50_8xb16-4x16x1-256e_kinetics400-rgb.py']


@pytest.mark.parametrize('inherit', ["_base_: '{{ fileDirname }}/base.py'", '_base_: [base.py]'])
def test_a_config_of_yaml(inherit, tmp_path):
    (tmp_path / 'base.py').write_text('model, other = 1, 2\n')
    (tmp_path / 'top.yml').write_text(f'{inherit}\nmodel: {{{{ _base_.model }}}}\nepochs: {{{{$NO_SUCH_NAME:5}}}}\n')
    chain = config_chain(str(tmp_path / 'top.yml'))
    assert origins(chain) == dict(model=['top.yml', 'base.py'], epochs=['top.yml'], other=['base.py'])


def test_bases_that_are_imported(tmp_path):
    (tmp_path / 'parts').mkdir()
    (tmp_path / 'parts' / 'a.py').write_text('model = dict()\nloader = 1\n')
    (tmp_path / 'b.py').write_text('loader = 2\n')
    (tmp_path / 'top.py').write_text(
        'from mmengine.config import read_base\n\nwith read_base():\n    from .parts.a import *\n    from .b import *\n'
        'model.update(x=1)\n'
    )
    chain = config_chain(str(tmp_path / 'top.py'))
    assert [(file.path.name, file.depth) for file in chain] == [('top.py', 0), ('b.py', 1), ('a.py', 1)]
    assert origins(chain) == dict(model=['top.py', 'a.py'], loader=['b.py', 'a.py'])


def test_files_that_cannot_be_read(tmp_path):
    (tmp_path / 'a.py').write_text("_base_ = 'none.py'\n")
    with pytest.raises(InputError, match=r'none\.py: no such config file'):
        config_chain(str(tmp_path / 'a.py'))
    (tmp_path / 'b.py').write_text('a = (\n')
    with pytest.raises(InputError, match=r'b\.py: line 1 is not Python'):
        config_chain(str(tmp_path / 'b.py'))
