"""Draw what a config feeds its model: a PNG sheet of clips with the paced segment framed."""

from __future__ import annotations

import argparse

from auxskd_mm.apis import CfgOptions, load_config, run_tool
from auxskd_mm.apis.browse_clips import browse_clips


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='config file')
    parser.add_argument('--out', default='clips.png', help='PNG file to write')
    parser.add_argument('--split', choices=['train', 'val', 'test'], default='train')
    parser.add_argument('--number', type=int, default=6, help='samples to show')
    parser.add_argument('--seed', type=int, default=0, help='which samples, and their random draws')
    parser.add_argument('--cfg-options', nargs='+', action=CfgOptions, help='overrides as key=value')
    args = parser.parse_args()
    config = load_config(args.config, args.cfg_options)
    print(browse_clips(config, args.out, split=args.split, number=args.number, seed=args.seed))


if __name__ == '__main__':
    run_tool(main)
