"""RSPNet: three steps followed by an explicit second implementation that shares no code with it, and its random halves."""

import copy

import pytest
import torch
import torch.nn.functional as F
from mmaction.structures import ActionDataSample
from torch import nn

from auxskd_mm.errors import InputError
from auxskd_mm.evaluation import PretextAccuracyMetric
from auxskd_mm.registry import MODELS

WIDTH, DIM, FRAMES, QUEUE, T, MARGIN, M, LR = 5, 4, 6, 11, 0.07, 2.0, 0.9, 0.05


class TinyConv(nn.Module):
    """Conv3d - BN - ReLU."""

    out_channels = WIDTH

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv3d(3, WIDTH, 3, padding=1)
        self.bn = nn.BatchNorm3d(WIDTH)

    def forward(self, x):
        return torch.relu(self.bn(self.conv(x)))


MODELS.register_module('TinyConv', force=True, module=TinyConv)


def build(**kwargs):
    config = dict(
        type='auxskd_mm.RSPNet',
        backbone=dict(type='auxskd_mm.TinyConv'),
        head_a=dict(type='auxskd_mm.RelativeSpeedHead', in_channels=WIDTH, out_channels=DIM),
        queue_size=QUEUE,
    )
    return MODELS.build({**config, **kwargs})


def started(seed=0, **kwargs):
    torch.manual_seed(seed)
    model = build(**kwargs).double()
    # The queue is float32 by nature; here the oracle wants the same numbers to the last digit.
    model.queue.features = model.queue.features.double()
    model.teacher.copy_from(model.student_modules())
    return model.train()


