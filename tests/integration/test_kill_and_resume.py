"""A run that was cut off and resumed ends bit-equal to one that was not: weights, teacher, queue, schedules."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import toy_distillation as toy

TESTS = Path(toy.__file__).parent

EPOCHS = dict(
    train_cfg=dict(type='EpochBasedTrainLoop', max_epochs=4),
    optim_wrapper=dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=0.05, momentum=0.9), accumulative_counts=2),
    param_scheduler=dict(type='CosineAnnealingLR', T_max=4, by_epoch=True),
)
ITERATIONS = dict(
    train_cfg=dict(type='IterBasedTrainLoop', max_iters=16),
    log_processor=dict(type='LogProcessor', by_epoch=False),
    param_scheduler=dict(type='CosineAnnealingLR', T_max=16, by_epoch=False),
    train_dataloader=dict(
        dataset=dict(type='auxskd_mm.ToyClips'),
        batch_size=2,
        num_workers=0,
        sampler=dict(type='InfiniteSampler', shuffle=True, seed=3),
    ),
)
COMMON = dict(
    model=toy.aux_skd(queue_size=7),
    custom_hooks=[
        dict(type='auxskd_mm.CheckedTransferHook'),
        dict(type='auxskd_mm.SKDDistillerHook', momentum=0.8, final_momentum=1.0, interval=1),
    ],
)
# Kind of loop: its settings, the checkpoint interval, and the iteration that the last checkpoint before the cut is of.
LOOPS = {'epochs': (EPOCHS, dict(interval=1), 8), 'iterations': (ITERATIONS, dict(interval=5, by_epoch=False), 10)}
CUT = 11


def runner_of(loop, work_dir, *hooks, resume=False):
    settings, checkpoint, _ = LOOPS[loop]
    runner_config = {**COMMON, **settings, 'resume': resume}
    return toy.toy_runner(work_dir, *hooks, checkpoint=checkpoint, **runner_config)


def cut(loop, work_dir):
    """Train until the process ends itself."""
    runner_of(loop, work_dir, toy.StopAt(CUT, kill=True)).train()


def result(runner):
    """Everything that the run goes on with."""
    optimizer = runner.optim_wrapper.state_dict()
    momenta = {f'momentum.{i}': state['momentum_buffer'] for i, state in optimizer['state'].items()}
    rate = dict(rate=torch.tensor(optimizer['param_groups'][0]['lr']))
    return {**runner.model.state_dict(), **momenta, **rate}


@pytest.mark.parametrize(('loop', 'kill'), [('epochs', True), ('iterations', False)])
def test_resumed_equals_uninterrupted(loop, kill, tmp_path):
    whole = runner_of(loop, tmp_path / 'whole')
    whole.train()
    if kill:
        code = f'import test_kill_and_resume as t; t.cut({loop!r}, {str(tmp_path / "cut")!r})'
        path = os.pathsep.join(
            [str(Path(__file__).parent), str(TESTS), str(TESTS.parent), os.environ.get('PYTHONPATH', '')]
        )
        environment = {**os.environ, 'PYTHONPATH': path, 'OMP_NUM_THREADS': '1'}
        done = subprocess.run(
            [sys.executable, '-c', code], env=environment, capture_output=True, timeout=900, check=False
        )
        assert done.returncode == -signal.SIGKILL, done.stderr[-2000:]
    else:
        with pytest.raises(KeyboardInterrupt):
            runner_of(loop, tmp_path / 'cut', toy.StopAt(CUT, kill=False)).train()
    again = runner_of(loop, tmp_path / 'cut', resume=True)
    again.train()
    assert not toy.same(result(again), result(whole))
    assert again.model.queue.pointer.item() == 2 * 16 % 7
    begin = LOOPS[loop][2]
    rows, resumed = toy.logged_scalars(tmp_path / 'whole'), toy.logged_scalars(tmp_path / 'cut')
    for key in ('teacher_momentum', 'queue_age', 'teacher_entropy', 'lr'):
        assert [row[key] for row in resumed][-16 + begin :] == [row[key] for row in rows[begin:]], key


def test_the_checkpoint_holds_what_the_run_needs(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        runner_of('epochs', tmp_path, toy.StopAt(CUT, kill=False)).train()
    # The default of torch >= 2.6 refuses what could run code; MMEngine's own types pass (auxskd_mm.compat).
    checkpoint = torch.load(tmp_path / 'epoch_2.pth', weights_only=True)
    state = checkpoint['state_dict']
    assert {f'queue.{name}' for name in ('features', 'pointer', 'age', 'filled')} <= set(state)
    assert any(key.startswith('teacher.') for key in state)
    assert (state['queue.pointer'].item(), state['queue.filled'].item()) == (2 * 8 % 7, 7)
    assert checkpoint['meta']['iter'] == 8
    assert sorted(state['queue.age'].tolist()) == [0, 0, 1, 1, 2, 2, 3]
