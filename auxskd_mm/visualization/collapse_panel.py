"""The diagnostics of an auxSKD run, with the regions that mark a healthy or a collapsed run."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..config.text import read_config_text
from ..errors import InputError
from ..files import save_figure
from ..records.scalars import read_scalars
from ..registry import type_name
from .curves import COLOURS
from .plain_text import figure_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Scalars = Mapping[str, tuple[np.ndarray, np.ndarray]]
# Rules of thumb of this project, not of the papers: entropy within 5% of log K carries next to nothing, and a spread of a
# tenth of an isotropic one is as good as a point.
FLAT_SHARE, SMALL_STD = 0.95, 0.1
_LAST = 5  # logged values that a verdict is about
# What each verdict about the features comes from.
_JUDGED = dict(entropy=['teacher_entropy'], agreement=['anchor_agreement'], spread=['student_std', 'teacher_std'])
_BAD, _GOOD = '#D55E00', '#00755A'


class Verdict(NamedTuple):
    """The verdict of one diagnostic at the end of a run. ``healthy`` is None if there is no verdict."""

    healthy: bool | None
    text: str


def queue_settings(run: str | Path) -> tuple[int, int | None]:
    """Anchors K and batch size of a run, from the config that MMEngine keeps in its work dir.

    Args:
        run: Work dir.

    Raises:
        InputError: If there is no config, or it is not a config of auxSKD.
    """
    files = sorted(Path(run).glob('*/vis_data/config.py'))
    if not files:
        raise InputError(f'{run}: no */vis_data/config.py to read queue_size from; give --queue-size')
    config = read_config_text(files[-1].read_text(encoding='utf-8', errors='replace'))  # a run folder is data
    if config is None:
        raise InputError(f'{files[-1]}: no config as MMEngine writes it, and it is not run; give --queue-size')
    model = config.get('model') or {}
    if not type_name(model.get('type')).endswith('AuxSKD'):
        raise InputError(f'{run}: a run of {model.get("type")}; this panel is for auxskd_mm.AuxSKD')
    return int(model.get('queue_size', 15360)), (config.get('train_dataloader') or {}).get('batch_size')


def judge(scalars: Scalars, queue_size: int) -> dict[str, Verdict]:
    """Judge the last logged values, with one verdict per diagnostic.

    Args:
        scalars: Result of :func:`read_scalars`.
        queue_size: Anchors K.
    """
    last = {key: float(values[-_LAST:].mean()) for key, (_, values) in scalars.items()}
    most = math.log(queue_size)
    verdicts = {}
    if (value := last.get('teacher_entropy')) is not None:
        share = value / most
        if share > FLAT_SHARE:
            verdicts['entropy'] = Verdict(False, f'teacher at {share:.0%} of log K: it prefers no anchor')
        elif value < 0.05 * most:
            verdicts['entropy'] = Verdict(False, f'teacher at {share:.0%} of log K: one anchor for everything?')
        else:
            verdicts['entropy'] = Verdict(True, f'teacher at {share:.0%} of log K')
    if (value := last.get('anchor_agreement')) is not None:
        good = value > 10 / queue_size
        verdicts['agreement'] = Verdict(good, f'{value:.1%} agree, {value * queue_size:.0f} times chance')
    spread = [last[key] for key in ('student_std', 'teacher_std') if key in last]
    if spread:
        value = min(spread)
        words = 'spread over the sphere' if value > SMALL_STD else 'all clips at one point'
        verdicts['spread'] = Verdict(value > SMALL_STD, f'smallest {value:.2f}: {words}')
    if (value := last.get('queue_filled')) is not None:
        verdicts['queue'] = Verdict(None if value < 1 else True, f'{value:.0%} of the anchors are real features')
    for name, keys in _JUDGED.items():
        if not all(math.isfinite(last.get(key, 0.0)) for key in keys):
            verdicts[name] = Verdict(False, 'NaN or infinite: the training has diverged')
    return verdicts


def draw_collapse_panel(
    run: str | Path, path: str | Path, *, queue_size: int | None = None, batch_size: int | None = None
) -> Path:
    """Draw loss, entropies, agreement, spread and queue of an auxSKD run, and mark healthy and collapsed regions.

    Args:
        run: Work dir.
        path: PNG file. Its folder is created.
        queue_size: Number of anchors K. None reads it from the run's config.
        batch_size: Samples per step, over all ranks. None reads that of one rank. It gives the final age of a full
            queue.

    Returns:
        The path.

    Raises:
        InputError: If the run logged none of these values, or its config is missing.
    """
    from matplotlib.figure import Figure

    scalars = read_scalars(run)
    if queue_size is None:
        queue_size, known = queue_settings(run)
        batch_size = batch_size or known
    if queue_size < 2:
        raise InputError(f'queue_size={queue_size}: expected at least 2 anchors')
    if 'teacher_entropy' not in scalars:
        raise InputError(f'{run}: logged no teacher_entropy; it is no run of auxskd_mm.AuxSKD')
    verdicts = judge(scalars, queue_size)
    figure = Figure(figsize=(13.5, 7.2), layout='constrained')
    axes = figure.subplots(2, 3).ravel()
    name = figure_text(Path(run).name)
    figure.suptitle(
        f'{name}: auxSKD with K = {queue_size} anchors, log K = {math.log(queue_size):.2f} nats', fontsize=11
    )
    _curves(axes[0], scalars, ['loss_similarity'], 'loss: KL of the similarities', 'nats')
    _entropies(axes[1], scalars, queue_size)
    _agreement(axes[2], scalars, queue_size)
    _spread(axes[3], scalars)
    _queue(axes[4], scalars, queue_size, batch_size)
    for axis, key in zip(axes[1:], ('entropy', 'agreement', 'spread', 'queue')):
        _write_verdict(axis, verdicts.get(key))
    _explain(axes[5])
    return save_figure(figure, path, 100)


def _curves(axis: Axes, scalars: Scalars, keys: Sequence[str], title: str, unit: str) -> None:
    for i, key in enumerate(keys):
        if key in scalars:
            marker = 'o' if len(scalars[key][0]) < 3 else None
            style = ('-', '--')[i % 2]
            axis.plot(
                *scalars[key], color=COLOURS[(0, 3)[i % 2]], linestyle=style, linewidth=1.8, label=key, marker=marker
            )
    axis.set_title(f'{title}\n', fontsize=10, loc='left')  # the second line is the verdict's
    axis.set_xlabel('training step', fontsize=9)
    axis.set_ylabel(unit, fontsize=9)
    axis.tick_params(labelsize=8)
    axis.grid(alpha=0.3)
    for side in ('top', 'right'):
        axis.spines[side].set_visible(False)


def _legend(axis: Axes, where: str = 'best') -> None:
    if axis.get_legend_handles_labels()[0]:
        axis.legend(fontsize=8, loc=where, framealpha=0.8)  # type: ignore[call-overload]  # loc is a Literal


def _region(axis: Axes, low: float, high: float, colour: str, text: str, hatch: str = '') -> None:
    axis.axhspan(low, high, facecolor=colour, alpha=0.13, hatch=hatch, edgecolor=colour, linewidth=0)
    axis.text(
        0.02, (low + high) / 2, text, transform=axis.get_yaxis_transform(), fontsize=8, va='center', color='#333333'
    )


def _entropies(axis: Axes, scalars: Scalars, queue_size: int) -> None:
    most = math.log(queue_size)
    _curves(axis, scalars, ['teacher_entropy', 'student_entropy'], 'entropy over the anchors', 'nats')
    axis.set_ylim(0, 1.12 * most)
    axis.axhline(most, color='black', linewidth=1, linestyle=':', label='log K: no anchor preferred')
    _region(axis, FLAT_SHARE * most, most, _BAD, 'teacher here: no knowledge', '//')
    _region(axis, 0, 0.05 * most, _BAD, '', '//')
    _legend(axis, 'lower right')


def _agreement(axis: Axes, scalars: Scalars, queue_size: int) -> None:
    _curves(axis, scalars, ['anchor_agreement'], 'same nearest anchor for student and teacher', 'share of clips')
    values = scalars.get('anchor_agreement', (None, np.zeros(1)))[1]
    axis.set_ylim(0, max(1.15 * float(values[np.isfinite(values)].max(initial=0.0)), 20 / queue_size))
    axis.axhline(
        1 / queue_size, color='black', linewidth=1, linestyle=':', label=f'chance, 1 / K = {1 / queue_size:.2g}'
    )
    _region(axis, 0, min(10 / queue_size, 1), _BAD, '', '//')
    _legend(axis, 'upper left')


def _spread(axis: Axes, scalars: Scalars) -> None:
    _curves(axis, scalars, ['student_std', 'teacher_std'], 'spread of the features', 'std x sqrt(D), 1 = isotropic')
    axis.set_ylim(0, 1.15)
    _region(axis, 0, SMALL_STD, _BAD, 'collapsed', '//')
    axis.axhline(1, color='black', linewidth=1, linestyle=':', label='even over the sphere')
    _legend(axis, 'lower right')


def _queue(axis: Axes, scalars: Scalars, queue_size: int, batch_size: int | None) -> None:
    _curves(axis, scalars, ['queue_age'], 'age of the anchors', 'steps')
    if batch_size:
        settled = (queue_size / batch_size - 1) / 2
        axis.axhline(
            settled, color='black', linewidth=1, linestyle=':', label=f'full queue, (K / batch - 1) / 2 = {settled:.1f}'
        )
    if 'queue_filled' in scalars and len(scalars['queue_filled'][0]) > 1:
        other = axis.twinx()
        other.plot(*scalars['queue_filled'], color=COLOURS[3], linestyle='--', linewidth=1.5)
        other.set_ylim(0, 1.05)
        other.set_ylabel('share filled (dashed)', fontsize=9)
        other.tick_params(labelsize=8)
    axis.set_ylim(0, 1.15 * axis.get_ylim()[1])
    _legend(axis, 'lower right')


def _write_verdict(axis: Axes, verdict: Verdict | None) -> None:
    if verdict is None:
        axis.text(0.5, 0.5, 'not logged', transform=axis.transAxes, ha='center', color='#666666')
        return
    sign = {True: '\N{CHECK MARK} healthy', False: '\N{BALLOT X} look here', None: 'wait'}[verdict.healthy]
    colour = {True: _GOOD, False: _BAD, None: '#444444'}[verdict.healthy]
    axis.text(0, 1.02, f'{sign}: {verdict.text}', transform=axis.transAxes, fontsize=9, va='bottom', color=colour)


def _explain(axis: Axes) -> None:
    axis.axis('off')
    axis.text(
        0,
        1,
        'How to read it (hatched: collapsed)\n\n'
        'Entropy: at log K all anchors are alike to the teacher and there is\n'
        'nothing to distil. Just above 0 every clip sees one and the same\n'
        'anchor. In between, with the teacher below the student (its\n'
        'temperature is the lower one): healthy.\n\n'
        'Agreement: chance is 1 / K. It rises when the student learns; at\n'
        'chance it does not, whatever the loss says.\n\n'
        'Spread: 0 means that all clips have one feature. A falling loss with\n'
        'a falling spread is a collapse, not progress.\n\n'
        'Age: grows until the queue is full. Much older anchors than the\n'
        'teacher changes in (1 / (1 - m) steps) are stale.\n\n'
        'Verdicts are about the mean of the last 5 logged values.',
        fontsize=9,
        va='top',
    )
