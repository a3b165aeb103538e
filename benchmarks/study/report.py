"""Write the study's tables and pictures into the docs.

python benchmarks/study/report.py --collect work_dirs/study     # after run.py: numbers of all cells, then the docs
python benchmarks/study/report.py                               # the docs again from docs/study_results.json
python benchmarks/study/report.py --check                       # exit code 1 if docs/study.md is not what the numbers give
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import real_sets
from plots import effects, few_labels
from results import Results
from tables import SECTIONS

from auxskd_mm.apis import run_tool

DOCS = Path(__file__).resolve().parents[2] / 'docs'
# A table of the page stands between these two, and is written anew.
BLOCK = re.compile(r'(<!-- study:(\w+) -->\n).*?(<!-- end -->)', re.DOTALL)


def fill(page: str, results: Results, of_sets: Mapping[str, Any]) -> str:
    """The page with every table written from the results of the study and of the sets of real clips."""
    made = {'sets': lambda _: real_sets.table(of_sets), **SECTIONS}
    return BLOCK.sub(lambda found: f'{found[1]}\n{made[found[2]](results)}\n\n{found[3]}', page)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--collect', metavar='STUDY', help='folder of run.py, whose numbers are taken first')
    parser.add_argument('--docs', type=Path, default=DOCS, help='folder with study.md and the results')
    parser.add_argument('--check', action='store_true', help='write nothing')
    args = parser.parse_args()
    numbers, page = args.docs / 'study_results.json', args.docs / 'study.md'
    if args.collect:
        Results.collect(Path(args.collect)).save(numbers)
    results, of_sets = Results.load(numbers), real_sets.load(args.docs)
    text = page.read_text(encoding='utf-8')
    filled = fill(text, results, of_sets)
    if args.check:
        if filled != text:
            print(f'{page}: its tables are not those of {numbers}; run benchmarks/study/report.py')
            sys.exit(1)
        return
    page.write_text(filled, encoding='utf-8')
    images = args.docs / 'images'
    pictures = [few_labels(results, images), effects(results, images), real_sets.plot(of_sets, images)]
    print('\n'.join(str(path) for path in [numbers, page, *pictures]))


if __name__ == '__main__':
    run_tool(main)
