"""The small configs that classify, and the recipes with a table: their parts fit each other and the pretraining."""

import re
import shutil
from pathlib import Path

import pytest
import torch
from conftest import write_video
from feature_stores import input_of
from mmaction.registry import METRICS, MODELS
from mmengine.config import Config
from mmengine.dataset import Compose

from auxskd_mm.apis import load_config
from auxskd_mm.config.input_convention import input_convention, same_convention
from auxskd_mm.config.pipelines import find_pipeline, find_steps
from auxskd_mm.functional.transfer import check_transfer
from auxskd_mm.recipes.plan import plan_recipe
from auxskd_mm.registry import type_name

FOLDER = Path(__file__).parents[2] / 'configs'
NAMES = sorted(
    str(path.relative_to(FOLDER))
    for folder in ('demo', 'examples', 'warm_start')
    for kind in ('finetune', 'adapters', 'probe', 'trunk')
    for path in (FOLDER / folder).glob(f'{kind}*.py')
)
TABLES = [path.name for path in (FOLDER / 'recipes').glob('*.py') if Config.fromfile(path).get('evaluations')]
RECIPES = [name for name in TABLES if Config.fromfile(FOLDER / 'recipes' / name).get('phases')]
WARM_START = [name for name in TABLES if name.startswith('warm_start')]
# Their sampler is that of VSPP. own_videos.py reads feature maps; tests/own_videos has its tests.
ON_VIDEOS = [name for name in RECIPES if name not in (*WARM_START, 'own_videos.py')]

SAMPLERS = ('SegmentPaceSample', 'SampleFrames')


@pytest.fixture
def lists(tmp_path):
    folder = tmp_path / 'lists'
    folder.mkdir()
    (folder / 'classes.txt').write_text('a\nb\n')
    (folder / 'pool.txt').write_text('a0.mp4\n')
    (folder / 'held_out.txt').write_text('b0.mp4\n')
    (folder / 'groups.csv').write_text('path,group\nx,y\n')
    # Few labels are drawn when a recipe is planned.
    (folder / 'train.txt').write_text(''.join(f'{c}{i}.mp4 {c}\n' for c in (0, 1) for i in range(20)))
    return folder


NETWORKS = {}


def load(path, options):
    """A config and its network, which is built once for all steps of a recipe that have it."""
    config = load_config(str(path), options)
    network = dict(config.model, data_preprocessor=None)  # MixupBlending reads its numbers, and there are none on meta
    settings = repr(network)
    if settings not in NETWORKS:
        with torch.device('meta'):
            NETWORKS[settings] = MODELS.build(network)
    return config, NETWORKS[settings]


def test_there_are_some():
    assert len(NAMES) >= 4
    assert {'demo_motion.py', 'own_videos_small.py'} == set(ON_VIDEOS)
    assert {'warm_start.py', 'warm_start_features.py', 'warm_start_pixels.py'} == set(WARM_START)


@pytest.mark.parametrize('name', NAMES)
def test_clips_fit_the_network(name, lists, tmp_path):
    own = 'lists' in Config.fromfile(FOLDER / name)
    config, model = load(FOLDER / name, {'lists': str(lists)} if own else {})
    for evaluator in config.test_evaluator if isinstance(config.test_evaluator, list) else [config.test_evaluator]:
        assert METRICS.build(evaluator)
    video = write_video(tmp_path / 'v.mp4', num_frames=60)
    for part in ('train', 'test'):
        if config.get(f'{part}_dataloader') is None:
            continue
        steps = find_pipeline(config, (f'{part}_dataloader',))
        file = input_of(steps, video, tmp_path / 'store')
        sample = Compose(steps)(dict(filename=file, label=1, start_index=0, modality='RGB'))
        batch = dict(inputs=[sample['inputs']] * 2, data_samples=[sample['data_samples']] * 2)
        data = MODELS.build(config.model.data_preprocessor)(batch, training=part == 'train')
        out = model.cls_head(model.backbone(data['inputs'].to('meta').flatten(0, 1)))
        quarters = 4 if config.model.cls_head.get('pooling') == 'time' else 1
        classes = config.model.cls_head.get('num_classes', quarters * model.backbone.out_channels)
        assert out.shape[0] == 2 * len(sample['inputs'])
        if config.model.cls_head.get('pooling') != 'stages':  # several maps side by side
            assert out.shape[1] == classes
        frames = sample['inputs'].unique(dim=2).shape[2]
        assert frames > 1
        if own:
            still, _ = load(FOLDER / name, {'lists': str(lists), 'still': True})
            steps = find_pipeline(still, (f'{part}_dataloader',))
            sample = Compose(steps)(dict(filename=file, label=1, start_index=0, modality='RGB'))
            assert sample['inputs'].unique(dim=2).shape[2] == 1


