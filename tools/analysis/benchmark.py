"""How fast a config's loader and model are, each alone: samples per second and the spread over batches."""

from __future__ import annotations

import argparse

from auxskd_mm.apis import CfgOptions, load_config, run_tool
from auxskd_mm.zoo.speed import inference_speed, loader_speed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='config file')
    parser.add_argument('--what', choices=['loader', 'inference', 'both'], default='both')
    parser.add_argument('--split', choices=['train', 'val', 'test'], default='train', help='whose loader')
    parser.add_argument('--batches', type=int, default=20, help='batches to time')
    parser.add_argument('--warmup', type=int, default=3, help='batches before them')
    parser.add_argument('--batch-size', type=int, default=1, help="of the inference; the loader's is the config's")
    parser.add_argument('--device', help='default: the accelerator if there is one')
    parser.add_argument('--amp', action='store_true', help='inference in bfloat16')
    parser.add_argument('--cfg-options', nargs='+', action=CfgOptions, help='overrides as key=value')
    args = parser.parse_args()
    config = load_config(args.config, args.cfg_options)
    times = dict(batches=args.batches, warmup=args.warmup)
    if args.what in ('loader', 'both'):
        print(f'{args.split} loader: {loader_speed(config, args.split, **times)}')
    if args.what in ('inference', 'both'):
        print(
            f'inference: {inference_speed(config, batch_size=args.batch_size, device=args.device, amp=args.amp, **times)}'
        )


if __name__ == '__main__':
    run_tool(main)
