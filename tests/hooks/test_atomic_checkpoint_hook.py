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


def test_the_best_so_far_goes_after_the_better_one(tmp_path):
    saver = hook.AtomicCheckpointHook(interval=1, save_best='acc', rule='greater')
    runner = toy.toy_runner(tmp_path)
    runner._train_loop = runner.build_train_loop(runner._train_loop)
    runner.optim_wrapper = runner.build_optim_wrapper(runner.optim_wrapper)
    saver.before_train(runner)
    removed = []
    saver._remove = lambda path: removed.append(
        (os.path.basename(path), sorted(p.name for p in tmp_path.glob('best*')))
    )
    for epoch, acc in enumerate((0.5, 0.4, 0.7), 1):
        runner.train_loop._epoch = epoch
        saver.after_val_epoch(runner, dict(acc=acc))
    assert removed == [('best_acc_epoch_1.pth', ['best_acc_epoch_1.pth', 'best_acc_epoch_3.pth'])]
    assert saver.best_ckpt_path.endswith('best_acc_epoch_3.pth')
