"""The hook in real Runners: the teacher's path against an average computed beside it, its start, the log, warnings."""

import collections
import copy
import math
from types import SimpleNamespace

import pytest
import torch
import toy_distillation as toy
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from torch import nn

from auxskd_mm.errors import InputError
from auxskd_mm.hooks import SKDDistillerHook, skd_distiller_hook
from auxskd_mm.registry import MODELS


def parameters(module):
    return {name: p.detach().clone() for name, p in module.named_parameters()}


def student_of(model):
    """The student's parameters under the teacher's names."""
    if not hasattr(model, 'student_modules'):
        return parameters(model.student)
    return {
        f'{part}.{name}': p
        for part, module in model.student_modules().items()
        for name, p in parameters(module).items()
    }


class Witness(Hook):
    """Student right after the optimizer, teacher at the end of the iteration, and both before training."""

    priority = 'LOWEST'

    def __init__(self):
        self.students, self.teachers = [], []

    def before_train(self, runner):
        self.start = copy.deepcopy(runner.model.state_dict())
        self.students.append(student_of(runner.model))
        self.teachers.append(parameters(runner.model.teacher))

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        # The student does not change between the optimizer's step and here.
        self.students.append(student_of(runner.model))
        self.teachers.append(parameters(runner.model.teacher))


def check_average(witness, momenta, steps_at):
    """Follow the students in float64 and compare; ``steps_at`` are the iterations, from 1, that end with a step."""
    average = {name: value.double() for name, value in witness.students[0].items()}
    for i in range(1, len(witness.students)):
        before, after = witness.students[i - 1], witness.students[i]
        assert any(not torch.equal(before[name], after[name]) for name in before) == (i in steps_at)
        if i in steps_at:
            m = momenta[i - 1]
            average = {name: m * value + (1 - m) * after[name].double() for name, value in average.items()}
        else:
            assert not toy.same(witness.teachers[i - 1], witness.teachers[i])
        for name, value in average.items():
            assert torch.allclose(witness.teachers[i][name].double(), value, rtol=1e-5, atol=1e-6), (i, name)


@pytest.mark.parametrize(
    ('accumulate', 'steps_at'),
    [(1, set(range(1, 9))), (3, {3, 6, 8})],  # MMEngine steps once more for what is left at the end
)
def test_the_teacher_is_the_average_of_what_the_optimizer_left(accumulate, steps_at, tmp_path):
    wrapper = dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=0.05), accumulative_counts=accumulate)
    witness = Witness()
    toy.toy_runner(tmp_path, witness, optim_wrapper=wrapper).train()
    assert len(witness.students) == 9
    check_average(witness, [0.9] * 8, steps_at)


class Poison(Hook):
    """Batches without a finite loss, by their numbers from 1."""

    def __init__(self, numbers):
        self.numbers = numbers

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if runner.iter + 1 in self.numbers:
            data_batch['inputs'] = [clips * float('nan') for clips in data_batch['inputs']]


@pytest.mark.parametrize(
    ('accumulate', 'poisoned', 'steps_at'),
    [(1, {1, 4}, {2, 3, 5, 6, 7, 8}), (2, {4}, {2, 4, 6, 8}), (2, {3, 4}, {2, 6, 8})],
)
def test_a_batch_that_is_left_out_does_not_move_the_teacher(accumulate, poisoned, steps_at, tmp_path):
    wrapper = dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=0.05), accumulative_counts=accumulate)
    hooks = [
        dict(type='auxskd_mm.NonFiniteLossHook', action='skip'),
        dict(type='auxskd_mm.SKDDistillerHook', momentum=0.9, interval=100),
    ]
    witness = Witness()
    toy.toy_runner(tmp_path, Poison(poisoned), witness, optim_wrapper=wrapper, custom_hooks=hooks).train()
    check_average(witness, [0.9] * 8, steps_at)


