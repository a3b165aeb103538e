"""Runs one step: skips a finished step, continues an interrupted step, refuses a changed step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..config.load import load_config
from ..config.loading.shipped import shipped_file
from ..errors import InputError
from ..evaluation.pretext.learned import pretext_result
from ..records.measured import measured_by
from ..records.scalars import last_scalars
from . import commands
from . import step_records as records
from .plan import Step
from .running.budgets import budget_options

FEATURES = 'features'


def run_step(step: Step, root: Path, gpus: int, *, in_process: bool = False, quiet: bool = False) -> dict[str, Any]:
    """Run a step that is not finished.

    Args:
        step: The step. The step whose weights it starts from must be finished.
        root: Work dir of the recipe.
        gpus: Number of processes for torchrun. 0 runs one process without torchrun.
        in_process: Whether the tools run in this process, which then imports once for all steps.
        quiet: Whether to print nothing about a finished step.

    Returns:
        State of the step, as ``phase.json`` in its folder holds it.

    Raises:
        InputError: If the step has changed since its start, or fails.
    """
    row, before = records.run_restartable(
        step.label,
        step.folder,
        step.fingerprint(root),
        lambda state: _run(step, gpus, in_process=in_process, resume=bool(state)),
    )
    if not step.keep_checkpoints:  # also of a step that was finished before: a kill may have come in between
        records.remove_checkpoints(step.folder)
    if before and not quiet:
        print(f'   finished before: {row["checkpoint"] or step.folder}', flush=True)
    return row


def _call(label: str, command: Sequence[str], options: Mapping[str, Any], in_process: bool) -> float:
    if not in_process:
        return commands.call(label, command, options)
    from .running import in_process as here  # imports torch

    return here.call(label, command, options)


def _run(step: Step, gpus: int, *, in_process: bool, resume: bool) -> dict[str, Any]:
    """Train and test; ``took`` is the time of the commands alone."""
    checkpoint = init = _init(step)
    options = _options(step, in_process)
    row: dict[str, Any] = dict(config=str(step.config), init=str(init or ''), command=None, took=0.0)
    if step.trains:
        row['command'], row['took'] = _train(step, init, options, gpus, in_process=in_process, resume=resume)
        checkpoint = records.best_checkpoint(step.folder) if step.evaluation else records.last_checkpoint(step.folder)
        if checkpoint is None:
            raise InputError(
                f'phase {step.label!r}: trained, but left no checkpoint in {step.folder}; '
                'does its config switch CheckpointHook off?'
            )
    row.update(checkpoint=str(checkpoint or ''), train=last_scalars(step.folder) if step.trains else {})
    if step.tests:
        row['test_command'], took = _test(step, checkpoint, options, gpus, in_process=in_process)
        row['took'] += took
        row['test'], row['protocol'] = records.last_result(step.folder / 'test')
        if step.evaluation is None and (verdict := pretext_result(row['test'])) is not None:
            row['pretext'] = verdict.record()
    return row


def read_classified(step: Step) -> dict[str, list] | None:
    """Read names, labels and predictions of a test by a classifier or a linear probe. None if there are none."""
    if (probed := records.classified(step.folder / FEATURES / 'predictions.json')) is not None:
        return probed
    path = step.folder / 'test' / 'predictions.json'
    return records.classified(path, _average(step.config) or 'logits') if path.is_file() else None


def _init(step: Step) -> Path | None:
    if step.init is None or step.init.is_file():
        return step.init
    state = records.read_state(step.init)
    checkpoint = Path(state.get('checkpoint') or '')
    # A work dir that was moved keeps working.
    found = next((path for path in (checkpoint, step.init / checkpoint.name) if path.is_file()), None)
    if found is None:
        raise InputError(f'phase {step.label!r}: no checkpoint {step.init}; move that folder away to make it anew')
    return found


def _options(step: Step, in_process: bool) -> dict[str, Any]:
    """The overrides of a step, with those of its budget and of a run in this process."""
    options = dict(step.options)
    if step.trains and step.steps is not None:
        options = budget_options(step.config, options, step.steps, step.hooks)
    if in_process:
        from .running.in_process import loader_options

        options = loader_options(step.config, options)
    return options


def _train(
    step: Step, init: Path | None, options: dict[str, Any], gpus: int, *, in_process: bool, resume: bool
) -> tuple[str, float]:
    resume = resume and records.last_checkpoint(step.folder) is not None
    command = [*commands.launcher(gpus), str(shipped_file('tools/train.py')), str(step.config)]
    command += ['--work-dir', str(step.folder)]
    command += ['--launcher', 'pytorch'] if gpus else []
    command += ['--seed', str(step.seed)] if step.seed is not None else []
    # A resumed run reads everything from its own checkpoint; load_from would be taken for the file to resume from.
    command += ['--resume'] if resume else []
    options = {**options, **({'load_from': str(init)} if init and not resume else {})}
    return commands.line(command, options), _call(step.label, command, options, in_process)


def _test(
    step: Step, checkpoint: Path | None, options: dict[str, Any], gpus: int, *, in_process: bool
) -> tuple[str, float]:
    folder = step.folder / 'test'
    command = [
        *commands.launcher(gpus),
        str(shipped_file('tools/test.py')),
        str(step.config),
        str(checkpoint or 'none'),
    ]
    command += ['--work-dir', str(folder)]
    command += ['--launcher', 'pytorch'] if gpus else []
    options = dict(options)
    if checkpoint is None and step.seed is not None:
        options['randomness.seed'] = step.seed
    classifier = step.evaluation is not None and _average(step.config) is not None
    if classifier:
        command += ['--dump', str(folder / 'predictions.json')]
    elif step.evaluation is not None and (number := _keeps_features(step)) is not None:
        _save_features(options, number, str(step.folder / FEATURES))
    took = _call(step.label, command, options, in_process)
    return commands.line(command, options), took


def _save_features(options: dict[str, Any], number: int, folder: str) -> None:
    if 'test_evaluator' in options:  # the step's own, not the config's
        options['test_evaluator'] = [dict(entry) for entry in options['test_evaluator']]
        options['test_evaluator'][number].setdefault('save_to', folder)
    else:
        options.setdefault(f'test_evaluator.{number}.save_to', folder)


def _average(path: Path) -> str | None:
    """How the first evaluator of a config averages the clips of a video. None if it is not of a classifier."""
    measured = measured_by(load_config(str(path)).test_evaluator)
    return measured[0].average if measured else None


def _keeps_features(step: Step) -> int | None:
    """Return the index of the first evaluator that can keep the features. None if there is none."""
    from ..evaluation.feature_metric import FeatureMetric

    evaluator = step.options.get('test_evaluator') or load_config(str(step.config)).test_evaluator
    for number, one in enumerate(measured_by(evaluator) if isinstance(evaluator, (list, tuple)) else []):
        if one.kind is not None and issubclass(one.kind, FeatureMetric):
            return number
    return None
