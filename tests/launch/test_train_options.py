"""Options of tools that the config has a value for as well, and arguments with an equals sign."""

import argparse
import importlib.util
from pathlib import Path

import pytest
from mmengine.config import Config
from tool_runs import TOOLS

from auxskd_mm.errors import InputError


def load_tool(name):
    spec = importlib.util.spec_from_file_location(f'tool_{name.replace("/", "_")}', TOOLS / f'{name}.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ('own', 'given', 'expected'),
    [
        (None, {}, dict(seed=None, diff_rank_seed=False, deterministic=False)),
        (None, dict(seed=3), dict(seed=3, diff_rank_seed=False, deterministic=False)),
        (dict(seed=5), {}, dict(seed=5)),
        (dict(seed=5, deterministic=True), dict(seed=0), dict(seed=0, deterministic=True)),
        (dict(seed=5), dict(diff_rank_seed=True), dict(seed=5, diff_rank_seed=True)),
        (dict(seed=5), dict(deterministic=True), dict(seed=5, deterministic=True)),
    ],
)
def test_a_given_seed_wins_over_that_of_the_config(tmp_path, own, given, expected):
    config = Config(dict(randomness=own))
    words = dict(
        config='c.py', work_dir=str(tmp_path), no_validate=False, launcher='none', amp=False, resume=None,
        auto_scale_lr=False, seed=None, diff_rank_seed=False, deterministic=False,
    )  # fmt: skip
    load_tool('train').merge_args(config, argparse.Namespace(**{**words, **given}))
    assert dict(config.randomness) == expected


def test_a_test_resumes_nothing():
    config = Config(dict(resume=True, test_dataloader=dict(), test_evaluator=dict()))
    words = dict(config='c.py', checkpoint='x.pth', show=False, show_dir=None, dump=None, launcher='none')
    load_tool('test').merge_args(config, argparse.Namespace(**words))
    assert (config.load_from, config.resume) == ('x.pth', False)


def test_a_name_with_an_equals_sign_is_no_title(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'lr=0.1').mkdir()
    (tmp_path / 'lr=0.1.npz').touch()
    curves, named_paths = load_tool('analysis/plot_curves'), load_tool('tool_start').named_paths
    runs = named_paths(['lr=0.1', 'b=lr=0.1', 'c=d', '=w/v/1/vis_data/scalars.json'], curves.run_name, 'run')
    assert runs == {'lr=0.1': 'lr=0.1', 'b': 'lr=0.1', 'c': 'd', 'v': 'w/v/1/vis_data/scalars.json'}
    files = named_paths(['lr=0.1.npz', 'b=lr=0.1.npz'], lambda path: Path(path).stem, 'file')
    assert files == {'lr=0.1': 'lr=0.1.npz', 'b': 'lr=0.1.npz'}
    with pytest.raises(InputError, match=r"x/a: a second run called 'a'; give each its own name, as NAME=RUN"):
        named_paths(['a', 'x/a'], curves.run_name, 'run')
