"""Config loading and the one line that bad input gets."""

import argparse
import errno
import io
import logging
import os
import pickle
import signal
import time
import urllib.error
from pathlib import Path

import pytest
from mmengine.config import Config

from auxskd_mm.config.load import load_config
from auxskd_mm.errors import InputError, VideoReadError
from auxskd_mm.files import WholeFile
from auxskd_mm.launch import tool
from auxskd_mm.launch.tool import CfgOptions, describe
from auxskd_mm.registry import MODELS


@pytest.fixture
def config(tmp_path):
    path = tmp_path / 'some.py'
    path.write_text("model = dict(type='X', width=4)\nmy_variable = 3\ntrain_dataloader = dict(batch_size=2)\n")
    return str(path)


def test_overrides_are_merged(config):
    loaded = load_config(
        config, {'model.width': 8, 'train_dataloader.batch_size': 1, 'load_from': 'a.pth', 'my_variable': 4}
    )
    assert (loaded.model.width, loaded.train_dataloader.batch_size, loaded.load_from, loaded.my_variable) == (
        8,
        1,
        'a.pth',
        4,
    )


def test_unknown_keys_are_refused(config, tmp_path):
    with pytest.raises(
        InputError, match="--cfg-options: unknown config key 'train_dataloder'; did you mean 'train_dataloader'"
    ):
        load_config(config, {'train_dataloder.batch_size': 8})
    with pytest.raises(InputError, match="unknown config key 'zzz'"):
        load_config(config, {'zzz': 8})
    misspelt = tmp_path / 'misspelt.py'
    misspelt.write_text("optim_wraper = dict(type='OptimWrapper')\n")
    with pytest.raises(
        InputError, match=r"misspelt\.py: unknown config key 'optim_wraper'; did you mean 'optim_wrapper'"
    ):
        load_config(str(misspelt))
    with pytest.raises(InputError, match='no such config file'):
        load_config(str(tmp_path / 'none.py'))


def test_keys_that_the_runner_looks_up_are_known(config):
    options = {'model_wrapper_cfg.type': 'auxskd_mm.FullyShardedModel', 'sync_bn': 'torch', 'compile': True}
    loaded = load_config(config, options)
    assert (loaded.model_wrapper_cfg.type, loaded.sync_bn, loaded.compile) == tuple(options.values())


def test_overrides_that_are_no_pairs_are_a_usage_error(capsys):
    parser = argparse.ArgumentParser(prog='train.py')
    parser.add_argument('--cfg-options', nargs='+', action=CfgOptions)
    assert parser.parse_args(['--cfg-options', 'a.b=1', 'c=[2,3]']).cfg_options == {'a.b': 1, 'c': [2, 3]}
    for words in (['train_cfg.max_epochs', '3'], ['scale=(32,32']):
        with pytest.raises(SystemExit) as stop:
            parser.parse_args(['--cfg-options', *words])
        assert stop.value.code == 2
        says = f'argument --cfg-options: expected key=value pairs with closed brackets, got: {" ".join(words)}'
        assert says in capsys.readouterr().err


def caught(function, *args, **kwargs):
    try:
        function(*args, **kwargs)
    except Exception as error:
        return describe(error)
    raise AssertionError('nothing raised')


def test_a_key_that_a_base_class_refuses_names_the_class_of_the_config():
    config = load_config(str(Path(__file__).parents[2] / 'configs' / 'auxskd_r21d_k100.py')).model
    line = "unknown config key: AuxSKD.__init__() got an unexpected keyword argument 'queue_sise'; did you mean 'queue_size'?"
    assert caught(MODELS.build, {**config, 'queue_sise': 8}) == line
    # PretextModel has num_views, but AuxSKD sets it.
    line = "unknown config key: AuxSKD.__init__() got an unexpected keyword argument 'num_vews'"
    assert caught(MODELS.build, {**config, 'num_vews': 2}) == line
    line = "unknown config key: VSPPHead.__init__() got an unexpected keyword argument 'zzz'"
    assert caught(MODELS.build, dict(type='auxskd_mm.VSPPHead', in_channels=4, zzz=1)) == line


