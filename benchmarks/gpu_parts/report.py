"""The page of a run: targets with verdicts, then the tables of each part."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from step_models import SUBJECTS

from auxskd_mm.recipes.tables.intervals import Interval
from auxskd_mm.recipes.tables.table import markdown, signed

from .record import failures, working
from .speed import BEST_NAME, METHODS, rate_of

Items = Mapping[str, Any]
_R21D = ('vspp', 'auxskd', 'rspnet')


def page(parts: Mapping[str, Any], machine: str, command: str) -> str:
    """The page as Markdown.

    Args:
        parts: Content of the parts' files.
        machine: Card, processor and versions.
        command: Command line of the run.
    """
    items = {name: working(part) for name, part in parts.items()}
    dry = any(part['settings']['dry_run'] for part in parts.values())
    dates = sorted({part['date'] for part in parts.values()})
    head = ['# Measurements on a GPU', f'{machine}; {" and ".join(dates)}', f'`{command}`']
    if dry:
        head[0] = '# Dry run on the CPU: no figure here says anything about speed'
    tables: dict[str, Callable[[], str]] = {
        'steps': lambda: _steps(items['steps'], items.get('feeding', {}), items['steps']),
        'batches': lambda: _steps(items['batches'], items.get('feeding', {}), items.get('steps', {})),
        'compiled': lambda: _steps(items['compiled'], items.get('feeding', {}), items.get('steps', {})),
        'feeding': lambda: _feeding(items['feeding'], items.get('steps', {})),
        'equality': lambda: _equality(items['equality']),
        'chain': lambda: _chain(items['chain']),
    }
    blocks = [*head, '## Targets', _targets(items, dry)]
    for name, table in tables.items():
        if name in parts:
            notes = [f'- Failed: {line}' for line in failures(parts[name])]
            notes += [f'- No time left for: {", ".join(parts[name]["late"])}'] if parts[name]['late'] else []
            blocks += [f'## {name} ({parts[name]["seconds"]:.0f} s)', table(), *(['\n'.join(notes)] if notes else [])]
    return '\n\n'.join(block for block in blocks if block) + '\n'


class Target:
    """A target and what was measured of it."""

    def __init__(self, text: str, measured: float | None, shown: str, least: float | None, most: float | None) -> None:
        self.text, self.measured, self.shown, self.least, self.most = text, measured, shown, least, most

    @property
    def verdict(self) -> str:
        """Whether it was reached."""
        if self.measured is None:
            return 'not measured'
        low = self.least is not None and self.measured < self.least
        high = self.most is not None and self.measured >= self.most
        return 'missed' if low or high else 'reached'

    def row(self) -> list[str]:
        """Row of the table."""
        return [self.text, '' if self.measured is None else self.shown.format(self.measured), self.verdict]


def _targets(items: Mapping[str, Items], dry: bool) -> str:
    steps, feeding = items.get('steps', {}), items.get('feeding', {})
    found = [
        Target(
            f'bf16 with channels_last_3d at least 3 times float32, {name}', gain(steps, name), '{:.2f} times', 3, None
        )
        for name in _R21D
    ]
    share = best_share(items)
    found.append(Target('30% of the bf16 matmul rate, VSPP on R(2+1)D', share, '{:.1%}', 0.3, None))
    found += [
        Target(f'jitter under 3% of a step, {name}', jitter_share(steps, feeding, name), '{:.2%}', None, 0.03)
        for name in _R21D
    ]
    found += [
        Target(
            f'data wait under 5% of an epoch, {layout} store',
            _get(feeding, f'epoch from {layout}', 'share'),
            '{:.2%}',
            None,
            0.05,
        )
        for layout in ('mp4', 'jpg')
    ]
    rows = [[one.text, '', 'of a GPU only'] if dry and one.measured is not None else one.row() for one in found]
    return markdown(['target', 'measured', ''], rows)


def _get(items: Items, name: str, key: str) -> Any:
    return items.get(name, {}).get(key)


def ways(items: Items) -> list[tuple[str, str, Mapping[str, Any]]]:
    """Method, way and measurement of each step, by method."""
    found = [(*name.split(': ', 1), item) for name, item in items.items() if ': ' in name]
    return sorted(found, key=lambda one: METHODS.index(one[0]))


def gain(steps: Items, method: str) -> float | None:
    """Speed of bf16 with channels_last_3d over float32 with torch's default settings."""
    slow, fast = (rate_of(steps, method, way) for way in ('float32', BEST_NAME))
    return fast / slow if slow and fast else None