def test_momentum_goes_along_half_a_cosine(tmp_path):
    witness = Witness()
    hook = dict(type='auxskd_mm.SKDDistillerHook', momentum=0.6, final_momentum=1.0, interval=1)
    toy.toy_runner(tmp_path, witness, custom_hooks=[hook]).train()
    momenta = [1 - 0.4 * (1 + math.cos(math.pi * i / 8)) / 2 for i in range(8)]
    check_average(witness, momenta, set(range(1, 9)))
    assert [row['teacher_momentum'] for row in toy.logged_scalars(tmp_path)] == pytest.approx(momenta)
    assert momenta[0] == pytest.approx(0.6)


def test_the_teacher_starts_as_the_student_and_keeps_its_own_statistics(tmp_path):
    witness = Witness()
    runner = toy.toy_runner(tmp_path, witness)
    runner.train()
    start = witness.start
    teacher = {k.removeprefix('teacher.'): v for k, v in start.items() if k.startswith('teacher.')}
    assert not toy.same(teacher, {k: v for k, v in start.items() if k.startswith(('backbone.', 'neck.'))})
    bn, own = runner.model.backbone.bn1, runner.model.teacher.backbone.bn1
    assert own.num_batches_tracked.item() == bn.num_batches_tracked.item() == 8
    assert not torch.allclose(own.running_mean, bn.running_mean)
    assert all(p.grad is None for p in runner.model.teacher.parameters())


def test_a_checkpoint_with_a_teacher_goes_on_with_it(tmp_path):
    first = toy.toy_runner(tmp_path / 'first')
    first.train()
    witness = Witness()
    toy.toy_runner(
        tmp_path / 'second', witness, randomness=dict(seed=2), load_from=str(tmp_path / 'first' / 'epoch_2.pth')
    ).train()
    assert not toy.same(witness.start, first.model.state_dict())
    assert toy.same(witness.students[0], witness.teachers[0]) == sorted(witness.students[0])


def test_a_backbone_alone_gives_the_teacher_its_start(tmp_path):
    source = toy.ToyBackbone()
    source.bn1.running_mean.fill_(3)
    torch.save({f'backbone.{key}': value for key, value in source.state_dict().items()}, tmp_path / 'backbone.pth')
    witness = Witness()
    toy.toy_runner(tmp_path / 'run', witness, load_from=str(tmp_path / 'backbone.pth')).train()
    start = witness.start
    for key, value in source.state_dict().items():
        assert torch.equal(start[f'backbone.{key}'], value)
        assert torch.equal(start[f'teacher.backbone.{key}'], value)
    assert torch.equal(start['teacher.neck.0.weight'], start['neck.0.weight'])


def test_the_log_tells_the_health_of_the_run(tmp_path):
    toy.toy_runner(tmp_path).train()
    rows, ages = toy.logged_scalars(tmp_path), collections.deque([0] * 5, maxlen=5)
    for i, row in enumerate(rows, 1):
        ages = collections.deque([age + 1 for age in ages], maxlen=5)
        ages.extend([0, 0])
        assert row['queue_age'] == pytest.approx(sum(ages) / 5)
        assert row['queue_filled'] == pytest.approx(min(2 * i, 5) / 5)
        assert row['teacher_momentum'] == 0.9
        assert row['loss'] == row['loss_similarity']  # the diagnostics are not summed
        for name in ('teacher_entropy', 'student_entropy'):
            assert 0 <= row[name] <= math.log(5) + 1e-5
        for name in ('anchor_agreement', 'student_std', 'teacher_std'):
            assert 0 <= row[name] <= 1
    assert len(rows) == 8
    text = toy.log_text(tmp_path)
    assert 'collapsed' not in text
    assert '5 anchors; a teacher that knows nothing has an entropy of log K = 1.61' in text


def test_diagnostics_come_as_often_as_they_are_asked_for(tmp_path):
    """Every third iteration, and with every report, which is every fourth. The training is the same."""
    seen, states = {}, {}

    class Outputs(Hook):
        def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
            seen.setdefault(runner.work_dir, []).append(('teacher_entropy' in outputs, float(outputs['loss'].detach())))

    for name, options in (('each', dict(interval=1)), ('some', dict(interval=4, diagnostics_interval=3))):
        hook = dict(type='auxskd_mm.SKDDistillerHook', momentum=0.9, **options)
        runner = toy.toy_runner(tmp_path / name, Outputs(), custom_hooks=[hook])
        runner.train()
        states[name] = runner.model.state_dict()
    each, some = seen.values()
    assert [there for there, _ in each] == [True] * 8
    assert [number for number, (there, _) in enumerate(some, 1) if there] == [3, 4, 6, 8]
    assert [loss for _, loss in some] == [loss for _, loss in each]
    assert toy.same(states['some'], states['each']) == []


