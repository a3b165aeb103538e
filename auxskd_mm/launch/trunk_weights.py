"""Weights of a frozen trunk that a config names, compared with those of the stores that a data set reads."""

from __future__ import annotations

import copy
import json
import logging
import os
from collections.abc import Iterator, Mapping
from typing import Any

from mmengine.logging import MMLogger, print_log

from ..config.parts import weights_package
from ..datasets.stores.feature_settings import of_maps
from ..datasets.transforms import OpenFeatures
from ..errors import InputError, reason_of
from ..random_state import untouched_random_state
from ..registry import MODELS, type_name
from ..weight_hash import weights_digest

_PACKAGED = 'auxskd_mm://'  # weights that come with this package
# Of the trunks that this process was asked for: the loaders of a run name the same one.
_DIGESTS: dict[str, str | None] = {}


def check_trunk_weights(dataset: object) -> None:
    """Refuse stores of a trunk with other weights than the config of the trunk names (``OpenFeatures.trunk``).

    It is called once for each built data set, in the main process. The steps of the data set keep the digest of the
    weights, so workers build no network, and refuse a store that is opened first in a worker.

    Args:
        dataset: A data set as it is built. It may be wrapped, and its steps may be nested.

    Raises:
        InputError: If weights differ. The message names the store. Weights that cannot be had get a line in the log.
    """
    for opener in _openers(dataset):
        if isinstance(opener.trunk, Mapping):
            digest = named_weights(opener.trunk)
            if digest is not None:
                opener.expect_weights(digest)


def _openers(dataset: object) -> Iterator[OpenFeatures]:
    """Steps of a data set that open stores of feature maps."""
    waiting: list[object] = [dataset]
    seen: dict[int, object] = {}  # kept, so that no other object gets its number
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen[id(one)] = one
        if isinstance(one, OpenFeatures):
            yield one
        elif isinstance(one, (list, tuple)):
            waiting += one
        else:
            waiting += [getattr(one, name, None) for name in ('datasets', 'dataset', 'pipeline', 'transforms')]


def named_weights(backbone: Mapping[str, Any]) -> str | None:
    """Digest of the weights that the config of a trunk names.

    The network is built once per process and config, on the CPU, which takes about a second. It does not run, nothing is
    downloaded, and random states stay as they are.

    Args:
        backbone: Config of the trunk. A module on top of it is left out.

    Returns:
        :func:`weights_digest` of the network. None if the config names no weights. None, with a line in the log, if they
        are not on this machine, or cannot be had without a download.
    """
    backbone = of_maps(backbone)
    key = json.dumps(backbone, sort_keys=True, default=str)
    if key not in _DIGESTS:
        _DIGESTS[key] = _digest(backbone)
    return _DIGESTS[key]


def _digest(backbone: Mapping[str, Any]) -> str | None:
    named = backbone.get('init_cfg')
    inits: list[Any] = list(named) if isinstance(named, (list, tuple)) else [named] if named else []
    if not inits and not backbone.get('pretrained'):
        return None
    if backbone.get('pretrained'):
        reason = 'pretrained may be a download'
    elif away := next((init for init in inits if not _is_here(init)), None):
        reason = f'init_cfg={away!s:.100} names no file on this machine'
    else:
        try:
            return _built_digest(backbone)
        except (InputError, OSError, ImportError, KeyError, RuntimeError, TypeError) as error:
            reason = reason_of(error)
    print_log(
        f'the weights of the trunk are not compared with those of its stores ({reason}); OpenFeatures.trunk compares them '
        'if it is the fingerprint of a store',
        logger='current',
        level=logging.WARNING,
    )
    return None


def _is_here(init: object) -> bool:
    """Whether an initialisation fills the whole network from this machine."""
    if not isinstance(init, Mapping):
        return False
    if weights_package(init) is not None:
        return True
    checkpoint = str(init.get('checkpoint', ''))
    return type_name(init.get('type')) == 'Pretrained' and (
        checkpoint.startswith(_PACKAGED) or os.path.isfile(checkpoint)
    )


def _built_digest(backbone: Mapping[str, Any]) -> str:
    logger = MMLogger.get_current_instance()
    before = logger.level
    logger.setLevel(logging.ERROR)  # MMEngine logs a line for every tensor
    try:
        with untouched_random_state():
            network: Any = MODELS.build(copy.deepcopy(dict(backbone)))
            network.init_weights()
    finally:
        logger.setLevel(before)
    return weights_digest(network.state_dict())
