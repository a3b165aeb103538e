"""Run a recipe: a list of phases, the weights of one handed to the next, then a report of what they are worth.

A new start skips finished phases and resumes the interrupted phase.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from tool_start import CfgOptions, ToolParser, start


def parse_args() -> argparse.Namespace:
    parser = ToolParser(
        __doc__, 'python tools/run_recipe.py configs/recipes/auxskd_vspp_r21d_k100.py --work-dir work_dirs/recipe'
    )
    parser.add_argument('recipe', help='recipe file, e.g. configs/recipes/auxskd_vspp_r21d_k100.py')
    parser.add_argument(
        '--work-dir',
        help='folder of the recipe; phase NAME works in WORK_DIR/NAME (default: work_dirs/<name of the recipe>)',
    )
    parser.add_argument('--gpus', type=int, default=0, help='processes for torchrun; 0 is one process without it')
    parser.add_argument(
        '--jobs',
        type=int,
        default=None,
        help='steps at a time, in processes that import once for many short steps; 1 is this process alone. Without '
        'it, every command is a process of its own, and shows what it prints',
    )
    parser.add_argument('--seed', type=int, default=None, help='random seed of every phase and evaluation')
    parser.add_argument(
        '--seeds', type=int, nargs='+', default=[], help='random seeds in place of --seed; each runs the whole chain'
    )
    parser.add_argument(
        '--lists', nargs='+', default=[], help='folders of lists (tools/data/prepare_folder.py), one for each split'
    )
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=CfgOptions,
        help='overrides as NAME.key=value for a phase or an evaluation, or all.key=value for all phases and every '
        'evaluation that has the key',
    )
    return parser.parse_args()


def main(args: argparse.Namespace) -> None:
    from auxskd_mm.errors import InputError
    from auxskd_mm.recipes.run_recipe import run_recipe

    if args.jobs is not None and (args.jobs < 1 or args.gpus):
        raise InputError(f'--jobs {args.jobs}, --gpus {args.gpus}: expected at least one job, and no --gpus beside it')
    if args.seed is not None and args.seeds:
        raise InputError('--seed, --seeds: give one of them')
    summary = run_recipe(
        args.recipe,
        args.work_dir,
        args.cfg_options,
        gpus=args.gpus,
        seed=args.seed,
        seeds=args.seeds,
        lists=args.lists,
        jobs=args.jobs,
    )
    print(Path(summary['work_dir'], 'summary.md').read_text(encoding='utf-8'))
    if summary['report']:
        print(f'report: {summary["report"]}')


if __name__ == '__main__':
    start(parse_args, main)
