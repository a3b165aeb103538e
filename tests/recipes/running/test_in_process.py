"""A tool inside this process: its screen in a file, its errors in one line, nothing left behind."""

import logging
import sys
from pathlib import Path

import pytest
from mmengine.logging import MMLogger, print_log
from tool_runs import CONFIGS

from auxskd_mm.apis import load_config
from auxskd_mm.errors import InputError, Preempted
from auxskd_mm.recipes.running.in_process import SCREEN, call, loader_options, silent

TOOL = """
import argparse, sys
from mmengine.logging import print_log
def parse_args():
    parser = argparse.ArgumentParser()
    parser.add_argument('--work-dir')
    parser.add_argument('--cfg-file')
    return parser.parse_args()
def main(args):
    print('printed')
    print('to stderr', file=sys.stderr)
    print_log('logged', logger='current')
    print(open(args.cfg_file).read())
    {end}
"""


@pytest.fixture
def tool(tmp_path):
    def make(end='pass', name='tool_of_a_test'):
        (tmp_path / 'tool_start.py').write_text('def read_overrides(args):\n    return args\n')
        path = tmp_path / f'{name}.py'
        path.write_text(TOOL.format(end=end))
        return [sys.executable, str(path), '--work-dir', str(tmp_path / 'out')]

    kept = dict(sys.modules)
    sys.modules.pop('tool_start', None)
    yield make
    for name in sys.modules.keys() - kept.keys():
        if name.startswith('auxskd_mm_tools_tool_of'):
            del sys.modules[name]
    sys.modules.pop('tool_start', None)
    sys.modules.update({'tool_start': kept['tool_start']} if 'tool_start' in kept else {})


def test_all_that_a_tool_says_goes_into_its_file(tool, tmp_path, capfd):
    print_log('a logger before', logger='current')  # it writes to the real screen
    capfd.readouterr()
    words = list(sys.argv)
    assert call('x', tool(), {'a': (1, 2)}) > 0
    screen = (tmp_path / 'out' / SCREEN).read_text()
    assert screen.startswith(f'$ python {tmp_path}/tool_of_a_test.py --work-dir')
    for said in ('printed', 'to stderr', 'logged', "'a': (1, 2)"):
        assert said in screen
    assert capfd.readouterr() == ('', '')
    assert sys.argv == words
    assert not MMLogger._instance_dict  # nothing is kept of the run


def test_bad_input_is_one_line_that_names_the_step_and_the_file(tool, tmp_path):
    words = tool("raise FileNotFoundError('no file y.txt')", 'tool_of_bad_input')
    with pytest.raises(InputError, match=r"phase 'x': no file y\.txt \(see .*screen\.txt\)"):
        call('x', words, {'a': 1})
    with pytest.raises(ZeroDivisionError):  # a fault of the code keeps its traceback
        call('x', tool('1 / 0', 'tool_of_a_fault'), {'a': 1})
    assert not MMLogger._instance_dict


def test_a_second_call_adds_to_the_file(tool, tmp_path):
    for _ in range(2):
        call('x', tool(), {'a': 1})
    assert (tmp_path / 'out' / SCREEN).read_text().count('printed') == 2


def test_silence_ends_with_its_block(capfd):
    with silent():
        print('dropped')
        print_log('dropped', logger='current', level=logging.WARNING)
    print_log('shown', logger='current')
    out, err = capfd.readouterr()
    assert 'dropped' not in out + err
    assert 'shown' in out


def test_loaders_work_in_this_process_unless_an_option_says_otherwise():
    config = Path(CONFIGS, 'demo', 'finetune_motion.py')
    options = {'train_dataloader.num_workers': 1, 'model.backbone': dict(_delete_=True, type='auxskd_mm.C3DBN')}
    made = loader_options(config, options)
    assert options['model.backbone']['_delete_']  # the options may be used again
    loaded = load_config(str(config), made)
    assert (loaded.train_dataloader.num_workers, loaded.test_dataloader.num_workers) == (1, 0)
    assert loaded.test_dataloader.persistent_workers is False
    assert dict(loaded.model.backbone) == dict(type='auxskd_mm.C3DBN')
    assert not any(key.startswith('val_dataloader') for key in made)


def test_a_tool_that_saved_and_left_goes_on_with_the_same_command(tool):
    """Its own line names --resume, which the user of a recipe cannot give."""
    end = "from auxskd_mm.errors import Preempted; raise Preempted('SIGINT after iteration 2: go on with --resume')"
    with pytest.raises(Preempted, match=r"^phase 'x' saved its state; run the same command again to go on$"):
        call('x', tool(end), {'a': 1})


def test_a_full_disk_names_the_folder_of_the_step(tool, tmp_path):
    with pytest.raises(InputError, match=f"phase 'x': {tmp_path}/out: the disk is full; make room"):
        call('x', tool("raise OSError(28, 'No space left on device')"), {'a': 1})
