"""One process: what is sharded, and states that have no shards. Two ranks: tests/integration/test_fully_sharded.py."""

import torch
from torch import nn

from auxskd_mm.models.wrappers import full_state, is_sharded, shard_optimizer_state, sharded_like
from auxskd_mm.models.wrappers.fully_sharded import _parts


class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Linear(2, 2)
        self.blocks = nn.ModuleList([nn.Linear(2, 2), nn.Sequential(nn.Linear(2, 2), nn.ReLU())])

    def forward(self, x):
        return x


class Pair(nn.Module):
    """As our models are: networks, and a container of theirs that is never called."""

    def __init__(self):
        super().__init__()
        self.backbone, self.loss = Network(), nn.CrossEntropyLoss()
        self.teacher = nn.Module()
        self.teacher.backbone = Network()

    def forward(self, x):
        return x


def test_blocks_come_before_their_network_and_containers_are_looked_into():
    model = Pair()
    names = {module: name for name, module in model.named_modules()}
    blocks = ['stem', 'blocks.0', 'blocks.1', '']
    expected = [f'{owner}.{block}'.rstrip('.') for owner in ('backbone', 'teacher.backbone') for block in blocks]
    assert [names[part] for part in _parts(model)] == expected  # neither the loss nor the teacher itself


def test_whole_tensors_stay_whole():
    model = Pair()
    optimizer = torch.optim.Adam(model.parameters())
    assert not is_sharded(model)
    value, like = torch.ones(2, 3), torch.zeros(2, 3)
    assert sharded_like(value, like) is value
    state = dict(a=value, b=[1, (like, 'x')], c=None)
    assert full_state(state)['b'][1][1] == 'x'
    assert torch.equal(full_state(state)['a'], value)
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    saved = optimizer.state_dict()
    assert shard_optimizer_state(optimizer, saved) == saved
