"""Ctrl-C in a training: it saves and leaves as at SIGTERM, and a second one ends at once."""

import signal
import subprocess
import sys

import pytest
from mmengine.hooks import Hook
from runs import SignalAt, config_of, runner_of
from tool_runs import tiny_clips

from auxskd_mm.errors import InputError, Preempted
from auxskd_mm.hooks import PreemptionHook


def test_ctrl_c_saves_and_the_run_goes_on(tmp_path):
    data = tiny_clips(tmp_path / 'clips')
    before = signal.getsignal(signal.SIGINT)
    config = config_of('vspp', data, tmp_path / 'run')
    with pytest.raises(
        Preempted, match=r'SIGINT after iteration 3: saved .*preempted_iter_3\.pth, go on with --resume'
    ):
        runner_of(config, SignalAt(2, signal.SIGINT)).train()
    assert signal.getsignal(signal.SIGINT) is before
    config = config_of('vspp', data, tmp_path / 'run')
    config.resume = True
    runner = runner_of(config)
    runner.train()
    assert runner.iter == 8


class Breaks(Hook):
    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        raise RuntimeError('broken')


@pytest.mark.parametrize('by_epoch', [True, False])
def test_a_training_that_fails_gives_the_signals_back(tmp_path, by_epoch):
    # MMEngine calls no hook then. In a notebook Ctrl-C would have no effect any more.
    data = tiny_clips(tmp_path / 'clips')
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    config = config_of('vspp', data, tmp_path / 'run')
    if not by_epoch:
        config.train_cfg = dict(type='auxskd_mm.ResumableIterTrainLoop', max_iters=4)
    with pytest.raises(RuntimeError, match='broken'):
        runner_of(config, Breaks()).train()
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


SECOND = """
import os, signal, sys, time
from auxskd_mm.hooks import PreemptionHook
hook = PreemptionHook()
hook.before_train(None)
os.kill(os.getpid(), signal.SIGINT)
os.kill(os.getpid(), signal.SIGINT)  # as torchrun passes it on
print(hook.asked, flush=True)
time.sleep(1.1)
os.kill(os.getpid(), signal.SIGINT)
print('still here')
"""


def test_a_second_ctrl_c_ends_at_once():
    done = subprocess.run([sys.executable, '-c', SECOND], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (130, 'SIGINT\n')
    assert done.stderr.splitlines()[-2:] == [
        'Ctrl-C: saving after this iteration; press it again to end at once',
        'interrupted: nothing saved since the last checkpoint; go on from that with --resume',
    ]


def test_signals_that_do_not_exist_are_refused():
    with pytest.raises(InputError, match='unknown signals'):
        PreemptionHook(signals=['SIGNOTHING'])
