"""VideoPace's contrastive loss against explicit loops over pairs and negatives."""

import math

import pytest
import torch
import torch.nn.functional as F

from auxskd_mm.errors import InputError
from auxskd_mm.models.losses import PaceContrastiveLoss


def looped(z, groups, temperature=1.0):
    """Mean over positive pairs, each with its own sum over the clips of other groups."""
    losses = []
    for i in range(len(z)):
        for j in range(len(z)):
            if i == j or groups[i] != groups[j]:
                continue
            positive = math.exp(float(z[i] @ z[j]) / temperature)
            negatives = sum(math.exp(float(z[i] @ z[k]) / temperature) for k in range(len(z)) if groups[k] != groups[i])
            losses.append(-math.log(positive / (positive + negatives)))
    return sum(losses) / len(losses)


@pytest.mark.parametrize(
    'groups',
    [
        [0, 0, 1, 1, 2, 2],  # same context: two views per video
        [0, 1, 2, 0, 1, 2],  # same pace, two of each
        [3, 0, 3, 3, 1, 0, 2, 3],  # groups of four, two, one and one
        [0, 1, 1],
    ],
)
@pytest.mark.parametrize('temperature', [None, 0.5])
def test_against_loops(groups, temperature):
    z = torch.randn(len(groups), 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    labels = torch.tensor(groups)
    loss = PaceContrastiveLoss(temperature)(z, labels)
    assert loss.dtype == torch.float64
    assert loss.item() == pytest.approx(looped(z, groups, temperature or 1.0), rel=1e-12)
    normalised = PaceContrastiveLoss(temperature, normalize=True)(3 * z, labels)
    assert normalised.item() == pytest.approx(looped(F.normalize(z, dim=1), groups, temperature or 1.0), rel=1e-12)


def test_by_hand():
    # Two videos of two clips: z_0 = z_1 = (1, 0), z_2 = z_3 = (0, 2).
    z = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 2.0], [0.0, 2.0]])
    loss = PaceContrastiveLoss()(z, torch.tensor([0, 0, 1, 1]))
    # Positives of 1 and 4 against two negatives of similarity 0.
    assert loss.item() == pytest.approx((math.log(1 + 2 * math.exp(-1)) + math.log(1 + 2 * math.exp(-4))) / 2, rel=1e-6)


def test_nothing_to_compare_is_no_loss_and_no_nan():
    for groups in ([0, 1, 2, 3], [0, 0, 0, 0]):
        z = torch.randn(4, 3, requires_grad=True)
        loss = PaceContrastiveLoss()(z, torch.tensor(groups))
        loss.backward()
        assert loss.item() == 0
        assert torch.equal(z.grad, torch.zeros(4, 3))


def test_large_features_stay_finite():
    z = (100 * torch.randn(6, 8)).requires_grad_()
    PaceContrastiveLoss()(z, torch.tensor([0, 0, 1, 1, 2, 2])).backward()
    assert z.grad.isfinite().all()
    with torch.autocast('cpu', dtype=torch.bfloat16):
        assert PaceContrastiveLoss()(z.bfloat16(), torch.tensor([0, 0, 1, 1, 2, 2])).dtype == torch.float32


def test_gradient_pulls_positives_and_pushes_negatives():
    z = torch.tensor([[1.0, 0.0], [0.6, 0.8], [0.8, -0.6]], requires_grad=True)
    PaceContrastiveLoss()(z, torch.tensor([0, 0, 1])).backward()
    with torch.no_grad():
        before, after = z @ z.T, (z - 0.1 * z.grad) @ (z - 0.1 * z.grad).T
    assert after[0, 1] > before[0, 1]
    assert after[0, 2] < before[0, 2]


def test_bad_temperature_is_named():
    for temperature in (0, -1):
        with pytest.raises(InputError, match=f'temperature={temperature}'):
            PaceContrastiveLoss(temperature)
