"""Every shipped downstream config: it builds, its parts fit each other, and the split is one option.

Networks are built and run on torch's meta device: shapes are computed, numbers are not.
"""

from pathlib import Path

import pytest
import torch
from mmaction.registry import DATASETS, METRICS, MODELS, TRANSFORMS
from mmengine.config import Config

from auxskd_mm.apis import load_config

FOLDER = Path(__file__).parents[2] / 'configs' / 'downstream'
NAMES = [
    f'{kind}_{network}_{data}'
    for kind in ('finetune', 'linear', 'retrieval', 'probe')
    for network in ('r21d', 'r3d', 'c3d', 's3dg')
    for data in ('ucf101', 'hmdb51')
]
WIDTHS = {'retrieval': 9216, 'probe': 512}


def load(name):
    return Config.fromfile(FOLDER / f'{name}.py')


def test_there_are_no_others():
    assert sorted(path.stem for path in FOLDER.glob('*.py')) == sorted(NAMES)


@pytest.mark.parametrize('name', NAMES)
def test_network_and_head_fit(name):
    config = load(name)
    kind, network, data = name.split('_')
    with torch.device('meta'):
        model = MODELS.build(config.model)
        size = (1, 3, 64, 224, 224) if network == 's3dg' else (1, 3, 16, 112, 112)
        out = model.cls_head(model.backbone(torch.zeros(size)))
    if kind in WIDTHS:
        assert out.shape[1] == (1024 if network == 's3dg' else WIDTHS[kind])
    else:
        assert out.shape[1] == dict(ucf101=101, hmdb51=51)[data]
    trained = [key for key, value in model.train().named_parameters() if value.requires_grad]
    if kind == 'linear':
        assert trained == ['cls_head.fc_cls.weight', 'cls_head.fc_cls.bias']
        assert not any(part.training for part in model.backbone.modules() if not list(part.children()))
    elif kind == 'finetune':
        assert trained == [key for key, _ in model.named_parameters()]


@pytest.mark.parametrize('name', NAMES)
def test_data_and_metrics(name):
    config = load_config(str(FOLDER / f'{name}.py'), {'split': 3})
    kind, network, data = name.split('_')
    root = f'data/{data}'
    loaders = [config.get(f'{part}_dataloader') for part in ('train', 'val', 'test')]
    if kind in WIDTHS:
        sets = [loaders[2].dataset.common]
        lists = [loaders[2].dataset.gallery.ann_file, loaders[2].dataset.query.ann_file]
        assert lists == ['train_split3.txt', 'test_split3.txt']
    else:
        sets = [loader.dataset for loader in loaders]
        assert [dataset.ann_file for dataset in sets] == ['fit_split3.txt', 'val_split3.txt', 'test_split3.txt']
    for dataset in sets:
        assert dataset.data_root == root
        assert DATASETS.get(dataset.type)
        steps = [TRANSFORMS.build(step) for step in dataset.pipeline]
        assert steps[1].clip_len == (64 if network == 's3dg' else 16)
    assert sets[-1].pipeline[1].num_clips == 10
    evaluators = config.test_evaluator if isinstance(config.test_evaluator, list) else [config.test_evaluator]
    assert all(METRICS.build(evaluator) for evaluator in evaluators)
    assert 'split1' in str(load_config(str(FOLDER / f'{name}.py')).test_dataloader)


def test_every_config_says_whose_it_is():
    for name in NAMES:
        top = (FOLDER / f'{name}.py').read_text().split('_base_', 1)[0]
        assert any(whose in top for whose in ('VCOP', 'RSPNet', 'SEVERE', 'Ours')), name