class Oracle:
    """RSPNet's step written out clip by clip and key by key, from the description in the paper and of its code."""

    def __init__(self, model):
        state = copy.deepcopy(model.state_dict())
        self.q = {
            name: state[name].requires_grad_() for name, _ in model.named_parameters() if not name.startswith('teacher')
        }
        self.k = {name: state[f'teacher.{name}'] for name in self.q}
        self.bn = [state['teacher.backbone.bn.running_mean'], state['teacher.backbone.bn.running_var']]
        self.bn_q = [state['backbone.bn.running_mean'], state['backbone.bn.running_var']]
        self.queue = list(state['queue.features'])
        self.place = 0

    def encode(self, weights, statistics, clips):
        """Appearance and motion features of a list of clips."""
        x = F.conv3d(torch.stack(clips), weights['backbone.conv.weight'], weights['backbone.conv.bias'], padding=1)
        x = F.batch_norm(x, *statistics, weights['backbone.bn.weight'], weights['backbone.bn.bias'], training=True)
        pooled = x.clamp(min=0).mean((2, 3, 4))
        heads = []
        for head in ('head_a', 'head_m'):
            z = pooled @ weights[f'{head}.projector.0.weight'].T + weights[f'{head}.projector.0.bias']
            heads.append(z / z.pow(2).sum(1, keepdim=True).sqrt())
        return heads

    def step(self, inputs, slow):
        """Losses of a batch in which the samples of the set ``slow`` have speed 1."""
        same, different, query = [], [], []
        for i, (query_view, key_view) in enumerate(inputs):
            at_one, at_two = slice(0, FRAMES // 2), slice(0, FRAMES, 2)
            own, other = (at_one, at_two) if i in slow else (at_two, at_one)
            query.append(query_view[:, own])
            same.append(key_view[:, own])
            different.append(key_view[:, other])
        with torch.no_grad():
            different_a, different_m = self.encode(self.k, self.bn, different)
            same_a, same_m = self.encode(self.k, self.bn, same)
        query_a, query_m = self.encode(self.q, self.bn_q, query)
        appearance = motion = 0.0
        for i in range(len(inputs)):
            for key in (same_a[i], different_a[i]):
                positive = torch.exp(query_a[i] @ key / T)
                negatives = sum(torch.exp(query_a[i] @ anchor / T) for anchor in self.queue)
                appearance = appearance - torch.log(positive / (positive + negatives))
            lead = query_m[i] @ same_m[i] / T - query_m[i] @ different_m[i] / T
            motion = motion + max(torch.zeros_like(lead), MARGIN - lead)
        for key in different_a:
            self.queue[self.place % QUEUE] = key
            self.place += 1
        return appearance / len(inputs), motion / len(inputs)

    def update(self, loss):
        """Plain gradient descent, then the average."""
        grads = torch.autograd.grad(loss, list(self.q.values()))
        for (name, weight), grad in zip(self.q.items(), grads):
            weight.data -= LR * grad
            self.k[name] = M * self.k[name] + (1 - M) * weight.detach()


@pytest.mark.parametrize('batch', [4, 5])
def test_three_steps_by_hand(batch, monkeypatch):
    model = started()
    oracle = Oracle(model)
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.SGD(trained, lr=LR)
    orders = []
    draw = torch.randperm
    monkeypatch.setattr(torch, 'randperm', lambda *args, **kwargs: orders.append(draw(*args, **kwargs)) or orders[-1])
    for step in range(3):  # 3 x 4 or 5 keys go round the queue of 11
        inputs = torch.randn(batch, 2, 3, FRAMES, 5, 5, dtype=torch.float64)
        losses = model.loss(inputs)
        slow = {i for i, place in enumerate(orders[step].tolist()) if place < batch // 2}
        assert len(slow) == batch // 2
        appearance, motion = oracle.step(inputs, slow)
        assert losses['loss_appearance'].item() == pytest.approx(appearance.item(), rel=1e-10)
        assert losses['loss_motion'].item() == pytest.approx(motion.item(), rel=1e-10)
        assert motion.item() > 0
        optimizer.zero_grad()
        (losses['loss_appearance'] + losses['loss_motion']).backward()
        optimizer.step()
        oracle.update(appearance + motion)
        model.teacher.update(model.student_modules(), M)
    for name, weight in oracle.q.items():
        assert torch.allclose(model.get_parameter(name), weight, atol=1e-10), name
        assert torch.allclose(model.teacher.get_parameter(name), oracle.k[name], atol=1e-10), name
    assert torch.allclose(model.queue.features, torch.stack(oracle.queue), atol=1e-10)
    assert model.queue.pointer.item() == 3 * batch % QUEUE
    assert torch.allclose(model.teacher.backbone.bn.running_var, oracle.bn[1], atol=1e-10)
    assert torch.allclose(model.backbone.bn.running_mean, oracle.bn_q[0], atol=1e-10)


def test_weights_and_losses_are_options():
    inputs = torch.randn(4, 2, 3, FRAMES, 5, 5, dtype=torch.float64)

    def losses(**kwargs):
        model = started(**kwargs)
        torch.manual_seed(1)
        return model.loss(inputs)

    plain = losses()
    weighted = losses(appearance_weight=0.5, motion_weight=3.0)
    assert weighted['loss_appearance'].item() == pytest.approx(0.5 * plain['loss_appearance'].item())
    assert weighted['loss_motion'].item() == pytest.approx(3 * plain['loss_motion'].item())
    assert {key for key in plain if 'loss' in key} == {'loss_appearance', 'loss_motion'}
    wide = losses(speed_loss=dict(type='auxskd_mm.RelativeSpeedLoss', margin=100.0))
    assert wide['loss_motion'] > plain['loss_motion'] + 90
    cool = losses(contrastive_loss=dict(type='auxskd_mm.QueueContrastiveLoss', temperature=1e9))
    assert cool['loss_appearance'].item() == pytest.approx(2 * torch.tensor(QUEUE + 1.0).log().item(), rel=1e-6)


def test_diagnostics():
    model = started()
    with torch.no_grad():
        for head in (model.head_a, model.head_m, model.teacher.head_a, model.teacher.head_m):
            head.projector[0].weight.zero_()
            head.projector[0].bias.copy_(torch.eye(DIM)[0])
        model.queue.features.copy_(torch.eye(DIM)[1])
    result = model.loss(torch.randn(4, 2, 3, FRAMES, 5, 5, dtype=torch.float64))
    # All features are one: both keys are found among the queue, and no key is nearer than the other.
    assert (result['instance_same_acc'], result['instance_different_acc'], result['speed_acc']) == (1, 1, 0)
    with torch.no_grad():
        model.queue.features.copy_(2 * torch.eye(DIM)[0])
    result = model.loss(torch.randn(4, 2, 3, FRAMES, 5, 5, dtype=torch.float64))
    assert (result['instance_same_acc'], result['instance_different_acc']) == (0, 0)


def test_losses_alone():
    inputs, found = torch.randn(4, 2, 3, FRAMES, 5, 5, dtype=torch.float64), []
    for with_diagnostics in (True, False):
        model = started()
        model.with_diagnostics = with_diagnostics
        torch.manual_seed(1)
        found.append(model.loss(inputs))
    assert list(found[1]) == ['loss_appearance', 'loss_motion']
    assert all(torch.equal(found[0][key], value) for key, value in found[1].items())


def test_every_sample_is_slow_as_often(monkeypatch):
    model, drawn = started(), []

    def clips(views, fast):
        drawn.append(fast)
        return views

    monkeypatch.setattr(model, 'clips', clips)
    monkeypatch.setattr(model, 'embed', lambda network, views: torch.ones(len(views), 2 * DIM, dtype=torch.float64))
    slow, inputs = torch.zeros(5), torch.zeros(5, 2, 1, 1, 1, 1)
    for _ in range(1000):
        drawn.clear()
        model.loss(inputs)
        other_keys, same_keys, queries = drawn
        assert torch.equal(same_keys, queries)
        assert torch.equal(other_keys, ~queries)
        slow += ~queries
    # 2 of 5 each time; 400 +- 15.5 for each, five deviations.
    assert slow.sum() == 2000
    assert (slow - 400).abs().max() < 78


@pytest.mark.parametrize(('frames', 'speed', 'slow', 'fast'), [(8, 4, [0, 1], [0, 4]), (7, 3, [0, 1], [0, 3])])
def test_other_speeds(frames, speed, slow, fast):
    views = torch.arange(frames, dtype=torch.float32).expand(2, 1, frames)[..., None, None]
    clips = build(speed=speed).clips(views, torch.tensor([False, True]))[:, 0, :, 0, 0]
    assert clips.tolist() == [slow, fast]


def test_prediction_asks_for_both_speeds():
    class Mean(nn.Module):
        """The first feature says how fast brightness grows from frame to frame."""

        def forward(self, x):
            growth = (x[:, :, 1:] - x[:, :, :-1]).mean((1, 2, 3, 4))
            return torch.stack([growth - 1.5, torch.full_like(growth, 0.1), *[growth * 0] * 3], 1)

    model = build()
    for network in (model, model.teacher):
        network.backbone = Mean()
        for head in (network.head_a, network.head_m):
            nn.init.eye_(head.projector[0].weight)
            nn.init.zeros_(head.projector[0].bias)
    model.eval()
    views = torch.arange(FRAMES, dtype=torch.float32)[:, None, None].expand(3, 2, 3, FRAMES, 2, 2)
    samples = model(views, [ActionDataSample() for _ in range(3)], mode='predict')
    assert all(tuple(sample.pred_speed.shape) == (2, 2) for sample in samples)
    metric = PretextAccuracyMetric(tasks=['speed'])
    metric.process(None, [sample.to_dict() for sample in samples])
    result = metric.evaluate(3)
    assert (result['pretext/speed_acc'], result['pretext/speed_chance']) == (1.0, 0.5)
    # A blind network scores half.
    model.backbone.forward = model.teacher.backbone.forward = lambda x: torch.ones(len(x), WIDTH)
    metric.process(None, [s.to_dict() for s in model(views, [ActionDataSample() for _ in range(3)], mode='predict')])
    assert metric.evaluate(3)['pretext/speed_acc'] == 0.5


def test_other_samples_get_features():
    model = build().eval()
    (sample,) = model(torch.rand(1, 3, 3, FRAMES, 5, 5), [ActionDataSample()], mode='predict')
    assert tuple(sample.feature.shape) == (3, WIDTH)
    assert 'pred_speed' not in sample


def test_a_checkpoint_has_the_names_of_the_design():
    keys = set(build().state_dict())
    parts = {key.split('.')[0] for key in keys}
    assert parts == {'backbone', 'head_a', 'head_m', 'teacher', 'queue'}
    assert {key.split('.')[1] for key in keys if key.startswith('teacher.')} == {'backbone', 'head_a', 'head_m'}


@pytest.mark.parametrize(
    ('kwargs', 'says'),
    [
        (dict(speed=1), 'RSPNet.speed=1: expected a whole number from 2'),
        (dict(speed=1.5), 'RSPNet.speed=1.5'),
        (dict(motion_weight=-1), 'RSPNet.motion_weight=-1: a loss weight must not be negative'),
        (
            dict(head_a=dict(type='auxskd_mm.RelativeSpeedHead', in_channels=7)),
            r'model\.head_a\.in_channels=7: .* 5 channels',
        ),
        (
            dict(head_m=dict(type='auxskd_mm.RelativeSpeedHead', in_channels=7)),
            r'model\.head_m\.in_channels=7: .* 5 channels',
        ),
    ],
)
def test_bad_settings(kwargs, says):
    with pytest.raises(InputError, match=says) as error:
        build(**kwargs)
    assert '\n' not in str(error.value)


def test_bad_batches_and_a_forgotten_hook():
    model = build()
    with pytest.raises(InputError, match=r'the teacher was never started; .*SKDDistillerHook'):
        model.loss(torch.rand(2, 2, 3, FRAMES, 5, 5))
    model.teacher.copy_from(model.student_modules())
    with pytest.raises(
        InputError, match='views of 1 frames hold no clip at speed=2; give RelativeSpeedSample max_speed=2'
    ):
        model.loss(torch.rand(2, 2, 3, 1, 5, 5))
    with pytest.raises(InputError, match=r'takes \(B, 2, C, T, H, W\), got \(2, 1, '):
        model.loss(torch.rand(2, 1, 3, FRAMES, 5, 5))
