"""How fast a config's loader and model are, each alone: samples per second and the spread over batches."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))
from tool_start import ToolParser, add_shared, light_module, start


def parse_args() -> argparse.Namespace:
    choices = light_module('auxskd_mm.choices')
    parser = ToolParser(
        __doc__, 'python tools/analysis/benchmark.py configs/vspp_r21d_k100.py --what inference --batches 10'
    )
    parser.add_argument('config', help='config file')
    parser.add_argument('--what', choices=['loader', 'inference', 'both'], default='both', help='what to time')
    parser.add_argument('--split', choices=choices.SPLITS, default='train', help='whose loader')
    parser.add_argument('--batches', type=int, default=20, help='batches to time')
    parser.add_argument('--warmup', type=int, default=3, help='batches before them')
    parser.add_argument('--batch-size', type=int, default=1, help="of the inference; the loader's is the config's")
    parser.add_argument('--amp', action='store_true', help='inference in bfloat16')
    add_shared(parser, '--device', '--cfg-options')
    return parser.parse_args()


def main(args: argparse.Namespace) -> None:
    from auxskd_mm.apis import load_config
    from auxskd_mm.zoo.speed import inference_speed, loader_speed

    config = load_config(args.config, args.cfg_options)
    times = dict(batches=args.batches, warmup=args.warmup)
    if args.what in ('loader', 'both'):
        print(f'{args.split} loader: {loader_speed(config, args.split, **times)}')
    if args.what in ('inference', 'both'):
        print(
            f'inference: {inference_speed(config, batch_size=args.batch_size, device=args.device, amp=args.amp, **times)}'
        )


if __name__ == '__main__':
    start(parse_args, main)
