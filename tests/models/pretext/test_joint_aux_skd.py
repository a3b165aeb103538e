"""auxSKD with a pretext head in one phase, compared with both methods computed apart."""

import copy

import pytest
import torch
import toy_distillation as toy
from mmaction.structures import ActionDataSample

from auxskd_mm.apis.pictures.activation import class_activation
from auxskd_mm.errors import InputError
from auxskd_mm.evaluation import SegmentPaceMetric
from auxskd_mm.models.tasks import head_neck, method_summary, model_tasks
from auxskd_mm.records.provenance import method_of
from auxskd_mm.registry import MODELS
from auxskd_mm.zoo.export import ClipNetwork

VSPP = dict(type='auxskd_mm.VSPPHead', in_channels=6, num_speeds=4, num_segments=3)


def joint(cls_head=VSPP, **changes):
    return toy.aux_skd(type='auxskd_mm.JointAuxSKD', cls_head=cls_head, **changes)


def build(config):
    torch.manual_seed(0)
    model = MODELS.build(config)
    model.teacher.copy_from(model.student_modules())
    return model.train().double()


def batch(count=3, views=2, **labels):
    inputs = torch.randn(count, views, 3, 2, 4, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    samples = []
    for i in range(count):
        sample = ActionDataSample()
        for key, classes in (labels or dict(pace_label=4, segment_label=3)).items():
            sample.set_field((torch.arange(views) + i) % classes, key)
        samples.append(sample)
    return inputs, samples


def gradients(model, loss):
    model.zero_grad()
    loss.backward()
    return {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


def total(losses):
    return sum(value for key, value in losses.items() if 'loss' in key)


def apart(model, inputs, samples):
    """Both methods one after the other on copies: losses, and the gradients of each."""
    one, other = copy.deepcopy(model), copy.deepcopy(model)
    aux = MODELS.build(toy.aux_skd()).double().train()
    aux.load_state_dict({key: v for key, v in one.state_dict().items() if not key.startswith('cls_head.')})
    aux.teacher.broadcast()
    first = aux.loss(inputs)
    for sample in (samples := [sample.clone() for sample in samples]):
        for key in ('pace_label', 'segment_label'):
            sample.set_field(sample.get(key)[:1], key)
    recogniser = MODELS.build(dict(type='Recognizer3D', backbone=dict(type='auxskd_mm.ToyBackbone'), cls_head=VSPP))
    recogniser.double().train().load_state_dict(
        {key: v for key, v in other.state_dict().items() if key.startswith(('backbone.', 'cls_head.'))}
    )
    second = recogniser.loss(inputs[:, :1], samples)
    return first, second, gradients(aux, total(first)), gradients(recogniser, total(second))


@pytest.mark.parametrize(
    ('weights', 'alone'), [((1.0, 1.0), ''), ((0.3, 2.0), ''), ((1.0, 0.0), 'aux'), ((0.0, 1.0), 'task')]
)
def test_loss_and_gradient_are_the_sums_of_both(weights, alone):
    model, (inputs, samples) = build(joint(similarity_weight=weights[0], head_weight=weights[1])), batch()
    aux, task, aux_gradient, task_gradient = apart(model, inputs, samples)
    losses = model.loss(inputs, samples)
    assert set(losses) == {*aux, *task}
    for key, value in losses.items():
        part, weight = (aux, weights[0]) if key in aux else (task, weights[1])
        expected = part[key] * (weight if 'loss' in key else 1)
        assert torch.allclose(value.double(), expected.double(), rtol=1e-9), key
    found = gradients(model, total(losses))
    for name, gradient in found.items():
        mine, other = (part.get(name, torch.zeros_like(gradient)) for part in (aux_gradient, task_gradient))
        expected = {'': weights[0] * mine + weights[1] * other, 'aux': mine, 'task': other}[alone]
        assert torch.allclose(gradient, expected, rtol=1e-7, atol=1e-10), name
    assert set(found) == {*aux_gradient, *task_gradient}
    assert model.queue.filled.item() == 3


def test_tasks_about_two_clips_get_both_views():
    order = dict(type='auxskd_mm.ClipOrderHead', in_channels=6, tuple_len=2, hidden_channels=4, dropout=0.0)
    model, (inputs, samples) = build(joint(order, head_views='both')), batch(order_label=2)
    for sample in samples:
        sample.set_field(sample.order_label[:1], 'order_label')
    reference = copy.deepcopy(model)
    losses = model.loss(inputs, samples)
    maps = torch.stack([reference.backbone(inputs[:, view]) for view in range(2)], 1).flatten(0, 1)
    assert torch.allclose(losses['loss_order'], reference.cls_head.loss(maps, samples)['loss_order'])
    pace = dict(type='auxskd_mm.PaceHead', in_channels=6, contrastive='same_context', projector_channels=4)
    model = build(joint(pace, head_views='both'))
    assert {'loss_pace', 'loss_contrastive', 'loss_similarity'} <= set(model.loss(*batch(pace_label=4)))


def test_a_test_answers_the_task_of_the_head():
    model = build(joint()).eval()
    inputs, samples = batch(4, views=1)
    answered = model(inputs, samples, mode='predict')
    speeds, segments = model.cls_head(model.backbone(inputs[:, 0]))
    for sample, speed, segment in zip(answered, speeds, segments):
        assert torch.allclose(sample.pred_pace, speed.float().softmax(0)[None])
        assert torch.allclose(sample.pred_segment, segment.float().softmax(0)[None])
    metric = SegmentPaceMetric()
    metric.process(None, [sample.to_dict() for sample in answered])
    results = metric.evaluate(4)
    right = [int(speed.argmax()) == int(sample.pace_label[0]) for speed, sample in zip(speeds, samples)]
    assert results['vspp/pace_acc'] == pytest.approx(sum(right) / 4)
    assert [task.name for task in model_tasks(model)] == ['pace', 'segment']
    assert [tuple(out.shape) for out in model.forward_parts(inputs[:1])] == [(1, 4), (1, 3)]
    assert [tuple(out.shape) for out in model.forward_parts(batch()[0][:1])] == [(1, 4), (1, 3), (1, 4), (1, 4)]
    assert head_neck(model) is None  # auxSKD's neck is a projector beside the head
    exported = ClipNetwork(model, 'model', normalise=False)(inputs[:, 0])
    assert torch.equal(exported[0], speeds)
    maps = class_activation(model, inputs[:, 0], 'segment')
    assert torch.allclose(maps.logits, segments.float())
    assert 'in one phase' in method_summary(model)
    assert 'VSPP: which segment' in method_summary(model)


def test_records_name_both_methods():
    assert method_of(joint()) == 'auxSKD + VSPP'
    assert method_of(joint(teacher=dict(type='auxskd_mm.ToyBackbone'))) == 'auxSKD with a frozen teacher + VSPP'
    assert method_of(toy.aux_skd()) == 'auxSKD'
    assert method_of(dict(type='Recognizer3D', cls_head=VSPP)) == 'VSPP'


def test_a_checkpoint_has_every_part_by_its_name():
    model = build(joint(teacher=dict(backbone=dict(type='auxskd_mm.ToyBackbone'))))
    roots = {key.split('.')[0] for key in model.state_dict()}
    assert roots == {'backbone', 'neck', 'predictor', 'teacher', 'queue', 'frozen', 'cls_head'}


@pytest.mark.parametrize(
    ('config', 'says'),
    [
        (joint(head_weight=-1), r'model\.head_weight=-1'),
        (joint(similarity_weight=-1), r'model\.similarity_weight=-1'),
        (joint(head_views='teacher'), r"model\.head_views='teacher': expected 'student' or 'both'"),
        (
            joint(dict(type='auxskd_mm.ClipOrderHead', in_channels=6, tuple_len=2)),
            r"ClipOrderHead is about 2 clips, but gets 1 of a sample; set model\.head_views='both'",
        ),
        (
            joint(dict(type='auxskd_mm.ClipOrderHead', in_channels=6, tuple_len=3), head_views='both'),
            r'is about 3 clips, but gets 2 of a sample; take a task about one or two clips',
        ),
    ],
)
def test_what_does_not_fit_is_refused(config, says):
    with pytest.raises(InputError, match=says):
        MODELS.build(config)


def test_samples_without_labels_are_named():
    with pytest.raises(InputError, match="the data samples carry no 'pace_label'"):
        build(joint()).loss(batch()[0], [ActionDataSample()] * 3)
