"""Which network of a file is taken, and what is said of files that do not fit."""

import pytest
import torch
from torch import nn

from auxskd_mm.errors import InputError
from auxskd_mm.functional.public_weights import weights_in
from auxskd_mm.functional.transfer import load_checked, plan_transfer


def network(seed, width=4, depth=2, bias=False):
    torch.manual_seed(seed)
    net = nn.Module()
    net.stem = nn.Conv3d(3, width, 1, bias=bias)
    net.blocks = nn.ModuleList(nn.Linear(width, width) for _ in range(depth))
    return net


def under(prefix, state):
    return {prefix + key: value for key, value in state.items()}


class Model(nn.Module):
    def __init__(self, **kwargs):
        super().__init__()
        self.backbone = network(9, **kwargs)
        self.cls_head = nn.Linear(4, 2)


FILE = network(1).state_dict()
OTHER = network(2).state_dict()


@pytest.mark.parametrize(
    'content',
    [
        FILE,
        under('module.', FILE),
        dict(state_dict=under('backbone.', FILE)),
        dict(model=FILE, optimizer=dict(state={0: dict(exp_avg=torch.zeros(3))}, param_groups=[]), epoch=3),
        dict(model_state=under('module.net.encoder.', FILE)),
        # MMEngine's own place comes before a teacher beside it.
        dict(state_dict={**under('teacher.backbone.', OTHER), **under('backbone.', FILE)}),
        dict(state_dict=under('backbone.', FILE), ema_state_dict=under('backbone.', OTHER)),
        {**FILE, **under('momentum.', OTHER)},
    ],
)
@pytest.mark.parametrize('part', ['', 'backbone.'])
def test_the_network_is_found_wherever_it_lies(content, part):
    model = Model() if part else network(9)
    load_checked(model, content, (part,), 'a.pth')
    for key, value in FILE.items():
        assert torch.equal(model.state_dict()[part + key], value), key


@pytest.mark.parametrize(
    'content',
    [
        {**under('encoder_q.', FILE), **under('encoder_k.', OTHER)},
        dict(encoder_q=FILE, encoder_k=OTHER),
    ],
)
def test_of_several_networks_the_user_says_which(content):
    with pytest.raises(
        InputError, match=r'^a\.pth: .*several networks that would fit \(encoder_k\., encoder_q\.\)'
    ) as e:
        load_checked(Model(), content, ('backbone.',), 'a.pth')
    assert '\n' not in str(e.value)
    assert "prefix='encoder_k.'" in str(e.value)
    model = network(9)
    load_checked(model, content, ('',), 'a.pth', prefix='encoder_q')
    assert torch.equal(model.stem.weight, FILE['stem.weight'])


def test_the_line_tells_shares_and_what_is_not_used():
    content = {**under('backbone.', FILE), 'backbone.head.weight': torch.ones(2)}
    own = Model().state_dict()
    said = plan_transfer(own, content, ('backbone.',), 'a.pth').message
    # 12 + 2 * 20 numbers of the backbone, and 10 of the head.
    assert said == '5 of 5 backbone tensors loaded from a.pth (83.9% of the numbers in the model; not used: ' + (
        'backbone.head.weight)'
    )


@pytest.mark.parametrize(
    ('file', 'says'),
    [
        (network(1, bias=True), 'has backbone.stem.bias, and the model has the same module without it'),
        (network(1, depth=3), 'deeper network: it has backbone.blocks.2.weight'),
        (network(1, depth=1), 'missing backbone.blocks.1.weight'),
        (network(1, width=8), r'5 of another shape, e.g. backbone.stem.weight: (8, 3, 1, 1, 1) in the file, (4, 3'),
    ],
)
def test_a_file_that_computes_something_else_is_refused(file, says):
    with pytest.raises(InputError) as error:
        load_checked(Model(), under('backbone.', file.state_dict()), ('backbone.',), 'a.pth')
    assert str(error.value).startswith('a.pth: ')
    assert says in str(error.value)
    assert '\n' not in str(error.value)


def test_a_bias_of_zeros_without_a_place_changes_nothing():
    file = network(1, bias=True)
    nn.init.zeros_(file.stem.bias)
    load_checked(Model(), under('backbone.', file.state_dict()), ('backbone.',), 'a.pth')


def test_adapters_may_be_missing_in_a_public_file():
    model = Model()
    model.backbone.adapters = nn.ModuleList([nn.Linear(4, 4)])
    before = model.backbone.adapters[0].weight.clone()
    said = load_checked(model, FILE, ('backbone.',), 'a.pth')
    assert 'the 2 adapter tensors, which it does not have, start as built' in said
    assert torch.equal(model.backbone.adapters[0].weight, before)


def test_a_library_s_network_goes_into_its_wrapper():
    for place in ('model', 'trunk'):
        model = Model()
        setattr(model.backbone, place, network(8))
        del model.backbone.stem, model.backbone.blocks
        load_checked(model, {**FILE, 'fc.weight': torch.ones(2, 4)}, ('backbone.',), 'a.pth')
        assert torch.equal(getattr(model.backbone, place).stem.weight, FILE['stem.weight'])


def test_a_file_without_a_network_is_named():
    with pytest.raises(InputError, match=r'^a\.pth: holds a list, expected'):
        weights_in([1, 2], 'a.pth')
    with pytest.raises(InputError, match=r'only 0 of 5 backbone tensors fit'):
        load_checked(Model(), dict(epoch=3), ('backbone.',), 'a.pth')