def test_descriptions_are_one_line():
    nested = Config(dict(type='auxskd_mm.VSPPHead', in_channels=4, speeds=3))
    assert 'unknown config key' in caught(MODELS.build, nested)
    assert "'speeds'" in caught(MODELS.build, nested)
    assert 'missing config key' in caught(MODELS.build, dict(type='auxskd_mm.VSPPHead'))
    line = caught(MODELS.build, dict(type='auxskd_mm.NoSuchHead'))
    assert line.startswith('unknown type in the config: auxskd_mm.NoSuchHead')
    assert '\n' not in line
    assert describe(FileNotFoundError('a.pth can not be found.')) == 'a.pth can not be found.'
    # Errors that are not the input's fault keep their traceback.
    assert describe(ZeroDivisionError('x')) is None
    assert describe(TypeError('unsupported operand')) is None
    assert describe(RuntimeError('Caught RuntimeError in DataLoader worker process 0.\nRuntimeError: bug')) is None


def test_video_errors_cross_processes():
    error = pickle.loads(pickle.dumps(VideoReadError('a.mp4', 'is empty')))
    assert (error.path, error.reason, str(error)) == ('a.mp4', 'is empty', 'a.mp4: is empty')


def test_ctrl_c_before_a_training_is_one_line(monkeypatch, capfd):
    def interrupted():
        raise KeyboardInterrupt

    monkeypatch.setattr(tool.os, '_exit', lambda code: codes.append(code))
    codes: list[int] = []
    tool.run_tool(interrupted)
    assert codes == [130]
    assert capfd.readouterr().err == 'interrupted\n'


def test_sigterm_is_one_line_and_runs_through_finally(monkeypatch, capfd, tmp_path):
    def work():
        with WholeFile(tmp_path / 'file'):
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(30)

    codes: list[int] = []
    monkeypatch.setattr(tool.os, '_exit', codes.append)
    monkeypatch.delenv('WORLD_SIZE', raising=False)
    tool.run_tool(work)
    assert codes == [143]
    assert capfd.readouterr().err == 'terminated\n'
    assert list(tmp_path.iterdir()) == []
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    # One of several ranks may wait inside a collective, where no exception reaches it.
    monkeypatch.setenv('WORLD_SIZE', '2')
    tool.run_tool(lambda: codes.append(signal.getsignal(signal.SIGTERM)))
    assert codes[1:] == [signal.SIG_DFL]


def test_a_full_disk_is_one_line_with_its_file(tmp_path):
    full = OSError(errno.ENOSPC, 'No space left on device')
    assert describe(full) == 'a file that was being written: the disk is full; make room and run the same command again'
    with pytest.raises(OSError, match='No space') as error, WholeFile(tmp_path / 'a.npz'):
        raise full
    assert describe(error.value) == f'{tmp_path}/a.npz: the disk is full; make room and run the same command again'
    assert describe(OSError(errno.EIO, 'broken')) is None


def test_a_log_without_room_prints_no_tracebacks(capfd):
    class Full(io.StringIO):
        def flush(self):
            raise OSError(errno.ENOSPC, 'No space left on device')

    log = logging.getLogger('full')
    log.addHandler(logging.StreamHandler(Full()))
    log.propagate = False
    tool.run_tool(lambda: log.warning('a line'))
    assert capfd.readouterr() == ('', '')
    log.handlers[:] = [logging.StreamHandler(io.StringIO())]
    tool.run_tool(lambda: log.warning('%d', 'no number'))  # a mistake of the code is shown as ever
    assert 'Logging error' in capfd.readouterr().err


def test_errors_of_files_and_addresses_have_no_advice_of_torch():
    advice = pickle.UnpicklingError(
        'Weights only load failed. \x1b[1mset weights_only=False\x1b[0m\nUnsupported global: GLOBAL os.system was not'
    )
    line = describe(advice)
    assert line is not None
    assert 'it holds os.system' in line
    assert not {'\x1b', '\n'} & set(line)
    assert 'weights_only' not in line
    assert (
        describe(urllib.error.URLError('no route'))
        == 'an address of the config cannot be fetched (<urlopen error no route>)'
    )
    one = describe(ValueError('Expected more than 1 value per channel when training, got input size [1, 8]'))
    assert one is not None
    assert one.startswith('BatchNorm got a single value for each channel')