def share_of(item: Mapping[str, Any], method: str, rate: float) -> float:
    """Share of the matmul rate that a step reaches."""
    return SUBJECTS[method].passes * item['multiplications'] * item['batch'] / float(np.median(item['seconds'])) / rate


def best_share(items: Mapping[str, Items]) -> float | None:
    """Largest share of the bf16 matmul rate that VSPP reaches in any way at any batch."""
    rate = _get(items.get('steps', {}), 'matrix products', 'bf16')
    found = [one for part in ('steps', 'batches', 'compiled') for one in ways(items.get(part, {}))]
    return (
        max((share_of(item, 'vspp', rate) for method, _, item in found if method == 'vspp'), default=None)
        if rate
        else None
    )


def fastest(steps: Items, method: str) -> float | None:
    """Videos per second of the fastest way of a method."""
    return max((rate_of(steps, method, way) or 0 for one, way, _ in ways(steps) if one == method), default=None)


def jitter_share(steps: Items, feeding: Items, method: str) -> float | None:
    """Share of the jitter in the fastest step."""
    cost, rate = _get(feeding, f'jitter of {method}', 'seconds'), fastest(steps, method)
    batch = next((item['batch'] for one, _, item in ways(steps) if one == method), None)
    return cost * rate / batch if cost and rate and batch else None


def _steps(items: Items, feeding: Items, steps: Items) -> str:
    rates = steps.get('matrix products', {})
    rate_name = 'bf16' if 'bf16' in rates else 'float32'
    loading = feeding.get('loading from mp4', {})
    rows = []
    for method, way, item in ways(items):
        values, peak = item['seconds'], item['peak_bytes']
        base, videos = rate_of(steps, method, 'float32'), item['batch'] / float(np.median(values))
        rows.append(
            [
                method,
                way,
                str(item['batch']),
                f'{1000 * np.median(values):.1f} ({1000 * min(values):.1f}-{1000 * max(values):.1f})',
                f'{videos * SUBJECTS[method].views:.1f}',
                f'{videos / base:.2f}' if base else '',
                f'{share_of(item, method, rates[rate_name]):.1%}' if rates else '',
                f'{peak / 2**30:.2f}' if peak is not None else '',
                f'{videos * loading[method]:.1f}' if method in loading else '',
                f'{item["warm_up"]:.1f}',
            ]
        )
    heads = [
        'method',
        'way',
        'batch',
        'ms per step, median (range)',
        'clips/s',
        "speed over float32 at the configs' batch",
    ]
    heads += [f'share of the {rate_name} matmul rate', 'peak GiB', 'loader cores, mp4 store', 'first 3 steps, s']
    products = ', '.join(f'{name} {2 * value / 1e12:.1f}' for name, value in rates.items())
    text = (
        f"Matrix products in TFLOP/s (a multiply-addition counts as two): {products}. float32 is torch's default: "
        'convolutions in TF32. A step counts as three forward passes of a clip (forward and backward; auxSKD four, RSPNet '
        "five), by fvcore's count of the network. In the first steps cuDNN tries its kernels (`cudnn_benchmark`)."
    )
    return '\n\n'.join([*([text] if rates and steps is items else []), markdown(heads, rows)])


