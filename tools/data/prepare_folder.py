"""Write the lists of a folder of labelled videos (class/video.mp4, or a CSV), no group of them on both sides."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from auxskd_mm.apis import run_tool
from auxskd_mm.datasets.preparation import prepare_folder
from auxskd_mm.datasets.video_list import UnlabeledVideoDataset
from auxskd_mm.launch.outputs import add_overwrite, check_outputs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('folder', help='folder with one sub-folder a class, or that the paths of --table start from')
    parser.add_argument('out', help='folder for train.txt, test.txt, val.txt, pool.txt and classes.txt')
    parser.add_argument(
        '--table', help='CSV with the columns path,label or class,file; optionally group, and split (train, val, test)'
    )
    parser.add_argument(
        '--group-pattern', help=r"regular expression on the path, its bracket is the group, e.g. '_g(\d+)_'"
    )
    parser.add_argument('--test-share', type=float, default=0.25, help='share of the clips to hold out')
    parser.add_argument('--val-share', type=float, default=0.0, help='share of the clips to hold out for validation')
    parser.add_argument('--seed', type=int, default=0, help='which split')
    parser.add_argument('--pool', nargs='*', default=[], help='further folders whose videos join pool.txt, unlabelled')
    parser.add_argument('--delimiter', default=' ', help='between path and label')
    add_overwrite(parser)
    args = parser.parse_args()
    names = [*(f'{name}.txt' for name in ('train', 'test', 'val', 'pool', 'classes')), 'groups.csv']
    check_outputs(args, [Path(args.out, name) for name in names], [args.table])
    pool = [
        os.path.abspath(info['filename'])
        for source in args.pool
        for info in UnlabeledVideoDataset(source, lazy_init=True).load_data_list()
    ]
    parts = prepare_folder(
        args.folder,
        args.out,
        table=args.table,
        group_pattern=args.group_pattern,
        test_share=args.test_share,
        val_share=args.val_share,
        seed=args.seed,
        pool=pool,
        delimiter=args.delimiter,
    )
    sizes = [f'{name} {len(clips)} clips of {len({c.group for c in clips})} groups' for name, clips in parts.items()]
    print(', '.join(sizes) + f', pool {len(parts["train"]) + len(pool)} -> {args.out}')


if __name__ == '__main__':
    run_tool(main)
