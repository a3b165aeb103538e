"""Configs of checkpoints, read without being run."""

import mmengine.config.config as mmengine_config
import pytest
from mmengine.config import Config

from auxskd_mm.compat import remember_formatting
from auxskd_mm.config.text import read_config_text


def test_it_reads_what_mmengine_writes():
    content = dict(
        model=dict(
            type='X',
            sizes=(1, 2.5, -3, float('inf'), -float('inf')),
            none=None,
            nested=[dict(a='it\'s "x"', b=True)],
            empty={},
        ),
        keys={'a.b': 1, 'c d': [2]},
        load_from=None,
        lr=1e-05,
        limits=[float('inf'), (-float('inf'),)],
    )
    assert read_config_text(Config(content).pretty_text) == content


def test_a_text_is_formatted_once(monkeypatch):
    real, formatted = mmengine_config.FormatCode, []
    monkeypatch.setattr(
        mmengine_config, 'FormatCode', lambda *given, **style: formatted.append(given) or real(*given, **style)
    )
    config = Config(dict(model=dict(type='X', sizes=list(range(60)))))
    wanted = config.pretty_text
    formatted.clear()
    remember_formatting()
    remember_formatting()
    assert [config.pretty_text, config.pretty_text] == [wanted] * 2
    assert len(formatted) == 1
    config.model.type = 'Y'
    assert config.pretty_text == wanted.replace("'X'", "'Y'")
    assert len(formatted) == 2


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
