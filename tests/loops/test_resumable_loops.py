"""The worker processes of the loops: none is left behind a training, however it ends."""

import multiprocessing

import pytest
import toy_distillation as toy
from mmengine.hooks import Hook

EPOCHS = dict(type='auxskd_mm.ResumableEpochTrainLoop', max_epochs=1)
STEPS = dict(type='auxskd_mm.ResumableIterTrainLoop', max_iters=3)


class Fault(Hook):
    """An error after the second step."""

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        if runner.iter == 1:
            raise RuntimeError('a fault')


@pytest.mark.parametrize('loop', [EPOCHS, STEPS])
@pytest.mark.parametrize('fault', [False, True])
def test_no_worker_outlives_the_training(loop, fault, tmp_path):
    loader = dict(
        dataset=dict(type='auxskd_mm.ToyClips', size=20),
        batch_size=2,
        num_workers=2,
        sampler=dict(type='DefaultSampler', shuffle=True),
    )
    before = set(multiprocessing.active_children())
    runner = toy.toy_runner(tmp_path, *[Fault()] * fault, train_dataloader=loader, train_cfg=loop)
    if fault:
        with pytest.raises(RuntimeError, match='a fault'):
            runner.train()
    else:
        runner.train()
    assert set(multiprocessing.active_children()) <= before  # the runner, and with it the loop, is still there