@pytest.mark.parametrize('key', ['interval', 'diagnostics_interval'])
@pytest.mark.parametrize('value', [0, 1.5, True])
def test_an_interval_is_a_number_of_iterations(key, value):
    with pytest.raises(InputError, match=rf'SKDDistillerHook\.{key}={value}: expected at least 1 iteration'):
        SKDDistillerHook(**{key: value})


def test_a_collapse_is_called_once(tmp_path):
    backbone = dict(type='auxskd_mm.ToyBackbone', constant=True)
    toy.toy_runner(tmp_path, model=toy.aux_skd(backbone=backbone)).train()
    lines = [line for line in toy.log_text(tmp_path).splitlines() if 'may have collapsed' in line]
    assert len(lines) == 1
    assert 'WARNING' in lines[0]
    assert 'at iteration 1: student_std is 0.0000, below 0.02: all clips look alike; teacher_std is 0.0000' in lines[0]


FROZEN = dict(backbone=dict(type='auxskd_mm.ToyBackbone'))


def test_a_frozen_teacher_alone_has_nothing_to_average(tmp_path):
    hook = dict(type='auxskd_mm.SKDDistillerHook', momentum=None, interval=1)
    alone = toy.aux_skd(neck=None, predictor=None, ema_weight=0.0, teacher=FROZEN)
    toy.toy_runner(tmp_path, model=alone, custom_hooks=[hook]).train()
    rows = toy.logged_scalars(tmp_path)
    assert all('teacher_momentum' not in row and row['loss'] == row['loss_similarity'] for row in rows)
    assert [row['queue_filled'] for row in rows] == pytest.approx([min(2 * i, 5) / 5 for i in range(1, 9)])


def test_both_teachers_are_watched(tmp_path):
    hook = dict(type='auxskd_mm.SKDDistillerHook', momentum=0.9, interval=1, collapse_std=2.0)
    toy.toy_runner(tmp_path, model=toy.aux_skd(teacher=FROZEN), custom_hooks=[hook]).train()
    row = toy.logged_scalars(tmp_path)[-1]
    assert {'queue_age', 'frozen_queue_age', 'frozen_queue_filled', 'frozen_teacher_std', 'teacher_momentum'} <= set(
        row
    )
    assert row['loss'] == pytest.approx(row['loss_similarity'] + row['loss_frozen_similarity'], rel=1e-5)
    assert 'frozen_student_std is' in toy.log_text(tmp_path)
    assert 'names no weights (init_cfg, pretrained, weights), so the frozen teacher is a random' in toy.log_text(
        tmp_path
    )


def test_an_ema_teacher_needs_a_momentum(tmp_path):
    hook = dict(type='auxskd_mm.SKDDistillerHook', momentum=None)
    with pytest.raises(InputError, match=r'SKDDistillerHook\.momentum=None: the model has an EMA teacher'):
        toy.toy_runner(tmp_path, custom_hooks=[hook]).train()


def fake_runner(model, iteration):
    return SimpleNamespace(
        hooks=[],
        model=model,
        iter=iteration,
        max_iters=100,
        optim_wrapper=SimpleNamespace(should_update=lambda: False),
        message_hub=SimpleNamespace(update_scalar=lambda *args: None),
    )


