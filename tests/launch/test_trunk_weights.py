"""Weights that the config of a trunk names, and stores of other weights wherever a data set is built."""

import pickle
import random
from types import SimpleNamespace

import pytest
import torch
from feature_stores import CHANNELS, GRID, made_up_maps, source_videos, write_trunk
from mmengine.config import Config
from mmengine.dataset import ConcatDataset, RepeatDataset
from torch import nn

from auxskd_mm.apis.extract_features import extract_features
from auxskd_mm.apis.feature_trunk import Trunk, TrunkSpec
from auxskd_mm.apis.pictures.browse_clips import see_config
from auxskd_mm.apis.pictures.pretext_confusion import ask_model
from auxskd_mm.datasets.packing import pack_videos
from auxskd_mm.datasets.stores import FeatureSettings
from auxskd_mm.datasets.stores.feature_settings import trunk_config, trunk_fingerprint
from auxskd_mm.datasets.transforms import OpenFeatures
from auxskd_mm.datasets.transforms.views import PerView
from auxskd_mm.datasets.video_list import UnlabeledVideoDataset
from auxskd_mm.errors import InputError, VideoReadError
from auxskd_mm.launch import trunk_weights
from auxskd_mm.launch.feature_check import FeatureCheckHook
from auxskd_mm.launch.screen import ScreenRunner
from auxskd_mm.launch.trunk_weights import check_trunk_weights, named_weights
from auxskd_mm.registry import MODELS
from auxskd_mm.zoo.speed import loader_speed

NETWORK = dict(type='auxskd_mm.TimmBackbone', model='resnet10t', out_indices=(2,))
OTHER = 'another trunk .of other weights than init_cfg of the config names'


@pytest.fixture(scope='module')
def weights(tmp_path_factory):
    """Two files of weights of one network."""
    folder = tmp_path_factory.mktemp('weights')
    for name in 'ab':
        torch.manual_seed(ord(name))
        state = MODELS.build(dict(NETWORK)).state_dict()
        torch.save(dict(state_dict={f'backbone.{key}': value for key, value in state.items()}), folder / f'{name}.pth')
    return folder


@pytest.fixture(scope='module')
def trunk(weights):
    """Config of a trunk that names the weights of one file."""
    return dict(NETWORK, init_cfg=dict(type='Pretrained', checkpoint=str(weights / 'a.pth')))


@pytest.fixture(scope='module')
def stores(trunk, tmp_path_factory):
    """Stores 'same', of the weights that the trunk names, and 'other', as ``load_from`` leaves it (the same config)."""
    folder = tmp_path_factory.mktemp('stores')
    videos = source_videos(folder / 'videos', (20, 20))
    backbone = trunk_config(trunk)
    for name, digest in (('same', named_weights(trunk)), ('other', 'f' * 16)):
        settings = FeatureSettings(trunk_fingerprint(backbone, {}, digest), backbone, {}, CHANNELS, GRID)
        pack_videos(folder / name, videos, settings, extract=made_up_maps)
    return folder


def steps_of(trunk):
    return [
        dict(type='auxskd_mm.OpenFeatures', trunk=trunk),
        dict(type='auxskd_mm.SegmentPaceSample', clip_len=4, num_segments=2, num_speeds=2),
        dict(type='auxskd_mm.DecodeFeatures'),
        dict(type='PackActionInputs'),
    ]


def dataset_of(source, trunk):
    return UnlabeledVideoDataset(str(source), pipeline=steps_of(trunk))


def refused(check, store):
    """A store of other weights is refused in one line that names it."""
    with pytest.raises(InputError, match=OTHER) as error:
        check()
    assert '\n' not in str(error.value)
    assert str(store) in str(error.value)


def test_the_weights_of_a_packed_trunk_are_those_that_its_config_names(weights, trunk, tmp_path):
    def settings_of(backbone, more=''):
        return Trunk(TrunkSpec(write_trunk(tmp_path / 'trunk.py', backbone, more=more))).settings()

    store = settings_of(dict(trunk, frozen_stages='all'))
    other = settings_of(trunk, f'load_from = {str(weights / "b.pth")!r}')
    assert store.backbone == other.backbone
    expected = trunk_fingerprint(store.backbone, store.preparation, named_weights(dict(trunk, temporal=dict(type='x'))))
    assert store.trunk == expected != other.trunk
    assert named_weights(NETWORK) is None  # the config names none


def test_the_network_is_built_once_a_process_and_draws_nothing(trunk, monkeypatch):
    torch.manual_seed(3)
    random.seed(3)
    before = torch.get_rng_state(), random.getstate()
    monkeypatch.setattr(trunk_weights, '_DIGESTS', {})
    found = named_weights(trunk)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert random.getstate() == before[1]
    monkeypatch.setattr(MODELS, 'build', None)
    assert named_weights(dict(trunk, frozen_stages='all', temporal=dict(type='x'))) == found


