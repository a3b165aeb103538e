"""One process has the whole batch; what happens on several is in tests/integration/test_two_ranks.py."""

import torch

from auxskd_mm.models.modules import gather_batch, own_part, random_order


def test_one_process_has_it_all():
    batch = torch.randn(3, 2, requires_grad=True)
    assert torch.equal(gather_batch(batch), batch)
    assert not gather_batch(batch).requires_grad
    assert torch.equal(own_part(batch), batch)
    torch.manual_seed(0)
    expected = torch.randperm(7)
    torch.manual_seed(0)
    assert torch.equal(random_order(7, torch.device('cpu')), expected)
