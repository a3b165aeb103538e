"""The hand-off in real Runners: training wants the backbone, testing the whole model."""

import pytest
import torch
import toy_distillation as toy
from mmengine.evaluator import BaseMetric

from auxskd_mm.errors import InputError
from auxskd_mm.registry import METRICS, MODELS

HOOKS = [dict(type='auxskd_mm.CheckedTransferHook'), dict(type='auxskd_mm.SKDDistillerHook')]


class CountSamples(BaseMetric):
    """How many samples came out of the model with a feature."""

    def process(self, data_batch, data_samples):
        self.results += [1 for sample in data_samples if 'feature' in sample]

    def compute_metrics(self, results):
        return dict(count=len(results))


METRICS.register_module('CountSamples', force=True, module=CountSamples)


@pytest.fixture
def state():
    """A whole checkpoint of the toy model."""
    torch.manual_seed(5)
    return MODELS.build(toy.aux_skd()).state_dict()


def file_of(state, path):
    torch.save(dict(state_dict=state), path)
    return str(path)


def test_training_wants_the_backbone_and_says_so(state, tmp_path):
    backbone = {key: value for key, value in state.items() if key.startswith('backbone.')}
    path = file_of({f'module.{key}': value for key, value in backbone.items()}, tmp_path / 'a.pth')
    runner = toy.toy_runner(tmp_path / 'run', custom_hooks=HOOKS, load_from=path, optim_wrapper=standstill())
    runner.train()
    assert f'6 of 6 backbone tensors loaded from {path}' in toy.log_text(tmp_path / 'run')
    assert torch.equal(runner.model.backbone.conv1.weight, backbone['backbone.conv1.weight'])


def standstill():
    return dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=0.0))


@pytest.mark.parametrize(
    ('change', 'says'),
    [
        (lambda key: key.replace('backbone.', 'encoder.'), 'only 0 of 6 backbone tensors fit .*the file has .*encoder'),
        (lambda key: key.replace('backbone.bn1.bias', 'x'), r'only 5 of 6 .*missing backbone\.bn1\.bias'),
    ],
)
def test_training_stops_where_it_is_not_there(state, change, says, tmp_path):
    path = file_of({change(key): value for key, value in state.items()}, tmp_path / 'a.pth')
    runner = toy.toy_runner(tmp_path / 'run', custom_hooks=HOOKS, load_from=path)
    with pytest.raises(InputError, match=says) as error:
        runner.train()
    assert str(error.value).startswith(path)


def test_parts_to_cover_are_an_option(state, tmp_path):
    path = file_of({key: value for key, value in state.items() if key.startswith('backbone.')}, tmp_path / 'a.pth')
    hooks = [dict(type='auxskd_mm.CheckedTransferHook', prefixes=['backbone.', 'neck.']), HOOKS[1]]
    with pytest.raises(InputError, match=r'only 6 of 8 backbone and neck tensors fit \(missing neck\.0\.weight'):
        toy.toy_runner(tmp_path / 'run', custom_hooks=hooks, load_from=path).train()


def loop():
    loader = dict(dataset=dict(type='auxskd_mm.ToyClips'), batch_size=3, sampler=dict(type='DefaultSampler'))
    return dict(
        test_dataloader=loader, test_cfg=dict(type='TestLoop'), test_evaluator=dict(type='auxskd_mm.CountSamples')
    )


def test_testing_wants_everything(state, tmp_path):
    path = file_of(state, tmp_path / 'whole.pth')
    runner = toy.toy_runner(tmp_path / 'run', custom_hooks=HOOKS, load_from=path, **loop())
    assert runner.test() == dict(count=8)
    assert f'of {len(state) - 3} model tensors loaded' in toy.log_text(tmp_path / 'run')  # all but BN's three counters
    del state['predictor.0.weight']
    path = file_of(state, tmp_path / 'part.pth')
    runner = toy.toy_runner(tmp_path / 'other', custom_hooks=HOOKS, load_from=path, **loop())
    with pytest.raises(InputError, match=r'model tensors fit \(missing predictor\.0\.weight'):
        runner.test()
