"""What runs beside: the waits that CUDA needs, as notes of streams that are not there."""

import pytest
import torch
import toy_distillation as toy
from fake_cuda import FakeCuda, OnDevice, on_device

from auxskd_mm.models.modules import side_stream
from auxskd_mm.models.modules.side_stream import run_beside
from auxskd_mm.registry import MODELS


@pytest.fixture
def cuda(monkeypatch):
    side_stream._side_stream.cache_clear()
    yield FakeCuda(monkeypatch)
    side_stream._side_stream.cache_clear()


def test_both_run_at_once_between_what_is_before_and_after(cuda):
    inputs = on_device([1.0], cuda, 'inputs')

    def second(given):
        cuda.put('second')
        return on_device(given + 1, cuda, 'outputs')

    cuda.put('inputs and weights')
    mine, other = run_beside(lambda: cuda.put('first') or 'mine', second, inputs)
    cuda.put('loss')
    assert (mine, float(other)) == ('mine', 2)
    # In this order on the host too: both may draw random numbers.
    assert cuda.order() == ['inputs and weights', 'second', 'first', 'loss']
    assert cuda.on['first'] is cuda.on['loss'] is cuda.main
    assert cuda.on['second'] is not cuda.main
    assert 'inputs and weights' in cuda.before['second']
    assert cuda.apart('first', 'second')
    assert {'first', 'second'} <= cuda.before['loss']
    assert cuda.held == {'inputs': {cuda.on['second']}, 'outputs': {cuda.main}}


def test_one_stream_serves_all_steps(cuda):
    for number in (1, 2):
        run_beside(
            lambda: None,
            lambda given, number=number: cuda.put(f'second {number}') or given,
            on_device([1.0], cuda, ''),
        )
        cuda.put(f'update {number}')
    assert cuda.on['second 1'] is cuda.on['second 2']
    assert 'update 1' in cuda.before['second 2']


def test_an_error_leaves_the_current_stream(cuda):
    with pytest.raises(ZeroDivisionError):
        run_beside(lambda: None, lambda given: 1 / 0, on_device([1.0], cuda, ''))
    assert torch.cuda.current_stream() is cuda.main


def test_one_after_the_other_without_cuda():
    calls = []
    result = run_beside(
        lambda: calls.append('first') or 1, lambda given: calls.append('second') or given, torch.ones(1)
    )
    assert result == (1, torch.ones(1))
    assert calls == ['second', 'first']


def steps(inputs, **changes):
    """Losses of three steps and what they leave."""
    torch.manual_seed(0)
    model = MODELS.build(toy.aux_skd(**changes))
    model.teacher.copy_from(model.student_modules())
    model.train()
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.1)
    noted = getattr(inputs, 'noted_by', None)
    if noted is not None:
        for name, module in (('student', model.backbone), ('teacher', model.teacher.backbone)):
            module.register_forward_hook(lambda *_, name=name: noted.put(f'{name} {len(losses)}'))
        model.similarity_loss.register_forward_pre_hook(lambda *_: noted.put(f'loss {len(losses)}'))
    losses = []
    for _ in range(3):
        loss = model.loss(inputs)['loss_similarity']
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        model.teacher.update(model.student_modules(), 0.9)
        if noted is not None:
            noted.put(f'update {len(losses)}')
        losses.append(float(loss.detach()))
    return losses, model.state_dict()


def views():
    return torch.randn(3, 2, 3, 2, 4, 4, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize('shuffle', [True, False])
def test_aux_skd_is_the_same_step(shuffle):
    losses, state = steps(views(), shuffle=shuffle)
    overlapped, other = steps(views(), shuffle=shuffle, overlap_teacher=True)
    assert overlapped == losses
    assert toy.same(other, state) == []
    assert len(set(losses)) == 3


def test_aux_skd_puts_its_teacher_beside_its_student(cuda, monkeypatch):
    monkeypatch.setattr(OnDevice, 'noted_by', cuda, raising=False)
    expected, state = steps(views())
    losses, other = steps(views().as_subclass(OnDevice), overlap_teacher=True)
    assert losses == expected
    assert toy.same({k: v.as_subclass(torch.Tensor) for k, v in other.items()}, state) == []
    for step in range(3):
        assert cuda.apart(f'student {step}', f'teacher {step}')
        assert {f'student {step}', f'teacher {step}'} <= cuda.before[f'loss {step}']
        if step:
            # Weights and BatchNorm statistics are those that the step before has left.
            assert f'update {step - 1}' in cuda.before[f'teacher {step}']
