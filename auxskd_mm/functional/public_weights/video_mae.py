"""VideoMAE in the authors' names and in Hugging Face's, under the names of MMAction2's ``VisionTransformer``.

All three have biases on query and value and none on key. The authors and MMAction2 call them ``q_bias`` and ``v_bias``
beside one ``qkv.weight``. Hugging Face keeps three matrices, and calls the biases ``q_bias`` and ``v_bias`` (transformers
4) or ``query.bias`` and ``value.bias`` (transformers 5). A bias on key adds the same number to all scores of a query, so
the softmax does not change, and such a bias is left out.
"""

from __future__ import annotations

import re

import torch
from torch import Tensor

from .naming import Naming, Tensors, substitutions

_BACKBONE = (
    "MMAction2's dict(type='VisionTransformer', return_feat_map=True, use_mean_pooling=False for pretrained weights, True "
    'for fine-tuned ones)'
)
_AUTHORS = substitutions(
    (
        (r'^patch_embed\.proj\.', 'patch_embed.projection.'),
        (r'\.mlp\.fc1\.', '.mlp.layers.0.0.'),
        (r'\.mlp\.fc2\.', '.mlp.layers.1.'),
    )
)
_HUGGING_FACE = substitutions(
    (
        (r'^videomae\.', ''),  # a model with a head has its norm beside that
        (r'^embeddings\.patch_embeddings\.', 'patch_embed.'),
        (r'^encoder\.layer\.', 'blocks.'),
        (r'^layernorm\.', 'norm.'),
        (r'\.attention\.attention\.', '.attn.'),
        (r'\.attention\.output\.dense\.', '.attn.proj.'),
        (r'\.intermediate\.dense\.', '.mlp.layers.0.0.'),
        (r'\.output\.dense\.', '.mlp.layers.1.'),
        (r'\.layernorm_before\.', '.norm1.'),
        (r'\.layernorm_after\.', '.norm2.'),
        (r'\.query\.bias$', '.q_bias'),
        (r'\.value\.bias$', '.v_bias'),
    )
)


def _from_authors(state: Tensors, own: Tensors) -> dict[str, Tensor]:
    return _with_positions(_split_biases(_AUTHORS(state, own)), own)


def _from_hugging_face(state: Tensors, own: Tensors) -> dict[str, Tensor]:
    renamed = _HUGGING_FACE(state, own)
    for key in [key for key in renamed if key.endswith('.attn.query.weight')]:
        block = key.removesuffix('query.weight')
        parts = [renamed.get(f'{block}{part}.weight') for part in ('query', 'key', 'value')]
        whole = [part for part in parts if part is not None]
        if len(whole) == 3:
            for part in ('query', 'key', 'value'):
                del renamed[f'{block}{part}.weight']
            renamed[f'{block}qkv.weight'] = torch.cat(whole)
        renamed.pop(f'{block}key.bias', None)
    return _with_positions(renamed, own)


def _split_biases(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Split ``qkv.bias`` of an implementation that has one vector for all three."""
    for key in [key for key in state if re.search(r'\.attn\.qkv\.bias$', key)]:
        query, _, value = state.pop(key).chunk(3)
        state[key.replace('qkv.bias', 'q_bias')] = query
        state[key.replace('qkv.bias', 'v_bias')] = value
    return state


def _with_positions(state: dict[str, Tensor], own: Tensors) -> dict[str, Tensor]:
    """Add the sines and cosines of the positions (1, N, C), which MMAction2 keeps in its state dict and others compute."""
    place = own.get('pos_embed')
    if 'pos_embed' not in state and place is not None and place.ndim == 3:
        count, width = place.shape[1:]
        channel = torch.arange(width, dtype=torch.float64)
        angles = torch.arange(count)[:, None] / 10000 ** ((channel - channel % 2) / width)
        angles[:, 0::2].sin_()
        angles[:, 1::2].cos_()
        state['pos_embed'] = angles[None].float()
    return state


NAMINGS = (
    Naming(
        "VideoMAE in the authors' names",
        ((r'patch_embed\.proj\.weight$', 5), r'blocks\.0\.attn\.qkv\.weight$', r'blocks\.0\.mlp\.fc1\.weight$'),
        _BACKBONE,
        (_from_authors,),
        ('fc_norm.',),
    ),
    Naming(
        "VideoMAE in Hugging Face's names",
        (
            r'(videomae\.)?embeddings\.patch_embeddings\.projection\.weight$',
            r'(videomae\.)?encoder\.layer\.0\.attention\.attention\.query\.weight$',
        ),
        _BACKBONE,
        (_from_hugging_face,),
        ('fc_norm.',),
    ),
)
