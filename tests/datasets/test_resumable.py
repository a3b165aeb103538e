import pickle

import numpy as np
import pytest
from mmengine.registry import DATA_SAMPLERS
from mmengine.runner import Runner
from torch.utils.data import Dataset

from auxskd_mm.datasets.resumable import Draw, ResumableSampler, SeededSamples, resumable
from auxskd_mm.random_state import SAMPLE, seed_generators
from auxskd_mm.registry import DATASETS


@DATASETS.register_module(force=True)
class NoisyNumbers(Dataset):
    """A number and a draw of NumPy's global generator."""

    metainfo = dict(name='noise')

    def __len__(self):
        return 10

    def __getitem__(self, index):
        assert type(index) is int
        return index, float(np.random.rand())


@DATASETS.register_module(force=True)
class PairedNumbers(NoisyNumbers):
    """Five videos twice; neighbours of one are read together."""

    repeat = 2

    def __getitems__(self, indices):
        assert len({index % 5 for index in indices}) == 1
        return [(index, float(np.random.rand())) for index in indices]


def loader(kind='DefaultSampler', workers=0, **changes):
    config = dict(
        dataset=dict(type='auxskd_mm.NoisyNumbers'),
        sampler=dict(type=kind, shuffle=True),
        batch_size=3,
        num_workers=workers,
        collate_fn=dict(type='pseudo_collate'),
        **changes,
    )
    return Runner.build_dataloader(resumable(config, seed=11), seed=11)


def batches(loader, epoch, first, count=4):
    loader.sampler.set_epoch(epoch)
    loader.sampler.start(epoch, first)
    return [batch for batch, _ in zip(loader, range(count))]


@pytest.mark.parametrize('kind', ['DefaultSampler', 'InfiniteSampler'])
@pytest.mark.parametrize('workers', [0, 2])
def test_the_rest_of_a_pass_is_that_of_the_whole_one(kind, workers):
    whole = batches(loader(kind), 1, 0)
    assert batches(loader(kind, workers), 1, 6, count=2) == whole[2:4]
    again = loader(kind)
    assert batches(again, 1, 3)[:3] == whole[1:4]
    assert batches(again, 1, 0) == whole  # a second pass is whole


def test_order_is_that_of_mmengines_sampler_and_draws_change_with_the_epoch():
    plain = DATA_SAMPLERS.build(dict(type='DefaultSampler', dataset=range(10), shuffle=True, seed=11))
    ours = loader()
    first = [pair for batch in batches(ours, 0, 0) for pair in zip(*batch)]
    assert [index for index, _ in first] == list(plain)
    second = [pair for batch in batches(ours, 1, 0) for pair in zip(*batch)]
    assert not {value for _, value in first} & {value for _, value in second}
    assert len({value for _, value in first}) == 10


def test_the_draws_of_two_ranks_are_those_of_one(monkeypatch):
    def draws():
        sampler = ResumableSampler(range(10), dict(type='DefaultSampler', shuffle=True), seed=2)
        return list(sampler)

    one = draws()
    two = []
    for rank in range(2):
        for module in ('auxskd_mm.datasets.resumable', 'mmengine.dataset.sampler'):
            monkeypatch.setattr(f'{module}.get_dist_info', lambda rank=rank: (rank, 2))
        two += draws()
    assert sorted(two, key=lambda draw: draw.position) == one


def test_a_closed_sampler_waits_for_its_start():
    sampler = ResumableSampler(range(4), dict(type='DefaultSampler', shuffle=False), seed=0, closed=True)
    assert list(sampler) == []
    sampler.start(0, 1)
    assert [draw.sample for draw in sampler] == [1, 2, 3]
    assert len(sampler) == 4


def test_the_dataset_shows_through_and_can_be_pickled():
    samples = SeededSamples(dict(type='auxskd_mm.NoisyNumbers'))
    assert (samples.metainfo, len(samples)) == (dict(name='noise'), 10)
    copy = pickle.loads(pickle.dumps(samples))
    draw = pickle.loads(pickle.dumps(Draw(3, 1, 0, 5)))
    assert copy[draw] == samples[draw]
    assert copy[4][0] == 4


def test_a_batch_sampler_of_the_users_is_left_alone():
    config = dict(batch_sampler=dict(type='X'), sampler=dict(type='DefaultSampler'), dataset={})
    assert resumable(config, 0) is config


def test_neighbours_of_one_video_are_read_together_with_the_seed_of_the_first():
    samples = SeededSamples(dict(type='auxskd_mm.PairedNumbers'))
    draws = [Draw(sample, 1, 0, place) for place, sample in enumerate([3, 8, 8, 1, 2, 7])]
    read = samples.__getitems__(draws)
    assert [index for index, _ in read] == [3, 8, 8, 1, 2, 7]
    assert (read[0], read[3]) == (samples[draws[0]], samples[draws[3]])
    assert len({value for _, value in read}) == 6
    assert samples.__getitems__(draws[3:]) == read[3:]


def test_each_group_of_neighbours_has_the_seed_of_its_first_draw():
    """Five videos: samples 3 and 8 are one video, 2 and 7 another, and 1 stands alone between them."""
    samples = SeededSamples(dict(type='auxskd_mm.PairedNumbers'))
    draws = [Draw(sample, 4, 2, place) for place, sample in enumerate([3, 8, 8, 1, 2, 7], 10)]
    expected = []
    for group in (draws[:3], draws[3:4], draws[4:]):
        seed_generators(SAMPLE, 4, 2, group[0].position)
        expected += [(draw.sample, float(np.random.rand())) for draw in group]
    assert samples.__getitems__(draws) == expected


def test_a_pass_after_a_started_one_is_whole_and_in_the_order_of_its_epoch():
    inner = dict(type='DefaultSampler', shuffle=True)
    sampler = ResumableSampler(range(10), inner, seed=5)
    plain = DATA_SAMPLERS.build(dict(inner, dataset=range(10), seed=5))
    sampler.start(0, 7)
    assert [draw.sample for draw in sampler] == list(plain)[7:]
    assert [draw.sample for draw in sampler] == list(plain)
    sampler.set_epoch(1)
    first = list(plain)
    plain.set_epoch(1)
    assert [draw.sample for draw in sampler] == list(plain) != first
