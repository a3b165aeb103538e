"""A frozen public teacher for auxSKD: hand calculations, what a checkpoint holds, and what is refused."""

import copy

import pytest
import torch
import torch.nn.functional as F
import toy_distillation as toy
from fvcore.nn import FlopCountAnalysis
from mmaction.structures import ActionDataSample
from torch import nn

from auxskd_mm.errors import InputError
from auxskd_mm.models.modules.frozen_network import FrozenNetwork, fingerprint_of
from auxskd_mm.models.tasks import forward_sample
from auxskd_mm.registry import MODELS
from auxskd_mm.zoo.model_summary import SampleForward

PUBLIC_WIDTH = 5


class PublicToy(nn.Module):
    """A network whose weights come from a file that the config names, here from a seed; wider than the student."""

    out_channels = PUBLIC_WIDTH

    def __init__(self, seed=0):
        super().__init__()
        self.seed = seed
        self.conv1 = nn.Conv3d(3, PUBLIC_WIDTH, 3, padding=1)
        self.bn1 = nn.BatchNorm3d(PUBLIC_WIDTH)
        self.dropout = nn.Dropout(0.5)

    def init_weights(self):
        generator = torch.Generator().manual_seed(self.seed)
        with torch.no_grad():
            for tensor in (*self.parameters(), self.bn1.running_mean):
                tensor.copy_(torch.randn(tensor.shape, generator=generator))

    def forward(self, x):
        return self.dropout(self.bn1(self.conv1(x)))


MODELS.register_module('PublicToy', force=True, module=PublicToy)
PUBLIC = dict(type='auxskd_mm.PublicToy')


def build(alone=False, teacher=None, seed=0, **changes):
    torch.manual_seed(seed)
    if alone:
        changes.update(neck=None, predictor=None, ema_weight=0.0)
    model = MODELS.build(toy.aux_skd(teacher=PUBLIC if teacher is None else teacher, **changes))
    model.init_weights()
    if not alone:
        model.teacher.copy_from(model.student_modules())
    return model.train()


def views(batch=3, seed=0):
    return torch.randn(batch, 2, 3, 2, 4, 4, generator=torch.Generator().manual_seed(seed))


def public(seed=0, like=None):
    network = PublicToy(seed).eval()
    network.init_weights()
    return network if like is None else network.to(like)


def kl(query, key, mine, theirs, weight=1.0):
    log_q = (F.normalize(query, dim=1) @ mine.T / 0.1).log_softmax(1)
    target = (F.normalize(key, dim=1) @ theirs.T / 0.02).softmax(1)
    return weight * F.kl_div(log_q, target.detach(), reduction='batchmean')


def test_alone_the_student_is_projected_to_the_width_of_the_teacher():
    model = build(alone=True, teacher=dict(backbone=PUBLIC, weight=0.5)).double()
    reference, inputs = copy.deepcopy(model), views().double()
    losses = model.loss(inputs)
    query = reference.frozen.projector(reference.backbone(inputs[:, 0]).mean((2, 3, 4)))
    key = public().double()(inputs[:, 1]).mean((2, 3, 4))
    anchors = reference.frozen.queue.features
    assert query.shape == key.shape == (3, PUBLIC_WIDTH)
    expected = kl(query, key, anchors, anchors, 0.5)
    assert losses['loss_similarity'].item() == pytest.approx(expected.item(), rel=1e-10)
    assert torch.allclose(model.frozen.queue.features[:3], F.normalize(key, dim=1), atol=1e-6)
    losses['loss_similarity'].backward()
    expected.backward()
    for (name, mine), other in zip(model.named_parameters(), reference.parameters()):
        assert torch.allclose(mine.grad, other.grad, rtol=1e-8, atol=1e-12), name
    assert not hasattr(model, 'teacher')
    assert not hasattr(model, 'queue')


