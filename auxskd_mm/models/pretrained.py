"""Pretrained weights that are checked as they are loaded: ``init_cfg``, and ``pretrained`` of MMAction2's backbones."""

from __future__ import annotations

import contextlib
import functools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from mmaction.registry import MODELS
from mmaction.registry import WEIGHT_INITIALIZERS as MMACTION_WEIGHT_INITIALIZERS
from mmengine.logging import print_log
from mmengine.model import BaseModule, PretrainedInit
from mmengine.model.weight_init import initialize
from mmengine.runner.checkpoint import _load_checkpoint
from torch import nn

from ..errors import InputError, examples, reason_of, refusal
from ..functional.public_weights.zeros import check_kernels
from ..functional.transfer import load_checked
from ..registry import WEIGHT_INITIALIZERS
from .modules.init_log import log_weights

# Attributes of networks of MMAction2 whose ``pretrained`` names a file of an image network. It has no weights for what the
# network has more (non-local blocks, lateral connections, temporal attention), so this share of the tensors is enough.
_FROM_IMAGES = ('pretrained2d', 'torchvision_pretrain', 'clip_pretrained', 'attention_type')
_LEAST_FROM_IMAGES = 2 / 3
# Those that read ``pretrained`` also where it is None. They are on by default.
_READ_ALWAYS = ('pretrained2d', 'clip_pretrained')


# MMAction2's backbones ask in MMAction2's scope. Other libraries keep MMEngine's class.
@MMACTION_WEIGHT_INITIALIZERS.register_module(name='Pretrained', force=True)
@WEIGHT_INITIALIZERS.register_module(name='Pretrained', force=True)
class CheckedPretrained(PretrainedInit):
    """Load pretrained weights of any known naming, and stop if they do not fit.

    MMEngine's class goes on with random weights if the names or shapes in the file are others, and only warns. This one
    takes its place in the scopes of MMAction2 and auxskd_mm. It recognises the namings of
    :mod:`auxskd_mm.functional.public_weights`, looks for the network in the file, and logs what came over.

    Args:
        checkpoint: File or address.
        prefix: Prefix of the network in the file, such as ``'teacher.backbone.'``. None looks for it.
        map_location: Device on which the file is read.

    Raises:
        InputError: If the file cannot be read, or does not have each tensor of the module. A whole model needs only the
            tensors of its ``backbone``.
    """

    def __init__(self, checkpoint: str, prefix: str | None = None, map_location: str = 'cpu') -> None:
        super().__init__(checkpoint, prefix, map_location)

    def __call__(self, module: nn.Module) -> None:
        """Load the weights into a module, in place."""
        content = _read(self.checkpoint, self.map_location)
        part = 'backbone.' if hasattr(module, 'backbone') else ''
        print_log(load_checked(module, content, (part,), self.checkpoint, self.prefix), logger='current')
        log_weights(module, self._get_init_info())


def _read(path: str, map_location: str) -> dict[str, Any]:
    """Content of a checkpoint."""
    try:
        content: dict[str, Any] = _load_checkpoint(path, map_location=map_location)
    except InputError:
        raise
    except Exception as error:
        raise InputError(f'{path}: {refusal(error)}') from None
    return content


def check_stock_backbones() -> bool:
    """Let the backbones of MMAction2 (1.2) load the weights that a config names, or stop.

    Those of the ResNet3d family and UniFormer take ``init_cfg``, never read it, and stay random without a word. Weights
    that are named by ``pretrained`` and do not fit give a warning, and the network stays random. The 2-D networks of TSM,
    Swin and UniFormerV2 fail where ``pretrained`` is None, with or without ``init_cfg``.

    Returns:
        Whether a backbone had to be wrapped.
    """
    acted = False
    for kind in set(MODELS.module_dict.values()):
        theirs = kind.__module__.startswith('mmaction.models.backbones') and issubclass(kind, BaseModule)
        if theirs and 'init_weights' in vars(kind) and not hasattr(kind.init_weights, '__wrapped__'):
            kind.init_weights, acted = _checked(kind.init_weights), True
    return acted


def _checked(init_weights: Callable[..., None]) -> Callable[..., None]:
    """An ``init_weights`` that checks ``pretrained``, and loads the file of ``init_cfg`` if it has not done so itself."""

    @functools.wraps(init_weights)
    def checked(self: Any, *args: object, **kwargs: object) -> None:
        inside = self.__dict__.get('_checking', False)  # a class calls its parent's, which is wrapped too
        if isinstance(getattr(self, 'pretrained', None), str) and self.pretrained and not inside:
            self._checking = True
            try:
                _load_checked(self, functools.partial(init_weights, self, *args, **kwargs))
            finally:
                del self._checking
        else:
            with _nothing_to_read(self, [getattr(self, 'pretrained', None), *args, *kwargs.values()]):
                init_weights(self, *args, **kwargs)
        configs = [self.init_cfg] if isinstance(self.init_cfg, dict) else self.init_cfg or []
        files = [config for config in configs if 'Pretrained' in str(config.get('type'))]
        if files and not self._is_init:
            initialize(self, files)

    return checked


@contextlib.contextmanager
def _nothing_to_read(network: nn.Module, files: Sequence[object]) -> Iterator[None]:
    """Switch off what would read an image network's file, if there is no file."""
    flags = [] if any(files) else [flag for flag in _READ_ALWAYS if network.__dict__.get(flag)]
    for flag in flags:
        setattr(network, flag, False)
    try:
        yield
    finally:
        for flag in flags:
            setattr(network, flag, True)


@torch.no_grad()
def _load_checked(network: nn.Module, load: Callable[[], None]) -> None:
    """Load ``pretrained``. A parameter that is still NaN afterwards is one that the file did not fill."""
    parameters = dict(network.named_parameters())
    before = {name: parameter.clone() for name, parameter in parameters.items()}
    for parameter in parameters.values():
        parameter.fill_(math.nan)
    name = f'{type(network).__name__}.pretrained={network.pretrained}'
    try:
        load()
    except (KeyError, RuntimeError) as error:  # of names or shapes that the network does not have
        reason = f'{type(error).__name__}: {reason_of(error)}'
        raise InputError(f'{name}: does not fit ({reason}); is it a file of this network?') from None
    left = [key for key, parameter in parameters.items() if parameter.isnan().any()]
    from_images = any(getattr(network, flag, False) for flag in _FROM_IMAGES)
    share = 1 - len(left) / len(parameters)
    if share < (_LEAST_FROM_IMAGES if from_images else 1):
        raise InputError(
            f'{name}: only {len(parameters) - len(left)} of {len(parameters)} tensors came over, not {examples(left)}; '
            "give a file of this network, or name it as init_cfg=dict(type='Pretrained', checkpoint=FILE), which knows "
            'other namings'
        )
    check_kernels({key: value for key, value in parameters.items() if key not in left}, before, name)
    for key in left:
        parameters[key].copy_(before[key])
    if left:
        print_log(f'{name}: {len(left)} tensors start anew, such as {examples(left)}', logger='current')
