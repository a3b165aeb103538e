"""Write the warm-start tables into docs/warm_start.md.

python benchmarks/warm_start/report.py --collect work_dirs/warm_start  # after run.py: the numbers of all sets, then the page
python benchmarks/warm_start/report.py                                 # the page again from docs/warm_start_results.json
python benchmarks/warm_start/report.py --check                         # exit code 1 if the page is not what the numbers give
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from auxskd_mm.apis import run_tool
from auxskd_mm.files import write_whole
from auxskd_mm.recipes.tables.intervals import Interval
from auxskd_mm.recipes.tables.table import markdown, signed

DOCS = Path(__file__).resolve().parents[2] / 'docs'
# A table of the page stands between these two, and is written anew.
BLOCK = re.compile(r'(<!-- warm start: ([\w/]+) -->\n).*?(<!-- end -->)', re.DOTALL)
_CELL = ('row', 'column', 'mean', 'half', 'n', 'values')
_DIFFERENCE = ('row', 'column', 'title', 'mean', 'half', 'n')


def collect(out: Path) -> dict[str, Any]:
    """The numbers of all tables below a folder of run.py, by set and recipe, without paths.

    Only what has been measured in every run is taken.
    """
    found = {}
    for path in sorted(
        [*out.glob('*/table.json'), *out.glob('*/features/table.json'), *out.glob('*/pixels/table.json')]
    ):
        table = json.loads(path.read_text(encoding='utf-8'))
        name, runs = str(path.parent.relative_to(out)), len(table['runs'])
        found[name] = dict(
            recipe=table['recipe'],
            runs=table['runs'],
            rows=table['rows'],
            columns=table['columns'],
            cells=[{key: cell[key] for key in _CELL} for cell in table['cells'] if cell['n'] == runs],
            comparisons=[{key: cell[key] for key in _DIFFERENCE} for cell in table['comparisons'] if cell['n'] == runs],
            pretext=[
                dict(
                    phase=phase['phase'], run=phase['run'], test=phase['test'], minutes=round(phase['seconds'] / 60, 1)
                )
                for phase in table['phases']
            ],
        )
    return found


def section(table: Mapping[str, Any]) -> str:
    """Values and paired differences of one set as Markdown."""
    cells = {(cell['row'], cell['column']): _interval(cell) for cell in table['cells']}
    shown = [column for column in table['columns'] if any(key[1] == column for key in cells)]
    rows = [
        [title, *(cells[row, column].text() if (row, column) in cells else '' for column in shown)]
        for row, title in table['rows'].items()
        if any(key[0] == row for key in cells)
    ]
    differences = {(cell['title'], cell['column']): _interval(cell) for cell in table['comparisons']}
    lines = [
        [title, *(signed(differences[title, column]) if (title, column) in differences else '' for column in shown)]
        for title in dict.fromkeys(title for title, _ in differences)
    ]
    parts = [markdown(['accuracy in percent', *shown], rows)]
    if lines:
        parts.append(markdown(['paired difference in points', *shown], lines))
    return '\n\n'.join(parts)


def _interval(cell: Mapping[str, Any]) -> Interval:
    return Interval(cell['mean'], float('nan') if cell['half'] is None else cell['half'], cell['n'])


def fill(page: str, numbers: Mapping[str, Any]) -> str:
    """The page with every table written from the numbers."""
    return BLOCK.sub(lambda found: f'{found[1]}\n{section(numbers[found[2]])}\n\n{found[3]}', page)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--collect', metavar='OUT', help='folder of run.py, whose numbers are taken first')
    parser.add_argument('--docs', type=Path, default=DOCS, help='folder with warm_start.md and warm_start_results.json')
    parser.add_argument('--check', action='store_true', help='write nothing')
    args = parser.parse_args()
    path, page = args.docs / 'warm_start_results.json', args.docs / 'warm_start.md'
    if args.collect:
        write_whole(path, json.dumps(collect(Path(args.collect)), indent=1) + '\n')
    text = page.read_text(encoding='utf-8')
    filled = fill(text, json.loads(path.read_text(encoding='utf-8')))
    if not args.check:
        page.write_text(filled, encoding='utf-8')
    elif filled != text:
        print(f'{page}: its tables are not those of {path}; run benchmarks/warm_start/report.py')
        sys.exit(1)


if __name__ == '__main__':
    run_tool(main)