def test_beside_the_ema_teacher_nothing_of_the_paper_changes():
    inputs, both = views(), build()
    paper = MODELS.build(toy.aux_skd())
    paper.load_state_dict({k: v for k, v in both.state_dict().items() if not k.startswith('frozen.')})
    paper.teacher.broadcast()
    for seed in range(3):
        found, alone = both.loss(views(seed=seed)), paper.train().loss(views(seed=seed))
        for key, value in alone.items():
            assert torch.equal(found[key], value), key
        assert set(found) - set(alone) == {
            'loss_frozen_similarity',
            *(f'frozen_{key}' for key in alone if not key.startswith('loss')),
        }
    assert torch.equal(both.queue.features, paper.queue.features)
    assert list(both.queues()) == ['', 'frozen_']
    total, _ = both.parse_losses(both.loss(inputs))
    weighted = build(ema_weight=3.0, teacher=dict(backbone=PUBLIC, weight=0.25))
    weighted.load_state_dict(build().state_dict())
    plain, scaled = build().loss(inputs), weighted.loss(inputs)
    assert torch.equal(scaled['loss_similarity'], 3 * plain['loss_similarity'])
    assert torch.equal(scaled['loss_frozen_similarity'], 0.25 * plain['loss_frozen_similarity'])
    assert torch.isfinite(total)


def test_own_anchors_are_of_the_same_clips():
    model = build(alone=True, teacher=dict(backbone=PUBLIC, space='own')).double()
    network, seen = public().double(), []
    for seed in range(4):
        inputs = views(2, seed).double()
        query = copy.deepcopy(model).backbone(inputs[:, 0]).mean((2, 3, 4))
        key = network(inputs[:, 1]).mean((2, 3, 4))
        own = [F.normalize(part.detach(), dim=1) for part in (query, key)]
        # The first batch is compared with itself, later ones with the five last clips of earlier batches.
        mine, theirs = (torch.cat(parts)[-5:] for parts in zip(*(seen or [own])))
        assert model.loss(inputs)['loss_similarity'].item() == pytest.approx(
            kl(query, key, mine, theirs).item(), rel=1e-6
        )
        seen.append(own)
    assert model.frozen.student_queue.features.shape == (5, 6)
    assert torch.equal(model.frozen.student_queue.age, model.frozen.queue.age)


class Loose(PublicToy):
    """A network that trains after it has drawn its weights, as some of MMAction2 do."""

    def init_weights(self):
        super().init_weights()
        self.requires_grad_(True).train()


MODELS.register_module('Loose', force=True, module=Loose)


def test_a_network_that_wants_to_train_does_not():
    found = build(alone=True, teacher=dict(type='auxskd_mm.Loose')).frozen.network
    assert not any(module.training for module in found.network.modules())
    assert not any(parameter.requires_grad for parameter in found.network.parameters())
    clips = views()[:, 0]
    assert torch.equal(found(clips), found(clips))  # no dropout


def test_the_first_batch_loads_the_weights_if_nothing_has_done_so():
    found, clips = FrozenNetwork(PUBLIC), views()[:, 0]
    assert not found.fingerprint.any()
    assert torch.allclose(found(clips), public()(clips).mean((2, 3, 4)), atol=1e-6)
    assert torch.equal(found.fingerprint, fingerprint_of(public()))
    assert torch.equal(fingerprint_of(public().double()), found.fingerprint)
    assert not torch.equal(fingerprint_of(public(1)), found.fingerprint)


def test_a_checkpoint_of_before_the_weights_were_known_fits_any_network():
    early, ready = FrozenNetwork(PUBLIC).state_dict(), FrozenNetwork(PUBLIC)
    ready.init_weights()
    ready.load_state_dict(early)
    ready.fingerprint.copy_(fingerprint_of(public()))
    with pytest.raises(InputError, match='trained with a frozen teacher of hash'):
        ready.load_state_dict({'fingerprint': fingerprint_of(public(1))})


