"""Verdicts about runs made up to be healthy or collapsed, and bad input through the tool."""

import json
import math

import numpy as np
import pytest
from tool_runs import call_tool

from auxskd_mm.errors import InputError
from auxskd_mm.visualization.collapse_panel import draw_collapse_panel, judge, queue_settings

TOOL = 'visualization/collapse_panel.py'
HEALTHY = dict(
    teacher_entropy=4.0, student_entropy=5.0, anchor_agreement=0.3, student_std=0.8, teacher_std=0.7, queue_filled=1
)


def scalars(**values):
    return {key: (np.arange(20.0), np.full(20, float(value))) for key, value in values.items()}


def verdicts(**changes):
    return {key: verdict.healthy for key, verdict in judge(scalars(**{**HEALTHY, **changes}), 512).items()}


def test_a_healthy_run():
    assert verdicts() == dict(entropy=True, agreement=True, spread=True, queue=True)
    assert judge(scalars(**HEALTHY), 512)['agreement'].text == '30.0% agree, 154 times chance'
    assert judge(scalars(**HEALTHY), 512)['entropy'].text == f'teacher at {4 / math.log(512):.0%} of log K'


@pytest.mark.parametrize(
    ('changes', 'bad'),
    [
        (dict(teacher_entropy=0.97 * math.log(512)), 'entropy'),
        (dict(teacher_entropy=0.01), 'entropy'),
        (dict(anchor_agreement=1 / 512), 'agreement'),
        (dict(student_std=0.02), 'spread'),
        (dict(teacher_std=0.02), 'spread'),
    ],
)
def test_what_collapses_is_named_and_nothing_else(changes, bad):
    assert [key for key, healthy in verdicts(**changes).items() if healthy is False] == [bad]


@pytest.mark.parametrize('value', [math.nan, math.inf])
def test_a_training_that_diverged_is_not_healthy_and_is_drawn(run, tmp_path, value):
    lost = dict(teacher_entropy=value, student_entropy=value, anchor_agreement=value, student_std=value)
    found = judge(scalars(**{**HEALTHY, **lost}), 512)
    assert [found[key].healthy for key in ('entropy', 'agreement', 'spread', 'queue')] == [False] * 3 + [True]
    assert all('diverged' in found[key].text for key in ('entropy', 'agreement', 'spread'))
    log = next(run.glob('*/vis_data/scalars.json'))
    log.write_text(f'{log.read_text()}\n{json.dumps(dict(HEALTHY, step=9, **lost))}')
    assert draw_collapse_panel(run, tmp_path / 'c.png').read_bytes()[:4] == b'\x89PNG'


def test_the_end_counts_and_a_queue_that_fills_is_no_verdict():
    values = np.r_[np.full(15, 0.01), np.full(5, 0.9)]
    assert judge(dict(student_std=(np.arange(20), values)), 512)['spread'].healthy
    assert verdicts(queue_filled=0.5)['queue'] is None
    assert judge({}, 512) == {}


@pytest.fixture
def run(tmp_path):
    folder = tmp_path / 'run' / '20261124' / 'vis_data'
    folder.mkdir(parents=True)
    rows = [json.dumps(dict(HEALTHY, loss_similarity=2.0, queue_age=3.0, step=i)) for i in range(9)]
    (folder / 'scalars.json').write_text('\n'.join(rows))
    (folder / 'config.py').write_text(
        "model = dict(type='auxskd_mm.AuxSKD', queue_size=64)\ntrain_dataloader = dict(batch_size=8)\n"
    )
    return tmp_path / 'run'


def test_a_run_is_read_and_drawn(run, tmp_path):
    assert queue_settings(run) == (64, 8)
    assert draw_collapse_panel(run, tmp_path / 'n' / 'c.png').read_bytes()[:4] == b'\x89PNG'
    with pytest.raises(InputError, match='queue_size=1: expected at least 2'):
        draw_collapse_panel(run, tmp_path / 'c.png', queue_size=1)


def test_bad_input_is_one_line(run, tmp_path, monkeypatch, capfd):
    def says(*words):
        return call_tool(monkeypatch, capfd, TOOL, *words).error_line()

    assert 'no */vis_data/scalars.json' in says(tmp_path / 'gone')
    assert 'cannot be written' in says(run, '--out', '/proc/x/a.png')
    config = next(run.glob('*/vis_data/config.py'))
    config.write_text("model = dict(type='Recognizer3D')\n")
    assert 'a run of Recognizer3D; this panel is for auxskd_mm.AuxSKD' in says(run, '--out', tmp_path / 'a.png')
    config.unlink()
    assert 'give --queue-size' in says(run, '--out', tmp_path / 'a.png')
    next(run.glob('*/vis_data/scalars.json')).write_text('{"loss": 1, "step": 1}')
    assert 'logged no teacher_entropy' in says(run, '--queue-size', 64, '--out', tmp_path / 'a.png')


def test_the_config_of_a_run_is_read_and_not_run(run, tmp_path):
    """A run folder may come from elsewhere: its config is data."""
    (file,) = run.glob('*/vis_data/config.py')
    harmless, sign = file.read_text(), tmp_path / 'ran'
    for code in (
        f"open({str(sign)!r}, 'w')\n",
        f"x = __import__('os').mkdir({str(sign)!r})\n",
        'import os\n',
        "_base_ = ['a.py']\n[",
    ):
        file.write_text(code + harmless)
        with pytest.raises(InputError, match=r'config\.py: no config as MMEngine writes it'):
            queue_settings(run)
        assert not sign.exists()
    file.write_text(harmless)
    assert queue_settings(run)[0] == 64
