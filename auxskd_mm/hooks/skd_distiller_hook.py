"""Hook of the distillation: it initialises and updates the teacher, and warns of a collapse."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fvcore.common.param_scheduler import CosineParamScheduler
from mmengine.dist import broadcast, get_world_size
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.optim import OptimWrapperDict
from torch import nn

from ..errors import InputError
from ..models.modules import FeatureQueue, MomentumEncoder, check_momentum, momentum_update
from ..models.pretext import TeacherModel
from ..registry import HOOKS
from ..unwrap import built_optim_wrapper, unwrap
from .non_finite_loss_hook import NonFiniteLossHook
from .sync_buffers_hook import protect_queues

if TYPE_CHECKING:
    from mmengine.optim import OptimWrapper
    from mmengine.runner import Runner

    from ..typing import DataBatch, VideoModel


@HOOKS.register_module()
class SKDDistillerHook(Hook):
    """Update the teacher as a moving average of the student.

    The hook works for :class:`AuxSKD`. It also works for any model that has ``teacher`` and ``student`` modules of the
    same architecture, or a :class:`MomentumEncoder` as ``teacher`` and a method ``student_modules()``.

    An :class:`AuxSKD` that has only a frozen teacher needs the hook too. Nothing is averaged then, but the queues start
    equal on every rank, and the hook reports on them.

    Call points:

    - ``before_train``: teacher = student, unless the checkpoint has a teacher. Every rank takes the teachers and the
      queues of rank 0. A queue must hold more than one batch. A plain ``SyncBuffersHook`` would average the queues,
      so the hook replaces it by :class:`SyncBuffersExceptQueuesHook`.
    - ``before_train_iter``: the model computes its diagnostics every ``diagnostics_interval`` iterations.
    - ``after_train_iter``: after each *optimizer* step (not after each batch of an accumulated gradient)
      ``teacher = m * teacher + (1 - m) * student``. Every ``interval`` iterations the hook logs ``teacher_momentum``,
      ``queue_age`` (mean age of the anchors in iterations) and ``queue_filled`` (share of real anchors) beside the
      model's own diagnostics. It warns when the diagnostics show a collapse. A frozen teacher beside the EMA teacher has
      the same values with the prefix ``frozen_``.

    Args:
        momentum: m in [0, 1), as in the papers. MMEngine's averaged models call 1 - m the momentum. None only if the
            model has no EMA teacher.
        final_momentum: m goes to this value in [0, 1] along half a cosine over the whole training. None keeps m fixed.
            m depends on progress alone, so a resumed run continues exactly.
        interval: Iterations between two reports on the health of the run.
        diagnostics_interval: Iterations between two batches for which the model computes its diagnostics. Reports on
            the health of the run have them in any case. 1 gives them with every batch. The losses do not change.
        collapse_std: ``student_std`` or ``teacher_std`` (see :class:`SimilarityDiagnostics`) below this value is a
            collapse.
        collapse_entropy: A teacher entropy above this share of log K is a collapse too, once the queue is full of real
            keys.

    Raises:
        InputError: For settings out of their range, or a model without student and teacher.

    Source: Plrbear/auxSKD @ 79e99b8. There each forward pass starts with this step, which has the same effect.
    """

    priority = 'ABOVE_NORMAL'

    def __init__(
        self,
        momentum: float | None = 0.999,
        final_momentum: float | None = None,
        interval: int = 20,
        diagnostics_interval: int = 1,
        collapse_std: float = 0.02,
        collapse_entropy: float = 0.999,
    ) -> None:
        self.momentum = None if momentum is None else check_momentum(momentum, 'SKDDistillerHook.momentum')
        if final_momentum is not None and final_momentum != 1:
            check_momentum(final_momentum, 'SKDDistillerHook.final_momentum')
        for key, value in (('interval', interval), ('diagnostics_interval', diagnostics_interval)):
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise InputError(f'SKDDistillerHook.{key}={value!r}: expected at least 1 iteration')
        self.final_momentum = final_momentum
        self.interval = interval
        self.diagnostics_interval = diagnostics_interval
        self.collapse_std = collapse_std
        self.collapse_entropy = collapse_entropy
        self._teacher_loaded = False
        self._warned = False

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Note whether the checkpoint has a teacher. The hook then keeps it and does not copy the student."""
        keys = checkpoint.get('state_dict', checkpoint)
        self._teacher_loaded = any(key.removeprefix('module.').startswith('teacher.') for key in keys)

    def before_train(self, runner: Runner) -> None:
        """Initialise teacher and queue identically on every rank."""
        model = unwrap(runner.model)
        pair = _pair(model)
        if pair is not None:
            self._start(model, *pair)
        if (frozen := getattr(model, 'frozen', None)) is not None and frozen.network is not None:
            frozen.network.broadcast()
        queues = [module for module in model.modules() if isinstance(module, FeatureQueue)]
        for queue in queues:
            _check_batch(runner, queue)
            queue.broadcast()
        if queues:
            protect_queues(runner)
            log_k = math.log(queues[0].size)
            print_log(
                f'{queues[0].size} anchors; a teacher that knows nothing has an entropy of log K = {log_k:.2f}',
                logger='current',
            )

    def _start(self, model: VideoModel, teacher: nn.Module, student: nn.Module) -> None:
        """Make the EMA teacher the student, or keep the teacher of the checkpoint."""
        if self.momentum is None:
            raise InputError(
                'SKDDistillerHook.momentum=None: the model has an EMA teacher; set it, for instance to 0.999'
            )
        if isinstance(teacher, MomentumEncoder):
            teacher.broadcast() if self._teacher_loaded else teacher.copy_from(model.student_modules())
            return
        if not self._teacher_loaded:
            _copy(student, teacher)
        teacher.requires_grad_(False)
        for tensor in [*teacher.parameters(), *teacher.buffers()]:
            broadcast(tensor.data, src=0)

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: DataBatch = None) -> None:
        """Tell the model whether this batch's diagnostics will be seen."""
        model = unwrap(runner.model)
        if isinstance(model, TeacherModel):
            model.with_diagnostics = any(
                self.every_n_train_iters(runner, every) for every in (self.interval, self.diagnostics_interval)
            )

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: DataBatch = None, outputs: Mapping[str, Any] | None = None
    ) -> None:
        """Update the teacher if the optimizer has updated the student, and report every ``interval`` iterations."""
        model = unwrap(runner.model)
        pair, momentum = _pair(model), None
        if pair is not None:
            momentum = self.momentum_at(runner.iter / max(runner.max_iters, 1))
            if _stepped(runner):
                teacher, student = pair
                if isinstance(teacher, MomentumEncoder):
                    teacher.update(model.student_modules(), momentum)
                else:
                    momentum_update(teacher, student, momentum)
        if self.every_n_train_iters(runner, self.interval):
            self._report(runner, model, momentum, outputs or {})

    def momentum_at(self, progress: float) -> float:
        """The momentum m at a progress of the training in [0, 1)."""
        assert self.momentum is not None  # before_train refuses it
        if self.final_momentum is None:
            return self.momentum
        return CosineParamScheduler(self.momentum, self.final_momentum)(progress)

    def _report(self, runner: Runner, model: VideoModel, momentum: float | None, outputs: Mapping[str, Any]) -> None:
        scalars = {} if momentum is None else dict(teacher_momentum=momentum)
        found = []
        for prefix, queue in _queues(model).items():
            if queue is not None:
                scalars[f'{prefix}queue_age'] = float(queue.age.float().mean())
                scalars[f'{prefix}queue_filled'] = int(queue.filled) / queue.size
            found += self._signs_of_collapse(outputs, prefix, queue)
        for name, value in scalars.items():
            runner.message_hub.update_scalar(f'train/{name}', value)
        if found and not self._warned:
            print_log(
                f'the distillation may have collapsed at iteration {runner.iter + 1}: {"; ".join(found)}. Try a lower '
                'learning rate, a higher momentum or a sharper teacher_temperature',
                logger='current',
                level=logging.WARNING,
            )
        self._warned = bool(found)

    def _signs_of_collapse(self, outputs: Mapping[str, Any], prefix: str, queue: FeatureQueue | None) -> list[str]:
        found = [
            f'{key} is {float(outputs[key]):.4f}, below {self.collapse_std}: all clips look alike'
            for key in (f'{prefix}student_std', f'{prefix}teacher_std')
            if key in outputs and float(outputs[key]) < self.collapse_std
        ]
        key = f'{prefix}teacher_entropy'
        if queue is not None and key in outputs and queue.size > 1 and int(queue.filled) == queue.size:
            share = float(outputs[key]) / math.log(queue.size)
            if share > self.collapse_entropy:
                found.append(f'{key} is {share:.4f} of log K: all anchors look alike to the teacher')
        return found


