"""The number of classes of a config, from the lists that it reads."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from typing import Any

from mmengine.logging import print_log

from ...datasets.class_labels import CLASS_FILE, read_class_names
from ...errors import InputError

# A head needs some number to be built and described while there are no lists; nothing trains or is tested without them.
_WITHOUT_LISTS = 2


def count_classes(variables: Mapping[str, Any], matters: Callable[[int], bool]) -> dict[str, int]:
    """Count ``num_classes`` from ``FOLDER/classes.txt``, for ``num_classes = None`` and ``lists = 'FOLDER'``.

    Args:
        variables: Top-level variables of the config, after the overrides.
        matters: Function from a number of classes to whether anything in the config depends on it. A pretraining may
            share its variables with a fine-tuning, and need no classes.

    Returns:
        The variable with its value. Empty if the config sets a number, or has no ``num_classes`` or no ``lists``. If the
        file does not exist, the value is 2, with a warning where it matters. So it is for a damaged file that does not matter.

    Raises:
        InputError: If ``classes.txt`` cannot be used, where it matters.
    """
    lists = variables.get('lists')
    if 'num_classes' not in variables or variables['num_classes'] is not None or not isinstance(lists, str):
        return {}
    file = os.path.join(lists, CLASS_FILE)
    if os.path.isfile(file):
        try:
            return dict(num_classes=len(read_class_names(file)))
        except InputError:
            if matters(_WITHOUT_LISTS):
                raise
    elif matters(_WITHOUT_LISTS):
        print_log(
            f'{file}: no such file, so {_WITHOUT_LISTS} classes stand in for those of the lists; make it with '
            'tools/data/prepare_folder.py, or set num_classes',
            logger='current',
            level=logging.WARNING,
        )
    return dict(num_classes=_WITHOUT_LISTS)