def _feeding(items: Items, steps: Items) -> str:
    rows = []
    for method in METHODS:
        rate = fastest(steps, method)
        row = [method, f'{rate:.1f}' if rate else '']
        for layout in ('mp4', 'jpg', 'raw'):
            cost = _get(items, f'loading from {layout}', method)
            cores = f', {rate * cost:.1f} cores' if cost and rate else ''
            row.append(f'{1000 * cost:.2f} ms{cores}' if cost else '')
        share = jitter_share(steps, items, method)
        rows.append([*row, f'{share:.2%}' if share is not None else ''])
    heads = [
        'method',
        'videos/s of the fastest step',
        *(f'{name} store: CPU time per video' for name in ('mp4', 'jpg', 'raw')),
    ]
    waits = [
        [
            layout,
            str(item['workers']),
            f'{1000 * np.median(item["times"][1:]):.1f}',
            f'{item["share"]:.2%}',
            f'{item["waits"][0]:.1f}',
        ]
        for layout in ('mp4', 'jpg')
        if (item := items.get(f'epoch from {layout}'))
    ]
    wait = markdown(['store', 'workers', 'ms per iteration', 'data wait', 'first wait, s'], waits)
    return '\n\n'.join([markdown([*heads, 'jitter, share of the step'], rows), *([wait] if waits else [])])


def _equality(items: Items) -> str:
    steps, resumes, mixed = [], [], []
    for name, item in items.items():
        kind, method = name.split(' of ')
        if kind == 'steps':
            shown = [
                f'{item["errors"][key]:.1e}' for key in ('float64', 'float32', 'float32 on the CPU', 'float32, TF32 on')
            ]
            limits = ', '.join(f'{key} {value:.1e}' for key, value in item['limits'].items())
            steps.append([method, *shown, limits, 'equal' if item['equal'] else 'NOT EQUAL'])
        elif kind == 'resume':
            resumes.append(
                f'{method} {"equal to the bit" if item["equal"] else "NOT equal: " + ", ".join(item["places"])}'
            )
        else:
            scale = '' if item['loss_scale'] is None else f'{item["loss_scale"]:g}'
            verdict = 'finite' if item['finite'] else f'NOT FINITE at {item["not_finite"]}'
            mixed.append(
                [method, kind, str(item['steps']), f'{item["first"]:.3f}', f'{item["last"]:.3f}', scale, verdict]
            )
    blocks = (
        ['Three SGD steps: largest relative error of losses and weights against float64 on the CPU.'] if steps else []
    )
    heads = ['method', 'float64', 'float32', 'float32 on the CPU', 'float32, TF32 on', 'limits', '']
    blocks += [markdown(heads, steps)] if steps else []
    blocks += [f'A deterministic run that is cut off and resumed: {"; ".join(resumes)}.'] if resumes else []
    heads = ['method', 'precision', 'steps', 'first loss', 'last loss', 'loss scale', '']
    return '\n\n'.join([*blocks, *([markdown(heads, mixed)] if mixed else [])])


def _chain(items: Items) -> str:
    blocks = []
    for name, item in items.items():
        table = item['table']
        cells = {(cell['row'], cell['column']): _interval(cell) for cell in table['cells'] if cell['n']}
        rows = [
            [
                title,
                *(
                    f'{cells[row, column].text()} ({cells[row, column].count})' if (row, column) in cells else ''
                    for column in table['columns']
                ),
            ]
            for row, title in table['rows'].items()
        ]
        blocks.append(f'### {name}' + (f', ended by {item["ended"]}' if item['ended'] else ''))
        blocks.append(markdown(['accuracy in percent ± 95% interval (group splits)', *table['columns']], rows))
        lines = [[one['title'], one['column'], signed(_interval(one))] for one in table['comparisons'] if one['n']]
        blocks += [markdown(['paired difference in points', 'column', ''], lines)] if lines else []
    return '\n\n'.join(blocks)


def _interval(cell: Mapping[str, Any]) -> Interval:
    return Interval(cell['mean'], float('nan') if cell['half'] is None else cell['half'], cell['n'])
