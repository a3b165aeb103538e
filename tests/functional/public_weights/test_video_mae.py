"""VideoMAE's three namings: the network of MMAction2 must compute what the file's network computes."""

import json
import math
from pathlib import Path

import pytest
import torch
from seeded import normal, state_dict
from torch import nn
from torch.nn import functional as F

from auxskd_mm.errors import InputError
from auxskd_mm.functional.transfer import load_checked
from auxskd_mm.registry import MODELS

RECORDED = json.loads((Path(__file__).parents[2] / 'data' / 'videomae_hugging_face.json').read_text())
SIZE = dict(img_size=32, patch_size=16, num_frames=4, embed_dims=24, depth=2, num_heads=3, mlp_ratio=2)
CLIP = normal(17, 'clip', (1, 3, 4, 32, 32)).double()


def build(pretrained=True, **changes):
    """MMAction2's network, each weight and bias away from zero and from the file's."""
    config = dict(type='VisionTransformer', **{**SIZE, **changes}, norm_cfg=dict(type='LN', eps=1e-12))
    network = MODELS.build({'use_mean_pooling': not pretrained, 'return_feat_map': pretrained, **config})
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=0.3)
    return network.double().eval()


@torch.no_grad()
def answer(network):
    out = network(CLIP)
    return out.flatten(2)[0].T if out.ndim == 5 else out


def transformers_4(state):
    """The names that transformers gave the biases before version 5."""
    return {key.replace('query.bias', 'q_bias').replace('value.bias', 'v_bias'): value for key, value in state.items()}


def with_key_bias(state):
    """A bias on key changes no answer, since the softmax takes it out again."""
    keys = {k.replace('query.bias', 'key.bias'): v.flip(0) for k, v in state.items() if k.endswith('query.bias')}
    return {**state, **keys}


@pytest.mark.parametrize('kind', ['pretrained', 'fine_tuned'])
@pytest.mark.parametrize('names', [dict, transformers_4, with_key_bias])
def test_hugging_face_computes_the_same(kind, names):
    recorded = RECORDED[kind]
    network = build(kind == 'pretrained')
    said = load_checked(network, names(state_dict(17, recorded['shapes'])), ('',), 'hf.safetensors')
    torch.testing.assert_close(answer(network), torch.tensor(recorded['output']).double(), rtol=0, atol=1e-5)
    assert "VideoMAE in Hugging Face's names; 100.0% of the numbers" in said
    assert 'not used: ' in said


