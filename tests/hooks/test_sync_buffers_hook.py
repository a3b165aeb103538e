"""Averaging buffers across ranks: everything but queues, also where a stock recipe names MMEngine's own hook."""

import torch
import toy_distillation as toy
from mmengine.hooks import SyncBuffersHook

from auxskd_mm.hooks import sync_buffers_hook as module
from auxskd_mm.hooks.sync_buffers_hook import SyncBuffersExceptQueuesHook
from auxskd_mm.registry import MODELS


def averaged(monkeypatch, calls):
    """What the hook hands to the reduction in these calls."""
    given = []
    monkeypatch.setattr(module, 'all_reduce_params', lambda tensors, op: given.append((op, list(tensors))))
    model = MODELS.build(toy.aux_skd())
    hook = SyncBuffersExceptQueuesHook()
    hook.distributed = True
    runner = type('Runner', (), dict(model=model))
    for call in calls:
        getattr(hook, call)(runner)
    return model, given


def test_statistics_are_averaged_and_queues_are_not(monkeypatch):
    model, given = averaged(monkeypatch, ['after_train_epoch'])
    ((op, tensors),) = given
    assert op == 'mean'
    handed = {tensor.data_ptr() for tensor in tensors}
    wanted = {name: buffer.data_ptr() for name, buffer in model.named_buffers() if buffer.numel()}
    for name, place in wanted.items():
        assert (place in handed) == (not name.startswith('queue.')), name
    assert 'backbone.bn1.running_mean' in wanted
    assert 'queue.features' in wanted


def test_a_validation_averages_only_where_the_epoch_has_not(monkeypatch):
    assert len(averaged(monkeypatch, ['after_train_epoch', 'before_val_epoch'])[1]) == 1
    assert len(averaged(monkeypatch, ['before_val_epoch', 'before_val_epoch'])[1]) == 2


def test_a_stock_recipe_gets_the_hook_that_spares_queues(tmp_path):
    runner = toy.toy_runner(
        tmp_path / 'run', optim_wrapper=dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=0.0))
    )
    assert SyncBuffersHook in [type(hook) for hook in runner.hooks]
    before = [hook.priority for hook in runner.hooks]
    torch.manual_seed(0)
    runner.train()
    kinds = [type(hook) for hook in runner.hooks]
    assert SyncBuffersHook not in kinds
    assert SyncBuffersExceptQueuesHook in kinds
    assert [hook.priority for hook in runner.hooks] == before
