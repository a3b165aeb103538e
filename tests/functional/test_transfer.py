"""Comparing key sets: which keys count, and the one-line error."""

import pytest
import torch
from torch import nn

from auxskd_mm.errors import InputError
from auxskd_mm.functional.transfer import check_copied, check_finite, check_transfer, load_checked


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


def network(seed):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))


def test_what_is_said_to_be_loaded_is_in_the_model():
    file, model = network(0).state_dict(), network(1)
    assert load_checked(model, {f'module.{k}': v.double() for k, v in file.items()}, ('',), 'a.pth').startswith(
        '6 of 6'
    )
    for key, value in model.state_dict().items():
        assert torch.equal(value, file[key]), key


def test_numpy_arrays_are_named_instead_of_counted_as_loaded():
    arrays = {key: value.numpy() for key, value in network(0).state_dict().items()}
    model = network(1)
    before = model[0].weight.clone()
    with pytest.raises(InputError, match=r'^a\.pth: 0\.weight is of type ndarray, expected a torch\.Tensor'):
        load_checked(model, arrays, ('',), 'a.pth')
    assert torch.equal(model[0].weight, before)
    with pytest.raises(InputError, match='ndarray'):
        check_transfer(model.state_dict(), arrays, ('',), 'a.pth')


class Stubborn(nn.Linear):
    """A layer that takes nothing out of a file, as torch does with what it cannot copy."""

    def _load_from_state_dict(self, *args):
        pass


def test_a_tensor_that_does_not_arrive_is_an_error():
    file, model = nn.Linear(2, 2).state_dict(), Stubborn(2, 2)
    with pytest.raises(InputError, match=r'a\.pth: 2 tensors did not arrive in the model, e\.g\. weight, bias'):
        load_checked(model, file, ('',), 'a.pth')
    with pytest.raises(InputError, match='did not arrive'):
        check_copied(model.state_dict(), file, 'a.pth')
    check_copied(file, {**file, 'other': torch.zeros(1), 'bias': torch.zeros(7)}, 'a.pth')  # these have no place


@pytest.mark.parametrize('value', [float('nan'), float('inf'), -float('inf')])
@pytest.mark.parametrize('key', ['0.weight', '1.running_var'])
def test_weights_that_are_not_finite_are_refused_and_named(value, key):
    file = network(0).state_dict()
    file[key].view(-1)[1] = value
    with pytest.raises(InputError, match=rf'^a\.pth: {key} holds 1 of \d+ values that are NaN or infinite') as error:
        load_checked(network(1), file, ('',), 'a.pth')
    assert '\n' not in str(error.value)


def test_a_mask_that_is_infinite_by_design_is_no_fault():
    mask = torch.full((2, 2), -torch.inf).triu(1)
    check_finite(dict(mask=mask), 'a.pth', dict(mask=mask.clone()))
    with pytest.raises(InputError, match='mask holds 1 of 4'):
        check_finite(dict(mask=mask), 'a.pth', dict(mask=torch.zeros(2, 2)))
    check_finite(dict(count=torch.tensor(3), name='x', empty=torch.zeros(0)), 'a.pth')


@pytest.mark.parametrize(
    ('change', 'says'),
    [
        (lambda tensor: tensor.to('meta'), 'a shape without values'),
        (lambda tensor: tensor.to_sparse(), 'sparse'),
        (lambda tensor: tensor.to(torch.complex64), 'complex'),
    ],
)
def test_tensors_without_plain_numbers_are_not_counted_as_loaded(change, says):
    other = state()
    other['backbone.bn.weight'] = change(other['backbone.bn.weight'])
    with pytest.raises(InputError, match=f'a.pth: backbone.bn.weight is {says}'):
        check_transfer(state(), other, ('backbone.',), 'a.pth')
    with pytest.raises(InputError, match='the state_dict of the checkpoint is a NoneType'):
        check_transfer(state(), None, ('backbone.',), 'a.pth')
    with pytest.raises(InputError, match='the file has no tensors'):
        check_transfer(state(), {}, ('backbone.',), 'a.pth')


