"""Tasks, method summary and full forward pass of a model of this package or of MMAction2."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from ..errors import InputError
from ..functional.tasks import Task

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..typing import VideoModel

# The predictions of an MMAction2 head: it has num_classes, and writes logits or probabilities.
CLASS = Task('class', label_key='gt_label', pred_key='pred_score')


def model_tasks(model: VideoModel) -> tuple[Task, ...]:
    """Tasks that a model's ``predict`` answers, or () if its head has no ``tasks``."""
    head = getattr(model, 'cls_head', None)
    own = getattr(model, 'tasks', ()) or getattr(head, 'tasks', ())
    return tuple(own) or ((CLASS,) if hasattr(head, 'num_classes') else ())


def head_neck(model: VideoModel) -> nn.Module | None:
    """The neck between backbone and ``cls_head``, or None. auxSKD's ``neck`` is a projector beside the head."""
    return model.neck if getattr(model, 'with_neck', False) else None


def method_summary(model: VideoModel) -> str:
    """One line about the method that trains a model."""
    head = getattr(model, 'cls_head', None)
    said = getattr(model, 'summary', '') or getattr(head, 'summary', '')
    if said:
        return said
    text = f'{type(model).__name__} with {"no head" if head is None else type(head).__name__}'
    tasks = [f'{task.name} ({", ".join(task.class_names)})' for task in model_tasks(model) if task.class_names]
    return text + (f', which predicts {" and ".join(tasks)}' if tasks else '')


def forward_sample(model: VideoModel, inputs: Tensor) -> Any:
    """Run one sample (1, V, C, T, H, W) through every part of a recogniser or :class:`PretextModel` that a training
    step runs, without the losses.
    """
    if hasattr(model, 'forward_parts'):
        return model.forward_parts(inputs)
    return model(inputs, mode='tensor', stage='head')


def task_outputs(outputs: Tensor | Sequence[Tensor], tasks: tuple[Task, ...], head: nn.Module) -> dict[str, Tensor]:
    """Logits of each task, by the name of the task.

    Args:
        outputs: Result of the head's ``forward``: the logits (B, K) of a single task, or one such tensor per task.
        tasks: Tasks of the head, in the same order.
        head: The head, for messages.

    Raises:
        InputError: If the number of outputs differs from the number of tasks.
    """
    logits = outputs if isinstance(outputs, (tuple, list)) else (outputs,)
    if len(logits) != len(tasks):
        raise InputError(
            f'{type(head).__name__}: forward returns {len(logits)} outputs, but its tasks are '
            f'{", ".join(task.name for task in tasks) or "none"}; return one for each task'
        )
    return {task.name: one for task, one in zip(tasks, logits)}
