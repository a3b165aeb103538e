"""What are public weights worth on a set of clips, and what does pretraining add? Runs the table of one set.

    python benchmarks/warm_start/run.py tennis7 --videos VIDEOS --groups groups.csv --jobs 2
    python benchmarks/warm_start/run.py tennis7 --rows random public --columns frozen  # a part of it
    python benchmarks/warm_start/run.py motion_clips --plan                                      # only says what would run
    python benchmarks/warm_start/run.py tennis7 --features --videos VIDEOS --groups groups.csv   # on stored feature maps
    python benchmarks/warm_start/run.py tennis7 --pixels --rows public --videos VIDEOS --groups groups.csv     # from scratch

The rows and columns are those of configs/recipes/warm_start.py. A start that was cut off goes on where it was. The table
stands in <out>/<set>/table.md and table.json, the protocol of every number in the folder of its cell. With --features,
--pixels or --recipe these stand in a folder of their own below <out>/<set>.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

os.environ.setdefault('OMP_NUM_THREADS', '1')  # the same numbers whatever --jobs

from sets import SETS, maps_of, prepare, pretext_options

from auxskd_mm.launch.tool import CfgOptions, run_tool
from auxskd_mm.recipes.plan import plan_recipe
from auxskd_mm.recipes.run_recipe import run_plan
from auxskd_mm.recipes.running.describe import describe_plan

ROOT = Path(__file__).resolve().parents[2]
RECIPE = ROOT / 'configs' / 'recipes' / 'warm_start.py'
MAPS_RECIPE = ROOT / 'configs' / 'recipes' / 'warm_start_features.py'
TRUNK = ROOT / 'configs' / 'warm_start' / 'trunk_warm_start.py'


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('set', choices=SETS)
    parser.add_argument('--videos', help='folder of the clips, class/clip.mp4; MotionClips are drawn')
    parser.add_argument('--groups', help='CSV with class, file and group; VIDEOS/groups.csv by default')
    parser.add_argument('--recipe', type=Path, help='the recipe of --features or of frames by default')
    parser.add_argument('--features', action='store_true', help='train on stored feature maps of public weights')
    parser.add_argument(
        '--pixels', action='store_true', help='as --features, on patches of pixels: a network from scratch'
    )
    parser.add_argument('--out', type=Path, default=Path('work_dirs/warm_start'), help='folder of stores, lists, cells')
    parser.add_argument('--seeds', type=int, nargs='+', default=[0, 1, 2, 3, 4], help='of weights and of the split')
    parser.add_argument(
        '--train-seed',
        type=int,
        metavar='S',
        help='of weights and batches, in place of those of the splits, to train again',
    )
    parser.add_argument('--rows', nargs='+', default=[], help='rows to run; all by default')
    parser.add_argument('--columns', nargs='+', default=[], help='evaluations to run; all by default')
    parser.add_argument(
        '--inner', action='store_true', help='split the training clips of each seed once more, to choose settings by'
    )
    parser.add_argument('--jobs', type=int, default=1, help='cells at a time')
    parser.add_argument('--plan', action='store_true', help='print the cells and stop')
    parser.add_argument('--motion', type=int, nargs=2, default=[100, 40], help='MotionClips per class, train and test')
    parser.add_argument('--cfg-options', nargs='+', action=CfgOptions, help='as of tools/run_recipe.py')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    root = args.out.resolve() / args.set
    trunk = TRUNK if args.features or args.pixels else None
    motion = tuple(args.motion)
    source = dict(folder=args.videos, table=args.groups, motion=motion)
    lists = prepare(args.set, root, args.seeds, **source, trunk=trunk, pixels=args.pixels, inner=args.inner)
    clips = SETS[args.set]
    recipe = args.recipe.resolve() if args.recipe else RECIPE if trunk is None else MAPS_RECIPE
    if trunk is not None:
        own = {f'all.{key}': value for key, value in maps_of(clips, args.pixels).items()}
        folder = root / ('pixels' if args.pixels else 'features')
    else:
        own, folder = {'all.size': clips.size, 'all.clip_len': clips.clip_len, **clips.options}, root
        own.update({} if clips.flip else {'all.flip': 0.0})
        if recipe != RECIPE:
            folder = root / recipe.stem  # the table of each recipe is its own
    own |= pretext_options(clips, recipe)
    folder = folder / 'inner' if args.inner else folder
    options = args.cfg_options or {}
    for key, value in own.items():
        options.setdefault(key, value)
    if args.train_seed is None:
        plan = plan_recipe(recipe, folder, options, seeds=args.seeds, lists=lists)
    else:
        folder = folder.with_name(f'{folder.name}_seed{args.train_seed}')
        each = [lists.format(seed=seed) for seed in args.seeds]
        plan = plan_recipe(recipe, folder, options, seeds=[args.train_seed], lists=each)
    clips_of = ', training clips split once more' if args.inner else ''
    plan.report['title'] = f'{args.set}{clips_of}: public weights, and pretraining from them'
    print(describe_plan(plan, args.rows, args.columns), flush=True)
    if not args.plan:
        run_plan(plan, jobs=args.jobs, rows=args.rows, evaluations=args.columns)
        print((folder / 'table.md').read_text(encoding='utf-8'))


if __name__ == '__main__':
    run_tool(main)