def test_warnings_by_hand(monkeypatch):
    model = MODELS.build(toy.aux_skd())
    hook, said = SKDDistillerHook(interval=2, collapse_std=0.1, collapse_entropy=0.9), []
    monkeypatch.setattr(skd_distiller_hook, 'print_log', lambda text, **kwargs: said.append(text))
    healthy = dict(student_std=0.5, teacher_std=0.5, teacher_entropy=0.5)
    entropy = {**healthy, 'teacher_entropy': 0.95 * math.log(5)}

    def look(iteration, outputs):
        hook.after_train_iter(fake_runner(model, iteration), 0, outputs=outputs)
        return len(said)

    assert look(1, healthy) == 0
    assert look(3, entropy) == 0  # the queue holds only random anchors, which say nothing
    model.queue.enqueue(torch.randn(5, toy.WIDTH))
    assert look(4, entropy) == 0  # not an iteration to look at
    assert look(5, entropy) == 1
    assert 'at iteration 6: teacher_entropy is 0.9500 of log K: all anchors look alike to the teacher' in said[0]
    assert look(7, entropy) == 1
    assert look(9, healthy) == 1
    assert look(11, {**healthy, 'student_std': 0.05}) == 2
    assert 'student_std is 0.0500, below 0.1' in said[1]
    assert look(13, None) == 2


class Plain(BaseModel):
    """A model that only has a student and a teacher."""

    def __init__(self, widths=(3, 3)):
        super().__init__(MODELS.build(dict(type='auxskd_mm.ClipDataPreprocessor')))
        self.student, self.teacher = (nn.Sequential(nn.Linear(96, width), nn.BatchNorm1d(width)) for width in widths)

    def forward(self, inputs, data_samples=None, mode='tensor'):
        one, other = (view.flatten(1) for view in inputs.unbind(1))
        with torch.no_grad():
            target = self.teacher(other)
        return dict(loss=(self.student(one) - target).square().mean())


MODELS.register_module('PlainDistillation', force=True, module=Plain)


def test_any_model_with_a_student_and_a_teacher(tmp_path):
    witness = Witness()
    toy.toy_runner(tmp_path / 'first', witness, model=dict(type='auxskd_mm.PlainDistillation')).train()
    assert not toy.same(witness.students[0], witness.teachers[0])
    assert not any(p.requires_grad for p in witness.teachers[-1].values())
    check_average(witness, [0.9] * 8, set(range(1, 9)))
    again = Witness()
    toy.toy_runner(
        tmp_path / 'second',
        again,
        model=dict(type='auxskd_mm.PlainDistillation'),
        load_from=str(tmp_path / 'first' / 'epoch_2.pth'),
    ).train()
    assert not toy.same(again.teachers[0], witness.teachers[-1])


def test_a_student_and_a_teacher_that_differ_are_refused(tmp_path):
    runner = toy.toy_runner(tmp_path, model=dict(type='auxskd_mm.PlainDistillation', widths=(3, 4)))
    with pytest.raises(InputError, match=r'student and teacher are not the same network .*size mismatch') as error:
        runner.train()
    assert '\n' not in str(error.value)


def test_a_model_without_them_is_refused(tmp_path):
    model = dict(
        type='Recognizer3D',
        backbone=dict(type='auxskd_mm.ToyBackbone'),
        cls_head=dict(type='auxskd_mm.VSPPHead', in_channels=6),
        data_preprocessor=dict(type='auxskd_mm.ClipDataPreprocessor'),
    )
    runner = toy.toy_runner(tmp_path, model=model)
    with pytest.raises(InputError, match='Recognizer3D has no modules `student` and `teacher`'):
        runner.train()


def test_a_queue_smaller_than_the_batch_is_refused(tmp_path):
    runner = toy.toy_runner(tmp_path, model=toy.aux_skd(queue_size=1))
    with pytest.raises(
        InputError, match=r'model\.queue_size=1 is smaller than the batch of 2 x 1 process.*raise queue_size'
    ):
        runner.train()
    toy.toy_runner(tmp_path / 'equal', model=toy.aux_skd(queue_size=2)).train()


@pytest.mark.parametrize(
    ('arguments', 'says'),
    [
        (dict(momentum=1.0), r'SKDDistillerHook\.momentum=1\.0: expected a momentum in \[0, 1\)'),
        (dict(momentum=-0.1), r'SKDDistillerHook\.momentum=-0\.1'),
        (dict(final_momentum=1.1), r'SKDDistillerHook\.final_momentum=1\.1'),
        (dict(interval=0), r'SKDDistillerHook\.interval=0: expected at least 1 iteration'),
    ],
)
def test_settings_out_of_range(arguments, says):
    with pytest.raises(InputError, match=says):
        SKDDistillerHook(**arguments)