@pytest.mark.parametrize('name', TABLES)
def test_every_row_brings_what_every_column_needs(name, lists, tmp_path):
    plan = plan_recipe(FOLDER / 'recipes' / name, tmp_path / 'out', {}, lists=[str(lists)])
    phases = {step.folder: step for step in plan.steps if step.row is None}
    columns = [step for step in plan.steps if step.row is not None]
    counts = {one.name: len(one.counts(plan.labels.per_class if plan.labels else ())) for one in plan.evaluations}
    cells = {one.name: counts[one.name] if one.few and one.trains else 1 for one in plan.evaluations}
    measured = sum(cells[name] for init in plan.inits for name in init.evaluations or cells)
    assert len(columns) == len(plan.runs) * measured
    assert any(step.init is None for step in columns)  # something to compare with
    # Other seeds have the same phases, and other numbers of labels the same networks.
    first = plan.steps[0].run
    loaded = {step.folder: load(step.config, step.options) for step in phases.values() if step.run == first}
    seen = set()
    for step in columns:
        if step.init is None or step.run != first or (step.row.name, step.evaluation.name) in seen:
            continue
        seen.add((step.row.name, step.evaluation.name))
        config, model = load(step.config, step.options)
        before, pretrained = loaded[step.init]
        assert 'backbone tensors loaded' in check_transfer(
            model.state_dict(), pretrained.state_dict(), ('backbone.',), name
        )
        taught, fed = (
            input_convention(content.model.data_preprocessor, find_pipeline(content, (loader,)))
            for content, loader in ((before, 'train_dataloader'), (config, 'test_dataloader'))
        )
        # Stored feature maps have no channel order, mean and std on either side.
        assert same_convention(taught, fed) if taught and fed else taught is fed is None


def test_the_rows_of_the_warm_start_have_equal_steps_and_cells_of_their_own(lists, tmp_path):
    plan = plan_recipe(FOLDER / 'recipes' / 'warm_start.py', tmp_path / 'out', {}, seeds=[0], lists=[str(lists)])
    assert len(plan.steps) == len(plan.inits) * (
        2 + 4
    )  # frozen features in two poolings, one fine-tuning per number of labels
    assert len({step.folder for step in plan.steps}) == len(plan.steps)
    budgets = {
        init.name: [step.steps for step in plan.steps if step.row is init and step.trains] for init in plan.inits
    }
    assert set(map(tuple, budgets.values())) == {(100, 200, 300, 600)}
    for step in plan.steps:
        config = load_config(str(step.config), step.options)
        kind = 'TimmBackbone' if step.row.name.startswith('public') else 'C3DBN'
        assert type_name(config.model.backbone.type) == kind
        (still,) = find_steps(find_pipeline(config, ('test_dataloader',)), 'StillFrames')
        assert still['enabled'] == step.row.name.endswith('_still')


