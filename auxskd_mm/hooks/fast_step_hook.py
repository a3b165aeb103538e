"""Settings that speed up the training step without changing its result."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from mmengine.hooks import Hook
from mmengine.logging import print_log
from torch import nn

from ..errors import InputError
from ..models.compiling import compile_backbones
from ..registry import HOOKS
from ..unwrap import unwrap

if TYPE_CHECKING:
    from mmengine.runner import Runner


@HOOKS.register_module()
class FastStepHook(Hook):
    """Lay out the weights for fast convolutions, and compile the backbones.

    Call point: ``before_train``, when weights are loaded and modules are on their device. Names in checkpoints do not
    change. Results change only by rounding. The other two switches need no hook::

        optim_wrapper = dict(type='AmpOptimWrapper', dtype='bfloat16', loss_scale=1.0,
                             optimizer=dict(type='SGD', lr=1e-3, momentum=0.9, fused=True))

    MMEngine's own ``compile=True`` traces the whole ``train_step`` with the queue and the optimizer. That takes minutes
    longer to compile and gains no further speed.

    A compiler that fails is reported in one line, and the training goes on without it.

    Args:
        channels_last: Keep the convolutions' weights in ``channels_last_3d``, those of 2D convolutions (``TimmBackbone``,
            MMAction2's 2D networks) in ``channels_last``. The feature maps then follow.
        compile: Compile the forward pass of each backbone, also of the teacher. A dict is passed to
            ``torch.compile``, for instance ``dict(mode='max-autotune')``.

    Raises:
        InputError: If ``compile`` is neither a bool nor a dict.
    """

    priority = 'VERY_LOW'  # behind SKDDistillerHook, which copies the student's weights

    def __init__(self, channels_last: bool = True, compile: bool | dict = False) -> None:
        if not isinstance(compile, (bool, dict)):
            raise InputError(f'FastStepHook.compile={compile!r}: expected True, False or a dict for torch.compile')
        self.channels_last = channels_last
        self.compile = compile

    def before_train(self, runner: Runner) -> None:
        """Convert the model in place."""
        model = unwrap(runner.model)
        if self.channels_last:
            to_channels_last(model)
        if self.compile is not False:
            found = compile_backbones(model, {} if self.compile is True else self.compile)
            print_log(f'compiling {", ".join(found)}; the first steps take long', logger='current')


@torch.no_grad()
def to_channels_last(model: nn.Module) -> None:
    """Lay out the kernels of all 3D and 2D convolutions in channels-last, in place. Parameters stay the same objects.

    ``Module.to(memory_format=...)`` would refuse a model that has both. Position embeddings and other parameters with four
    or five axes stay as they are.
    """
    for module in model.modules():
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d, nn.Conv3d, nn.ConvTranspose3d)):
            layout = torch.channels_last if module.weight.dim() == 4 else torch.channels_last_3d
            module.weight.data = module.weight.data.contiguous(memory_format=layout)
