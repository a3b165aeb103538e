"""Split a folder of labelled clips by group (scene, person, recording) and write the lists that the configs read."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from auxskd_mm.apis import run_tool
from auxskd_mm.datasets.group_split import Clip, read_group_table, split_by_group, write_lists
from auxskd_mm.datasets.video_list import UnlabeledVideoDataset
from auxskd_mm.errors import InputError


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('folder', help='folder with one sub-folder a class')
    parser.add_argument('groups', help='CSV with the columns class, file, group')
    parser.add_argument(
        'out', help='folder for train.txt, test.txt (path label), pool.txt (all training paths) and classes.txt'
    )
    parser.add_argument('--test-share', type=float, default=0.25, help='share of the clips to hold out')
    parser.add_argument('--seed', type=int, default=0, help='which split')
    parser.add_argument(
        '--pool', nargs='*', default=[], help='further folders whose videos join pool.txt, without labels'
    )
    args = parser.parse_args()
    folder = Path(args.folder).resolve()
    clips = [Clip(str(folder / c.path), c.label, c.group) for c in read_group_table(args.groups)]
    lost = [clip.path for clip in clips if not os.path.exists(clip.path)]
    if lost:
        raise InputError(f'{args.groups}: {len(lost)} of {len(clips)} files are not in {folder}, e.g. {lost[0]}')
    train, test = split_by_group(clips, args.test_share, args.seed)
    extra = [
        os.path.abspath(info['filename'])
        for source in args.pool
        for info in UnlabeledVideoDataset(source).load_data_list()
    ]
    write_lists(args.out, train, test, extra)
    groups = len({c.group for c in train}), len({c.group for c in test})
    print(
        f'train {len(train)} clips of {groups[0]} groups, test {len(test)} of {groups[1]}, pool {len(train) + len(extra)} -> {args.out}'
    )


if __name__ == '__main__':
    run_tool(main)
