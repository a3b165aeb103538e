"""The tasks of a config and the names of their classes: from its evaluators, sampler, head and lists."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.logging import print_log

from ..choices import SPLITS
from ..datasets.class_labels import CLASS_FILE, read_class_names
from ..datasets.transforms import PretextSampler
from ..errors import InputError
from ..functional.tasks import Task
from ..registry import TRANSFORMS
from .input_files import asked_for
from .parts import as_list
from .pipelines import LOADERS, all_steps, find_pipeline


def pretext_sampler(config: Config) -> PretextSampler | None:
    """Return the first sampler of this package in the test, validation and training pipelines, in this order."""
    for loader in LOADERS:
        for step in all_steps(find_pipeline(config, (loader,))):
            if (sampler := built_sampler(step)) is not None:
                return sampler
    return None


def built_sampler(step: Mapping[str, Any]) -> PretextSampler | None:
    """Build the sampler of a pipeline step. None if the step is not a sampler."""
    kind = TRANSFORMS.get(step['type']) if isinstance(step['type'], str) else step['type']
    return TRANSFORMS.build(dict(step)) if isinstance(kind, type) and issubclass(kind, PretextSampler) else None


def evaluated_tasks(config: Config) -> list[Task]:
    """Return the tasks of the config's evaluators, for a head without task names."""
    found: dict[str, Task] = {}
    for split in reversed(SPLITS):
        for entry in as_list(config.get(f'{split}_evaluator')):
            names = entry.get('class_names') or {}
            for task in as_list(entry.get('tasks')):
                found.setdefault(task, Task(task, tuple(names.get(task, ()))))
    return list(found.values())


def class_names(config: Config, task: Task | str, count: int, *, at_least: bool = False) -> tuple[str, ...]:
    """Return the names of a task's classes, such as '2x', '3 of 4' or '0-2-1'.

    Three sources are tried in order: the evaluators of the config, its sampler, and the task itself. The first source
    with ``count`` names is used. A recogniser's names come from the config's ``classes``, or from ``classes.txt`` beside
    its lists. Classes without names are numbered.

    Args:
        config: Any config.
        task: The task, or its name.
        count: Number K of the head's classes.
        at_least: Accept ``count`` or more names. Use it if only the classes that occur are known.
    """
    task = Task(task) if isinstance(task, str) else task
    for names in _candidates(config, task):
        if len(names) == count or (at_least and len(names) > count):
            return tuple(map(str, names))
    return tuple(str(i) for i in range(count))


def _candidates(config: Config, task: Task) -> Iterator[Sequence[str]]:
    if task.pred_key == 'pred_score' or task.name == 'class':
        yield config.get('classes') or ()
        yield from _listed_classes(config)
        return
    sampler = pretext_sampler(config)
    for one in (*evaluated_tasks(config), *(sampler.tasks if sampler else ()), task):
        if one.name == task.name:
            yield one.class_names


def _listed_classes(config: Config) -> Iterator[list[str]]:
    """Read the names in each ``classes.txt`` beside a list of the config."""
    listed = [asked_for(config.get(loader), '') for loader in LOADERS]
    files = dict.fromkeys(Path(path).parent / CLASS_FILE for found in listed for _, path in found)
    for file in files:
        try:
            names = read_class_names(file)
        except InputError:  # without names, classes are numbered
            continue
        yield names
        print_log(f'{file} names {len(names)} classes, which is not the number of the head', logger='current')
