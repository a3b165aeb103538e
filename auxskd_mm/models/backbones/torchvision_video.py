"""Video networks of torchvision without their classification heads."""

from __future__ import annotations

from typing import Any

from mmengine.model import BaseModule
from torch import Tensor, nn

from ...errors import InputError
from ...registry import MODELS
from ..modules.input_channels import check_input, set_input_channels
from .frames import check_patches


@MODELS.register_module()
class TorchvisionVideoBackbone(BaseModule):
    """Any video network of torchvision, without its head.

    The network is the submodule ``model`` and keeps torchvision's names, so torchvision's weight files load by
    ``load_from`` or ``init_cfg``. R3D, MC3, R(2+1)D, S3D and Swin3D yield a feature map (B, C, T', H', W'). MViT yields
    the input of its classifier, the class token (B, C), and takes only clips of 16 frames at 224 x 224.

    Args:
        model: Name of a network in ``torchvision.models.video``: ``'r3d_18'``, ``'mc3_18'``, ``'r2plus1d_18'``,
            ``'s3d'``, ``'mvit_v1_b'``, ``'mvit_v2_s'``, ``'swin3d_t'``, ``'swin3d_s'`` or ``'swin3d_b'``.
        in_channels: Channels of a clip.
        init_cfg: MMEngine initialisation, such as ``dict(type='Pretrained', checkpoint=FILE)``. None keeps torchvision's.
        kwargs: Arguments of torchvision's function. Weights are never downloaded.

    Attributes:
        out_channels: Width C of the feature.

    Raises:
        InputError: If the name is unknown, or torchvision refuses the arguments.

    Source: pytorch/vision.
    """

    def __init__(
        self, model: str = 'r3d_18', init_cfg: dict | list | None = None, in_channels: int = 3, **kwargs: Any
    ) -> None:
        super().__init__(init_cfg)
        import torchvision.models as zoo  # late: the import takes as long as that of torch

        names = zoo.list_models(module=zoo.video)
        if model not in names:
            raise InputError(
                f"model.backbone.model='{model}': no video network of torchvision; expected one of {', '.join(names)}"
            )
        if kwargs.pop('weights', None) is not None or kwargs.pop('pretrained', False):
            raise InputError(
                "model.backbone.weights would download: fetch torchvision's file yourself and name it by load_from, or "
                "init_cfg=dict(type='Pretrained', checkpoint='FILE')"
            )
        try:
            network = zoo.get_model(model, **kwargs)
        except (TypeError, ValueError) as error:
            raise InputError(f"model.backbone.model='{model}': torchvision refuses its arguments ({error})") from None
        self.out_channels = _remove_head(network)
        set_input_channels(network, in_channels, type(self).__name__)
        self.in_channels = in_channels
        self.model = network

    def forward(self, x: Tensor) -> Tensor:
        """Features (B, out_channels, T', H', W') of clips (B, in_channels, T, H, W), or (B, out_channels) from MViT.

        Raises:
            InputError: If the clips have other channels, or MViT gets clips of another size than it was built for.
        """
        check_input(self.in_channels, x, type(self).__name__)
        network: Any = self.model
        if hasattr(network, 'stem'):  # R3D, MC3, R(2+1)D
            x = network.stem(x)  # (B, 64, T, H/2, W/2)
            for stage in (network.layer1, network.layer2, network.layer3, network.layer4):
                x = stage(x)
            return x  # (B, 512, T', H/16, W/16)
        if hasattr(network, 'patch_embed'):  # Swin3D, channels last: (B, T', H', W', C)
            x = network.norm(network.features(network.pos_drop(network.patch_embed(x))))
            return x.permute(0, 4, 1, 2, 3)
        if hasattr(network, 'features'):  # S3D
            features: Tensor = network.features(x)
            return features
        positions = (network.pos_encoding.temporal_size, *network.pos_encoding.spatial_size)
        check_patches(x, network.conv_proj, positions, 'give it 16 frames at 224 x 224')
        token: Tensor = network(x)
        return token


def _remove_head(network: nn.Module) -> int:
    """Remove the classifier in place, and return the width of its input."""
    name = next(name for name in ('fc', 'classifier', 'head') if hasattr(network, name))
    last = [m for m in getattr(network, name).modules() if isinstance(m, (nn.Linear, nn.Conv3d))][-1]
    setattr(network, name, nn.Identity())
    return int(last.in_features if isinstance(last, nn.Linear) else last.in_channels)
