"""RSPNet's ranking loss against torch's own margin ranking loss and hand values."""

import pytest
import torch
import torch.nn.functional as F

from auxskd_mm.errors import InputError
from auxskd_mm.models.losses import RelativeSpeedLoss


def test_the_margin_comes_after_the_temperature():
    query = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    same = torch.tensor([[1.0, 0.0], [0.6, 0.8], [1.0, 0.0]])
    different = torch.tensor([[0.0, 1.0], [0.5, 0.75**0.5], [0.6, 0.8]])
    # Leads in cosines: 1, 0.1 and -0.8; over 0.07: 14.3, 1.43 and -11.4; 2 minus them: -, 0.571 and 13.4.
    loss = RelativeSpeedLoss()(query, same, different)
    assert loss.item() == pytest.approx((0 + 2 - 0.1 / 0.07 + 2 + 0.8 / 0.07) / 3, rel=1e-6)
    # With the margin before the division a lead of 1 would still be short of 2.
    assert RelativeSpeedLoss()(query[:1], same[:1], different[:1]).item() == 0


@pytest.mark.parametrize(('margin', 'temperature'), [(2.0, 0.07), (0.0, 1.0), (1.0, 0.2)])
def test_against_torch(margin, temperature):
    generator = torch.Generator().manual_seed(0)
    q, k, other = (F.normalize(torch.randn(9, 6, generator=generator, dtype=torch.float64), dim=1) for _ in range(3))
    expected = F.margin_ranking_loss(
        (q * k).sum(1) / temperature, (q * other).sum(1) / temperature, torch.ones(9), margin=margin
    )
    loss = RelativeSpeedLoss(margin, temperature)(q, k, other)
    assert loss.item() == pytest.approx(expected.item(), rel=1e-12)


def test_bad_settings_are_named():
    for settings in (dict(margin=-1), dict(temperature=0)):
        with pytest.raises(InputError, match='RelativeSpeedLoss: margin='):
            RelativeSpeedLoss(**settings)
