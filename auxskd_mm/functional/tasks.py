"""Names of a pretext task, its classes, and the keys of its labels and predictions.

Samplers and heads have :class:`Task` objects (``sampler.tasks``, ``head.tasks``). Every tool reads these objects, so a
task from outside this package works in every tool.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .order_tuples import clip_orders

__all__ = ['Task', 'drawn_tasks', 'order_names', 'ordinal', 'segment_names']


@dataclass(frozen=True)
class Task:
    """A choice among classes that a head makes for each clip, or for several clips together.

    Args:
        name: Such as ``'pace'``.
        class_names: Names of the K classes in the order of the labels. Empty if the names are unknown.
        label_key: Field of the true classes in a data sample, int64 (V,). '' takes ``<name>_label``.
        pred_key: Field of the probabilities in a data sample, float (V, K). '' takes ``pred_<name>``.
            Metrics and dumps work only with the default names. Other names are for MMAction2's recognisers.
        clips: Number of clips per answer. It is 1 if each clip has its own answer.
        about: Description of the answer, for messages. '' takes the name.
        given: Name of another task on whose label it depends whether this task has an answer.
        unanswerable: Label of the ``given`` task at which this task has no answer, None if it always has one. For
            example, VSPP's segment has no answer at label 0, which is speed 1: there all segments look alike.

    Example:
        >>> Task('direction', ('forwards', 'backwards')).label_key
        'direction_label'
    """

    name: str
    class_names: tuple[str, ...] = ()
    label_key: str = ''
    pred_key: str = ''
    clips: int = 1
    about: str = ''
    given: str = ''
    unanswerable: int | None = 0

    def __post_init__(self) -> None:
        fields = dict(label_key=f'{self.name}_label', pred_key=f'pred_{self.name}', about=self.name)
        for key, value in fields.items():
            object.__setattr__(self, key, getattr(self, key) or value)
        object.__setattr__(self, 'class_names', tuple(map(str, self.class_names)))

    def class_name(self, label: int) -> str:
        """Name of a class, or its number if it has no name."""
        return self.class_names[label] if 0 <= label < len(self.class_names) else str(label)


def drawn_tasks(results: Iterable[str]) -> list[Task]:
    """Tasks of the labels among the keys of a sample, for a sampler or head without ``tasks``."""
    found = [key.removesuffix('_label') for key in results if key.endswith('_label') and key != 'gt_label']
    return [Task(name) for name in found]


def segment_names(count: int) -> tuple[str, ...]:
    """Class names of the segments of a clip: '1 of 4', '2 of 4' ..."""
    return tuple(f'{i + 1} of {count}' for i in range(count)) if count > 1 else ('whole clip',)


def order_names(tuple_len: int) -> tuple[str, ...]:
    """Class names of the orders of a tuple: '0-1-2', '0-2-1' ..."""
    return tuple('-'.join(map(str, order)) for order in clip_orders(tuple_len))


def ordinal(number: int) -> str:
    """A whole number as an ordinal: 1st, 2nd, 3rd, 4th, 11th, 22nd."""
    tens = number // 10 % 10
    return f'{number}{"th" if tens == 1 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")}'
