"""auxSKD against the original code: step by step on R(2+1)D in float32, and in full on a tiny encoder in float64."""

import pytest
import seeded
import torch
import torch.nn.functional as F
from conftest import recorded
from torch import nn

from auxskd_mm.registry import MODELS
from auxskd_mm.zoo.convert_checkpoint import convert_state_dict

# At lr 0.01 and a batch of 4, BatchNorm magnifies rounding from step to step, and CPUs round differently. Measured
# deviations of this very test from the recording: float64 moves the losses of the four steps by 2e-6, 2e-3, 4e-2 and
# 3e-1 and the gradient norms by 2e-5, 1e-3, 2e-1 and 7e-1; float32 on a CPU with AMX by 4e-7, 3e-3, 1e-1, 5e-2 and
# 5e-5, 5e-2, 5e-1, 3e-1. An AMD EPYC moves the third loss by 2.05e-1. What is sharp over all steps is the float64 test below.
LOSS_TOLERANCE = (1e-5, 1e-2, 4e-1, 5e-1)
NORM_TOLERANCE = (2e-4, 1.5e-1, 1.0, 1.5)


def build(backbone, queue_size, in_channels, width, hidden):
    return MODELS.build(
        dict(
            type='auxskd_mm.AuxSKD',
            backbone=backbone,
            neck=dict(type='auxskd_mm.MLP', in_channels=in_channels, out_channels=width),
            predictor=dict(type='auxskd_mm.MLP', in_channels=width, out_channels=width, hidden_channels=hidden),
            queue_size=queue_size,
        )
    )


def test_four_steps_on_r2plus1d():
    record = recorded('auxskd_r21d')
    seed, batch = record['seed'], record['batch']
    model = build(dict(type='auxskd_mm.R2Plus1DVCOP'), record['queue_size'], 512, 128, 1024)
    state = seeded.state_dict(seed, record['shapes'])
    state.update({f'encoder_k{k[9:]}': v.clone() for k, v in state.items() if k.startswith('encoder_q')})
    state['queue'] = F.normalize(seeded.normal(seed, 'queue', (record['queue_size'], 128)), dim=1)
    state['queue_ptr'] = torch.zeros(1, dtype=torch.long)
    # DataParallel's prefix sits behind the encoder's name in the original's files.
    converted = convert_state_dict({k.replace('encoder_q.', 'encoder_q.module.'): v for k, v in state.items()})
    assert converted.kind == 'auxskd'
    model.load_state_dict(converted.state_dict)
    model.teacher.broadcast()
    optimizer = torch.optim.SGD(
        [p for p in model.parameters() if p.requires_grad], lr=0.01, momentum=0.9, weight_decay=0.005
    )
    model.train()
    for i, step in enumerate(record['steps']):
        views = [seeded.clips(seed, f'{who}{i}', batch) for who in ('student', 'teacher')]
        loss = model.loss(torch.stack(views, 1))['loss_similarity']
        optimizer.zero_grad()
        loss.backward()
        norm = torch.nn.utils.get_total_norm([p.grad for p in model.parameters() if p.grad is not None])
        assert loss.item() == pytest.approx(step['loss'], rel=LOSS_TOLERANCE[i])
        assert norm.item() == pytest.approx(step['grad_norm'], rel=NORM_TOLERANCE[i])
        assert model.queue.pointer.item() == step['queue_ptr']
        optimizer.step()
        model.teacher.update(model.student_modules(), record['momentum'])
    queue = torch.tensor(record['queue_after'])
    assert torch.allclose(model.queue.features[:, : queue.shape[1]], queue, atol=5e-3)
    student = [*model.backbone.parameters(), *model.neck.parameters()]
    teacher = list(model.teacher.parameters())
    trained = [*student, *model.predictor.parameters()]
    assert torch.nn.utils.get_total_norm(trained).item() == pytest.approx(record['student_norm_after'], rel=1e-4)
    # The original moves its teacher at the start of a forward pass, so the last of our updates is one that it had not
    # made yet.
    distance = torch.nn.utils.get_total_norm([s - t for s, t in zip(student, teacher)]) / record['momentum']
    assert distance.item() == pytest.approx(record['teacher_student_distance_after'], rel=1e-1)


class TinyBackbone(nn.Module):
    """Linear(6, 16) - BN - ReLU on clips that are vectors of 6."""

    out_channels = 16

    def __init__(self):
        super().__init__()
        self.body = nn.Linear(6, 16, bias=False)
        self.bn1 = nn.BatchNorm1d(16)

    def forward(self, x):
        return torch.relu(self.bn1(self.body(x.flatten(1))))


def test_full_state_in_float64():
    record = recorded('auxskd_step_float64')
    MODELS.register_module('TinyBackbone', force=True, module=TinyBackbone)
    model = build(dict(type='auxskd_mm.TinyBackbone'), 12, 16, 4, 32).double()
    names = {'encoder_q.linear.': 'neck.0.', 'encoder_k.linear.': 'teacher.neck.0.', 'encoder_q.': 'backbone.'}
    names |= {'encoder_k.': 'teacher.backbone.', 'predict_q_c.': 'predictor.'}
    names |= {'queue_ptr': 'queue.pointer', 'queue': 'queue.features'}

    def ours(key):
        prefix = next(p for p in names if key.startswith(p))
        return names[prefix] + key[len(prefix) :]

    def tensors(original):
        made = {ours(k): torch.tensor(v, dtype=torch.float64) for k, v in original.items()}
        made['queue.pointer'] = made['queue.pointer'].reshape(())
        return made

    missing, unexpected = model.load_state_dict(tensors(record['init']), strict=False)
    assert set(missing) == {'queue.age', 'queue.filled'}
    assert unexpected == []
    model.teacher.broadcast()
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.SGD(
        trained, lr=record['lr'], momentum=record['momentum'], weight_decay=record['weight_decay']
    )
    model.train()
    for i, step in enumerate(record['steps']):
        if i:  # the original's forward pass begins with the step of the average
            model.teacher.update(model.student_modules(), 0.999)
        views = [torch.tensor(step[key], dtype=torch.float64) for key in ('im_q', 'im_k')]
        loss = model.loss(torch.stack(views, 1)[:, :, :, None, None, None])['loss_similarity']
        assert loss.item() == pytest.approx(step['loss'], rel=1e-9)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        state = model.state_dict()
        for key, wanted in tensors(step['after']).items():
            assert torch.allclose(state[key].double(), wanted, rtol=1e-8, atol=1e-10), (i, key)
