"""Blanks, commas and numbers in names, from the command line and from a recipe to its phases."""

import sys

import pytest
from tool_runs import CONFIGS, TINY_VSPP, call_tool, tiny_clips

from auxskd_mm.config.loading.overrides import Overrides
from auxskd_mm.errors import InputError, Preempted
from auxskd_mm.recipes import commands
from auxskd_mm.recipes.plan import plan_recipe

VSPP = CONFIGS / 'demo' / 'vspp_motion.py'


@pytest.mark.parametrize('name', ['My Videos', 'a, b', '1e3', '[x]'])
def test_a_folder_with_any_name_is_found_and_no_other(name, tmp_path, monkeypatch, capfd):
    (tmp_path / 'MyVideos').mkdir()
    tiny_clips(tmp_path / 'clips')
    (tmp_path / 'clips' / 'train').rename(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    options = {**TINY_VSPP, 'train_dataloader.batch_size': 8}
    pairs = [f'{key}={value}' for key, value in options.items()]
    words = ['--work-dir', 'my run', '--cfg-options', f'train_dataloader.dataset.source={name}', *pairs]
    ended = call_tool(monkeypatch, capfd, 'train.py', VSPP, *words)
    assert ended.code == 0, ended.err
    assert (tmp_path / 'my run' / 'epoch_1.pth').is_file()


def test_a_recipe_hands_values_over_not_texts(tmp_path, capfd):
    folder = tmp_path / 'my recipe' / 'phase, 1'
    script = tmp_path / 'tool.py'
    script.write_text(
        'import argparse\n'
        'from auxskd_mm.launch.tool import CfgFile, run_tool\n'
        'parser = argparse.ArgumentParser()\n'
        "parser.add_argument('--work-dir')\n"
        "parser.add_argument('--cfg-file', action=CfgFile)\n"
        'print(repr(dict(parser.parse_args().cfg_options)))\n'
    )
    options = {'load_from': str(folder / 'epoch_1.pth'), 'a': (1, 'x y'), 'b': '007', 'c': None, 'd': [['1,2'], 0.1]}
    commands.call('phase', [sys.executable, str(script), '--work-dir', str(folder)], options)
    assert repr(options) in capfd.readouterr().out


def test_the_command_that_a_report_shows_reads_back(tmp_path):
    options = {'a': 'My Videos', 'b': '007', 'c': '1e-3', 'd': 'None', 'e': '[x]', 'f': (1, 2), 'g': ['a b'], 'h': 1.0}
    assert dict(Overrides.read(commands.pairs(options))) == options


def test_overrides_of_a_recipe_replace_values_of_their_phase(tmp_path):
    (tmp_path / 'phase.py').write_text("model = dict(type='M', name='x', width=3)\n")
    (tmp_path / 'recipe.py').write_text("phases = [dict(name='one', config='phase.py')]\n")
    options = Overrides.read(['one.model.name=1, 2', 'all.model.width=4'])
    plan = plan_recipe(tmp_path / 'recipe.py', tmp_path / 'out', options)
    assert plan.steps[0].options == {'model.name': '1, 2', 'model.width': 4}


def test_a_phase_that_saved_and_left_is_no_failure():
    with pytest.raises(Preempted, match="phase 'x' saved its state; run the same command again to go on"):
        commands.call('x', [sys.executable, '-c', 'raise SystemExit(75)'], {})
    with pytest.raises(InputError, match='exit code 130'):
        commands.call('x', [sys.executable, '-c', 'raise SystemExit(130)'], {})
