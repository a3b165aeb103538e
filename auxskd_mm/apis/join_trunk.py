"""A temporal module that was trained on stored features, on top of its trunk, for videos."""

from __future__ import annotations

from pathlib import Path

from mmengine.config import Config
from mmengine.logging import print_log
from torch import nn

from ..checkpoint_files import find_checkpoint, read_state
from ..config.load import load_config
from ..datasets.stores import FEATURES, FeatureSettings, open_store
from ..datasets.stores.feature_settings import is_of_trunk, same_config
from ..errors import InputError
from ..files import save_tensors
from ..functional.transfer import load_checked, plain_keys
from .feature_trunk import trunk_record
from .inference import init_model

_TOP = 'backbone.temporal.'


def join_trunk(config: str | Config, checkpoint: str, store: str, out: str | Path) -> Path:
    """Write a checkpoint for videos from a checkpoint of stored features.

    The tensors ``backbone.*`` become ``backbone.temporal.*``. The trunk keeps the weights that its config names. The other
    parts, such as ``cls_head``, keep their names. The temporal module and the head must come over completely.

    Args:
        config: Config of the model for videos, whose ``model.backbone`` has a module ``temporal`` on top of the trunk.
            Its trunk, test pipeline and data preprocessor must be those of the store.
        checkpoint: Checkpoint of a training on the store.
        store: The store of the training, or any store of this trunk.
        out: File to write.

    Returns:
        The file. It holds the whole model, for ``tools/test.py`` and :func:`init_model` with ``config``.

    Raises:
        InputError: If the trunk, its frames or the grid of its maps differ from the store's, or the tensors do not fit.
    """
    config = config if isinstance(config, Config) else load_config(config)
    name = str(config.filename or 'the config')
    settings = open_store(store).settings
    if not isinstance(settings, FeatureSettings):
        raise InputError(f'{store}: a store of images (layout {settings.layout}), expected one of layout {FEATURES}')
    model = init_model(config, None, 'cpu', pretrained=not config.get('load_from'))
    if not isinstance(getattr(model.backbone, 'temporal', None), nn.Module):
        raise InputError(f'{name}: model.backbone has no temporal module; set its temporal=dict(type=...)')
    if config.get('load_from'):
        path = find_checkpoint(config.load_from)
        print_log(load_checked(model, read_state(path), ('backbone.trunk.',), path), logger='current')
    _check_trunk(config, model.backbone, settings, name, store)
    path = find_checkpoint(checkpoint)
    state = {
        _TOP + key.removeprefix('backbone.') if key.startswith('backbone.') else key: value
        for key, value in plain_keys(read_state(path)).items()
    }
    parts = [part for part in (_TOP, 'cls_head.') if any(key.startswith(part) for key in model.state_dict())]
    print_log(load_checked(model, state, parts, path), logger='current')
    return save_tensors(out, dict(state_dict=model.state_dict(), meta=dict(trunk=settings.trunk)))


def _check_trunk(config: Config, backbone: nn.Module, settings: FeatureSettings, name: str, store: str) -> None:
    """Refuse a config of another trunk than the store's, other frames or another grid."""
    record = trunk_record(config, backbone, name)
    for word, ours, theirs in (
        ('model.backbone', record.backbone, settings.backbone),
        *((key, record.preparation[key], settings.preparation.get(key)) for key in record.preparation),
    ):
        if not same_config(ours, theirs):
            raise InputError(
                f'{name}: its {word} is {ours!s:.120}, and the features of {store} are of {theirs!s:.120}; take over that of '
                'the trunk config'
            )
    if not is_of_trunk(settings, record.backbone, record.preparation, record.digest):
        raise InputError(
            f'{name}: the trunk has other weights than the trunk of {store} (fingerprint {record.fingerprint}, not '
            f'{settings.trunk}); give it the same init_cfg or load_from'
        )
    grid = getattr(backbone, 'grid', None)
    if settings.pooled and (grid is None or tuple(grid) != settings.grid):
        raise InputError(
            f'{name}: the maps in {store} are averaged to {settings.grid[0]} x {settings.grid[1]}, so set '
            f'model.backbone.grid={settings.grid}'
        )