@pytest.mark.parametrize(('weights', 'warned'), [({}, 1), (dict(pretrained=None), 1), (dict(pretrained='x.pth'), 0)])
def test_a_network_without_weights_is_said_to_be_random(weights, warned, monkeypatch):
    said = []
    monkeypatch.setattr('auxskd_mm.models.modules.frozen_network.print_log', lambda line, **kwargs: said.append(line))
    monkeypatch.setattr('auxskd_mm.models.modules.frozen_network.build_backbone', lambda config: PublicToy())
    FrozenNetwork({**PUBLIC, **weights}).init_weights()
    assert len(said) == warned
    assert all('PublicToy names no weights' in line for line in said)


def test_the_network_stays_out_of_optimizer_checkpoint_and_training_mode():
    model = build()
    network = model.frozen.network.network
    before = copy.deepcopy(network.state_dict())
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0, weight_decay=0.5)
    for seed in range(2):
        optimizer.zero_grad()
        model.train().parse_losses(model.loss(views(seed=seed)))[0].backward()
        optimizer.step()
    assert not toy.same(before, network.state_dict())
    assert not any(module.training for module in network.modules())
    assert not any(parameter.requires_grad for parameter in network.parameters())
    inside = {id(tensor) for tensor in (*model.parameters(), *model.buffers())}
    assert not inside & {id(tensor) for tensor in (*network.parameters(), *network.buffers())}
    kept = {key.split('.', 1)[1].split('.')[0] for key in model.state_dict() if key.startswith('frozen.')}
    assert kept == {'projector', 'queue', 'network'}
    assert [key for key in model.state_dict() if key.startswith('frozen.network')] == ['frozen.network.fingerprint']
    model.double()
    assert next(network.parameters()).dtype == torch.float64


@pytest.mark.parametrize('load_first', [False, True])
def test_a_checkpoint_goes_on_only_with_the_same_teacher(load_first):
    first = build()
    first.loss(views())

    def resumed(seed):
        torch.manual_seed(3)
        model = MODELS.build(toy.aux_skd(teacher=dict(PUBLIC, seed=seed)))
        for step in (model.init_weights, lambda: model.load_state_dict(first.state_dict()))[:: -1 if load_first else 1]:
            step()
        model.teacher.broadcast()
        return model.train()

    again = resumed(0)
    assert not toy.same(first.state_dict(), again.state_dict())
    mine, other = first.loss(views(seed=5)), again.loss(views(seed=5))
    assert all(torch.equal(mine[key], other[key]) for key in mine)
    with pytest.raises(
        InputError, match=r'model\.teacher: the checkpoint was trained with a frozen teacher of hash'
    ) as error:
        resumed(1)
    assert '\n' not in str(error.value)


@pytest.mark.parametrize('to_rgb', [False, True])
def test_the_teacher_gets_its_own_normalisation_of_the_same_frames(to_rgb):
    frames = torch.randint(0, 256, (2, 1, 3, 2, 4, 4), dtype=torch.uint8)
    mine = dict(type='auxskd_mm.ClipDataPreprocessor', mean=[1.0, 2.0, 3.0], std=[4.0, 5.0, 6.0], to_rgb=True)
    theirs = dict(mean=[123.7, 116.3, 103.5], std=[58.4, 57.1, 57.4], to_rgb=to_rgb)
    batch = dict(inputs=list(frames), data_samples=[ActionDataSample()] * 2)
    wanted = MODELS.build(dict(type='auxskd_mm.ClipDataPreprocessor', **theirs))(batch)['inputs'][:, 0]
    for processor in (mine, dict(type='auxskd_mm.ClipDataPreprocessor')):
        model = build(alone=True, teacher=dict(backbone=PUBLIC, **theirs), data_preprocessor=processor)
        given = model.data_preprocessor(batch)['inputs'][:, 0]
        assert torch.allclose(model.frozen.own_input(given), wanted, atol=1e-5)
    as_it_is = build(alone=True, data_preprocessor=mine)
    assert torch.equal(as_it_is.frozen.own_input(given), given)


