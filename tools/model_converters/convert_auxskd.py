"""Convert a checkpoint of the original auxSKD, VSPP, VideoPace, VCOP, RSPNet or PECoP code for `load_from` and tools/test.py.

With --config, convert the backbone of a public checkpoint (torchvision, VideoMAE ...) for the model of that config.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))
from tool_start import ToolParser, add_overwrite, start


def parse_args() -> argparse.Namespace:
    parser = ToolParser(__doc__, 'python tools/model_converters/convert_auxskd.py original.pth.tar converted.pth')
    parser.add_argument('source', help='original or public checkpoint (.pth, .pt, .tar, .safetensors)')
    parser.add_argument('target', help='file to write')
    parser.add_argument('--config', help='config whose backbone the public weights are for')
    parser.add_argument('--prefix', help='prefix of the network in a public file; by default it is looked for')
    add_overwrite(parser)
    return parser.parse_args()


def main(args: argparse.Namespace) -> None:
    from auxskd_mm.launch.outputs import check_outputs
    from auxskd_mm.zoo.convert_checkpoint import convert_checkpoint

    check_outputs(args, [args.target], [args.source])
    if args.config is not None:
        from auxskd_mm.config.load import load_config
        from auxskd_mm.zoo.convert_public import convert_public

        print(f'{args.target}: {convert_public(args.source, args.target, load_config(args.config), args.prefix)}')
        return
    result = convert_checkpoint(args.source, args.target)
    print(f'{args.target}: {len(result.state_dict)} tensors of {result.kind}')
    if result.dropped:
        shown = result.dropped[:5] + ['...'] * (len(result.dropped) > 5)
        print(f'left out {len(result.dropped)}: {", ".join(shown)}')


if __name__ == '__main__':
    start(parse_args, main)
