"""Whether a model takes what its data sets read: images, or feature maps of one trunk and of a certain width."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Iterator, Mapping
from typing import Any

from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import nn
from torch.nn.modules.conv import _ConvNd

from ..config.parts import as_list
from ..config.pipelines import LOADERS, data_sets
from ..datasets.stores import FeatureSettings, is_store, open_store
from ..errors import InputError
from ..models.backbones import TimmBackbone
from ..models.data_preprocessors import FeatureDataPreprocessor
from ..registry import type_name
from ..unwrap import unwrap
from .trunk_weights import check_trunk_weights


class FeatureCheckHook(Hook):
    """Check the model against its data sets before the first step.

    Call points: ``before_train``, ``before_val`` and ``before_test``. It is not part of a config: :func:`build_runner`
    registers it.
    """

    priority = 'VERY_HIGH'

    def before_train(self, runner: Runner) -> None:
        """See :func:`check_features`, :func:`check_one_trunk` and :func:`check_trunk_weights`."""
        _check(runner, runner.train_dataloader.dataset)
        if runner.val_loop is not None:  # its weights should not be refused an epoch later
            check_trunk_weights(runner.val_dataloader.dataset)

    def before_val(self, runner: Runner) -> None:
        """See :func:`check_features`, :func:`check_one_trunk` and :func:`check_trunk_weights`."""
        _check(runner, runner.val_dataloader.dataset)

    def before_test(self, runner: Runner) -> None:
        """See :func:`check_features`, :func:`check_one_trunk` and :func:`check_trunk_weights`."""
        _check(runner, runner.test_dataloader.dataset)


def _check(runner: Runner, dataset: object) -> None:
    check_trunk_weights(dataset)  # a ScreenRunner did it when it built the loader; a runner_type of yours did not
    check_features(runner.model, dataset)
    check_one_trunk(runner.cfg, dataset)


def check_features(model: nn.Module, dataset: object) -> None:
    """Refuse feature maps for a model of images, images for a model of feature maps, and maps of another width. Model
    and data set may be wrapped.

    Raises:
        InputError: If they do not fit.
    """
    model = unwrap(model)
    preprocessor: Any = getattr(model, 'data_preprocessor', None)
    backbone: Any = getattr(model, 'backbone', None)
    takes_features = isinstance(preprocessor, FeatureDataPreprocessor)
    for settings in _features_of(dataset):
        if settings is None:
            if takes_features:
                raise InputError(
                    'the data set reads images, and the model takes feature maps (model.data_preprocessor is a '
                    'FeatureDataPreprocessor); give a store of features and OpenFeatures, or a model of images'
                )
            continue
        if not takes_features:
            raise InputError(
                f'the data set reads feature maps ({settings.describe()}), and the model takes images '
                f'(model.data_preprocessor is a {type(preprocessor).__name__}); set it to auxskd_mm.FeatureDataPreprocessor '
                'and the backbone to one of feature maps such as auxskd_mm.TemporalConvs'
            )
        for key, channels in (('data_preprocessor.channels', preprocessor.channels), _channels_of(backbone)):
            if channels not in (None, settings.channels):
                raise InputError(
                    f'model.{key}={channels}, but the feature maps of the store have {settings.channels} channels '
                    f'({settings.describe()}); set it to {settings.channels}, or pack the videos with the trunk and stage '
                    'of the config'
                )
        _check_next_stage(backbone, settings)


def _check_next_stage(backbone: object, settings: FeatureSettings) -> None:
    """Refuse the later layers of a network (``TimmBackbone.in_index``) on the maps of another network or stage, which may have
    the same width.
    """
    known = settings.backbone
    if not isinstance(backbone, nn.Module) or type_name(known.get('type')) != 'TimmBackbone':
        return
    network = next((module for module in backbone.modules() if isinstance(module, TimmBackbone)), None)
    if network is not None and network.stored_map is not None:  # networks inside it take its maps, not the store's
        default = inspect.signature(TimmBackbone).parameters['model'].default
        stored = as_list(known.get('out_indices')) if settings.stage is None else [settings.stage]
        index = stored[0] if len(stored) == 1 and stored[0] >= 0 else network.stored_map
        of_network = _bare_name(known.get('model', default)), index
        wanted = _bare_name(network.model), network.stored_map
        if of_network != wanted:
            raise InputError(
                f"model.backbone is '{wanted[0]}' behind its map {wanted[1]} (in_index), but the store holds map "
                f"{of_network[1]} of '{of_network[0]}' ({settings.describe()}); name that network and map, or pack the videos "
                'with the trunk of the config'
            )


def _bare_name(model: object) -> str:
    """Name of a timm network without the tag of its weights, also of one on a hub (``hf_hub:timm/NAME.TAG``)."""
    return str(model).rsplit('/', 1)[-1].split('.')[0]


def check_one_trunk(config: Config | Mapping[str, Any], dataset: object) -> None:
    """Refuse a config whose loaders read stores of two trunks, also where it names no trunk itself.

    Args:
        config: Config of the run. Of its loaders, those that are not built are known by the stores that they name.
        dataset: The data set that is built.

    Raises:
        InputError: If trunk, channels or grid of two stores differ.
    """
    found = [('the data set in use', settings) for settings in _features_of(dataset) if settings is not None]
    for loader in LOADERS:
        for key, one in data_sets(config.get(loader), loader):
            found += [(f'{key} ({folder})', settings) for folder, settings in _named_stores(one)]
    for where, settings in found[1:]:
        first, known = found[0]
        if (settings.trunk, settings.channels, settings.grid) != (known.trunk, known.channels, known.grid):
            raise InputError(
                f'{where}: a store of another trunk, width or grid ({settings.describe()}) than {first} ({known.describe()}); '
                'a model needs the maps of one trunk, so pack all videos with the same --trunk, --stage and --grid'
            )


def _named_stores(dataset: Mapping[str, Any]) -> Iterator[tuple[str, FeatureSettings]]:
    """Folders that the config of a data set names and that are stores of feature maps, with their settings."""
    for key in ('source', 'data_prefix', 'data_root'):
        value = dataset.get(key)
        for folder in value.values() if isinstance(value, Mapping) else as_list(value):
            if isinstance(folder, str) and is_store(folder):
                with contextlib.suppress(InputError):  # an unfinished store has its message where it is read
                    settings = open_store(folder).settings
                    if isinstance(settings, FeatureSettings):
                        yield folder, settings


def _channels_of(backbone: object) -> tuple[str, int | None]:
    """Key and value of the channels that a backbone takes. None if they are not known."""
    channels = getattr(backbone, 'in_channels', None)
    if isinstance(channels, int):
        return 'backbone.in_channels', channels
    modules = backbone.modules() if isinstance(backbone, nn.Module) else ()
    first = next((module for module in modules if isinstance(module, _ConvNd)), None)
    # The first layer by name need not be the first that runs; but one of three channels is a network of images.
    return (
        f'backbone ({type(backbone).__name__}) in_channels',
        3 if first is not None and first.in_channels == 3 else None,
    )


def _features_of(dataset: object) -> Iterator[Any]:
    """Settings of the feature maps of the data sets of this package, None for images."""
    waiting: list[object] = [dataset]
    while waiting:
        one = waiting.pop()
        if hasattr(one, 'features'):
            yield one.features
        waiting += list(getattr(one, 'datasets', ()) or ())
        if hasattr(one, 'dataset'):
            waiting.append(one.dataset)
