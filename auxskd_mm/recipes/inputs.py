"""What the steps of a recipe read, looked at before the first of them runs for hours."""

from __future__ import annotations

from collections.abc import Iterable

from mmengine.config import Config

from ..config.input_files import check_lists
from ..config.labeled_lists import check_labeled_lists
from ..config.variables import fill_variables
from .plan import Step


def check_inputs(steps: Iterable[Step]) -> None:
    """Refuse steps whose list files or folders of videos do not exist, or whose labels do not fit their head.

    An override that does not fit its config is left to the step, which says what is wrong with it.

    Raises:
        InputError: See :func:`check_lists` and :func:`check_labeled_lists`; the key is the one that the recipe's
            ``--cfg-options`` takes.
    """
    for step in steps:
        config = Config.fromfile(str(step.config))
        try:
            config.merge_from_dict(dict(step.options))
        except (KeyError, TypeError):
            continue
        parts = ['train', 'val'] * step.trains + ['test'] * step.tests
        check_lists(fill_variables(config), parts, prefix=f'{step.kind}.')
        check_labeled_lists(config, parts, prefix=f'{step.kind}.')