class AuthorsBlock(nn.Module):
    """Block of MCG-NJU/VideoMAE (modeling_finetune.py), whose parameters have these names."""

    def __init__(self, dim, heads, hidden):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(dim, eps=1e-12), nn.LayerNorm(dim, eps=1e-12)
        self.attn = nn.Module()
        self.attn.qkv = nn.Linear(dim, 3 * dim, bias=False)
        self.attn.q_bias, self.attn.v_bias = nn.Parameter(torch.zeros(dim)), nn.Parameter(torch.zeros(dim))
        self.attn.proj = nn.Linear(dim, dim)
        self.mlp = nn.Module()
        self.mlp.fc1, self.mlp.fc2 = nn.Linear(dim, hidden), nn.Linear(hidden, dim)
        self.heads = heads

    def forward(self, x):
        attn, (batch, count, dim) = self.attn, x.shape
        bias = torch.cat((attn.q_bias, torch.zeros_like(attn.v_bias), attn.v_bias))
        q, k, v = F.linear(self.norm1(x), attn.qkv.weight, bias).reshape(batch, count, 3, self.heads, -1).unbind(2)
        scores = torch.einsum('bqhd,bkhd->bhqk', q, k) / math.sqrt(dim // self.heads)
        mixed = torch.einsum('bhqk,bkhd->bqhd', scores.softmax(-1), v).reshape(batch, count, dim)
        x = x + attn.proj(mixed)
        return x + self.mlp.fc2(F.gelu(self.mlp.fc1(self.norm2(x))))


class Authors(nn.Module):
    """Encoder of MCG-NJU/VideoMAE: tubes, fixed positions, blocks, norm."""

    def __init__(self, norm):
        super().__init__()
        self.patch_embed = nn.Module()
        self.patch_embed.proj = nn.Conv3d(3, 24, (2, 16, 16), (2, 16, 16))
        self.blocks = nn.ModuleList(AuthorsBlock(24, 3, 48) for _ in range(2))
        setattr(self, norm, nn.LayerNorm(24, eps=1e-12))
        self.norm_name = norm
        for parameter in self.parameters():
            nn.init.normal_(parameter, std=0.3)

    def forward(self, x):
        x = self.patch_embed.proj(x).flatten(2).transpose(1, 2)
        table = [[p / 10000 ** (2 * (j // 2) / 24) for j in range(24)] for p in range(x.shape[1])]
        rows = [[math.cos(a) if j % 2 else math.sin(a) for j, a in enumerate(row)] for row in table]
        x = x + torch.tensor(rows, dtype=x.dtype)
        for block in self.blocks:
            x = block(x)
        return self.norm(x)[0] if self.norm_name == 'norm' else self.fc_norm(x.mean(1))


@pytest.mark.parametrize(
    ('norm', 'wrap'),
    [
        ('norm', lambda state: dict(model={f'encoder.{k}': v for k, v in state.items()})),
        ('norm', lambda state: dict(module={f'module.{k}': v for k, v in state.items()}, epoch=3)),
        ('fc_norm', lambda state: dict(model={**state, 'head.weight': torch.ones(5, 24)})),
    ],
)
def test_the_authors_network_computes_the_same(norm, wrap):
    torch.manual_seed(1)
    theirs = Authors(norm).double().eval()
    ours = build(norm == 'norm')
    load_checked(ours, wrap(theirs.state_dict()), ('',), 'a.pth')
    with torch.no_grad():
        torch.testing.assert_close(answer(ours), theirs(CLIP), rtol=0, atol=1e-6)


def test_one_bias_for_all_three_is_split():
    torch.manual_seed(1)
    theirs = Authors('norm').double().eval()
    state = theirs.state_dict()
    for i in range(2):
        q, v = (state.pop(f'blocks.{i}.attn.{name}_bias') for name in 'qv')
        state[f'blocks.{i}.attn.qkv.bias'] = torch.cat((q, torch.randn_like(q), v))
    ours = build()
    load_checked(ours, state, ('',), 'a.pth')
    with torch.no_grad():
        torch.testing.assert_close(answer(ours), theirs(CLIP), rtol=0, atol=1e-6)


def hugging_face():
    return state_dict(17, RECORDED['pretrained']['shapes'])


@pytest.mark.parametrize(
    ('change', 'network', 'says'),
    [
        (  # the fault of public reports: the biases would stay zero
            lambda s: {k: v for k, v in s.items() if 'query.bias' not in k},
            {},
            r'only 29 of 31 model tensors fit \(missing blocks\.0\.attn\.q_bias, blocks\.1\.attn\.q_bias',
        ),
        (dict, dict(qkv_bias=False), r'has blocks\.0\.attn\.q_bias, and the model has the same module without it'),
        (dict, dict(depth=1), r'is of a deeper network: it has blocks\.1\.'),
        (dict, dict(depth=3), r'missing blocks\.2\.'),
        (dict, dict(embed_dims=48), r'only 1 of 31.*: \(24, 3, 2, 16, 16\) in the file, \(48, 3, 2, 16, 16\)'),
    ],
)
def test_another_network_is_refused_in_one_line(change, network, says):
    with pytest.raises(InputError, match=says) as error:
        load_checked(build(**network), change(hugging_face()), ('',), 'hf.pth')
    assert '\n' not in str(error.value)
    assert str(error.value).startswith('hf.pth: ')


def test_weights_of_pretraining_leave_the_norm_of_fine_tuning_fresh_and_say_so():
    said = load_checked(build(pretrained=False), hugging_face(), ('',), 'hf.pth')
    assert 'not in the file, so they start anew: fc_norm.weight, fc_norm.bias' in said


def test_a_kind_of_tensor_that_is_zero_in_each_block_is_named():
    state = {key: value * ('query.bias' not in key) for key, value in hugging_face().items()}
    assert 'warning: all zeros in the file: blocks.N.attn.q_bias' in load_checked(build(), state, ('',), 'hf.pth')
    assert 'warning' not in load_checked(build(), hugging_face(), ('',), 'hf.pth')


def test_zero_biases_under_mmaction2_s_names_are_named():
    for parts in (['q_bias', 'v_bias'], ['v_bias']):
        state = build().state_dict()
        for key, value in state.items():
            if key.endswith(tuple(parts)):
                value.zero_()
        named = ', '.join(f'blocks.N.attn.{part}' for part in parts)
        assert f'; warning: all zeros in the file: {named})' in load_checked(build(), state, ('',), 'a.pth')
    state['blocks.1.attn.v_bias'][0] = 1  # not in each block
    assert 'warning' not in load_checked(build(), state, ('',), 'a.pth')


def test_an_image_network_s_file_is_called_so():
    timm = pytest.importorskip('timm')
    file = timm.create_model('vit_tiny_patch16_224', depth=2, embed_dim=24, num_heads=3, img_size=32).state_dict()
    with pytest.raises(
        InputError, match=r"the file holds timm's ViT for images, whose backbone is .*TimmBackbone"
    ) as e:
        load_checked(build(), file, ('',), 'x.pth')
    assert '\n' not in str(e.value)
    assert 'VideoMAE' not in str(e.value)
    without = {key: value for key, value in file.items() if key != 'pos_embed'}  # a network with relative positions
    with pytest.raises(InputError, match=r"the file holds timm's ViT for images"):
        load_checked(build(), without, ('',), 'x.pth')
