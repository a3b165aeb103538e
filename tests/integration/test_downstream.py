"""A pretraining's checkpoint through fine-tuning, linear run, retrieval and probe, by the shipped configs and tools."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import write_video
from mmaction.registry import MODELS
from tool_runs import call_tool

from auxskd_mm.apis import build_runner, load_config
from auxskd_mm.errors import InputError
from auxskd_mm.evaluation import FeatureBank

pytestmark = pytest.mark.usefixtures('plain_config_text')

ROOT = Path(__file__).parents[2]
BACKBONE = dict(type='auxskd_mm.R2Plus1DVCOP', base_channels=4)


@pytest.fixture
def data(tmp_path):
    """Twelve videos of two lengths and two classes, lists as the preparation writes them, and a VSPP checkpoint."""
    root = tmp_path / 'data'
    (root / 'videos').mkdir(parents=True)
    for i in range(12):
        write_video(root / f'videos/v_A_g{i // 2:02}_c{i % 2}.mp4', num_frames=18 + i)
    lines = [f'v_A_g{i // 2:02}_c{i % 2}.mp4 {i % 2}\n' for i in range(12)]
    for name, part in (('fit', lines[:6]), ('val', lines[6:8]), ('train', lines[:8]), ('test', lines[8:])):
        (root / f'{name}_split1.txt').write_text(''.join(part))
    torch.manual_seed(0)
    model = MODELS.build(
        dict(
            type='Recognizer3D',
            backbone=BACKBONE,
            cls_head=dict(type='auxskd_mm.VSPPHead', in_channels=32),
            data_preprocessor=dict(type='auxskd_mm.ClipDataPreprocessor'),
        )
    )
    torch.save(dict(state_dict=model.state_dict()), root / 'vspp.pth')
    return root


def run(name, data, work_dir, *, train, **options):
    common = dict(num_workers=0, batch_size=2)
    prefix = '' if train else 'common.'
    loaders = ('train', 'val', 'test') if train else ('test',)
    for part in loaders:
        options[f'{part}_dataloader.dataset.{prefix}data_root'] = str(data)
        for key, value in common.items():
            options[f'{part}_dataloader.{key}'] = value
        if train and part != 'test':
            options[f'{part}_dataloader.persistent_workers'] = False
    options['model.backbone.base_channels'] = 4
    config = load_config(str(ROOT / f'configs/downstream/{name}_r21d_ucf101.py'), options)
    config.work_dir, config.env_cfg.dist_cfg.backend = str(work_dir), 'gloo'
    config.experiment_name = f'{name}_{work_dir.parent.name}_{work_dir.name}'
    config.randomness = dict(seed=0)
    return build_runner(config)


@pytest.mark.parametrize('kind', ['finetune', 'linear'])
def test_training_starts_from_the_pretraining_and_is_tested(kind, data, tmp_path):
    options = {
        'load_from': str(data / 'vspp.pth'),
        'train_cfg.max_epochs': 1,
        'model.cls_head.in_channels': 32,
        'model.cls_head.num_classes': 2,
        'num_clips': 3,
    }
    runner = run(kind, data, tmp_path / 'work', train=True, **options)
    start = torch.load(data / 'vspp.pth')['state_dict']
    runner.train()
    weights = runner.model.state_dict()
    moved = {key for key in start if key.startswith('backbone.') and not torch.equal(start[key], weights[key])}
    assert (len(moved) > 100) if kind == 'finetune' else (not moved)
    result = runner.test()
    assert result['acc/protocol'] == '3 clip(s) a video, mean of logits, 4 videos'
    assert result['acc/top1'] == result['acc/top1_logits']
    assert list((tmp_path / 'work').glob('best_acc_top1_epoch_1.pth'))


def test_a_checkpoint_of_another_network_stops_the_fine_tuning(data, tmp_path):
    torch.save(dict(state_dict={'encoder.conv1.weight': torch.zeros(2)}), tmp_path / 'other.pth')
    options = {'load_from': str(tmp_path / 'other.pth'), 'model.cls_head.in_channels': 32}
    with pytest.raises(InputError, match=r'only 0 of .* backbone tensors fit'):
        run('finetune', data, tmp_path / 'work', train=True, **options).train()


def evaluate(name, data, work_dir, **options):
    options['load_from'] = str(data / 'vspp.pth')
    options['num_clips'] = 2
    options['test_evaluator.0.save_to'] = str(work_dir / 'features')
    return run(name, data, work_dir, train=False, **options).test()


def test_retrieval_and_probe(data, tmp_path, monkeypatch, capfd):
    found = evaluate('retrieval', data, tmp_path / 'r')
    assert 'vcop: ' in found['retrieval/protocol']
    # 32 channels, 2 frames, 3 x 3 after pooling 7 x 7.
    assert '576-d, mean over 2 clip(s); gallery 8, queries 4' in found['retrieval/protocol']
    assert found['retrieval/R@50'] == 1
    written = next((tmp_path / 'r').glob('*/*.json'))
    assert json.loads(written.read_text())['retrieval/protocol'] == found['retrieval/protocol']
    probe = evaluate('probe', data, tmp_path / 'p')
    assert '32-d' in probe['linear/protocol']
    assert 0 <= probe['linear/top1'] <= 1
    bank = FeatureBank.load(tmp_path / 'p/features/gallery.npz')
    assert bank.features.shape == (8, 32)
    assert np.isfinite(bank.features).all()
    assert bank.protocol['pooling'] == 'average'
    banks = [tmp_path / f'p/features/{name}.npz' for name in ('gallery', 'query')]
    words = [*banks, '--device', 'cpu', '--out', tmp_path / 'result.json']
    ended = call_tool(monkeypatch, capfd, 'evaluate_features.py', *words)
    assert ended.code == 0, ended.err
    result = json.loads((tmp_path / 'result.json').read_text())
    assert result['knn']['top1'] == probe['knn/top1']
    assert result['retrieval']['R@50'] == 1
