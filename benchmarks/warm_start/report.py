"""Write the warm-start tables and their picture into the docs and README.md.

python benchmarks/warm_start/report.py --collect work_dirs/warm_start  # after run.py: the numbers of all sets, then the pages
python benchmarks/warm_start/report.py --collect OUT --again public    # a row that was trained a second time, beside the first
python benchmarks/warm_start/report.py                                 # the pages again from docs/warm_start_results.json
python benchmarks/warm_start/report.py --check                         # exit code 1 if a page is not what the numbers give
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from gains_picture import Pair, gains
from mmengine.config import Config

from auxskd_mm.apis import run_tool
from auxskd_mm.errors import check_choice
from auxskd_mm.files import write_whole
from auxskd_mm.recipes.tables.intervals import interval, paired
from auxskd_mm.recipes.tables.table import markdown, signed

DOCS = Path(__file__).resolve().parents[2] / 'docs'
RECIPES = DOCS.parent / 'configs' / 'recipes'
# A table of a page stands between these two, and is written anew: `SET/RECIPE`, or `all: COLUMN over BASE` for an overview of one
# column, or `columns: COLUMN over COLUMN` for two measures of the same rows, or `sets: ROW over BASE` for fine-tuning on every set.
BLOCK = re.compile(
    r'(?P<head><!-- warm start: (?P<name>[\w/]+)(?:: (?P<column>[^>]+) over (?P<base>[^>]+))? -->\n).*?(?P<end><!-- end -->)',
    re.DOTALL,
)

# Number of classes of a set, what they are, and the title of its panel, in the order of the table of sets.
_SETS = {
    'motion_clips/features': (10, 'motions of drawn objects', 'drawn motions'),
    'miracl_words/features': (10, 'spoken words, lips', 'words'),
    'avletters26/features': (26, 'spoken letters, lips', 'letters'),
    'grid_sentences/features': (4, 'spoken commands, lips', 'commands'),
    'tennis7/features': (7, 'tennis strokes', 'tennis'),
}
# The lines of the picture. Stage and adapters together are fine-tuned at a rate that adapters of random weights do not learn at.
_PAIRS = (
    *(
        Pair(row, 'public')
        for row in (
            'pace',
            'vspp',
            'vspp_unrelated',
            'vspp_rank',
            'auxskd_vspp',
            'teacher_vspp',
            'joint',
            'vcop',
            'rspnet',
        )
    ),
    *(Pair(row, 'adapters', 'adapters fine-tuned, all') for row in ('adapters_vspp', 'adapters_auxskd_vspp')),
)
# A row that was trained a second time: how far two trainings of one row lie apart.
_AGAIN = '_again'
# Where run.py leaves the table of a set: of frames, of stored maps, of patches of pixels, of frames by the GPU's recipe.
_FOLDERS = ('', 'features/', 'pixels/', 'warm_start_pixels/')
# The recipe is that of public maps; on patches of pixels its rows are networks from scratch.
_OF_PIXELS = dict(public='random weights, on patches of pixels')


def collect(out: Path, known: Mapping[str, Any], again: Sequence[str] = ()) -> dict[str, Any]:
    """The numbers of all tables below a folder of run.py, by set and recipe, without paths.

    Only what has been measured in every run is taken. What is known from earlier folders stays where the new one has no
    number, so a row can be measured alone. A folder with fewer runs than are known of its set is left out. Of the rows
    ``again`` alone the numbers are taken as repetitions: they stand beside the known ones, and are further bases.
    """
    found = dict(known)
    for path in sorted(path for folder in _FOLDERS for path in out.glob(f'*/{folder}table.json')):
        table = json.loads(path.read_text(encoding='utf-8'))
        if again:
            _rename(table, again)
        name, runs = str(path.parent.relative_to(out)), len(table['runs'])
        old = known.get(name, {})
        pairs = [[one['row'], one['base']] for one in table['comparisons']] + old.get('comparisons', [])
        whole = {(cell['row'], cell['column']): cell['values'] for cell in table['cells'] if cell['n'] == runs}
        if not whole or not set(old.get('runs', ())) <= set(table['runs']):
            continue
        cells = {(cell['row'], cell['column']): cell['values'] for cell in old.get('cells', ())} | whole
        phases = {(phase['phase'], phase['run']): phase for phase in old.get('pretext', ())}
        for phase in table['phases']:
            minutes = round(phase['seconds'] / 60, 1)
            own = dict(phase=phase['phase'], run=phase['run'], test=phase['test'], minutes=minutes)
            phases[own['phase'], own['run']] = own
        found[name] = dict(
            recipe=table['recipe'],
            runs=table['runs'],
            rows={**old.get('rows', {}), **table['rows']} if again else {**table['rows'], **_repeated(old)},
            columns=table['columns'],
            cells=[dict(row=row, column=column, values=values) for (row, column), values in cells.items()],
            comparisons=[list(pair) for pair in dict.fromkeys(map(tuple, pairs))],
            pretext=list(phases.values()),
        )
    for table in found.values():  # a row that was measured alone is compared as in the other sets
        same = [other for other in found.values() if other.get('recipe') == table.get('recipe')]
        pairs = [*table['comparisons'], *(pair for other in same for pair in other['comparisons'])]
        pairs += _pairs_of(str(table.get('recipe')))
        pairs += [[f'{row}{_AGAIN}', row] for row in table['rows'] if f'{row}{_AGAIN}' in table['rows']]
        pairs += [[row, f'{base}{_AGAIN}'] for row, base in pairs if f'{base}{_AGAIN}' in table['rows']]
        table['comparisons'] = [list(pair) for pair in dict.fromkeys(map(tuple, pairs)) if _can_differ(*pair)]
    return dict(sorted(found.items()))


def _rename(table: dict[str, Any], rows: Sequence[str]) -> None:
    """Leave some rows of a table, as repetitions.

    Raises:
        InputError: If it has no such row.
    """
    for row in rows:
        check_choice('--again', row, table['rows'])
    table['rows'] = {f'{row}{_AGAIN}': f'{table["rows"][row]}, again' for row in rows}
    table['cells'] = [{**cell, 'row': f'{cell["row"]}{_AGAIN}'} for cell in table['cells'] if cell['row'] in rows]
    table['comparisons'] = table['phases'] = []


def _repeated(table: Mapping[str, Any]) -> dict[str, str]:
    """Titles of the repetitions among the rows of a table."""
    return {row: title for row, title in table.get('rows', {}).items() if row.endswith(_AGAIN)}


def _can_differ(row: str, base: str) -> bool:
    """Whether a pair is of two rows, or of a row and its repetition in this order."""
    return row != base and base != f'{row}{_AGAIN}'


def _pairs_of(recipe: str) -> list[list[str]]:
    """Row and base of each comparison of a recipe. Empty if there is no such recipe any more."""
    path = RECIPES / recipe
    return [[pair['row'], pair['base']] for pair in Config.fromfile(path).comparisons] if path.is_file() else []


def section(table: Mapping[str, Any], titles: Mapping[str, str] = MappingProxyType({})) -> str:
    """Values, paired differences and pretext tests of one set as Markdown: a table per measure, and per measure and base row.

    ``titles`` replace those of some rows.
    """
    values = {(cell['row'], cell['column']): cell['values'] for cell in table['cells']}
    titles = {**table['rows'], **titles}
    bases = list(dict.fromkeys(base for _, base in table['comparisons']))
    parts = []
    for measure, columns in _measures(column for column in table['columns'] if any(key[1] == column for key in values)):
        labels = list(columns)
        rows = [
            [title, *(_text(values.get((row, column))) for column in columns.values())] for row, title in titles.items()
        ]
        parts.append(markdown([f'{measure}: accuracy in percent', *labels], [line for line in rows if any(line[1:])]))
        for base in bases:
            lines = [
                [title, *(_gain(values.get((row, column)), values.get((base, column))) for column in columns.values())]
                for row, title in titles.items()
                if [row, base] in table['comparisons']
            ]
            if lines := [line for line in lines if any(line[1:])]:
                parts.append(markdown([f'{measure}: points over *{titles[base]}*', *labels], lines))
    if tests := _pretext(table['pretext'], len(table['runs'])):
        parts.append(markdown(['pretext phase', 'task', 'accuracy on held-out clips', 'best constant answer'], tests))
    return '\n\n'.join(parts)


def _measures(columns: Iterable[str]) -> list[tuple[str, dict[str, str]]]:
    """Each measure, as 'k-NN', with its columns by labels per class: ascending, and all of them last."""
    found: dict[str, dict[str, str]] = {}
    for column in columns:
        measure, labels = column.rsplit(', ', 1)
        found.setdefault(measure, {})[labels] = column
    return [
        (measure, dict(sorted(own.items(), key=lambda item: float('inf' if item[0] == 'all' else item[0]))))
        for measure, own in found.items()
    ]


def _gain(values: Mapping[str, float] | None, base: Mapping[str, float] | None) -> str:
    return signed(paired(values, base)) if values and base else ''


def _text(values: Mapping[str, float] | None) -> str:
    return interval(list(values.values())).text() if values else ''


def _pretext(phases: Sequence[Mapping[str, Any]], runs: int) -> list[list[str]]:
    """Rows of phase, task, accuracy and best constant answer: means over the runs of a phase that all have been made."""
    lines = []
    for name in dict.fromkeys(phase['phase'] for phase in phases):
        tests = [phase['test'] for phase in phases if phase['phase'] == name and phase['test']]
        for key in tests[0] if len(tests) == runs else ():
            if key.endswith('_chance'):
                task = key.removesuffix('_chance')
                numbers = [[test[f'{task}_acc'] for test in tests], [test[key] for test in tests]]
                lines.append([name, task.split('/')[-1], *(interval(own).text() for own in numbers)])
    return lines


def overview(numbers: Mapping[str, Any], column: str, base: str) -> str:
    """Paired difference of one column to a base row, as Markdown: one line per row, one column per set."""
    titles, found = {}, {}
    for name, table in numbers.items():
        values = {cell['row']: cell['values'] for cell in table['cells'] if cell['column'] == column}
        for row in values if base in values else ():
            if row != base and [row, base] in table['comparisons']:
                titles[row] = table['rows'][row]
                found[row, name] = signed(paired(values[row], values[base]))
    every = max((table['rows'] for table in numbers.values()), key=len)  # an old table has fewer rows
    rows = [row for row in every if row in titles]
    sets = {name: f'{name.split("/")[0]}/features' for name in numbers if any(key[1] == name for key in found)}
    # A set has one column. What it gives on pixels or on frames, beside that on maps, stands in its section.
    sets = {name: maps for name, maps in sets.items() if name == maps or maps not in sets}
    lines = [[titles[row], *(found.get((row, name), '') for name in sets)] for row in rows]
    return markdown([f'{column}, in points', *(name.split('/')[0] for name in sets)], lines)


def by_measure(numbers: Mapping[str, Any], column: str, base: str) -> str:
    """One measure and its paired difference to another measure of the same row, as Markdown: one line per row, one column per
    set of stored maps.
    """
    titles, found = {}, {}
    names = [name for name in _SETS if name in numbers]
    for name in names:
        values = {(cell['row'], cell['column']): cell['values'] for cell in numbers[name]['cells']}
        for row, title in numbers[name]['rows'].items():
            own, other = values.get((row, column)), values.get((row, base))
            if own and other:
                titles[row] = title
                found[row, name] = f'{_text(own)} ({signed(paired(own, other))})'
    names = [name for name in names if any(key[1] == name for key in found)]
    lines = [[title, *(found.get((row, name), '') for name in names)] for row, title in titles.items()]
    return markdown([f'{column} (points over {base})', *(_SETS[name][2] for name in names)], lines)


def by_set(numbers: Mapping[str, Any], row: str, base: str) -> str:
    """Accuracy of a row and of a base row after fine-tuning with all labels, as Markdown: one line per set.

    The probe on the frozen public weights alone, with the place kept, stands beside them.
    """
    lines, title = [], row
    for name, (classes, clips, _) in _SETS.items():
        if name not in numbers:
            continue
        table = numbers[name]
        values = {(cell['row'], cell['column']): cell['values'] for cell in table['cells']}
        both = [values.get((own, 'fine-tuned, all')) for own in (base, row)]
        gain = signed(paired(both[1], both[0])) if both[0] and both[1] else ''
        probe = values.get(('trunk', 'linear probe, place kept, all'))
        lines.append([f'{classes} {clips}', f'{100 / classes:.0f}', *map(_text, (probe, *both)), gain])
        title = table['rows'].get(row, title)
    head = ['clips', 'by chance', 'frozen public weights, probe', 'fine-tuned', f'{title}, fine-tuned', 'difference']
    return markdown(head, lines)


def fill(page: str, numbers: Mapping[str, Any]) -> str:
    """The page with every table written from the numbers."""

    def written(found: re.Match[str]) -> str:
        name, column, base = found['name'], found['column'], found['base']
        titles = _OF_PIXELS if name.endswith('/pixels') else {}
        if column is None:
            text = section(numbers[name], titles)
        else:
            text = {'sets': by_set, 'columns': by_measure}.get(name, overview)(numbers, column, base)
        return f'{found["head"]}\n{text}\n\n{found["end"]}'

    return BLOCK.sub(written, page)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--collect', metavar='OUT', help='folder of run.py, whose numbers are taken first')
    parser.add_argument(
        '--docs',
        type=Path,
        default=DOCS,
        help='folder with warm_start.md, warm_start_tables.md and warm_start_results.json; README.md lies beside it',
    )
    parser.add_argument('--again', nargs='+', default=[], metavar='ROW', help='rows of --collect trained a second time')
    parser.add_argument('--check', action='store_true', help='write nothing')
    args = parser.parse_args()
    path = args.docs / 'warm_start_results.json'
    if args.collect:
        known = json.loads(path.read_text(encoding='utf-8')) if path.is_file() else {}
        write_whole(path, json.dumps(collect(Path(args.collect), known, args.again), indent=1) + '\n')
    numbers = json.loads(path.read_text(encoding='utf-8'))
    for page in (args.docs / 'warm_start.md', args.docs / 'warm_start_tables.md', args.docs.parent / 'README.md'):
        text = page.read_text(encoding='utf-8')
        filled = fill(text, numbers)
        if not args.check:
            page.write_text(filled, encoding='utf-8')
        elif filled != text:
            print(f'{page}: its tables are not those of {path}; run benchmarks/warm_start/report.py')
            sys.exit(1)
    if not args.check:
        panels = {name: title for name, (*_, title) in _SETS.items()}
        gains(numbers, panels, _PAIRS, args.docs / 'images' / 'warm_start_gains.png')


if __name__ == '__main__':
    run_tool(main)
