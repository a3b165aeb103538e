"""Whole checkpoint files, and the order in which old ones go."""

import os

import torch
import toy_distillation as toy

from auxskd_mm.hooks import atomic_checkpoint_hook as hook


def test_the_old_checkpoint_goes_after_the_new_one_and_its_pointer(tmp_path, monkeypatch):
    seen = []
    real = hook.AtomicCheckpointHook._remove

    def remove(self, path):
        pointer = (tmp_path / 'last_checkpoint').read_text()
        torch.load(pointer, weights_only=True)
        seen.append((os.path.basename(path), os.path.basename(pointer)))
        real(self, path)

    monkeypatch.setattr(hook.AtomicCheckpointHook, '_remove', remove)
    runner = toy.toy_runner(
        tmp_path,
        checkpoint=dict(interval=1, max_keep_ckpts=1),
        train_cfg=dict(type='EpochBasedTrainLoop', max_epochs=3),
    )
    runner.train()
    assert seen == [('epoch_1.pth', 'epoch_2.pth'), ('epoch_2.pth', 'epoch_3.pth')]
    assert sorted(path.name for path in tmp_path.glob('*.pth')) == ['epoch_3.pth']


def best_of(tmp_path, measured, **settings):
    """A hook that has seen the metrics of some epochs; and what it removed, with the best ones that were there then."""
    saver = hook.AtomicCheckpointHook(interval=1, **settings)
    runner = toy.toy_runner(tmp_path)
    runner._train_loop = runner.build_train_loop(runner._train_loop)
    runner.optim_wrapper = runner.build_optim_wrapper(runner.optim_wrapper)
    saver.before_train(runner)
    removed, remove = [], saver._remove

    def noted(path):
        removed.append((os.path.basename(path), sorted(p.name for p in tmp_path.glob('best*'))))
        remove(path)

    saver._remove = noted
    for epoch, metrics in enumerate(measured, 1):
        runner.train_loop._epoch = epoch
        saver.after_val_epoch(runner, metrics)
    return saver, removed, sorted(p.name for p in tmp_path.glob('best*'))


def test_the_best_so_far_goes_after_the_better_one(tmp_path):
    measured = [dict(acc=acc) for acc in (0.5, 0.4, 0.7)]
    saver, removed, left = best_of(tmp_path, measured, save_best='acc', rule='greater')
    assert removed == [('best_acc_epoch_1.pth', ['best_acc_epoch_1.pth', 'best_acc_epoch_3.pth'])]
    assert left == ['best_acc_epoch_3.pth']
    assert saver.best_ckpt_path.endswith('best_acc_epoch_3.pth')


def test_each_of_two_metrics_keeps_its_best(tmp_path):
    measured = [dict(acc=0.5, miss=0.3), dict(acc=0.4, miss=0.2), dict(acc=0.7, miss=0.6)]
    settings = dict(save_best=['acc', 'miss'], rule=['greater', 'less'])
    saver, removed, left = best_of(tmp_path, measured, **settings)
    assert [(name, len(there)) for name, there in removed] == [
        ('best_miss_epoch_1.pth', 3),
        ('best_acc_epoch_1.pth', 3),
    ]
    assert left == ['best_acc_epoch_3.pth', 'best_miss_epoch_2.pth']
    found = {key: os.path.basename(path) for key, path in saver.best_ckpt_path_dict.items()}
    assert found == dict(acc='best_acc_epoch_3.pth', miss='best_miss_epoch_2.pth')