@pytest.mark.parametrize(
    ('content', 'original'),
    [
        ({'encoder_q.conv1.weight': torch.ones(1, 1, 1, 1, 1)}, True),
        ({'module.conv1.weight': torch.ones(1, 1, 1, 1, 1)}, True),
        ({'conv1.weight': torch.ones(1, 1, 1, 1)}, False),  # an image network
        ({'backbone.conv1.weight': torch.ones(1, 1, 1, 1, 1)}, False),  # already converted
        ({'blocks.0.weight': torch.ones(1, 1, 1, 1, 1)}, False),
    ],
)
def test_the_converter_is_named_only_where_it_can_help(content, original):
    with pytest.raises(InputError, match='is it a checkpoint of another network') as error:
        check_transfer({'backbone.fc.weight': torch.ones(1)}, content, ('backbone.',), 'x.pth')
    assert ('convert_auxskd.py' in str(error.value)) == original


class Adapted(nn.Module):
    """A backbone with an adapter, and a head."""

    def __init__(self, classes=2, adapters=True):
        super().__init__()
        self.backbone = nn.Sequential(nn.Conv3d(1, 2, 1))
        if adapters:
            self.backbone.add_module('adapters', nn.ModuleDict({'0': nn.Linear(2, 2)}))
        self.cls_head = nn.Linear(2, classes)


def test_a_head_of_another_size_stays_as_it_is():
    model, other = Adapted(3), Adapted(2)
    head = model.cls_head.weight.clone()
    message = load_checked(model, other.state_dict(), ('backbone.',), 'a.pth')
    assert message.startswith('4 of 4 backbone tensors loaded from a.pth')
    assert torch.equal(model.backbone[0].weight, other.backbone[0].weight)
    assert torch.equal(model.cls_head.weight, head)


def test_a_base_without_adapters_says_that_they_start_as_built():
    model, base = Adapted(), Adapted(adapters=False)
    message = check_transfer(model.state_dict(), base.state_dict(), ('backbone.',), 'a.pth')
    assert message == (
        '2 of 2 backbone tensors loaded from a.pth; the 2 adapter tensors, which it does not have, start as built'
    )
    assert check_transfer(base.state_dict(), base.state_dict(), ('backbone.',), 'a.pth') == (
        '2 of 2 backbone tensors loaded from a.pth'
    )
    for load in (model, base):
        load_checked(load, base.state_dict(), ('backbone.',), 'a.pth')


def test_adapters_of_a_file_are_all_in_the_model_and_all_in_the_file():
    model, base = Adapted(), Adapted(adapters=False)
    part = {key: value for key, value in model.state_dict().items() if key != 'backbone.adapters.0.bias'}
    for check in (
        lambda own, content: check_transfer(own.state_dict(), content, ('backbone.',), 'a.pth'),
        lambda own, content: load_checked(own, content, ('backbone.',), 'a.pth'),
    ):
        with pytest.raises(InputError, match=r'trained with adapters, and the model lacks backbone\.adapters\.0\.bias'):
            check(base, model.state_dict())
        with pytest.raises(InputError, match=r'3 of 4 backbone tensors fit \(missing backbone\.adapters\.0\.bias'):
            check(model, part)


def test_weights_of_another_precision_arrive():
    """Also where the model rounds them."""
    halves, singles, doubles = torch.float16, torch.float32, torch.float64
    for theirs, ours in ((halves, singles), (singles, halves), (doubles, singles), (singles, doubles)):
        model, content = Adapted().to(ours), Adapted().to(theirs).state_dict()
        load_checked(model, content, ('',), 'a.pth')
        assert all(torch.equal(model.state_dict()[key], value.to(ours)) for key, value in content.items())


def test_models_without_values_or_with_complex_ones_take_files_like_them():
    """A count of FLOPs builds the model on the device 'meta'."""
    plain, shape = Adapted().state_dict(), Adapted().to('meta').state_dict()
    for file, model in ((plain, shape), (shape, shape)):
        check_transfer(model, file, ('',), 'a.pth')
        check_copied(model, file, 'a.pth')
    with pytest.raises(InputError, match=r'backbone\.0\.weight is a shape without values'):
        check_transfer(plain, shape, ('',), 'a.pth')
    wave = {'backbone.w': torch.ones(2, dtype=torch.complex64)}
    check_transfer(wave, wave, ('',), 'a.pth')
    with pytest.raises(InputError, match=r'backbone\.w is complex'):
        check_transfer({'backbone.w': torch.ones(2)}, wave, ('',), 'a.pth')
