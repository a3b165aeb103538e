"""Make the packaged weights anew: draw the clips, train, publish, test, write model cards and metafiles.

A run that was cut off goes on. Weights that are not better than the best constant answer are not published.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))
from tool_start import ToolParser, start


def parse_args() -> argparse.Namespace:
    parser = ToolParser(__doc__, 'python tools/misc/make_zoo.py --work-dir work_dirs/zoo')
    parser.add_argument('--root', default=str(Path(__file__).resolve().parents[2]), help='folder of the repository')
    parser.add_argument('--work-dir', default='work_dirs/zoo', help='folder in it for clips and trainings')
    parser.add_argument('--seed', type=int, default=0, help='random seed')
    return parser.parse_args()


def main(args: argparse.Namespace) -> None:
    from auxskd_mm.zoo.packaged import make_packaged

    for path in make_packaged(Path(args.root), Path(args.work_dir), args.seed):
        print(f'written: {path}')


if __name__ == '__main__':
    start(parse_args, main)
