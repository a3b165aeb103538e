"""One line for each progress report, short enough for a terminal."""

from __future__ import annotations

import datetime
import re
import textwrap
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mmengine.runner import LogProcessor

from ..registry import LOG_PROCESSORS

if TYPE_CHECKING:
    from mmengine.runner import Runner


# A terminal of 120 columns, less the date and time in front of each message.
WIDTH = 104


@LOG_PROCESSORS.register_module()
class CompactLogProcessor(LogProcessor):
    """MMEngine's ``LogProcessor`` with shorter lines.

    A line starts with MMEngine's ``Epoch(train) [1][ 20/250]``. Then come the loss, the time left and the seconds per
    iteration, with the share of waiting for data from a tenth on. The accuracies, the learning rate and the other
    numbers follow. Numbers that do not fit into ``width`` are left out of the line. All numbers go to ``scalars.json``.

    Args:
        width: Largest number of characters per line.
        kwargs: Arguments of ``LogProcessor``.
    """

    def __init__(self, *args: Any, width: int = WIDTH, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.width = width

    def get_log_after_iter(self, runner: Runner, batch_idx: int, mode: str) -> tuple[dict, str]:
        """See ``LogProcessor``. The numbers are the same, the line is shorter."""
        tag, line = super().get_log_after_iter(runner, batch_idx, mode)
        seconds = runner.message_hub.runtime_info.get('eta')
        return tag, _join(_head(line), _items(tag, mode, seconds), self.width)

    def get_log_after_epoch(
        self, runner: Runner, batch_idx: int, mode: str, *args: Any, **kwargs: Any
    ) -> tuple[dict, str]:
        """See ``LogProcessor``. Long results of an evaluation continue in further lines."""
        tag, line = super().get_log_after_epoch(runner, batch_idx, mode, *args, **kwargs)
        if '\n' in line:  # an array among the results, which is laid out already
            return tag, line
        # A number stays beside its name.
        parts = [part.replace(' ', '\0') for part in re.split(r' {2,}', line)]
        rows = textwrap.wrap('  '.join(parts), self.width, subsequent_indent='    ', break_long_words=False)
        return tag, '\n'.join(rows).replace('\0', ' ')


def _head(line: str) -> str:
    """MMEngine's ``Epoch(train) [1][ 20/250]``."""
    found = re.match(r'\w+\(\w+\) *[^ ]*\[ *\d+/\d+\]', line)
    return found.group() if found else line.split('  ')[0]


def _items(tag: Mapping[str, Any], mode: str, seconds: float | None) -> list[str]:
    """The numbers of a line, the most important first."""
    numbers = {key.removeprefix(f'{mode}/'): value for key, value in tag.items()}
    for key in ('epoch', 'iter', 'step'):
        numbers.pop(key, None)
    items = [f'loss: {numbers.pop("loss"):.4f}'] if 'loss' in numbers else []
    if seconds is not None:
        items.append(f'eta: {datetime.timedelta(seconds=int(seconds))}')
    time, waited = numbers.pop('time', None), numbers.pop('data_time', 0.0)
    if time is not None:
        share = f' ({round(100 * waited / time)}% data)' if time > 0 and waited >= 0.1 * time else ''
        items.append(f'time: {time:.3g}{share}')
    accuracies = [key for key in numbers if key.endswith('_acc')]
    rates = sorted(key for key in numbers if key.endswith('lr'))
    items += [f'{key}: {numbers.pop(key):.4f}' for key in accuracies if mode == 'train']
    items += [f'{key}: {numbers.pop(key):.2e}' for key in rates[:1]]
    rest = {key: value for key, value in numbers.items() if key not in rates and key != 'memory'}
    if mode != 'train':
        rest = {key: value for key, value in rest.items() if key.startswith('loss')}
    if 'memory' in numbers:
        rest['memory'] = numbers['memory']
    return items + [
        f'{key}: {value:.4f}' if isinstance(value, float) else f'{key}: {value}' for key, value in rest.items()
    ]


def _join(head: str, items: list[str], width: int) -> str:
    line = head
    for item in items:
        if len(line) + 2 + len(item) <= width:
            line += f'  {item}'
    return line
