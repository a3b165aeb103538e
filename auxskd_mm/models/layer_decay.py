"""Learning rates that fall from the head to the input, for any backbone."""

from __future__ import annotations

from mmengine.optim import DefaultOptimWrapperConstructor
from torch import nn

from ..errors import InputError
from ..registry import OPTIM_WRAPPER_CONSTRUCTORS
from .backbones.staged import StagedBackbone

# Modules whose children are one layer each, by their usual names.
_LISTS = ('layers', 'blocks', 'stages', 'features')
_PATHWAYS = ('slow_path', 'fast_path')


def backbone_layers(backbone: nn.Module) -> list[list[str]]:
    """Names of the parameters of each layer, from the input to the output.

    The layers of this package's backbones are their stages (for timm's networks, each block is one), and a temporal
    module on top is the last layer. In other networks each child is a layer, and each element of a list of blocks.
    Parameters that belong to no module, such as position embeddings, are in the first layer.

    Args:
        backbone: Network.

    Returns:
        Every parameter once. Layers without parameters are left out.

    Raises:
        InputError: If the network has parallel paths, which have no order.
    """
    if any(hasattr(backbone, name) for name in _PATHWAYS):
        raise InputError(
            f'layer_decay: {type(backbone).__name__} has parallel paths, whose layers have no order; leave layer_decay away'
        )
    if isinstance(backbone, StagedBackbone) and backbone._stages:
        modules = [list(names) for names in backbone._stages]
        known = [name for names in modules for name in names]
        modules += [[name] for name, _ in backbone.named_children() if not _covered(name, known)]
    else:
        modules = [[name] for name in _children(backbone)]
    names = [name for name, _ in backbone.named_parameters()]
    layers = [[name for name in names if _covered(name, own)] for own in modules]
    listed = {name for layer in layers for name in layer}
    layers = [layer for layer in layers if layer] or [[]]
    layers[0] = [name for name in names if name not in listed] + layers[0]
    return layers


def _covered(name: str, modules: list[str]) -> bool:
    """Whether a parameter or module is in one of these modules, or holds one of them."""
    return any(name == own or name.startswith(f'{own}.') or own.startswith(f'{name}.') for own in modules)


def _children(module: nn.Module, prefix: str = '') -> list[str]:
    """Children with parameters in order; lists of blocks, and a child that is alone, are taken apart."""
    found = [(name, child) for name, child in module.named_children() if any(True for _ in child.parameters())]
    names: list[str] = []
    for name, child in found:
        alone = len(found) == 1 and any(True for _ in child.children())
        if alone or name in _LISTS or isinstance(child, nn.ModuleList):
            names += _children(child, f'{prefix}{name}.')
        else:
            names.append(f'{prefix}{name}')
    return names


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class LayerDecayConstructor(DefaultOptimWrapperConstructor):
    """Optimizer whose learning rate falls by a factor from each layer of the backbone to the one before it.

    The head has the config's learning rate. Of L layers of the backbone, layer i (from 1) has the rate times
    ``layer_decay ** (L - i + 1)``. It is used as::

        optim_wrapper = dict(
            optimizer=dict(type='AdamW', lr=1e-3, weight_decay=0.05),
            constructor='auxskd_mm.LayerDecayConstructor',
            paramwise_cfg=dict(layer_decay=0.7),
        )

    The other options of ``paramwise_cfg`` are those of MMEngine's constructor, for instance ``norm_decay_mult=0``. A
    factor of its ``custom_keys`` is multiplied by that of the layer.

    MMAction2's ``LearningRateDecayOptimizerConstructor`` knows the names of MViT and ViT alone, and refuses BatchNorm.

    Args:
        optim_wrapper_cfg: See MMEngine's ``DefaultOptimWrapperConstructor``.
        paramwise_cfg: See above.

    Raises:
        InputError: If ``layer_decay`` is missing or not in (0, 1], or the model has no backbone.

    Source: Clark et al., "ELECTRA", ICLR 2020; Bao et al., "BEiT", ICLR 2022.
    """

    def __init__(self, optim_wrapper_cfg: dict, paramwise_cfg: dict | None = None) -> None:
        super().__init__(optim_wrapper_cfg, paramwise_cfg)
        decay = self.paramwise_cfg.get('layer_decay')
        if isinstance(decay, bool) or not isinstance(decay, (int, float)) or not 0 < decay <= 1:
            raise InputError(
                f'optim_wrapper.paramwise_cfg.layer_decay={decay!r}: expected a factor above 0 and up to 1, such as 0.7'
            )
        if self.base_lr is None:
            raise InputError('optim_wrapper.optimizer: layer_decay needs a learning rate lr')
        self.layer_decay = float(decay)

    def add_params(
        self, params: list[dict], module: nn.Module, prefix: str = '', is_dcn_module: int | float | None = None
    ) -> None:
        """Add all parameters of a model, each with the rate of its layer.

        Args:
            params: Groups of parameters, which is extended.
            module: Model with ``backbone``, or a part of it.
            prefix: Name of the part; '' is the model.
            is_dcn_module: See MMEngine's ``DefaultOptimWrapperConstructor``.

        Raises:
            InputError: If the model has no ``backbone``.
        """
        first = len(params)
        super().add_params(params, module, prefix=prefix, is_dcn_module=is_dcn_module)
        if prefix:
            return  # the model itself comes last, when all groups are there
        backbone = getattr(module, 'backbone', None)
        if not isinstance(backbone, nn.Module):
            raise InputError(f'layer_decay: {type(module).__name__} has no backbone whose layers have an order')
        layers = backbone_layers(backbone)
        named = dict(backbone.named_parameters())
        scales = {
            id(named[name]): self.layer_decay ** (len(layers) - number)
            for number, layer in enumerate(layers)
            for name in layer
        }
        for group in params[first:]:
            group['lr'] = group.get('lr', self.base_lr) * scales.get(id(group['params'][0]), 1.0)
