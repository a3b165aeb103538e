import pytest
import torch
from mmengine.config import Config
from torch import nn

from auxskd_mm.launch.training_defaults import make_safe, pin_loaders, take_compile_options
from auxskd_mm.models.compiling import compile_backbones


@pytest.mark.parametrize(
    ('loop', 'kind'),
    [
        (dict(type='EpochBasedTrainLoop', max_epochs=1), 'auxskd_mm.ResumableEpochTrainLoop'),
        (dict(by_epoch=True, max_epochs=1), 'auxskd_mm.ResumableEpochTrainLoop'),
        (dict(by_epoch=False, max_iters=1), 'auxskd_mm.ResumableIterTrainLoop'),
        (dict(type='MyLoop'), 'MyLoop'),
    ],
)
def test_mmengines_loops_are_replaced_and_no_others(loop, kind):
    config = make_safe(Config(dict(train_cfg=loop)))
    assert config.train_cfg.type == kind
    assert 'by_epoch' not in config.train_cfg


def test_hooks_are_added_unless_they_are_switched_off():
    config = make_safe(Config(dict(default_hooks=dict(preemption=None, non_finite=dict(action='skip')))))
    assert config.default_hooks.to_dict() == dict(
        checkpoint=dict(type='auxskd_mm.AtomicCheckpointHook', interval=1),
        non_finite=dict(type='auxskd_mm.NonFiniteLossHook', action='skip'),
    )
    own = make_safe(Config(dict(default_hooks=dict(checkpoint=dict(type='Mine')))))
    assert own.default_hooks.checkpoint.type == 'Mine'
    assert own.default_hooks.preemption.type == 'auxskd_mm.PreemptionHook'
    again = make_safe(make_safe(Config(dict(own.to_dict()))))
    assert again.to_dict() == own.to_dict()


def test_a_hook_of_the_users_own_place_is_not_added_again():
    """A second one, with action='stop', would end the run that the user's was to go on with."""
    mine = dict(type='auxskd_mm.NonFiniteLossHook', action='skip')
    config = make_safe(
        Config(dict(default_hooks=dict(finite=mine), custom_hooks=[dict(type='auxskd_mm.PreemptionHook')]))
    )
    assert set(config.default_hooks) == {'checkpoint', 'finite'}
    assert make_safe(Config(dict(custom_hooks=[mine]))).default_hooks.get('non_finite') is None
    both = make_safe(Config(dict(default_hooks=dict(non_finite=dict(max_skips=3)), custom_hooks=[mine])))
    assert both.default_hooks.non_finite.type == 'auxskd_mm.NonFiniteLossHook'
    transfer = dict(type='auxskd_mm.CheckedTransferHook', prefixes=('backbone.', 'neck.'))
    assert [h.type for h in make_safe(Config(dict(default_hooks=dict(transfer=transfer)))).custom_hooks] == [
        'auxskd_mm.BadVideoHook'
    ]


def test_memory_is_pinned_where_there_is_a_device(monkeypatch):
    def pinned(available):
        monkeypatch.setattr(torch.cuda, 'is_available', lambda: available)
        loaders = dict(train_dataloader={}, val_dataloader=dict(pin_memory=False), test_dataloader=None)
        config = pin_loaders(Config(loaders))
        return [config[f'{part}_dataloader'] for part in ('train', 'val', 'test')]

    assert pinned(True) == [dict(pin_memory=True), dict(pin_memory=False), None]
    assert pinned(False) == [{}, dict(pin_memory=False), None]


def test_compile_is_for_the_backbones():
    options = [take_compile_options(Config(dict(compile=value))) for value in (None, False, True, dict(disable=True))]
    assert options == [None, None, {}, None]
    config = Config(dict(compile=dict(backend='eager')))
    options = take_compile_options(config)
    assert 'compile' not in config
    model = nn.Module()
    model.backbone, model.head = nn.Linear(2, 2), nn.Linear(2, 2)
    x, names = torch.ones(1, 2), list(model.state_dict())
    before = model.backbone(x)
    compile_backbones(model, options)
    assert model.backbone._compiled_call_impl is not None
    assert model.head._compiled_call_impl is None
    assert list(model.state_dict()) == names
    assert torch.equal(model.backbone(x), before)
