"""Trainings with adapters: resume, their checkpoints, other bases, and hooks without adapters."""

import re
from pathlib import Path
from types import SimpleNamespace

import pytest
import runs
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from tool_runs import call_tool, tiny_clips

from auxskd_mm.errors import InputError, Preempted
from auxskd_mm.functional.adapter_state import BASE_DIGEST
from auxskd_mm.functional.transfer import load_checked
from auxskd_mm.hooks import AdapterHook
from auxskd_mm.registry import MODELS
from auxskd_mm.zoo.export import export_model
from auxskd_mm.zoo.merge_adapters import merge_adapters


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    return tiny_clips(tmp_path_factory.mktemp('clips'))


@pytest.fixture(scope='module')
def bases(tmp_path_factory):
    """Checkpoints of two networks without adapters."""
    folder = tmp_path_factory.mktemp('bases')
    for seed in (1, 2):
        torch.manual_seed(seed)
        model = MODELS.build(dict(type='auxskd_mm.R2Plus1DVCOP', base_channels=2))
        state = {f'backbone.{key}': value for key, value in model.state_dict().items()}
        torch.save(dict(state_dict=state), folder / f'{seed}.pth')
    return folder


def config_of(method, data, work_dir, base=None, changes=None, hook=True, **adapted):
    config = runs.config_of(method, data, work_dir, changes)
    backbone = config.model.backbone.to_dict()
    if base is not None:
        backbone['init_cfg'] = dict(type='Pretrained', checkpoint=str(base), prefix='backbone.')
    adapters = dict(patterns='conv[2-5]', type='auxskd_mm.ConvAdapter', reduction=2)
    config.model.backbone = dict(
        type='auxskd_mm.AdaptedBackbone', backbone=backbone, **{'adapters': adapters, **adapted}
    )
    if hook:
        config.custom_hooks.append(dict(type='auxskd_mm.AdapterHook'))
    return config


@pytest.fixture(scope='module')
def trained(data, bases, tmp_path_factory):
    """Work dir of VSPP with adapters on base 1, and its log."""
    folder = tmp_path_factory.mktemp('trained')
    runs.runner_of(config_of('vspp', data, folder, bases / '1.pth')).train()
    return folder


def state(path):
    return torch.load(path, weights_only=True)['state_dict']


def test_adapter_checkpoint_is_what_the_base_lacks(trained, bases):
    whole, adapters, base = state(trained / 'epoch_2.pth'), state(trained / 'adapters.pth'), state(bases / '1.pth')
    assert len(adapters[BASE_DIGEST]) == 32
    assert all(torch.equal(whole[key], value) for key, value in adapters.items() if key != BASE_DIGEST)
    frozen = {key for key in whole if key not in adapters}
    assert all(torch.equal(whole[key], base[key]) for key in frozen)  # weight decay has not moved them
    assert {key for key in frozen if key.endswith('weight')} == {key for key in base if key.endswith('weight')}
    assert all(key.endswith(('weight', 'bias')) for key in frozen)
    assert any(key.endswith('running_mean') for key in adapters)
    assert {'cls_head', 'backbone'} <= {key.split('.')[0] for key in adapters}


def test_adapters_are_those_of_the_checkpoint_with_averaged_weights(data, bases, tmp_path):
    base = torch.load(bases / '1.pth', weights_only=True)
    base['state_dict']['backbone.conv1.spatial_conv.weight'][0, 0] = -0.0  # as of a pruned network; the mean is 0.0
    torch.save(base, tmp_path / 'base.pth')
    config = config_of('vspp', data, tmp_path, tmp_path / 'base.pth')
    config.custom_hooks.append(dict(type='EMAHook', momentum=0.25))
    runs.runner_of(config).train()
    whole, adapters = torch.load(tmp_path / 'epoch_2.pth', weights_only=True), state(tmp_path / 'adapters.pth')
    for key, value in adapters.items():
        assert key == BASE_DIGEST or torch.equal(value, whole['state_dict'][key]), key
    assert any(
        not torch.equal(value, whole['ema_state_dict'][f'module.{key}'])  # of the training itself
        for key, value in adapters.items()
        if key != BASE_DIGEST
    )