@pytest.mark.parametrize(
    ('change', 'reason'),
    [
        (dict(init_cfg=dict(type='Pretrained', checkpoint='gone.pth')), 'names no file on this machine'),
        (
            dict(init_cfg=[dict(type='Pretrained', checkpoint='https://example.org/a.pth')]),
            'names no file on this machine',
        ),
        (dict(init_cfg=dict(type='Kaiming', layer='Conv2d')), 'names no file on this machine'),
        (dict(init_cfg=dict(type='auxskd_mm.PackagedWeights', package='x')), 'init_cfg.package'),
        (dict(pretrained=True), 'a download'),
    ],
)
def test_weights_that_cannot_be_had_are_not_compared_with_a_line(change, reason, monkeypatch):
    lines = []
    monkeypatch.setattr(trunk_weights, '_DIGESTS', {})
    monkeypatch.setattr(trunk_weights, 'print_log', lambda line, **_: lines.append(line))
    opener = OpenFeatures(dict(NETWORK, **change))
    for _ in range(2):
        check_trunk_weights(SimpleNamespace(pipeline=[opener]))
    assert len(lines) == 1
    assert reason in lines[0]
    assert 'are not compared' in lines[0]


def test_a_data_set_in_wrappers_and_a_step_in_steps(stores, trunk):
    for make in (
        lambda name: dataset_of(stores / name, trunk),
        lambda name: RepeatDataset(dataset_of(stores / name, trunk), 2),
        lambda name: ConcatDataset([dataset_of(stores / 'same', trunk), dataset_of(stores / name, trunk)]),
    ):
        check_trunk_weights(make('same'))
        refused(lambda make=make: check_trunk_weights(make('other')), stores / 'other')
    opener = OpenFeatures(trunk)
    opener.open(f'{stores}/other/0.mp4')
    refused(lambda: check_trunk_weights(SimpleNamespace(pipeline=PerView([opener]))), stores / 'other')
    check_trunk_weights(dataset_of(stores / 'other', None))  # any trunk
    check_trunk_weights(SimpleNamespace())  # a data set of another package


def test_a_worker_builds_no_network_and_refuses_a_store_that_it_opens_first(stores, trunk, monkeypatch):
    dataset = dataset_of(stores / 'same', trunk)
    check_trunk_weights(dataset)
    monkeypatch.setattr(MODELS, 'build', None)
    opener = pickle.loads(pickle.dumps(dataset.pipeline.transforms[0]))  # as a worker gets it
    assert opener.open(f'{stores}/same/1.mp4').num_frames == 20
    refused(lambda: opener.open(f'{stores}/other/0.mp4'), stores / 'other')
    with pytest.raises(VideoReadError):
        opener.open(f'{stores}/same/none.mp4')


def loader_of(source, trunk):
    dataset = dict(type='auxskd_mm.UnlabeledVideoDataset', source=str(source), pipeline=steps_of(trunk))
    return dict(
        batch_size=2, num_workers=0, dataset=dataset, sampler=dict(type='DefaultSampler', shuffle=False),
        collate_fn=dict(type='pseudo_collate'),
    )  # fmt: skip


def extracted(config):
    model = nn.Module()
    model.cfg = config
    dataset = config.test_dataloader.dataset
    return extract_features(model, videos=dataset.source, pipeline=dataset.pipeline, num_workers=0)


@pytest.mark.parametrize(
    'use',
    [
        # The loaders of a run: those of its loops, and those of hooks such as KNNHook.
        lambda config: ScreenRunner.build_dataloader(config.test_dataloader, seed=0),
        lambda config: loader_speed(config, 'test', batches=1, warmup=0),
        lambda config: see_config(config, split='test'),
        lambda config: ask_model(SimpleNamespace(cfg=config), num_workers=0),
        extracted,
    ],
)
def test_every_place_that_builds_a_data_set_refuses_other_weights(use, stores, trunk):
    config = Config(dict(default_scope='mmaction', test_dataloader=loader_of(stores / 'other', trunk)))
    refused(lambda: use(config), stores / 'other')


@pytest.mark.parametrize('bad', ['train', 'val', 'test'])
def test_a_runner_of_another_type_refuses_before_the_first_step(bad, stores, trunk):
    """It builds its loaders in its own way, so the hook is all that looks at them."""
    preprocessor = MODELS.build(dict(type='auxskd_mm.FeatureDataPreprocessor'))
    runner = SimpleNamespace(cfg={}, model=nn.Module(), val_loop=object())
    runner.model.data_preprocessor = preprocessor
    for split in ('train', 'val', 'test'):
        dataset = dataset_of(stores / ('other' if split == bad else 'same'), trunk)
        setattr(runner, f'{split}_dataloader', SimpleNamespace(dataset=dataset))
    hook = FeatureCheckHook()
    if bad == 'test':
        hook.before_train(runner)
        hook.before_val(runner)
        refused(lambda: hook.before_test(runner), stores / 'other')
        return
    refused(lambda: hook.before_train(runner), stores / 'other')
    if bad == 'val':
        refused(lambda: hook.before_val(runner), stores / 'other')
