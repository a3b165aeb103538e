"""Checks of the steps' inputs, before the first step runs for hours."""

from __future__ import annotations

from collections.abc import Iterable

from ..config.input_files import check_lists
from ..config.labeled_lists import check_labeled_lists
from ..config.load import load_config
from ..errors import InputError
from .plan import Step
from .running.budgets import has_own_steps


def check_inputs(steps: Iterable[Step]) -> None:
    """Refuse steps whose config does not load, whose lists or folders do not exist, or whose labels do not fit their head.

    Raises:
        InputError: See :func:`load_config`, :func:`check_lists` and :func:`check_labeled_lists`; or if ``epochs`` is set for a
            training of ``steps``. The message names the phase or evaluation, or the key as the recipe's ``--cfg-options``
            takes it.
    """
    for step in steps:
        _check_length(step)
        try:
            config = load_config(str(step.config), dict(step.options))
        except InputError as error:
            raise InputError(f'{step.kind}: {error}') from None
        parts = ['train', 'val'] * step.trains + ['test'] * step.tests
        check_lists(config, parts, prefix=f'{step.kind}.')
        check_labeled_lists(config, parts, prefix=f'{step.kind}.')


def _check_length(step: Step) -> None:
    """Refuse a number of epochs that would change nothing, because the recipe sets the number of steps."""
    if not step.trains or step.steps is None or 'epochs' not in step.options:
        return
    if not has_own_steps(step.config):
        name = step.kind.partition('@')[0]
        raise InputError(
            f'{name}.epochs={step.options["epochs"]}: would change nothing, since the recipe gives this training '
            f'steps={step.steps}; set {name}.steps'
        )
