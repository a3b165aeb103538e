"""Configs of checkpoints, read without being run."""

import pytest
from mmengine.config import Config

from auxskd_mm.config.text import read_config_text


def test_it_reads_what_mmengine_writes():
    content = dict(
        model=dict(type='X', sizes=(1, 2.5, -3), none=None, nested=[dict(a='it\'s "x"', b=True)], empty={}),
        keys={'a.b': 1, 'c d': [2]},
        load_from=None,
        lr=1e-05,
    )
    assert read_config_text(Config(content).pretty_text) == content


@pytest.mark.parametrize(
    'text',
    [
        "a = __import__('os').getcwd()",
        'import os',
        'a = dict(**b)',
        'a = open',
        'a = list(x=1)',
        'a = [i for i in (1, 2)]',
        'a =',
        'a.b = 1',
        'a = ' + '(' * 300 + ')' * 300,
        'a = ' + '-' * 5000 + '1',
    ],
)
def test_anything_but_values_is_left_alone(text):
    assert read_config_text(text) is None
