"""``init_cfg=dict(type='Pretrained', checkpoint=...)`` that checks what it loads, for every backbone that takes it."""

from __future__ import annotations

from typing import Any

from mmaction.registry import WEIGHT_INITIALIZERS as MMACTION_WEIGHT_INITIALIZERS
from mmengine.logging import print_log
from mmengine.model import PretrainedInit
from mmengine.model.weight_init import update_init_info
from mmengine.runner.checkpoint import _load_checkpoint
from torch import nn

from ..errors import InputError, refusal
from ..functional.transfer import load_checked
from ..registry import WEIGHT_INITIALIZERS


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
        if hasattr(module, '_params_init_info'):
            update_init_info(module, init_info=self._get_init_info())


def _read(path: str, map_location: str) -> dict[str, Any]:
    """Content of a checkpoint."""
    try:
        content: dict[str, Any] = _load_checkpoint(path, map_location=map_location)
    except InputError:
        raise
    except Exception as error:
        raise InputError(f'{path}: {refusal(error)}') from None
    return content
