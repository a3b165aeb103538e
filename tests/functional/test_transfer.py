"""Comparing key sets: what counts, what does not, and what the one line says."""

import pytest
import torch

from auxskd_mm.errors import InputError
from auxskd_mm.functional.transfer import check_transfer


def state(prefix='', width=4, keys=('backbone.conv.weight', 'backbone.bn.weight', 'cls_head.fc.weight')):
    tensors = {prefix + key: torch.zeros(width, 2) for key in keys}
    tensors[prefix + 'backbone.bn.num_batches_tracked'] = torch.zeros(())
    return tensors


def test_counts_and_ignores_the_head_and_counters():
    other = state('module.', keys=('backbone.conv.weight', 'backbone.bn.weight', 'neck.0.weight'))
    del other['module.backbone.bn.num_batches_tracked']
    message = check_transfer(state(), other, ('backbone.',), 'a.pth')
    assert message == '2 of 2 backbone tensors loaded from a.pth'


@pytest.mark.parametrize(
    ('other', 'says'),
    [
        (
            state(keys=('conv.weight', 'bn.weight')),
            ['a.pth: only 0 of 2', 'missing backbone.conv.weight', 'the file has', 'conv.weight'],
        ),
        (state(keys=('backbone.conv.weight',)), ['only 1 of 2', 'missing backbone.bn.weight']),
        (state(width=8), ['only 0 of 2', '2 of another shape', '(8, 2) in the file, (4, 2) in the model']),
        ({}, ['only 0 of 2']),
    ],
)
def test_stops_with_both_key_sets(other, says):
    with pytest.raises(InputError) as error:
        check_transfer(state(), other, ('backbone.',), 'a.pth')
    for part in says:
        assert part in str(error.value)
    assert '\n' not in str(error.value)


def test_everything_is_wanted_for_a_test():
    with pytest.raises(InputError, match=r'only 2 of 3 model tensors fit \(missing cls_head.fc.weight'):
        check_transfer(state(), state(keys=('backbone.conv.weight', 'backbone.bn.weight')), ('',), 'a.pth')
    assert check_transfer(state(), state(), ('',), 'a.pth').startswith('3 of 3 model tensors')


def test_a_model_without_the_part_is_named():
    with pytest.raises(
        InputError, match=r"a\.pth: the model has no 'encoder' to load into; its keys start with backbone"
    ):
        check_transfer(state(), state(), ('encoder.',), 'a.pth')


def test_statistics_of_the_augmentation_are_not_wanted():
    model = {**state(), 'data_preprocessor.mean': torch.zeros(3, 1, 1)}
    assert check_transfer(model, state(), ('',), 'a.pth').startswith('3 of 3 model tensors')


def test_several_parts_and_where_names_only_begin_alike():
    model = {**state(), 'backbone_other.weight': torch.zeros(1), 'neck.0.weight': torch.zeros(1)}
    other = state(keys=('backbone.conv.weight', 'backbone.bn.weight'))
    assert check_transfer(model, other, ('backbone.',), 'a.pth').startswith('2 of 2')
    with pytest.raises(InputError, match=r'only 2 of 3 backbone and neck tensors fit \(missing neck\.0\.weight'):
        check_transfer(model, other, ('backbone.', 'neck.'), 'a.pth')
