"""Prepare a checkpoint for others: backbone or whole model, no optimizer state, no local paths, named by its hash."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))
from tool_start import ToolParser, light_module, start


def parse_args() -> argparse.Namespace:
    choices = light_module('auxskd_mm.choices')
    parser = ToolParser(
        __doc__, 'python tools/analysis/publish_model.py work_dirs/vspp/epoch_20.pth published/vspp.pth'
    )
    parser.add_argument('in_file', help='checkpoint of a training')
    parser.add_argument('out_file', help='folder/name.pth; the hash is put before .pth')
    parser.add_argument(
        '--part',
        choices=choices.PUBLISHED_PARTS,
        default='backbone',
        help="'backbone' (what a next phase starts from), 'teacher' (the EMA copy's backbone), or the whole 'model'",
    )
    parser.add_argument('--without-config', action='store_true', help="leave the config's text out")
    return parser.parse_args()


def main(args: argparse.Namespace) -> None:
    from auxskd_mm.zoo.publish import publish_model

    print(publish_model(args.in_file, args.out_file, part=args.part, config=not args.without_config))


if __name__ == '__main__':
    start(parse_args, main)