def test_log_says_what_is_trained(trained):
    log = next(trained.glob('*/*.log')).read_text()
    model = MODELS.build(config_of('vspp', trained, trained).model)
    ours = sum(p.numel() for p in model.parameters() if p.requires_grad)
    whole = sum(p.numel() for p in model.parameters())
    assert f'4 adapters: {ours:,} of {whole:,} parameters are trained ({100 * ours / whole:.1f}%)' in log
    assert 'BatchNorm of the base is on the statistics of the batch; base ' in log


@pytest.mark.parametrize(
    ('settings', 'adapted', 'says'),
    [
        (dict(frozen_stages=4), {}, 'BatchNorm of the base is frozen'),
        ({}, dict(norm='frozen'), 'BatchNorm of the base is frozen'),
        (
            dict(frozen_stages=1),
            {},
            r'\d+ of \d+ BatchNorm layers of the base are on the statistics of the batch, the others',
        ),
        ({}, dict(norm='frozen', trainable='conv5'), r'\d+ of \d+ BatchNorm layers of the base are on the statistics'),
    ],
)
def test_log_says_what_the_norms_do(settings, adapted, says, data, tmp_path, capfd):
    config = config_of('vspp', data, tmp_path, changes={'train_cfg.max_epochs': 1}, **adapted)
    config.model.backbone.backbone.update(settings)
    runs.runner_of(config).train()
    assert re.search(rf'are trained \([\d.]+%\), {says}', capfd.readouterr().out)


def test_next_phase_starts_from_base_and_adapters(trained, data, bases, tmp_path, capfd):
    config = config_of('auxskd', data, tmp_path, bases / '1.pth', {'train_cfg.max_epochs': 1})
    config.load_from = str(trained / 'adapters.pth')
    config.optim_wrapper.optimizer.lr = 0.0
    config.optim_wrapper.optimizer.weight_decay = 0.0
    runs.runner_of(config).train()
    end, start = state(tmp_path / 'epoch_1.pth'), state(trained / 'epoch_2.pth')
    for key, value in start.items():
        if key.startswith('backbone.') and 'running' not in key and 'tracked' not in key:
            assert torch.equal(end[key], value), key
            assert torch.equal(end[f'teacher.{key}'], value), key
    total = sum(key.startswith('backbone.') and 'tracked' not in key for key in start)
    assert f'{total} of {total} backbone tensors loaded from {trained / "adapters.pth"}' in capfd.readouterr().out


def test_another_base_is_refused(trained, data, bases, tmp_path):
    config = config_of('vspp', data, tmp_path, bases / '2.pth')
    config.load_from = str(trained / 'adapters.pth')
    with pytest.raises(
        InputError, match=r'adapters for a base with SHA-256 (\w{12}), but the model holds (\w{12});'
    ) as error:
        runs.runner_of(config).train()
    first, second = re.findall(r'\b[0-9a-f]{12}\b', str(error.value))
    assert first == bytes(state(trained / 'adapters.pth')[BASE_DIGEST].tolist()).hex()[:12] != second
    assert '\n' not in str(error.value)


def test_checkpoint_of_the_base_loads_into_a_model_with_adapters(data, bases, tmp_path, capfd):
    config = config_of('vspp', data, tmp_path, changes={'train_cfg.max_epochs': 1}, hook=False)
    config.load_from = str(bases / '1.pth')
    runs.runner_of(config).train()
    assert '; the 20 adapter tensors, which it does not have, start as built' in capfd.readouterr().out


def test_model_without_adapters_does_not_lose_them(trained, data, tmp_path):
    for name in ('epoch_2.pth', 'adapters.pth'):
        config = runs.config_of('vspp', data, tmp_path, {'load_from': str(trained / name)})
        with pytest.raises(InputError, match='AdaptedBackbone'):
            runs.runner_of(config).train()


