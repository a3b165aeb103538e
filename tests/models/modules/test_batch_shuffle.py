"""One process keeps its batch; what happens on several is in tests/integration/test_two_ranks.py."""

import torch

from auxskd_mm.models.modules import batch_shuffle, batch_unshuffle


def test_one_process_keeps_its_batch():
    batch = torch.randn(3, 2)
    shuffled, restore = batch_shuffle(batch)
    assert shuffled is batch
    assert restore is None
    assert batch_unshuffle(batch, restore) is batch
