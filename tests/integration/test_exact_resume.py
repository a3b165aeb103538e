"""A run preempted in the middle of an epoch and resumed ends equal to the bit to one that was not, on real clips."""

import random

import numpy as np
import pytest
import runs
import torch
from mmengine.hooks import Hook
from tool_runs import tiny_clips

from auxskd_mm.errors import Preempted


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    return tiny_clips(tmp_path_factory.mktemp('clips'))


class Disturb(Hook):
    """Draw from the global generators, as a validation or a third party's hook might."""

    def before_train(self, runner):
        random.random(), np.random.rand(3), torch.rand(3)


# Method, workers, options, iteration (from 0) at which SIGTERM arrives; an epoch has 4.
CASES = {
    'vspp': ('vspp', 0, {}, 5),
    'vspp_workers': ('vspp', 2, {'train_dataloader.persistent_workers': True}, 1),
    'auxskd': ('auxskd', 0, {}, 5),
    'auxskd_workers': ('auxskd', 2, {}, 6),
    'last_batch_of_an_epoch': ('auxskd', 0, {}, 3),
    'frozen_teacher': ('auxskd', 0, {'model.teacher': dict(type='auxskd_mm.R3DVCOP', base_channels=2)}, 5),
    'joint': (
        'auxskd',
        0,
        {'model.type': 'auxskd_mm.JointAuxSKD', 'model.cls_head': dict(type='auxskd_mm.VSPPHead', in_channels=16)},
        5,
    ),
    'accumulated_gradients': ('auxskd', 0, {'optim_wrapper.accumulative_counts': 3}, 4),
}


@pytest.mark.parametrize('case', CASES)
def test_preempted_and_resumed_equals_uninterrupted(case, data, tmp_path):
    method, workers, options, cut = CASES[case]
    options = {**options, 'train_dataloader.num_workers': workers}

    def run(folder, *hooks, **changes):
        runner = runs.runner_of(runs.config_of(method, data, tmp_path / folder, {**options, **changes}), *hooks)
        runner.train()
        return runner

    whole, before, after = runs.Noted(), runs.Noted(), runs.Noted()
    run('whole', whole)
    with pytest.raises(Preempted, match=rf'SIGTERM after iteration {cut + 1}: saved .*preempted_iter_{cut + 1}.pth'):
        run('cut', before, runs.SignalAt(cut))
    assert (tmp_path / 'cut' / 'last_checkpoint').read_text().endswith(f'preempted_iter_{cut + 1}.pth')
    run('cut', after, Disturb(), resume=True)
    assert before.seen + after.seen == whole.seen
    assert [row[:2] for row in whole.seen] == [(i, i % 4) for i in range(8)]
    assert len({row[3] for row in whole.seen}) == 8  # the same clips in the second epoch, augmented otherwise
    assert runs.unequal(tmp_path / 'cut' / 'epoch_2.pth', tmp_path / 'whole' / 'epoch_2.pth') == []
    assert not list((tmp_path / 'cut').glob('preempted_*'))
    places = {place.split('.')[0] for place in runs.tensors_of(tmp_path / 'whole' / 'epoch_2.pth')}
    assert places == {'state_dict', 'optimizer', 'param_schedulers', 'exact_resume', 'meta'}


def test_the_number_of_workers_changes_nothing(data, tmp_path):
    for workers in (0, 2):
        options = {'train_dataloader.num_workers': workers, 'train_cfg.max_epochs': 1}
        runs.runner_of(runs.config_of('vspp', data, tmp_path / str(workers), options)).train()
    assert runs.unequal(tmp_path / '0' / 'epoch_1.pth', tmp_path / '2' / 'epoch_1.pth') == []


def test_another_batch_size_is_said_and_starts_the_epoch_again(data, tmp_path, capfd):
    with pytest.raises(Preempted):
        runs.runner_of(runs.config_of('vspp', data, tmp_path), runs.SignalAt(5)).train()
    noted = runs.Noted()
    runs.runner_of(
        runs.config_of('vspp', data, tmp_path, {'train_dataloader.batch_size': 8, 'resume': True}), noted
    ).train()
    assert [row[:2] for row in noted.seen] == [(2, 0), (3, 1)]
    assert 'not exactly: the checkpoint has batches 4 -> 2, batch_size 4 -> 8' in capfd.readouterr().out
