"""The queue against a deque."""

import collections
import copy
import random

import pytest
import torch
import torch.nn.functional as F
from mmengine.runner.checkpoint import load_state_dict
from torch import nn

from auxskd_mm.errors import InputError
from auxskd_mm.models.modules import FeatureQueue
from auxskd_mm.models.modules.feature_queue import named_rank_buffers
from auxskd_mm.models.modules.frozen_network import FrozenNetwork

NAMES = ['features', 'pointer', 'age', 'filled']


def oldest_first(queue):
    """(feature, age) of every row, in the order in which they leave."""
    order = (torch.arange(queue.size) + queue.pointer) % queue.size
    return [(tuple(queue.features[i].tolist()), queue.age[i].item()) for i in order]


@pytest.mark.parametrize('size', [1, 2, 5, 16, 17])
def test_first_in_first_out(size):
    rng, generator = random.Random(size), torch.Generator().manual_seed(size)
    queue = FeatureQueue(size, 3)
    model = collections.deque(((tuple(row.tolist()), 0) for row in queue.features), maxlen=size)
    written = 0
    for _ in range(60):
        keys = torch.randn(
            rng.choice([0, 1, 1, 2, 3, size - 1, size, size + 1, 2 * size + 1, 40]), 3, generator=generator
        )
        queue.enqueue(keys)
        model = collections.deque(((row, age + 1) for row, age in model), maxlen=size)
        model.extend((tuple(key.tolist()), 0) for key in keys)
        written += len(keys)
        assert oldest_first(queue) == list(model)
        assert queue.pointer.item() == written % size
        assert queue.filled.item() == min(written, size)
    assert {name: getattr(queue, name).dtype for name in NAMES} == dict(
        features=torch.float32, pointer=torch.int64, age=torch.int32, filled=torch.int64
    )


def test_rows_are_written_where_the_original_writes_them():
    queue = FeatureQueue(6, 2)
    for step in range(4):
        queue.enqueue(torch.full((3, 2), float(step)))
        start = 3 * step % 6
        assert (queue.features[start : start + 3] == step).all()
        assert queue.pointer.item() == (start + 3) % 6


def test_keys_leave_their_graph_and_their_type():
    queue = FeatureQueue(4, 2)
    keys = torch.ones(2, 2, dtype=torch.bfloat16, requires_grad=True)
    queue.enqueue(2 * keys)
    assert queue.features.dtype == torch.float32
    assert not queue.features.requires_grad
    assert (queue.features[:2] == 2).all()


def test_both_starts():
    torch.manual_seed(0)
    unit, columns = FeatureQueue(1000, 16), FeatureQueue(1000, 16, init='columns')
    assert torch.allclose(unit.features.norm(dim=1), torch.ones(1000))
    assert torch.allclose(columns.features.norm(dim=0), torch.ones(16))
    # The root mean square of the rows' norms: 16 columns of norm 1 over 1000 rows.
    assert columns.features.norm(dim=1).square().mean().sqrt().item() == pytest.approx((16 / 1000) ** 0.5)
    torch.manual_seed(0)
    assert torch.equal(unit.features, F.normalize(torch.randn(1000, 16), dim=1))


class Holder(nn.Module):
    """A model with a queue, and a buffer of its own."""

    def __init__(self, size=5):
        super().__init__()
        self.norm = nn.BatchNorm1d(3)
        self.queue = FeatureQueue(size, 3)


def filled_holder():
    holder = Holder()
    holder.queue.enqueue(torch.randn(7, 3))
    holder.queue.enqueue(torch.randn(1, 3))
    return holder


