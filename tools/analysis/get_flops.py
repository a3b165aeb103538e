"""Parameters and FLOPs (fvcore) of a config's model for one sample: backbone, heads, teacher; or of every config."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.append(str(Path(__file__).parents[1]))
from tool_start import ToolParser, add_shared, start

if TYPE_CHECKING:
    from auxskd_mm.zoo.model_summary import ModelSummary


def parse_args() -> argparse.Namespace:
    parser = ToolParser(__doc__, 'python tools/analysis/get_flops.py configs/vspp_r21d_k100.py --shape 16 112 112')
    parser.add_argument('configs', nargs='+', help='config files; with --all, a folder of them')
    parser.add_argument('--all', action='store_true', help='every config with a model in the folders, as one table')
    parser.add_argument('--shape', type=int, nargs=3, metavar=('T', 'H', 'W'), help="default: the pipeline's")
    parser.add_argument('--depth', type=int, default=2, help='how deep the table of modules goes')
    add_shared(parser, '--cfg-options')
    return parser.parse_args()


def main(args: argparse.Namespace) -> None:
    from auxskd_mm.apis import load_config
    from auxskd_mm.zoo.model_summary import model_summary, readable

    if not args.all and len(args.configs) == 1:
        show(model_summary(load_config(args.configs[0], args.cfg_options), shape=args.shape, depth=args.depth))
        return
    print('| config | sample (V x C x T x H x W) | parameters | trained | GFLOPs backbone | GFLOPs in all |')
    print('|---|---|---|---|---|---|')
    for path in every_config(args.configs) if args.all else args.configs:
        if args.all and load_config(path).get('model') is None:
            continue  # a recipe
        found = model_summary(load_config(path, args.cfg_options), shape=args.shape)
        backbone = next((part.flops for part in found.parts if part.name == 'backbone'), 0)
        print(
            f'| {path} | {" x ".join(map(str, found.shape))} | {readable(found.parameters)} | '
            f'{readable(found.trained)} | {backbone / 1e9:.2f} | {found.flops / 1e9:.2f} |',
            flush=True,
        )


def show(found: ModelSummary) -> None:
    from auxskd_mm.zoo.model_summary import readable

    print(found.table)
    print(f'\nsample (V x C x T x H x W): {" x ".join(map(str, found.shape))}')
    for part in found.parts:
        print(f'{part.name:>20}: {readable(part.parameters):>10} parameters {readable(part.flops):>10} FLOPs')
    print(f'{"in all":>20}: {readable(found.parameters):>10} parameters {readable(found.flops):>10} FLOPs')
    print(f'{"trained":>20}: {readable(found.trained):>10} parameters')
    print('A multiply-add is one FLOP. The forward pass of a training step, losses aside; inference runs the backbone')
    print('and the head only.')


def every_config(folders: list[str]) -> list[str]:
    from auxskd_mm.errors import InputError

    found: list[str] = []
    for folder in folders:
        if not Path(folder).is_dir():
            raise InputError(f'{folder}: not a folder of configs')
        found += [str(p) for p in sorted(Path(folder).rglob('*.py')) if '_base_' not in str(p.relative_to(folder))]
    if not found:
        raise InputError(f'{", ".join(folders)}: no configs in it')
    return found


if __name__ == '__main__':
    start(parse_args, main)
