"""Every shipped config for pretraining: it loads, its pipelines run on a video, and its model takes what they yield.

Networks are built and run on torch's meta device: shapes are computed, numbers are not. What is in ``downstream/`` has a
test of its own; files named ``_base_*`` are parts of others.
"""

from pathlib import Path

import pytest
import torch
from conftest import write_video
from feature_stores import input_of
from mmaction.registry import DATASETS, HOOKS, METRICS, MODELS
from mmengine.config import Config
from mmengine.dataset import Compose
from mmengine.optim import build_optim_wrapper
from mmengine.registry import PARAM_SCHEDULERS

from auxskd_mm.apis import load_config
from auxskd_mm.functional.transfer import check_transfer
from auxskd_mm.models.tasks import model_tasks
from auxskd_mm.recipes.entries import read_phases
from auxskd_mm.registry import type_name

FOLDER = Path(__file__).parents[2] / 'configs'
ALL = [
    path.relative_to(FOLDER) for path in sorted(FOLDER.rglob('*.py')) if '_base_' not in str(path.relative_to(FOLDER))
]
RECIPES = [str(path) for path in ALL if path.parts[0] == 'recipes']
EVALUATIONS = ('finetune', 'adapters', 'probe', 'trunk')  # see test_evaluation_configs.py
TRAINED = [
    str(path)
    for path in ALL
    if path.parts[0] not in ('recipes', 'downstream') and not path.name.startswith(EVALUATIONS)
]
NETWORKS = ('r21d', 'r3d', 'c3d', 's3dg')


@pytest.fixture(scope='module')
def video(tmp_path_factory):
    return write_video(tmp_path_factory.mktemp('configs') / 'video.mp4', num_frames=72)


def build_model(config):
    with torch.device('meta'):
        return MODELS.build(config.model)


def run_pipeline(config, part, video, folder):
    loader = config[f'{part}_dataloader']
    assert DATASETS.get(loader.dataset.type)
    file = input_of(loader.dataset.pipeline, video, folder / 'store')
    return Compose(loader.dataset.pipeline)(dict(filename=file, sample_idx=0))


def reads_features(config):
    return type_name(config.model.data_preprocessor.type) == 'FeatureDataPreprocessor'


def test_every_method_has_every_network_of_the_papers():
    wanted = {
        f'{method}_{network}_k100.py' for method in ('auxskd', 'vspp', 'pace', 'vcop', 'rspnet') for network in NETWORKS
    }
    assert wanted <= set(TRAINED)
    assert {f'recipes/auxskd_{method}_r21d_k100.py' for method in ('vspp', 'pace', 'vcop', 'rspnet')} <= set(RECIPES)
    assert {f'demo/{method}_motion.py' for method in ('pace', 'vcop', 'rspnet')} <= set(TRAINED)
    assert {f'warm_start/{method}_features.py' for method in ('auxskd', 'vspp', 'pace', 'vcop', 'rspnet')} <= set(
        TRAINED
    )


@pytest.mark.parametrize('name', TRAINED)
def test_data_fit_the_model(name, video, tmp_path):
    config = load_config(str(FOLDER / name))
    model = build_model(config)
    for part in ('train', 'test'):
        if config.get(f'{part}_dataloader') is None:
            continue
        sample = run_pipeline(config, part, video, tmp_path)
        assert sample['inputs'].dtype == (torch.float16 if reads_features(config) else torch.uint8)
        # The preprocessor works for real, on two samples alike: it is where jitter and normalisation are checked.
        batch = dict(inputs=[sample['inputs']] * 2, data_samples=[sample['data_samples']] * 2)
        data = MODELS.build(config.model.data_preprocessor)(batch, training=part == 'train')
        assert data['inputs'].dtype == torch.float32
        inputs = data['inputs'].to('meta')
        if hasattr(model, 'views') and hasattr(model, 'cls_head') and part == 'test':
            assert all(len(logits) == 2 for logits in model.cls_head(model.backbone(inputs.flatten(0, 1))))
        elif hasattr(model, 'teacher'):
            views = model.views(inputs)
            clips = (
                model.clips(views[0], torch.ones(2, dtype=torch.bool, device='meta'))
                if hasattr(model, 'clips')
                else views[0]
            )
            assert len(model.embed(model, clips)) == 2
        else:
            logits = model.cls_head(model.extract_feat(inputs)[0])
            logits = logits[0] if isinstance(logits, tuple) else logits
            together = next((task.clips for task in model_tasks(model)), 1)
            assert len(logits) == 2 * inputs.shape[1] // together


@pytest.mark.parametrize('name', TRAINED)
def test_training_and_testing_are_set_up(name):
    config = load_config(str(FOLDER / name))
    model = build_model(config)
    hooks = [HOOKS.build(hook) for hook in config.get('custom_hooks', [])]
    # Without the hook a teacher would never move.
    assert hasattr(model, 'teacher') == any(type(hook).__name__ == 'SKDDistillerHook' for hook in hooks)
    evaluator = config.get('test_evaluator')
    if evaluator is not None:
        assert METRICS.build(evaluator)
        assert config.test_cfg is not None
    optimizer = {key: value for key, value in config.optim_wrapper.items() if key not in ('dtype', 'loss_scale')}
    # Mixed precision's wrapper wants an accelerator.
    wrapper = build_optim_wrapper(
        model, {**optimizer, 'type': optimizer.get('type', 'OptimWrapper').replace('Amp', '')}
    )
    schedulers = config.get('param_scheduler') or []
    for scheduler in [schedulers] if isinstance(schedulers, dict) else schedulers:
        settings = {key: value for key, value in scheduler.items() if key != '_scope_'}
        kind = PARAM_SCHEDULERS.get(settings.pop('type'))
        if settings.pop('convert_to_iter_based', False):
            assert kind.build_iter_from_epoch(optimizer=wrapper, epoch_length=10, **settings)
        else:
            assert kind(optimizer=wrapper, **settings)


