"""The hand-off in real Runners: training wants the backbone, testing the whole model."""

import re
from types import SimpleNamespace

import pytest
import torch
import toy_distillation as toy
from mmaction.structures import ActionDataSample
from mmengine.config import Config
from mmengine.evaluator import BaseMetric
from mmengine.runner import IterBasedTrainLoop
from mmengine.runner import runner as runner_module
from safetensors.torch import save_file

from auxskd_mm.errors import InputError
from auxskd_mm.hooks import checked_transfer_hook as hook_module
from auxskd_mm.hooks.checked_transfer_hook import CheckedTransferHook, input_mismatch
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


def whole_test(state, tmp_path, **changes):
    path = file_of(state, tmp_path / 'whole.pth')
    return toy.toy_runner(tmp_path / 'run', custom_hooks=HOOKS, load_from=path, **{**loop(), **changes})


@pytest.mark.parametrize('way', ['train', 'test'])
def test_arrays_that_torch_does_not_copy_stop_the_run(state, way, tmp_path):
    arrays = {key: value.numpy() for key, value in state.items()}
    with pytest.raises(InputError, match=r'whole\.pth: backbone\.conv1\.weight is of type ndarray'):
        getattr(whole_test(arrays, tmp_path), way)()
    assert 'tensors loaded' not in toy.log_text(tmp_path / 'run')


@pytest.mark.parametrize('way', ['train', 'test'])
def test_weights_that_are_nan_give_no_number(state, way, tmp_path):
    state['backbone.bn1.running_mean'][0] = float('nan')
    with pytest.raises(InputError, match=r'whole\.pth: backbone\.bn1\.running_mean holds 1 of \d+ values that are NaN'):
        getattr(whole_test(state, tmp_path), way)()


def test_a_load_that_copies_nothing_is_not_reported_as_one(state, tmp_path, monkeypatch):
    monkeypatch.setattr(runner_module, '_load_checkpoint_to_model', lambda model, content, *_, **__: content)
    with pytest.raises(
        InputError, match=r'whole\.pth: \d+ tensors did not arrive in the model, e\.g\. backbone\.conv1'
    ):
        whole_test(state, tmp_path).test()
    assert 'tensors loaded' not in toy.log_text(tmp_path / 'run')


def test_weights_from_elsewhere_must_be_finite_too(tmp_path):
    runner = toy.toy_runner(tmp_path / 'run', custom_hooks=HOOKS, **loop())
    runner.model.neck[0].weight.data[0] = float('nan')
    with pytest.raises(InputError, match=r'^the model: neck\.0\.weight holds'):
        runner.test()


def test_an_answer_that_is_nan_is_no_answer():
    sample = ActionDataSample(metainfo=dict(filename='x.mp4'))
    sample.set_field(torch.tensor([[0.5, 0.5]]), 'pred_score')
    hook = CheckedTransferHook()
    hook.after_test_iter(None, 0, None, [sample])
    sample.set_field(torch.tensor([[float('nan'), 0.5]]), 'pred_score')
    for look in (hook.after_test_iter, hook.after_val_iter):
        with pytest.raises(InputError, match=r"^x\.mp4: the model answers with 'pred_score' that is NaN"):
            look(None, 0, None, [sample])


def fed(order='rgb', mean=None, std=None, loader='train_dataloader', reader='rgb'):
    preprocessor = dict(type='auxskd_mm.ClipDataPreprocessor', to_rgb=order != reader)
    if mean is not None:
        preprocessor.update(mean=[mean] * 3, std=[std] * 3)
    dataset = dict(pipeline=[dict(type='auxskd_mm.OpenVideo', channel_order=reader)])
    return dict(model=dict(data_preprocessor=preprocessor), **{loader: dict(dataset=dataset)})


def test_another_input_convention_is_told_in_one_line():
    text = Config(fed('bgr')).pretty_text
    assert input_mismatch(dict(cfg=text), fed('bgr'), 'train') is None
    # The same numbers, by another way: BGR from the reader instead of from the preprocessor.
    assert input_mismatch(dict(cfg=text), fed('bgr', reader='bgr'), 'train') is None
    said = input_mismatch(dict(cfg=text), fed('rgb', 128, 64, loader='test_dataloader'), 'test')
    assert said.startswith('was trained on BGR, mean 0, std 1; this config feeds RGB, mean 128, std 64: set ')
    assert '\n' not in said


def test_what_a_checkpoint_does_not_tell_is_not_complained_of():
    config = fed('bgr')
    for meta in (None, {}, dict(cfg='import os'), dict(cfg='model = None'), dict(cfg=3)):
        assert input_mismatch(meta, config, 'train') is None


def test_the_warning_comes_when_the_weights_are_loaded(state, tmp_path):
    path = tmp_path / 'x.pth'
    torch.save(dict(state_dict=state, meta=dict(cfg=Config(fed('bgr')).pretty_text)), path)
    lines = []

    class Runner:
        cfg = fed('rgb')
        model = MODELS.build(toy.aux_skd())
        _train_loop = None
        _load_from = str(path)

    hook = CheckedTransferHook()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(hook_module, 'print_log', lambda text, logger, level=20: lines.append((level, text)))
        Runner.cfg['test_dataloader'] = Runner.cfg['train_dataloader']
        hook.after_load_checkpoint(Runner, torch.load(path, weights_only=True))
    warnings = [text for level, text in lines if level == 30]
    assert len(warnings) == 1
    assert warnings[0].startswith(f'{path} was trained on BGR')


