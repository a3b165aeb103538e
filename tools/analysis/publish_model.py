"""Prepare a checkpoint for others: backbone or whole model, no optimizer state, no local paths, named by its hash."""

from __future__ import annotations

import argparse

from auxskd_mm.apis import run_tool
from auxskd_mm.zoo.publish import PARTS, publish_model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('in_file', help='checkpoint of a training')
    parser.add_argument('out_file', help='folder/name.pth; the hash is put before .pth')
    parser.add_argument(
        '--part',
        choices=PARTS,
        default='backbone',
        help="'backbone' (what a next phase starts from), 'teacher' (the EMA copy's backbone), or the whole 'model'",
    )
    parser.add_argument('--without-config', action='store_true', help="leave the config's text out")
    args = parser.parse_args()
    print(publish_model(args.in_file, args.out_file, part=args.part, config=not args.without_config))


if __name__ == '__main__':
    run_tool(main)
