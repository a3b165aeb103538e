import pytest
from torch.utils.data import DataLoader

from auxskd_mm.errors import InputError
from auxskd_mm.loops import loader_check


class Names:
    """A dataset of file names, twice."""

    repeat = 2

    def __init__(self, *names):
        self.names = names

    def __len__(self):
        return 2 * len(self.names)

    def get_data_info(self, index):
        return dict(filename=self.names[index], label=index)

    def load_data_list(self):
        return []


def others(monkeypatch, *values, rank=0):
    """Let the next gathers yield these."""
    replies = iter(values)
    monkeypatch.setattr(loader_check, 'get_world_size', lambda: 2)
    monkeypatch.setattr(loader_check, 'get_rank', lambda: rank)
    monkeypatch.setattr(loader_check, 'all_gather_object', lambda mine: [mine, next(replies)])


def test_a_batch_that_no_rank_can_fill():
    with pytest.raises(InputError, match=r'yields no batch: 3 samples per rank \(1 rank\(s\)\) for a batch_size of 4'):
        loader_check.check_loader(DataLoader(range(3), batch_size=4, drop_last=True))
    loader_check.check_loader(DataLoader(range(3), batch_size=4))


def test_ranks_with_other_numbers_of_samples(monkeypatch):
    others(monkeypatch, (8, 2))
    with pytest.raises(InputError, match=r'\(rank 0: 9, rank 1: 8\).*round_up=True'):
        loader_check.check_loader(DataLoader(range(9), batch_size=4))


def test_lists_differ_by_names_and_labels_but_not_by_folders(monkeypatch):
    here, there = Names('/a/1.mp4', '/a/2.mp4'), Names('/b/1.mp4', '/b/2.mp4')
    assert loader_check._entries(here) == loader_check._entries(there)
    longer = loader_check._entries(Names('/b/1.mp4', '/b/3.mp4', '/b/4.mp4'))
    others(monkeypatch, ('another digest', 3), longer)
    with pytest.raises(
        InputError, match=r'rank 1 \(3 entries\) is not that of rank 0 \(2\): entry 1 is .*3\.mp4.*against .*2\.mp4'
    ):
        loader_check.check_same_data(here)