def test_clips_are_resized_frame_by_frame():
    model, clips = build(alone=True, teacher=dict(backbone=PUBLIC, size=7)), torch.randn(2, 3, 3, 4, 6)
    wanted = [F.interpolate(clips[:, :, t], (7, 7), mode='bilinear', align_corners=False) for t in range(3)]
    assert torch.allclose(model.frozen.own_input(clips), torch.stack(wanted, 2), atol=1e-6)


def test_an_image_network_may_see_few_frames():
    model = build(alone=True, teacher=dict(backbone=PUBLIC, frames=3))
    clips = torch.arange(8.0).view(1, 1, 8, 1, 1).expand(2, 3, 8, 2, 2)
    assert model.frozen.own_input(clips)[0, 0, :, 0, 0].tolist() == [1, 4, 6]  # the middles of thirds of 8
    assert torch.equal(model.frozen.own_input(clips[:, :, :2]), clips[:, :, :2])


def test_features_from_the_pipeline_and_from_the_second_view():
    stored = build(alone=True, teacher=dict(out_channels=PUBLIC_WIDTH, feature_key='teacher_feature'))
    direct = build(alone=True)
    direct.frozen.projector.load_state_dict(stored.frozen.projector.state_dict())
    direct.frozen.queue.load_state_dict(stored.frozen.queue.state_dict())
    inputs, samples = views(), [ActionDataSample() for _ in range(3)]
    features = public()(inputs[:, 1])
    for sample, feature in zip(samples, features):
        sample.set_field(feature.mean((2, 3)).T, 'teacher_feature')  # (frames, channels)
    found, wanted = stored.loss(inputs, samples), direct.loss(inputs)
    assert torch.allclose(found['loss_similarity'], wanted['loss_similarity'], atol=1e-5)
    with pytest.raises(InputError, match=r"the data samples carry no 'teacher_feature': write it in the pipeline"):
        stored.loss(inputs, [ActionDataSample()] * 3)
    samples[0].set_field(torch.ones(4), 'teacher_feature')
    with pytest.raises(InputError, match=r"'teacher_feature' has the shape \(4,\); expected \(5,\)"):
        stored.loss(inputs, samples)
    maps = build(alone=True, teacher=dict(out_channels=3))
    assert torch.allclose(maps.frozen.keys(inputs[:, 1]), inputs[:, 1].mean((2, 3, 4)), atol=1e-6)
    with pytest.raises(InputError, match=r'model\.teacher\.out_channels=4, but the features have 3 channels'):
        build(alone=True, teacher=dict(out_channels=4)).loss(inputs)


def test_shapes_are_computed_without_the_weights():
    with torch.device('meta'):
        model = MODELS.build(toy.aux_skd(teacher=PUBLIC)).eval()
        parts = forward_sample(model, torch.rand(1, 2, 3, 2, 4, 4))
    assert [tuple(part.shape) for part in parts] == [(1, 4), (1, 4), (1, PUBLIC_WIDTH), (1, PUBLIC_WIDTH)]
    (line,) = model.describe()
    assert line.startswith('frozen teacher: PublicToy, 0.00 M parameters, frozen; 5 anchors of 5 numbers')
    assert 'distilled from an EMA teacher and a frozen teacher' in model.summary


MLP = dict(type='auxskd_mm.MLP', in_channels=6, out_channels=4)
IMAGES = dict(type='auxskd_mm.TimmBackbone', model='resnet10t')