def test_hook_without_adapters(data, tmp_path):
    config = runs.config_of('vspp', data, tmp_path)
    config.custom_hooks.append(dict(type='auxskd_mm.AdapterHook'))
    with pytest.raises(InputError, match='the model has no adapters; give its config'):
        runs.runner_of(config).train()
    config = config_of('vspp', data, tmp_path, trainable='**')
    with pytest.raises(InputError, match='nothing of the base is frozen'):
        runs.runner_of(config).train()


def test_adapters_that_the_optimizer_does_not_have_are_named(data, tmp_path):
    class Late(Hook):
        """Adds a parameter when the optimizer has been built."""

        priority = 'VERY_HIGH'

        def before_train(self, runner):
            runner.model.backbone.adapters.late = torch.nn.Parameter(torch.zeros(1))

    runner = runs.runner_of(config_of('vspp', data, tmp_path), Late())
    with pytest.raises(InputError, match=r'the optimizer does not have backbone\.adapters\.late; add adapters'):
        runner.train()


class WritesToTheBase(Hook):
    """As an optimizer or hook of one's own that does not know what is frozen."""

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        runner.model.backbone.conv1.spatial_conv.weight.data.mul_(1.5)


def test_a_base_that_moved_has_no_adapters_on_record(data, bases, tmp_path):
    """The digest is that of the start: the file would go with a base that its adapters were not trained on."""
    runner = runs.runner_of(config_of('vspp', data, tmp_path, bases / '1.pth'), WritesToTheBase())
    with pytest.raises(InputError, match='frozen weights of the base have changed in training'):
        runner.train()
    assert not (tmp_path / 'adapters.pth').exists()


def test_preempted_and_resumed_equals_uninterrupted(data, bases, tmp_path):
    amp = {'optim_wrapper.type': 'AmpOptimWrapper', 'optim_wrapper.dtype': 'bfloat16', 'optim_wrapper.loss_scale': 1.0}

    def run(folder, *hooks, **changes):
        config = config_of('auxskd', data, tmp_path / folder, bases / '1.pth', {**amp, **changes}, norm='frozen')
        runs.runner_of(config, *hooks).train()

    run('whole')
    with pytest.raises(Preempted):
        run('cut', runs.SignalAt(5))
    # Adapters stand beside the newest checkpoint that the training had written when it was stopped.
    whole, adapters = state(tmp_path / 'cut' / 'epoch_1.pth'), state(tmp_path / 'cut' / 'adapters.pth')
    assert all(torch.equal(whole[key], value) for key, value in adapters.items() if key != BASE_DIGEST)
    run('cut', resume=True)
    assert runs.unequal(tmp_path / 'cut' / 'epoch_2.pth', tmp_path / 'whole' / 'epoch_2.pth') == []
    first, second = state(tmp_path / 'cut' / 'adapters.pth'), state(tmp_path / 'whole' / 'adapters.pth')
    assert first.keys() == second.keys()
    assert all(torch.equal(value, second[key]) for key, value in first.items())


def test_a_resumed_run_leaves_the_adapters_of_its_checkpoint_until_the_next(data, bases, tmp_path, capfd):
    """Of a method with a teacher, which has adapters too: those are none of the file, nor of the merged one."""

    def run(*hooks, **changes):
        runs.runner_of(config_of('auxskd', data, tmp_path, bases / '1.pth', changes), *hooks).train()

    for hook, changes in ((runs.SignalAt(5), {}), (runs.SignalAt(7), dict(resume=True))):
        with pytest.raises(Preempted):
            run(hook, **changes)
        whole, adapters = state(tmp_path / 'epoch_1.pth'), state(tmp_path / 'adapters.pth')
        assert all(torch.equal(whole[key], value) for key, value in adapters.items() if key != BASE_DIGEST)
    assert re.search(r'\s4 adapters: ', capfd.readouterr().out)
    assert any(key.startswith('teacher.backbone.adapters.') for key in whole)
    merge_adapters(
        config_of('auxskd', data, tmp_path).model.to_dict(),
        tmp_path / 'adapters.pth',
        tmp_path / 'merged.pth',
        bases / '1.pth',
    )
    parts = {'backbone', 'neck', 'predictor'}
    assert {key.split('.')[0] for key in state(tmp_path / 'merged.pth')} == parts
    assert {key.split('.')[0] for key in adapters} == {*parts, BASE_DIGEST}