@pytest.mark.parametrize('name', RECIPES)
def test_recipes_hand_over_whole_backbones(name):
    path = FOLDER / name
    phases = read_phases(Config.fromfile(path).get('phases') or [], path.parent)
    states = {phase.name: build_model(Config.fromfile(phase.config)).state_dict() for phase in phases}
    handed = [phase for phase in phases if phase.init_from is not None]
    assert handed or path.name in ('own_videos.py', 'warm_start.py')  # rows start from single phases, or from none
    for phase in handed:
        assert 'backbone tensors loaded' in check_transfer(
            states[phase.name], states[phase.init_from], ('backbone.',), name
        )
    if path.name.startswith('auxskd_'):  # a chain, one phase after the other
        assert [phase.init_from for phase in phases] == [None, *(phase.name for phase in phases[:-1])]


@pytest.mark.parametrize(('name', 'most'), [('vspp_slowonly_mmaction', 20), ('auxskd_slowonly_mmaction', 25)])
def test_extending_a_stock_recipe_is_short(name, most):
    lines = (FOLDER / 'examples' / f'{name}.py').read_text().splitlines()
    assert len(lines) <= most
    assert any(line.startswith("_base_ = 'mmaction::") for line in lines)


@pytest.mark.parametrize('name', [*TRAINED, *RECIPES])
def test_every_config_says_what_it_is(name):
    assert (FOLDER / name).read_text().startswith('# ')


# What the papers' code says, beside what the configs come to after their bases: (lr, weight decay, batch, epochs).
NUMBERS = dict(
    pace_r21d=(1e-3, 5e-3, 30, 18),
    pace_s3dg=(1e-3, 5e-3, 32, 18),
    vcop_r21d=(1e-3, 5e-4, 8, 300),
    vcop_c3d=(1e-3, 5e-4, 8, 300),
    rspnet_r21d=(0.05, 1e-4, 32, 200),
    rspnet_r3d=(0.1, 1e-4, 64, 200),
    rspnet_c3d=(0.1, 1e-4, 32, 200),
    rspnet_s3dg=(0.05, 1e-4, 64, 200),
    auxskd_r21d=(1e-3, 5e-3, 30, 25),
    vspp_r21d=(1e-3, 5e-3, 30, 20),
)


@pytest.mark.parametrize('name', NUMBERS)
def test_numbers_of_the_papers(name):
    config = load_config(str(FOLDER / f'{name}_k100.py'))
    optimizer = config.optim_wrapper.optimizer
    assert optimizer.type == 'SGD'
    assert optimizer.momentum == 0.9
    found = (optimizer.lr, optimizer.weight_decay, config.train_dataloader.batch_size, config.train_cfg.max_epochs)
    assert found == NUMBERS[name]
    crops = str(config.train_dataloader.dataset.pipeline)
    # MMAction2's RandomCrop leaves out the last offset.
    assert "'RandomCrop'" not in crops
    assert ('ClipRandomCrop' in crops) != ('RandomResizedCrop' in crops)
    assert config.auto_scale_lr.enable == name.startswith('rspnet')


# Length of a cosine that is the original's number, whatever the epochs are.
FIXED_COSINES = {'pecop_i3d_k400.py': 22}


@pytest.mark.parametrize(
    'name', [str(path) for path in ALL if path.parts[0] != 'recipes' and 'mmaction' not in path.name]
)
def test_the_schedule_follows_the_epochs(name):
    """``epochs`` or ``steps`` is the one variable for the length of a training."""
    plain = Config.fromfile(FOLDER / name)
    if plain.get('train_cfg') is None:
        return
    key = 'max_epochs' if 'max_epochs' in plain.train_cfg else 'max_iters'
    length = 'epochs' if key == 'max_epochs' else 'steps'
    assert plain.train_cfg[key] == plain[length]
    for epochs in (1, 2, 7) if length == 'epochs' else (2, 7, 900):
        config = load_config(str(FOLDER / name), {length: epochs})
        assert config.train_cfg[key] == epochs
        schedule = config.param_scheduler or []
        network = torch.nn.Linear(1, 1)
        optimizer = torch.optim.SGD(network.parameters(), lr=1.0)
        for part in [schedule] if isinstance(schedule, dict) else schedule:
            if name in FIXED_COSINES:
                assert part.T_max == FIXED_COSINES[name]
            elif part.type == 'CosineAnnealingLR':
                assert part.T_max + part.get('begin', 0) == max(epochs, part.get('begin', 0) + 1)
                assert part.get('end', epochs) in (epochs, part.get('begin', 0) + 1)
            options = {key: value for key, value in part.items() if key != 'convert_to_iter_based'}
            PARAM_SCHEDULERS.build(dict(options, optimizer=optimizer))
