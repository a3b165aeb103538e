"""Tensors of a file without a place: what may be left, and what another network computes."""

import pytest
import torch

from auxskd_mm.errors import InputError
from auxskd_mm.functional.public_weights.left_over import check_left
from auxskd_mm.functional.public_weights.match import Match

OURS = (
    'patch_embed.proj.weight',
    'blocks.0.attn.qkv.weight',
    'blocks.1.attn.qkv.weight',
    'mixed_3b.branch.conv.weight',
    'head.norm.weight',
    'norm.weight',
)


def check(key, place='', ours=OURS, value=None, removed=()):
    left = {place + key: torch.ones(3) if value is None else value}
    check_left(Match({place + mine: torch.ones(3) for mine in ours}, left, [], '', None), 'x.pth', removed)


PLACES = pytest.mark.parametrize('place', ['', 'backbone.', 'backbone.trunk.', 'model.'])


@PLACES
@pytest.mark.parametrize(
    'key',
    [
        'head.fc.weight',
        'head.classifier.4.weight',
        'classifier.weight',
        'fc.weight',
        'fc_norm.weight',
        'blocks.5.proj.weight',  # pytorchvideo's head is the last block
        'decoder.blocks.0.attn.qkv.weight',
        'projector.0.weight',
        'blocks.0.attn.relative_position_index',
        'blocks.0.attn.rotary.inv_freq',
        'blocks.0.attn.bn.num_batches_tracked',
    ],
)
def test_heads_and_derived_tables_may_be_left(key, place):
    check(key, place)


def test_an_index_table_in_a_block_and_a_bias_of_zeros_may_be_left():
    check('blocks.0.attn.table.index', value=torch.arange(3))
    check('blocks.0.attn.extra.bias', value=torch.zeros(3))


@PLACES
@pytest.mark.parametrize(
    ('key', 'says'),
    [
        (
            'blocks.0.se.fc1.weight',
            r'has \S*blocks\.0\.se\.fc1\.weight, and \S*blocks\.0 of the model has no such part',
        ),
        ('blocks.1.attn.norm.weight', r'and \S*blocks\.1\.attn of the model'),
        ('mixed_3b.se.conv.weight', r'and \S*mixed_3b of the model'),
        ('patch_embed.norm.weight', r'and \S*patch_embed of the model'),
        ('blocks.2.attn.qkv.weight', 'deeper network'),
        ('blocks.0.attn.qkv.bias', 'same module without it'),
    ],
)
def test_a_part_of_the_network_is_refused(key, says, place):
    with pytest.raises(InputError, match=says) as error:
        check(key, place)
    assert '\n' not in str(error.value)


def test_a_removed_layer_may_be_left_and_a_further_one_of_its_kind_not():
    removed = {'stages.0.conv.weight', 'stages.1.conv.weight'}
    check('stages.1.conv.weight', removed=removed)
    with pytest.raises(InputError, match=r'deeper network: it has stages\.2'):
        check('stages.2.conv.weight', removed=removed)
    with pytest.raises(InputError, match=r'stages\.1 of the model has no such part'):
        check('stages.1.se.weight', removed=removed)
    check('stages.2.conv.weight')  # of a network that has no stages


def test_parts_of_a_whole_model_s_own_head_are_its_own_affair():
    ours = ('backbone.conv.weight', 'cls_head.layers.0.fc.weight', 'data_preprocessor.mean')
    for key in ('cls_head.layers.0.norm.weight', 'data_preprocessor.augment.mean', 'teacher.backbone.conv.weight'):
        check(key, ours=ours)
    with pytest.raises(InputError, match='deeper network'):
        check('cls_head.layers.1.fc.weight', ours=ours)
