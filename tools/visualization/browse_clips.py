"""Show what a config feeds its model, with --before also as it was decoded: a PNG sheet, a GIF or mp4, or an HTML gallery."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))
from tool_start import ToolParser, add_overwrite, add_shared, light_module, start


def parse_args() -> argparse.Namespace:
    choices = light_module('auxskd_mm.choices')
    parser = ToolParser(
        __doc__, 'python tools/visualization/browse_clips.py configs/vspp_r21d_k100.py --out clips.png --number 4'
    )
    parser.add_argument('config', help='config file')
    parser.add_argument('--out', nargs='+', default=['clips.png'], help='files to write: .png, .gif, .mp4, .html')
    parser.add_argument('--videos', help="folder, glob, list or file to take instead of the config's")
    parser.add_argument('--split', choices=choices.SPLITS, default='train', help='whose clips')
    parser.add_argument('--number', type=int, default=6, help='videos to show')
    parser.add_argument('--before', action='store_true', help='show above each clip its frames before augmentation')
    parser.add_argument('--seed', type=int, default=0, help='which videos, and their random draws')
    add_shared(parser, '--cfg-options')
    add_overwrite(parser)
    return parser.parse_args()


def main(args: argparse.Namespace) -> None:
    from auxskd_mm.apis import load_config
    from auxskd_mm.apis.pictures.browse_clips import check_out, see_config, take_videos, wrap_warning, write_clips
    from auxskd_mm.launch.outputs import check_outputs

    check_outputs(args, args.out, [args.config, args.videos])
    config = load_config(args.config, args.cfg_options)
    for out in args.out:
        check_out(out)
    if args.videos is not None:
        take_videos(config, args.videos, args.split)
    samples = see_config(config, split=args.split, number=args.number, seed=args.seed)
    warning = wrap_warning(samples)
    if warning is not None:
        print(warning)
    for out in args.out:
        print(write_clips(samples, out, config, args.split, before=args.before))


if __name__ == '__main__':
    start(parse_args, main)
