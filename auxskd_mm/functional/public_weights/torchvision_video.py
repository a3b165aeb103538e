"""torchvision's video networks under MMAction2's names.

``TorchvisionVideoBackbone`` keeps torchvision's names. These tables are for MMAction2's networks that compute the same:
``ResNet3d`` (r3d_18, mc3_18), ``SwinTransformer3D`` (swin3d) and ``MViT`` (mvit_v2_s).
"""

from __future__ import annotations

import re

from torch import Tensor

from .naming import Naming, Tensors, substitutions

_RESNET = substitutions(
    (
        (r'^stem\.0\.', 'conv1.conv.'),
        (r'^stem\.1\.', 'conv1.bn.'),
        (r'\.conv(\d)\.0\.', r'.conv\1.conv.'),
        (r'\.conv(\d)\.1\.', r'.conv\1.bn.'),
        (r'\.downsample\.0\.', '.downsample.conv.'),
        (r'\.downsample\.1\.', '.downsample.bn.'),
    )
)
_MVIT = substitutions(
    (
        (r'^conv_proj\.', 'patch_embed.projection.'),
        (r'\.mlp\.0\.', '.mlp.fc1.'),
        (r'\.mlp\.3\.', '.mlp.fc2.'),
        (r'\.attn\.pool_([qkv])\.pool\.', r'.attn.pool_\1.'),
        (r'\.attn\.pool_([qkv])\.norm_act\.0\.', r'.attn.norm_\1.'),
        (r'\.project\.(0\.)?', '.proj.'),
    )
)
_STAGE = re.compile(r'^features\.(\d+)\.')


def _with_last_norm(state: dict[str, Tensor], own: Tensors) -> dict[str, Tensor]:
    """MMAction2 numbers its last norm by the stage, torchvision calls it ``norm``."""
    last = max((key.split('.')[0] for key in own if re.match(r'norm\d+\.', key)), default='norm3')
    return {re.sub(r'^norm\.', f'{last}.', key): value for key, value in state.items()}


def _mvit_to_mmaction(state: Tensors, own: Tensors) -> dict[str, Tensor]:
    renamed = _with_last_norm(_MVIT(state, own), own)
    if 'pos_encoding.class_token' in renamed:
        renamed['cls_token'] = renamed.pop('pos_encoding.class_token').reshape(1, 1, -1)
    return renamed


def _swin_to_mmaction(state: Tensors, own: Tensors) -> dict[str, Tensor]:
    """Stage i is ``features.2i`` in torchvision, and the downsampling behind it ``features.2i+1``."""
    renamed = {}
    for key, tensor in state.items():
        stage = _STAGE.match(key)
        if stage:
            index, odd = divmod(int(stage[1]), 2)
            key = f'layers.{index}.{"downsample" if odd else "blocks"}.{key[stage.end() :]}'
            key = key.replace('.mlp.0.', '.mlp.fc1.').replace('.mlp.3.', '.mlp.fc2.')
        renamed[key] = tensor
    return _with_last_norm(renamed, own)


NAMINGS = (
    Naming(
        "torchvision's R(2+1)D",
        (r'stem\.0\.weight$', r'layer1\.0\.conv1\.0\.0\.weight$'),
        "dict(type='auxskd_mm.TorchvisionVideoBackbone', model='r2plus1d_18')",
    ),
    Naming(
        "torchvision's R3D or MC3",
        (r'stem\.0\.weight$', r'layer1\.0\.conv1\.0\.weight$'),
        "dict(type='auxskd_mm.TorchvisionVideoBackbone', model='r3d_18' or 'mc3_18')",
        (_RESNET,),
    ),
    Naming(
        "torchvision's S3D",
        (r'features\.0\.0\.0\.weight$', r'features\.0\.1\.0\.weight$'),
        "dict(type='auxskd_mm.TorchvisionVideoBackbone', model='s3d')",
    ),
    Naming(
        "torchvision's Swin3D",
        (r'patch_embed\.proj\.weight$', r'features\.0\.0\.attn\.qkv\.weight$'),
        "dict(type='auxskd_mm.TorchvisionVideoBackbone', model='swin3d_t') or MMAction2's SwinTransformer3D",
        (_swin_to_mmaction,),
    ),
    Naming(
        "torchvision's MViT",
        (r'conv_proj\.weight$', r'blocks\.0\.attn\.qkv\.weight$', r'pos_encoding\.class_token$'),
        "dict(type='auxskd_mm.TorchvisionVideoBackbone', model='mvit_v2_s') or MMAction2's MViT",
        (_mvit_to_mmaction,),
    ),
)
