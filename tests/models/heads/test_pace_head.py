"""VideoPace's head compared with hand calculations, its contrastive branch with explicit loops."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mmaction.structures import ActionDataSample

from auxskd_mm.errors import InputError
from auxskd_mm.models.heads import PaceHead


def samples(*labels, names=None):
    made = []
    for i, label in enumerate(labels):
        sample = ActionDataSample()
        sample.set_field(np.atleast_1d(np.asarray(label)), 'pace_label')
        if names is not None:
            sample.set_metainfo(dict(filename=names[i]))
        made.append(sample)
    return made


def looped(z, positive, negative):
    """Mean over ordered pairs of -log(e^s / (e^s + sum of the negatives' e^s))."""
    losses = []
    for i in range(len(z)):
        others = sum(math.exp(float(z[i] @ z[k])) for k in range(len(z)) if negative(i, k))
        for j in range(len(z)):
            if i != j and positive(i, j):
                own = math.exp(float(z[i] @ z[j]))
                losses.append(-math.log(own / (own + others)))
    return sum(losses) / len(losses)


def test_cross_entropy_and_accuracy_by_hand():
    head = PaceHead(2, num_paces=2, pace_weight=0.5)
    with torch.no_grad():
        head.fc_pace.weight.copy_(torch.eye(2))
        head.fc_pace.bias.zero_()
    feats = torch.zeros(2, 2, 1, 1, 2)
    feats[0, 0] = torch.tensor([2.0, 4.0])  # mean 3: logits (3, 0)
    losses = head.loss(feats, samples(0, 1))
    assert losses['loss_pace'].item() == pytest.approx(0.5 * (math.log1p(math.exp(-3)) + math.log(2)) / 2, rel=1e-6)
    assert losses['pace_acc'].item() == 0.5  # a tie goes to the first class
    assert head.loss(feats[[0, 0, 1]], samples(0, 0, 1))['pace_acc'].item() == pytest.approx(2 / 3)
    assert list(losses) == ['loss_pace', 'pace_acc']
    # Nothing but the linear layer: VideoPace's released network.
    assert {name: tuple(p.shape) for name, p in head.named_parameters()} == {
        'fc_pace.weight': (2, 2),
        'fc_pace.bias': (2,),
    }


@pytest.mark.parametrize('variant', ['same_context', 'same_pace'])
def test_positives_and_negatives_of_both_variants(variant):
    torch.manual_seed(0)
    head = PaceHead(6, contrastive=variant, contrastive_weight=0.3, projector_channels=4).double()
    feats = torch.randn(8, 6, 2, 2, 2, dtype=torch.float64)
    labels = [(0, 2), (2, 1), (3, 0), (1, 2)]  # four videos of two views; a pace occurs once, twice or thrice
    video, pace = [0, 0, 1, 1, 2, 2, 3, 3], [0, 2, 2, 1, 3, 0, 1, 2]
    losses = head.loss(feats, samples(*labels))
    hidden = feats.mean((2, 3, 4)) @ head.projector[0].weight.T + head.projector[0].bias
    z = (hidden.clamp(min=0) @ head.projector[2].weight.T + head.projector[2].bias).detach()
    group = video if variant == 'same_context' else pace
    expected = looped(z, lambda i, j: group[i] == group[j], lambda i, k: group[i] != group[k])
    assert losses['loss_contrastive'].item() == pytest.approx(0.3 * expected, rel=1e-9)
    logits = head.fc_pace(feats.mean((2, 3, 4)))
    assert losses['loss_pace'].item() == pytest.approx(F.cross_entropy(logits, torch.tensor(pace)).item(), rel=1e-9)
    assert [key for key in losses if 'loss' in key] == ['loss_pace', 'loss_contrastive']


def test_one_video_twice_in_a_batch_is_no_negative_of_itself():
    torch.manual_seed(0)
    head = PaceHead(6, contrastive='same_context', contrastive_weight=1.0).double()
    feats = torch.randn(6, 6, dtype=torch.float64)
    z, group = head.projector(feats).detach(), [0, 0, 1, 1, 0, 0]
    losses = head.loss(feats, samples((0, 1), (2, 3), (1, 2), names=['a.mp4', 'b.mp4', 'a.mp4']))
    expected = looped(z, lambda i, j: group[i] == group[j], lambda i, k: group[i] != group[k])
    assert losses['loss_contrastive'].item() == pytest.approx(expected, rel=1e-9)


def test_a_configured_loss_and_one_view_of_same_pace():
    torch.manual_seed(0)
    loss = dict(type='auxskd_mm.PaceContrastiveLoss', temperature=0.1, normalize=True)
    head = PaceHead(6, contrastive='same_pace', contrastive_weight=1.0, contrastive_loss=loss).double()
    feats, pace = torch.randn(4, 6, dtype=torch.float64), [0, 1, 0, 1]
    z = F.normalize(head.projector(feats), dim=1).detach() / math.sqrt(0.1)
    expected = looped(z, lambda i, j: pace[i] == pace[j], lambda i, k: pace[i] != pace[k])
    assert head.loss(feats, samples(*pace))['loss_contrastive'].item() == pytest.approx(expected, rel=1e-9)


def test_both_losses_train_the_backbone_and_every_layer():
    head = PaceHead(6, contrastive='same_context')
    feats = torch.randn(4, 6, 2, 2, 2, requires_grad=True)
    losses = head.loss(feats, samples((0, 1), (2, 3)))
    for key in ('loss_pace', 'loss_contrastive'):
        assert torch.autograd.grad(losses[key], feats, retain_graph=True)[0].abs().sum() > 0
    (losses['loss_pace'] + losses['loss_contrastive']).backward()
    assert all(p.grad is not None for p in head.parameters())


def test_predictions_keep_sample_and_view_order():
    head = PaceHead(6)
    feats = torch.randn(4, 6, 2, 2, 2)
    batch = head.predict(feats, samples((0, 1), (2, 3)))
    expected = head(feats).softmax(1)
    assert [tuple(s.pred_pace.shape) for s in batch] == [(2, 4), (2, 4)]
    assert torch.allclose(torch.cat([s.pred_pace for s in batch]), expected)


def test_weights_of_the_losses_and_names_of_the_paces_unless_told():
    head = PaceHead(6, contrastive='same_pace')
    assert (head.pace_weight, head.contrastive_weight) == (1.0, 0.1)
    assert [task.class_names for task in head.tasks] == [('1x', '2x', '3x', '4x')]


def test_bad_input_is_named():
    for settings, names in (
        (dict(num_paces=1), 'num_paces=1'),
        (dict(contrastive='same'), "contrastive='same'"),
        (dict(contrastive_weight=-1), 'contrastive_weight=-1'),
        (dict(token_pool='max'), "token_pool='max'"),
    ):
        with pytest.raises(InputError, match=names):
            PaceHead(6, **settings)
    with pytest.raises(InputError, match=r"'same_context' compares clips of one video.*num_views=2"):
        PaceHead(6, contrastive='same_context').loss(torch.randn(2, 6), samples(0, 1))
    with pytest.raises(InputError, match=r"4 predictions for 2 'pace_label's of 2 samples"):
        PaceHead(6).loss(torch.randn(4, 6), samples(0, 1))
    with pytest.raises(InputError, match=r"'pace_label' runs from 0 to 4, but the head has 4 classes"):
        PaceHead(6).loss(torch.randn(2, 6), samples(0, 4))
    with pytest.raises(InputError, match=r'in_channels=6.*yields 8'):
        PaceHead(6)(torch.randn(2, 8))