def _queues(model: VideoModel) -> dict[str, FeatureQueue | None]:
    """Queues of a model by the prefix of their diagnostics, see :meth:`AuxSKD.queues`."""
    if hasattr(model, 'queues'):
        return dict(model.queues())
    queue = getattr(model, 'queue', None)
    return {'': queue if isinstance(queue, FeatureQueue) else None}


def _pair(model: nn.Module) -> tuple[nn.Module, nn.Module] | None:
    """EMA teacher and student of a model. None if it has only a frozen teacher.

    Raises:
        InputError: If it has none.
    """
    teacher, student = getattr(model, 'teacher', None), getattr(model, 'student', None)
    if teacher is None and getattr(model, 'frozen', None) is not None:
        return None
    if isinstance(teacher, MomentumEncoder) and hasattr(model, 'student_modules'):
        return teacher, model
    if isinstance(teacher, nn.Module) and isinstance(student, nn.Module):
        return teacher, student
    raise InputError(
        f'SKDDistillerHook: {type(model).__name__} has no modules `student` and `teacher`; use it with AuxSKD or '
        'RSPNet, or expose them'
    )


def _copy(student: nn.Module, teacher: nn.Module) -> None:
    try:
        teacher.load_state_dict(student.state_dict())
    except RuntimeError as error:
        reason = ' '.join(str(error).split())[:200]
        raise InputError(f'SKDDistillerHook: student and teacher are not the same network ({reason})') from None


def _stepped(runner: Runner) -> bool:
    """Whether the iteration that just ended took an optimizer step."""
    if any(isinstance(hook, NonFiniteLossHook) and hook.stepless for hook in runner.hooks):
        return False
    optim_wrapper: OptimWrapper | OptimWrapperDict = built_optim_wrapper(runner)
    wrappers = list(optim_wrapper.values()) if isinstance(optim_wrapper, OptimWrapperDict) else [optim_wrapper]
    return any(wrapper.should_update() for wrapper in wrappers)


def _check_batch(runner: Runner, queue: FeatureQueue) -> None:
    batch = getattr(runner.train_dataloader, 'batch_size', None)
    if batch is not None and queue.size < batch * get_world_size():
        raise InputError(
            f'model.queue_size={queue.size} is smaller than the batch of {batch} x {get_world_size()} process(es), so '
            'that anchors would be of the last batch alone; raise queue_size or lower train_dataloader.batch_size'
        )
