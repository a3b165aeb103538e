"""What ended runs with a traceback, refused before the start, with real checkpoints of small trainings."""

import pytest
import torch
from runs import config_of, runner_of
from tool_runs import tiny_clips
from torch import nn

from auxskd_mm.errors import InputError
from auxskd_mm.launch.runner import build_runner
from auxskd_mm.launch.start_checks import check_not_replaced
from auxskd_mm.loops.model_check import check_batch_norm


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    return tiny_clips(tmp_path_factory.mktemp('clips'))


@pytest.fixture(scope='module')
def trained(data, tmp_path_factory):
    """Work dir of VSPP, one epoch."""
    folder = tmp_path_factory.mktemp('trained')
    runner_of(config_of('vspp', data, folder, {'train_cfg.max_epochs': 1})).train()
    return folder


def resuming(method, data, tmp_path, path, **options):
    config = config_of(method, data, tmp_path, options)
    config.load_from, config.resume = str(path), True
    return config


def test_a_whole_checkpoint_or_its_folder_is_resumed(trained, data, tmp_path):
    runner = runner_of(resuming('vspp', data, tmp_path, trained))
    assert runner.cfg.load_from == str(trained / 'epoch_1.pth')
    runner.train()
    assert (runner.epoch, runner.iter) == (2, 8)


def test_weights_alone_cannot_be_resumed(trained, data, tmp_path):
    path = tmp_path / 'weights.pth'
    torch.save(dict(state_dict=torch.load(trained / 'epoch_1.pth', weights_only=True)['state_dict']), path)
    says = r'weights\.pth: cannot be resumed from, since it holds weights without a training \(no optimizer, meta with'
    with pytest.raises(InputError, match=says):
        build_runner(resuming('vspp', data, tmp_path / 'run', path))


def test_another_model_cannot_be_resumed(trained, data, tmp_path):
    path = trained / 'epoch_1.pth'
    says = r'epoch_1\.pth: cannot be resumed from, since it is of another model \(2 of the \d+ parameters are not in it, e\.g\. '
    with pytest.raises(InputError, match=says + r'cls_head\.fc_pace'):
        build_runner(resuming('pace', data, tmp_path, path))
    wider = {'model.backbone.base_channels': 4, 'model.cls_head.in_channels': 32}
    with pytest.raises(InputError, match=r'of another model \(backbone\.\S+ is \(.*\) in it and \(.*\) in the model\)'):
        build_runner(resuming('vspp', data, tmp_path, path, **wider))


@pytest.mark.parametrize('forget', [False, True])
def test_another_optimizer_cannot_be_resumed(forget, trained, data, tmp_path):
    path = trained / 'epoch_1.pth'
    if forget:  # the config's text, which names the optimizer
        content = torch.load(path, weights_only=True)
        content['meta'] = {key: content['meta'][key] for key in ('epoch', 'iter')}
        path = tmp_path / 'other.pth'
        torch.save(content, path)
    config = resuming('vspp', data, tmp_path / 'run', path)
    config.optim_wrapper.optimizer = dict(type='SGD', lr=0.1, momentum=0.9)
    why = r'its groups have no momentum' if forget else 'Adam there, SGD here'
    with pytest.raises(InputError, match=rf'since it is of another optimizer \({why}\)'):
        build_runner(config)
    config = resuming('vspp', data, tmp_path / 'run', path)
    config.optim_wrapper.paramwise_cfg = dict(norm_decay_mult=0.0)
    with pytest.raises(InputError, match=r'of another optimizer \(1 groups of \d+ parameters there and \d+ groups of'):
        build_runner(config)


def test_a_run_does_not_write_over_the_checkpoint_that_it_starts_from(trained, data):
    config = config_of('vspp', data, trained, {'load_from': str(trained / 'epoch_1.pth')})
    with pytest.raises(InputError, match=r'epoch_1\.pth: the run would start from it and write over it'):
        check_not_replaced(config)
    check_not_replaced(config_of('vspp', data, trained / 'next', {'load_from': str(trained / 'epoch_1.pth')}))


def test_a_work_dir_that_cannot_be_written_to(data, tmp_path):
    (tmp_path / 'file').write_text('')
    with pytest.raises(InputError, match=r'file/run: the work dir cannot be written to \(Not a directory\)'):
        build_runner(config_of('vspp', data, tmp_path / 'file' / 'run'))


def test_loaders_without_processes_lose_what_only_processes_have(data, tmp_path):
    options = {'train_dataloader.persistent_workers': True, 'train_dataloader.prefetch_factor': 4}
    runner = runner_of(config_of('vspp', data, tmp_path, {**options, 'train_cfg.max_epochs': 1}))
    runner.train()
    assert runner.train_dataloader.persistent_workers is False


@pytest.mark.parametrize(
    ('size', 'says'), [(5, r'has one sample \(16 samples in batches of 5\)'), (1, 'batch_size=1 gives')]
)
def test_batch_norm_on_a_batch_of_one(size, says, data, tmp_path):
    options = {'train_dataloader.batch_size': size, 'train_dataloader.drop_last': False}
    with pytest.raises(InputError, match=rf'{says}.* BatchNorm \(predictor\.1\) cannot take statistics'):
        runner_of(config_of('auxskd', data, tmp_path, options)).train()


def test_batch_norm_on_a_batch_of_one_on_each_rank(data, tmp_path, monkeypatch):
    """DDP gives each rank its own statistics; SyncBatchNorm has the samples of all."""
    monkeypatch.setattr('auxskd_mm.loops.model_check.get_world_size', lambda: 2)
    runner = runner_of(config_of('auxskd', data, tmp_path, {'train_dataloader.batch_size': 1}))
    with pytest.raises(
        InputError, match=r'batch_size=1 gives batches of one sample on each rank, of which BatchNorm \('
    ):
        runner.train()
    loader = runner.build_dataloader(runner.cfg.train_dataloader)
    with pytest.raises(InputError, match=r'BatchNorm \(predictor\.1\) cannot take statistics'):
        check_batch_norm(runner.model, loader, runner.cfg)
    check_batch_norm(nn.SyncBatchNorm.convert_sync_batchnorm(runner.model), loader, runner.cfg)


def test_batch_norm_on_one_voxel(data, tmp_path):
    """The last stage leaves one voxel of 16 x 16 pixels, several of 24 x 24."""
    options = {'train_dataloader.batch_size': 5, 'train_dataloader.drop_last': False, 'train_cfg.max_epochs': 1}
    config = config_of('vspp', data, tmp_path, options)
    with pytest.raises(InputError, match=r'has one sample .* BatchNorm \(backbone\.conv5\S+\) cannot take statistics'):
        runner_of(config).train()
    with pytest.raises(ValueError, match='more than 1 value per channel'):
        runner_of(config).model.train().backbone(torch.zeros(1, 3, 8, 16, 16))
    config.train_dataloader.dataset.pipeline[4].size = 24
    runner_of(config).train()