def test_a_config_without_the_hook_hears_what_came_and_gets_no_number_from_nan(state, tmp_path):
    others = [dict(type='auxskd_mm.SKDDistillerHook')]
    backbone = {key: value for key, value in state.items() if key.startswith('backbone.')}
    path = file_of(backbone, tmp_path / 'part.pth')
    runner = toy.toy_runner(tmp_path / 'run', custom_hooks=others, load_from=path, optim_wrapper=standstill())
    runner.train()
    assert f'warning: {path}: only 6 of ' in toy.log_text(tmp_path / 'run')
    backbone['backbone.conv1.weight'] = torch.full_like(backbone['backbone.conv1.weight'], float('nan'))
    path = file_of(backbone, tmp_path / 'nan.pth')
    runner = toy.toy_runner(tmp_path / 'other', custom_hooks=others, load_from=path)
    with pytest.raises(InputError, match=r'nan\.pth: backbone\.conv1\.weight holds \d+ of \d+ values that are NaN'):
        runner.train()


def renamed(state, change):
    return {change(key): value for key, value in state.items() if key.startswith('backbone.')}


@pytest.mark.parametrize('hooks', [HOOKS, HOOKS[1:]])
def test_a_file_of_other_names_is_loaded_and_its_share_told(hooks, state, tmp_path):
    """``load_from`` of a bare network in another project's container, with and without a hook in the config."""
    bare = renamed(state, lambda key: key.removeprefix('backbone.'))
    torch.save(dict(model=bare, epoch=4), tmp_path / 'a.pth')
    path = str(tmp_path / 'a.pth')
    runner = toy.toy_runner(tmp_path / 'run', custom_hooks=hooks, load_from=path, optim_wrapper=standstill())
    runner.train()
    for key, value in bare.items():
        if 'running' not in key and 'num_batches' not in key:
            assert torch.equal(runner.model.backbone.state_dict()[key], value), key
    text = toy.log_text(tmp_path / 'run')
    assert f'6 of 6 backbone tensors loaded from {path} (' in text
    assert re.search(r'\(\d+\.\d% of the numbers in the model', text)


def test_safetensors_start_a_training(state, tmp_path):
    path = str(tmp_path / 'a.safetensors')
    save_file({key: value.contiguous() for key, value in state.items() if key.startswith('backbone.')}, path)
    runner = toy.toy_runner(tmp_path / 'run', custom_hooks=HOOKS, load_from=path, optim_wrapper=standstill())
    runner.train()
    assert torch.equal(runner.model.backbone.conv1.weight, state['backbone.conv1.weight'])


def test_several_networks_in_a_file_stop_the_run(state, tmp_path):
    both = {
        **renamed(state, lambda key: key.replace('backbone.', 'student.')),
        **renamed(state, lambda key: key.replace('backbone.', 'teacher.')),
    }
    path = file_of(both, tmp_path / 'a.pth')
    with pytest.raises(InputError, match=r'a\.pth: .*several networks that would fit \(student\., teacher\.\)'):
        toy.toy_runner(tmp_path / 'run', custom_hooks=HOOKS, load_from=path).train()


def test_public_weights_of_another_network_stop_every_run(tmp_path):
    path = str(tmp_path / 'r3d_18.pth')
    torch.save({'stem.0.weight': torch.ones(1), 'layer1.0.conv1.0.weight': torch.ones(1)}, path)
    for number, hooks in enumerate((HOOKS, HOOKS[1:])):
        runner = toy.toy_runner(tmp_path / f'run{number}', custom_hooks=hooks, load_from=path)
        with pytest.raises(InputError, match=r"r3d_18\.pth: only 0 of 6 .*the file holds torchvision's R3D or MC3, "):
            runner.train()


@pytest.mark.parametrize('names', ['timm', 'own'])
def test_a_cut_network_takes_a_file_of_the_whole_one(names):
    """The layers behind its last map are in the file and not in the model."""
    timm = pytest.importorskip('timm')
    config = dict(type='auxskd_mm.TimmBackbone', model='resnet18')
    model = torch.nn.Module()
    model.backbone = MODELS.build(dict(config, out_indices=1))
    loop = object.__new__(IterBasedTrainLoop)
    runner = SimpleNamespace(model=model, cfg=Config(), _load_from='x.pth', _train_loop=loop)
    if names == 'timm':
        checkpoint = dict(timm.create_model('resnet18').state_dict())
    else:
        whole = MODELS.build(config).state_dict()
        checkpoint = dict(state_dict={f'backbone.{key}': value for key, value in whole.items()})
    CheckedTransferHook().after_load_checkpoint(runner, checkpoint)
    assert 'backbone.trunk.layer1.0.conv1.weight' in checkpoint['state_dict']
    with pytest.raises(InputError, match=r'^x\.pth: is of a deeper network: it has backbone\.trunk\.layer1\.2\.'):
        CheckedTransferHook().after_load_checkpoint(runner, dict(timm.create_model('resnet34').state_dict()))
