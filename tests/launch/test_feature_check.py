"""Models and data sets of feature maps or images that do not fit each other."""

from types import SimpleNamespace

import pytest
from feature_stores import CHANNELS, GRID, made_up_maps, source_videos
from torch import nn

from auxskd_mm.datasets.packing import pack_videos
from auxskd_mm.datasets.stores import FeatureSettings
from auxskd_mm.errors import InputError
from auxskd_mm.launch.feature_check import check_features, check_one_trunk
from auxskd_mm.registry import MODELS

SETTINGS = FeatureSettings('0' * 16, {}, {}, CHANNELS, GRID)


def model_of(backbone, channels=None, images=False):
    model = nn.Module()
    model.backbone = backbone
    kind = dict(type='auxskd_mm.ClipDataPreprocessor') if images else None
    model.data_preprocessor = MODELS.build(kind or dict(type='auxskd_mm.FeatureDataPreprocessor', channels=channels))
    return model


def temporal(channels):
    return MODELS.build(dict(type='auxskd_mm.TemporalConvs', in_channels=channels, channels=4, blocks=0))


def datasets(features):
    """A data set as it is, in a wrapper, and second in a pair."""
    one = SimpleNamespace(features=features)
    return [one, SimpleNamespace(dataset=one), SimpleNamespace(datasets=[SimpleNamespace(features=features), one])]


