"""The verdict of tools/own_videos.py on several sets: the row it names, the best row on test clips, and the regret.

    python benchmarks/own_videos.py tennis7=FOLDER,groups.csv avletters26=FOLDER motion_clips --minutes 45
    python benchmarks/own_videos.py tennis7=FOLDER,groups.csv --shuffle-labels   # must say that nothing can be learned
    python benchmarks/own_videos.py --collect                                    # the table of what is there
    python benchmarks/own_videos.py --collect --docs docs                        # and its numbers for docs/study.md

A set is NAME=FOLDER or NAME=FOLDER,GROUPS.csv; FOLDER/groups.csv is found without being named. The name motion_clips draws its
clips. A start that was cut off goes on where it was, and a set with its answers is not run again. The table goes to OUT/table.md
and the numbers to OUT/results.json.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from auxskd_mm.apis import run_tool
from auxskd_mm.datasets.motion_clips import MotionClipsSettings, make_motion_clips
from auxskd_mm.errors import InputError
from auxskd_mm.files import write_whole
from auxskd_mm.own_videos.run import PLAN_FILE
from auxskd_mm.recipes.tables.table import markdown

ROOT = Path(__file__).resolve().parents[1]
MOTION = 'motion_clips'
ANSWERS, DONE = 'answers.json', 'done.json'


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('sets', nargs='*', help='NAME=FOLDER or NAME=FOLDER,GROUPS.csv; motion_clips')
    parser.add_argument('--out', type=Path, default=Path('work_dirs/own_videos_sets'))
    parser.add_argument('--minutes', type=float, help='for each set; as of tools/own_videos.py')
    parser.add_argument('--jobs', type=int, help='as of tools/own_videos.py')
    parser.add_argument('--shuffle-labels', action='store_true', help='permute the labels of every set')
    parser.add_argument('--motion', type=int, default=40, help='MotionClips per class')
    parser.add_argument('--collect', action='store_true', help='only write the table')
    parser.add_argument('--docs', type=Path, help='folder that gets the numbers as own_videos_results.json')
    return parser.parse_args()


def command_of(name: str, entry: str, args: argparse.Namespace) -> list[str]:
    """The command of one set."""
    folder, _, groups = entry.partition(',')
    words = [
        sys.executable,
        str(ROOT / 'tools' / 'own_videos.py'),
        folder,
        '--out',
        str(args.out / folder_of(name, args)),
    ]
    words += ['--minutes', f'{args.minutes:g}'] if args.minutes is not None else []
    words += ['--groups', groups] if groups else []
    words += ['--jobs', str(args.jobs)] if args.jobs else []
    return words + ['--shuffle-labels'] * args.shuffle_labels


def folder_of(name: str, args: argparse.Namespace) -> str:
    """Name of the work dir of a set."""
    return f'{name}{"_shuffled" * args.shuffle_labels}'


def run_set(name: str, entry: str, args: argparse.Namespace) -> None:
    """Run one set unless its answers for these minutes are there."""
    folder, facts = args.out / folder_of(name, args), dict(minutes=args.minutes, shuffled=args.shuffle_labels)
    done = folder / DONE
    if done.is_file() and json.loads(done.read_text()) == facts and (folder / ANSWERS).is_file():
        print(f'{name}: its answers are there', flush=True)
        return
    words = command_of(name, entry, args)
    print(f'== {name}: {" ".join(words[1:])}', flush=True)
    code = subprocess.run(words, cwd=ROOT).returncode
    if code:
        raise InputError(f'{name}: the command ended with exit code {code}; start again to go on')
    write_whole(done, json.dumps(facts))


def collect(out: Path) -> dict[str, Any]:
    """Verdict, rows and regret of every set with answers; the noise is that of the best row's difference to the chosen.

    Of a row, ``choice`` is the mean accuracy on the clips to choose by, and ``test`` that on the test clips.
    """
    found = {}
    for path in sorted(out.glob(f'*/{ANSWERS}')):
        data = json.loads(path.read_text(encoding='utf-8'))
        rows, chosen, best = data['rows'], data['chosen'], data['best_on_test']
        gaps = np.subtract(rows[best]['test'], rows[chosen]['test'])
        found[path.parent.name] = dict(
            verdict=data['verdict'],
            learnable=data['learnable'],
            chosen=chosen,
            chosen_test=float(np.mean(rows[chosen]['test'])),
            best=best,
            best_test=float(np.mean(rows[best]['test'])),
            regret=data['regret'],
            splits=len(gaps),
            spread=float(gaps.std(ddof=1)) if len(gaps) > 1 else None,
            constant=data['constant'],
            expected=data['expected'],
            minutes=json.loads(plan.read_text())['schedule']['minutes']
            if (plan := path.with_name(PLAN_FILE)).is_file()
            else None,
            rows={
                name: dict(row, choice=float(np.mean(row['choice'])), test=float(np.mean(row['test'])))
                for name, row in rows.items()
            },
            not_learned=sorted({phase['phase'] for phase in data['phases'] if not phase['learned']}),
        )
    return found


def table(found: Mapping[str, Mapping[str, Any]]) -> str:
    """The results as Markdown, with the mean regret."""
    lines = [
        [
            name,
            f'{one["chosen"]} {100 * one["chosen_test"]:.1f}',
            f'{one["best"]} {100 * one["best_test"]:.1f}',
            f'{100 * one["regret"]:.1f}',
            f'{100 * one["constant"]:.1f}',
            ', '.join(one['not_learned']) or '-',
            one['verdict'],
        ]
        for name, one in found.items()
    ]
    head = [
        'set',
        'chosen row, test',
        'best row, test',
        'regret in points',
        'constant answer',
        'not learned',
        'verdict',
    ]
    regrets = [one['regret'] for one in found.values()]
    mean = f'Mean regret over {len(regrets)} sets: {100 * float(np.mean(regrets)):.1f} points.' if regrets else ''
    return f'{markdown(head, lines)}\n\n{mean}\n'


def update(path: Path, found: Mapping[str, Any]) -> None:
    """Put results into a file. Sets that were not run again keep theirs."""
    held = json.loads(path.read_text(encoding='utf-8')) if path.is_file() else {}
    write_whole(path, json.dumps(dict(sorted({**held, **found}.items())), indent=1) + '\n')


def main() -> None:
    args = parse_args()
    for entry in [] if args.collect else args.sets:
        name, _, where = entry.partition('=')
        if name == MOTION and not where:
            settings = MotionClipsSettings(train=args.motion, val=0, test=0)
            make_motion_clips(args.out / 'clips', settings)
            where = str(args.out / 'clips' / 'train')
        if not where:
            raise InputError(f'{entry}: expected NAME=FOLDER or NAME=FOLDER,GROUPS.csv')
        run_set(name, where, args)
    found = collect(args.out)
    write_whole(args.out / 'results.json', json.dumps(found, indent=1) + '\n')
    if args.docs:
        update(args.docs / 'own_videos_results.json', found)
    write_whole(args.out / 'table.md', table(found))
    print(table(found))


if __name__ == '__main__':
    run_tool(main)