def test_state_dict_brings_everything_back(tmp_path):
    holder = filled_holder()
    torch.save(holder.state_dict(), tmp_path / 'state.pth')
    state = torch.load(tmp_path / 'state.pth')
    assert [key for key in state if key.startswith('queue.')] == [f'queue.{name}' for name in NAMES]
    for load in (lambda m: m.load_state_dict(state), lambda m: load_state_dict(m, state, strict=True)):
        other = Holder()
        load(other)
        assert oldest_first(other.queue) == oldest_first(holder.queue)
        for name in NAMES:
            assert torch.equal(getattr(other.queue, name), getattr(holder.queue, name))
        keys = torch.randn(3, 3)
        other.queue.enqueue(keys)
        again = copy.deepcopy(holder)
        again.queue.enqueue(keys)
        assert oldest_first(other.queue) == oldest_first(again.queue)


def test_a_state_that_does_not_fit_is_refused():
    state = filled_holder().state_dict()
    with pytest.raises(RuntimeError, match=r'size mismatch for queue\.features'):
        Holder(6).load_state_dict(state)
    del state['queue.age']
    with pytest.raises(RuntimeError, match=r'Missing key\(s\) in state_dict: "queue\.age"'):
        Holder().load_state_dict(state)
    with pytest.raises(RuntimeError, match=r'Unexpected key.*queue\.other'):
        Holder().load_state_dict({**filled_holder().state_dict(), 'queue.other': torch.zeros(1)})


def test_what_ranks_average_or_keep_for_themselves_is_not_the_queue():
    holder = filled_holder()
    assert [name for name, _ in named_rank_buffers(holder)] == [
        'norm.running_mean',
        'norm.running_var',
        'norm.num_batches_tracked',
    ]
    assert list(holder.queue.parameters()) == []


def test_what_ranks_average_is_not_the_hash_of_a_frozen_network():
    """The sum of two hashes overflows, so a training on two ranks could not be resumed."""
    network = FrozenNetwork(dict(type='auxskd_mm.C3DBN', base_channels=2))
    network.init_weights()
    assert network.fingerprint.any()
    assert dict(named_rank_buffers(nn.ModuleDict(dict(teacher=network)))) == {}


def test_a_state_dict_from_before_the_queue_had_buffers_loads():
    """Its keys and types, as they were written by hand into the checkpoints of earlier versions."""
    old = {
        'queue.features': torch.randn(5, 3),
        'queue.pointer': torch.tensor(2),
        'queue.age': torch.arange(5, dtype=torch.int32),
        'queue.filled': torch.tensor(4),
    }
    holder = Holder()
    holder.load_state_dict({**old, **holder.norm.state_dict(prefix='norm.')})
    for name, value in old.items():
        assert torch.equal(holder.state_dict()[name], value), name


def test_it_moves_and_copies_with_the_model():
    holder = filled_holder()
    clone = copy.deepcopy(holder)
    clone.queue.enqueue(torch.zeros(5, 3))
    assert holder.queue.features.abs().sum() > 0
    double = copy.deepcopy(holder).double().queue
    assert [getattr(double, name).dtype for name in NAMES] == [torch.float64, torch.int64, torch.int32, torch.int64]
    meta = copy.deepcopy(holder).to('meta').queue
    assert {getattr(meta, name).device.type for name in NAMES} == {'meta'}
    for queue in (double, meta):
        assert list(queue.state_dict()) == NAMES


@pytest.mark.parametrize('keys', [torch.zeros(2, 4), torch.zeros(3), torch.zeros(2, 3, 1)])
def test_keys_of_another_width_are_refused(keys):
    queue = FeatureQueue(5, 3)
    with pytest.raises(InputError, match='do not fit a queue of width 3'):
        queue.enqueue(keys)
    assert queue.pointer.item() == 0


@pytest.mark.parametrize(
    ('arguments', 'says'),
    [
        (dict(size=0, dim=3), r'FeatureQueue\.size=0: expected at least 1'),
        (dict(size=3, dim=-1), r'FeatureQueue\.dim=-1'),
        (dict(size=3, dim=3, init='rows'), r"FeatureQueue\.init='rows': expected 'unit' or 'columns'"),
    ],
)
def test_settings_out_of_range(arguments, says):
    with pytest.raises(InputError, match=says):
        FeatureQueue(**arguments)