def test_checkpoints_at_an_address_have_their_adapters_in_the_work_dir(monkeypatch):
    hook, written = AdapterHook(), []
    monkeypatch.setattr(hook, '_write', lambda runner, folder: written.append(folder))
    infos = {}
    runner = SimpleNamespace(message_hub=SimpleNamespace(runtime_info=infos), work_dir='work')
    for path in ('s3://bucket/run/epoch_1.pth', 'out/epoch_2.pth', 'out/epoch_2.pth', 's3://bucket/run/epoch_3.pth'):
        infos['last_ckpt'] = path
        hook.after_train_iter(runner, 0)
        hook.after_train_epoch(runner)
    hook.after_train(runner)
    assert written == [Path('out'), Path('work')]


def test_merged_checkpoint_is_whole(trained, data, bases, tmp_path):
    model = config_of('vspp', data, tmp_path).model.to_dict()
    merge_adapters(model, trained / 'adapters.pth', tmp_path / 'merged.pth', base=bases / '1.pth')
    merged, whole = state(tmp_path / 'merged.pth'), state(trained / 'epoch_2.pth')
    assert all(torch.equal(value, whole[key]) for key, value in merged.items())
    assert set(merged) == {key for key in whole if not key.startswith('data_preprocessor.')}
    with pytest.raises(InputError, match='adapters for a base with'):
        merge_adapters(model, trained / 'adapters.pth', tmp_path / 'x.pth', base=bases / '2.pth')
    with pytest.raises(InputError, match=r"'conv2'.*cannot be folded"):
        merge_adapters(model, trained / 'adapters.pth', tmp_path / 'x.pth', base=bases / '1.pth', fold='layers')


def test_tool_writes_the_merged_checkpoint(trained, data, bases, tmp_path, monkeypatch, capfd):
    config = config_of('vspp', data, tmp_path)
    config.dump(tmp_path / 'config.py')
    words = (tmp_path / 'config.py', trained / 'adapters.pth', tmp_path / 'merged.pth', '--base', bases / '1.pth')
    done = call_tool(monkeypatch, capfd, 'model_converters/merge_adapters.py', *words)
    assert (done.code, done.out.strip()) == (0, str(tmp_path / 'merged.pth')), done.err
    whole = state(trained / 'epoch_2.pth')
    assert all(torch.equal(value, whole[key]) for key, value in state(tmp_path / 'merged.pth').items())
    (tmp_path / 'merged.pth').write_text('mine')
    again = call_tool(monkeypatch, capfd, 'model_converters/merge_adapters.py', *words)
    assert '--overwrite' in again.error_line()
    folded = call_tool(
        monkeypatch, capfd, 'model_converters/merge_adapters.py', *words, '--overwrite', '--fold', 'scale'
    )
    assert folded.code == 0, folded.err
    changed = {key for key, value in state(tmp_path / 'merged.pth').items() if not torch.equal(value, whole[key])}
    assert all('.adapters.' in key and '.up.' in key for key in changed)
    assert not any(key.endswith('.scale') for key in state(tmp_path / 'merged.pth'))
    of_base = call_tool(
        monkeypatch, capfd, 'model_converters/merge_adapters.py', words[0], bases / '1.pth', tmp_path / 'x'
    )
    assert 'not a checkpoint of adapters alone' in of_base.error_line()


def test_export_of_a_trained_model(trained, tmp_path):
    model = MODELS.build(config_of('vspp', tmp_path, tmp_path).model)
    load_checked(model, state(trained / 'epoch_2.pth'), ('',), 'epoch_2.pth')
    model.cfg = Config()
    model.eval()
    assert export_model(model, tmp_path / 'model.onnx', part='feature', shape=(8, 16, 16)).difference < 1e-4