@pytest.mark.parametrize(
    ('changes', 'says'),
    [
        (dict(teacher=None, ema_weight=0), r'model\.ema_weight=0 leaves no teacher'),
        (dict(ema_weight=-1), r'model\.ema_weight=-1'),
        (
            dict(ema_weight=0, teacher=dict(backbone=PUBLIC, weight=0)),
            r'model: ema_weight and teacher\.weight are 0, so nothing would be trained',
        ),
        (dict(neck=None), r'model\.neck is missing: the EMA teacher needs it'),
        (dict(teacher=dict(backbone=PUBLIC, weight=-1)), r'model\.teacher\.weight=-1'),
        (dict(teacher=dict(backbone=PUBLIC, space='mine')), r"model\.teacher\.space='mine'"),
        (
            dict(teacher=dict(backbone=PUBLIC, out_channels=9)),
            r'out_channels=9: the backbone yields 5 channels; set it to 5',
        ),
        (dict(teacher=dict(backbone=dict(type='auxskd_mm.PlainReLU'))), r'ReLU do not say their width'),
        (dict(teacher=dict(backbone=PUBLIC, projector=MLP)), r'projector\.out_channels=4: the teacher yields 5'),
        (
            dict(teacher=dict(backbone=PUBLIC, projector=dict(MLP, in_channels=7, out_channels=5))),
            r'projector\.in_channels=7: the backbone yields 6',
        ),
        (dict(teacher=dict(backbone=PUBLIC, frames=0)), r'model\.teacher\.frames=0: expected at least 1'),
        (dict(teacher=dict(backbone=PUBLIC, mean=[0.0])), r'mean, std and backbone belong together'),
        (dict(teacher=dict(backbone=PUBLIC, mean=[0.0], std=[0.0])), r'std=\[0\.0\]: expected numbers above 0'),
        (
            dict(teacher=dict(backbone=PUBLIC, mean='imagenet', std='imagenet')),
            r"teacher\.mean='imagenet': expected a number",
        ),
        (
            dict(
                teacher=dict(backbone=PUBLIC, mean=[0.0] * 2, std=[1.0] * 2),
                data_preprocessor=dict(type='auxskd_mm.ClipDataPreprocessor', mean=[0.0] * 3, std=[1.0] * 3),
            ),
            r"teacher\.mean has 2 numbers, and the student's data_preprocessor 3",
        ),
        (
            dict(teacher=dict(IMAGES, out_indices=(1, 2))),
            r'teacher\.backbone\.out_indices: the backbone yields 2 maps \(64, 128 channels\); name one',
        ),
        (dict(teacher='resnet18'), r"model\.teacher='resnet18': expected the config of a network"),
        (dict(teacher=dict(backbone=PUBLIC, feature_key='x')), r'give backbone or feature_key'),
        (dict(teacher=dict(backbone=PUBLIC, mean=[0.0] * 3, std=[1.0])), r'mean has 3 numbers and std 1'),
        (
            dict(teacher=dict(feature_key='x', out_channels=5, size=7)),
            r'teacher\.size=7: is about the clips of a backbone',
        ),
    ],
)
def test_what_does_not_fit_is_refused_at_build_time(changes, says):
    MODELS.register_module('PlainReLU', force=True, module=nn.ReLU)
    with pytest.raises(InputError, match=says) as error:
        MODELS.build(toy.aux_skd(**changes))
    assert '\n' not in str(error.value)


def flops(module, *inputs):
    analysis = FlopCountAnalysis(module.eval(), inputs)
    return analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False).tracer_warnings('none').total()


def test_flops_of_the_frozen_network_are_counted():
    sample, clip = views(1), views(1)[:, 0]
    both = build()
    whole = flops(SampleForward(both), sample)
    paper = flops(SampleForward(MODELS.build(toy.aux_skd())), sample)
    extra = flops(public(), clip) + flops(both.frozen.projector, torch.zeros(1, 6))
    pooling = flops(both.frozen.network, clip) - flops(public(), clip)
    assert whole == paper + extra + pooling
    assert flops(public(), clip) > 27 * 3 * PUBLIC_WIDTH