@pytest.mark.parametrize('name', WARM_START)
def test_the_tables_from_public_weights_share_cells_and_have_equal_steps(name, lists, tmp_path):
    plan = plan_recipe(FOLDER / 'recipes' / name, tmp_path / 'out', {}, seeds=[0], lists=[str(lists)])
    assert all(step.key and step.folder.parent == tmp_path / 'out' / 'cells' for step in plan.steps)
    assert len({step.folder for step in plan.steps}) == len(plan.steps)
    for step in plan.steps:
        # Weights that a row starts from stay, those of fine-tunings go; frozen features have none.
        assert step.keep_checkpoints == (step.row is None)
    by_folder = {step.folder: step for step in plan.steps}

    def trained(folder):
        return by_folder[folder].steps + trained(by_folder[folder].init) if folder else 0

    for count in (1, 5, 20, 0):
        assert len({step.steps for step in plan.steps if step.count == count}) == 1
    pretrained = {trained(step.init) for step in plan.steps if step.row is not None and step.init is not None}
    assert len(pretrained) <= 1
    for config in dict.fromkeys(step.config for step in plan.steps if step.row is not None):
        step = next(step for step in plan.steps if step.config == config)
        options = {**step.options, 'clip_len': 6, **({'steps': step.steps} if step.trains else {})}
        config = load_config(str(step.config), options)  # refuses a variable that the config does not have
        (sampler,) = find_steps(find_pipeline(config, ('test_dataloader',)), 'UniformSample')
        assert sampler['clip_len'] == 6


@pytest.mark.parametrize('name', ON_VIDEOS)
def test_all_reaches_every_step_that_has_the_value(name, lists, tmp_path):
    options = {'all.epochs': 1, 'all.model.backbone.base_channels': 2, 'all.train_dataloader.dataset.source': 'videos'}
    plan = plan_recipe(FOLDER / 'recipes' / name, tmp_path / 'out', options, lists=[str(lists)])
    for step in plan.steps:
        config = load_config(str(step.config), step.options)
        assert config.model.backbone.base_channels == 2
        if step.trains:
            assert config.train_cfg.max_epochs == 1
        if step.row is None:
            assert config.train_dataloader.dataset.source == 'videos'
        else:
            assert 'source' not in str(config.get('train_dataloader'))


@pytest.mark.parametrize('name', ON_VIDEOS)
def test_an_inserted_transform_breaks_no_recipe(name, lists, tmp_path):
    """Overrides go by name: with one more step at the front of every pipeline, they still reach the sampler."""
    folder = tmp_path / 'configs'
    shutil.copytree(FOLDER, folder)
    extra = "    dict(type='auxskd_mm.MarkSample'),\n    dict(type='auxskd_mm.OpenVideo'"
    for path in folder.rglob('*.py'):
        path.write_text(path.read_text().replace("    dict(type='auxskd_mm.OpenVideo'", extra))
    wanted, found = (
        [
            [find_steps(find_pipeline(config, (f'{part}_dataloader',)), *SAMPLERS) for part in ('train', 'test')]
            for step in plan_recipe(where / 'recipes' / name, tmp_path / 'out', {}, lists=[str(lists)]).steps
            for config in [load_config(str(step.config), step.options)]
        ]
        for where in (FOLDER, folder)
    )
    assert found == wanted
    assert any(
        'num_segments' in step and step['num_segments'] == 1 for parts in found for part in parts for step in part
    )
    for step in plan_recipe(folder / 'recipes' / name, tmp_path / 'out', {}, lists=[str(lists)]).steps:
        steps = find_pipeline(load_config(str(step.config), step.options))
        assert [type_name(one['type']) for one in steps[:2]] == ['MarkSample', 'OpenVideo']


def test_no_shipped_override_counts_steps():
    """No ``pipeline.1.speeds`` or ``param_scheduler.1.T_max``: a number there is right until somebody adds a step."""
    root = FOLDER.parent
    files = [root / 'README.md', root / 'Makefile', *(root / 'docs').rglob('*.md')]
    for part in ('configs', 'tools', 'benchmarks', 'auxskd_mm'):
        files += (root / part).rglob('*.py')
    counted = re.compile(r'(pipeline|transforms|param_scheduler|custom_hooks|test_evaluator)\.\d')
    assert [(path.name, match[0]) for path in files for match in [counted.search(path.read_text())] if match] == []
