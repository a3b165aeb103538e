"""Models and data sets of feature maps or images that do not fit each other."""

from types import SimpleNamespace

import pytest
from feature_stores import CHANNELS, GRID
from torch import nn

from auxskd_mm.datasets.stores import FeatureSettings
from auxskd_mm.errors import InputError
from auxskd_mm.launch.feature_check import check_features
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


def test_what_fits_is_taken():
    for dataset in datasets(SETTINGS):
        check_features(model_of(temporal(CHANNELS), CHANNELS), dataset)
        check_features(model_of(nn.Sequential(nn.Conv3d(CHANNELS, 3, 1))), dataset)
    check_features(model_of(nn.Conv3d(3, 4, 1), images=True), datasets(None)[0])
    check_features(model_of(temporal(CHANNELS)), SimpleNamespace())  # a data set of another package