@pytest.mark.parametrize(
    ('model', 'features', 'words'),
    [
        (lambda: model_of(temporal(CHANNELS), images=True), SETTINGS, 'the model takes images'),
        (lambda: model_of(temporal(7)), SETTINGS, 'backbone.in_channels=7, but the feature maps of the store have 6'),
        (lambda: model_of(temporal(CHANNELS), 7), SETTINGS, 'data_preprocessor.channels=7'),
        (lambda: model_of(nn.Sequential(nn.Conv3d(3, 4, 1))), SETTINGS, r'backbone \(Sequential\) in_channels=3'),
        (lambda: model_of(temporal(CHANNELS)), None, 'the data set reads images, and the model takes feature maps'),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(model, features, words):
    for dataset in datasets(features):
        with pytest.raises(InputError, match=words) as error:
            check_features(model(), dataset)
        assert '\n' not in str(error.value)


def of_trunk(model, **options):
    backbone = dict(type='auxskd_mm.TimmBackbone', model=model, **options)
    return SETTINGS._replace(backbone=backbone, channels=64)


def test_later_layers_of_another_network_or_map_are_refused():
    """resnet18 and resnet34 have maps of the same widths, and resnet18 has 64 channels in two of its maps."""
    later = MODELS.build(dict(type='auxskd_mm.TimmBackbone', model='resnet18', in_index=1, out_indices=(2,)))
    adapted = dict(
        type='auxskd_mm.AdaptedBackbone',
        backbone=dict(type='auxskd_mm.TimmBackbone', model='resnet18', in_index=1, out_indices=(2,)),
        adapters=dict(type='auxskd_mm.TemporalAdapter', patterns='trunk.layer2.*'),
    )
    for backbone in (later, MODELS.build(adapted)):
        for settings, words in (
            (
                of_trunk('resnet34', out_indices=[1]),
                r"behind its map 1 .in_index., but the store holds map 1 of 'resnet34'",
            ),
            (of_trunk('resnet18', out_indices=[0]), "the store holds map 0 of 'resnet18'"),
            (of_trunk('resnet18', out_indices=[1])._replace(stage=0), "the store holds map 0 of 'resnet18'"),
        ):
            with pytest.raises(InputError, match=words) as error:
                check_features(model_of(backbone), datasets(settings)[0])
            assert '\n' not in str(error.value)
        for settings in (
            of_trunk('resnet18.a1_in1k', out_indices=[1]),
            of_trunk('resnet18'),
            SETTINGS._replace(channels=64),
        ):
            check_features(model_of(backbone), datasets(settings)[0])


@pytest.mark.parametrize(
    ('options', 'trunk'),
    [
        (dict(in_index=-4, out_indices=(2,)), dict(model='resnet18', out_indices=[1])),
        (dict(in_index=1, out_indices=(2,)), dict(model='hf_hub:timm/resnet18.a1_in1k', out_indices=[1])),
        (dict(in_index=1, out_indices=(2,)), dict(model='resnet18', out_indices=[-4])),
        (
            dict(
                in_index=1, out_indices=(2,), temporal=dict(type='auxskd_mm.TimmBackbone', model='resnet18', in_index=2)
            ),
            dict(model='resnet18', out_indices=[1]),
        ),
    ],
    ids=['from_the_end', 'of_a_hub', 'stored_from_the_end', 'in_a_chain'],
)
def test_later_layers_of_the_same_map_are_taken(options, trunk):
    later = MODELS.build(dict(type='auxskd_mm.TimmBackbone', model='resnet18', **options))
    check_features(model_of(later), datasets(of_trunk(**trunk))[0])


def test_a_trunk_without_a_name_is_the_default_network():
    later = MODELS.build(dict(type='auxskd_mm.TimmBackbone', in_index=3, out_indices=(4,)))
    settings = SETTINGS._replace(backbone=dict(type='auxskd_mm.TimmBackbone', out_indices=[3]), channels=112)
    check_features(model_of(later), datasets(settings)[0])


def test_what_fits_is_taken():
    for dataset in datasets(SETTINGS):
        check_features(model_of(temporal(CHANNELS), CHANNELS), dataset)
        check_features(model_of(nn.Sequential(nn.Conv3d(CHANNELS, 3, 1))), dataset)
    check_features(model_of(nn.Conv3d(3, 4, 1), images=True), datasets(None)[0])
    check_features(model_of(temporal(CHANNELS)), SimpleNamespace())  # a data set of another package


@pytest.fixture(scope='module')
def stores(tmp_path_factory):
    """Stores of two trunks."""
    folder = tmp_path_factory.mktemp('stores')
    videos = source_videos(folder / 'videos', (20,))
    for name in 'ab':
        pack_videos(folder / name, videos, SETTINGS._replace(trunk=name * 16), extract=made_up_maps)
    return folder


@pytest.mark.parametrize(
    'test',
    [
        lambda folder: dict(source=folder),
        lambda folder: dict(data_prefix=dict(video=folder)),
        lambda folder: dict(type='RepeatDataset', dataset=dict(source=['x', folder])),
        lambda folder: dict(
            type='auxskd_mm.GalleryQueryDataset', common=dict(data_prefix=folder), gallery={}, query={}
        ),
    ],
)
def test_stores_of_two_trunks_in_one_config(stores, test):
    used = SimpleNamespace(features=SETTINGS._replace(trunk='a' * 16))
    train = dict(dataset=dict(source=str(stores / 'a')))
    check_one_trunk(dict(train_dataloader=train, test_dataloader=dict(dataset=test(str(stores / 'a')))), used)
    for config, dataset in (
        (dict(test_dataloader=dict(dataset=test(str(stores / 'b')))), used),
        (dict(train_dataloader=train, test_dataloader=dict(dataset=test(str(stores / 'b')))), SimpleNamespace()),
    ):
        with pytest.raises(
            InputError, match=r'a store of another trunk.* than .*one trunk, so pack all videos'
        ) as error:
            check_one_trunk(config, dataset)
        assert '\n' not in str(error.value)
        assert 'trunk aaaaaaaaaaaaaaaa' in str(error.value)
        assert 'trunk bbbbbbbbbbbbbbbb' in str(error.value)
    with pytest.raises(InputError, match='a store of another trunk'):
        check_one_trunk({}, SimpleNamespace(datasets=[used, SimpleNamespace(features=SETTINGS)]))


def test_the_stores_of_a_config_that_are_not_there_are_not_asked_for(stores, tmp_path):
    used = SimpleNamespace(features=SETTINGS._replace(trunk='a' * 16))
    (tmp_path / 'packing.json').write_text('{}')  # not finished
    for other in (str(tmp_path / 'none'), str(tmp_path), str(stores / 'videos'), None, ''):
        check_one_trunk(dict(test_dataloader=dict(dataset=dict(source=other)), train_dataloader=None), used)
