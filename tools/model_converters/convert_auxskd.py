"""Convert a checkpoint of the original auxSKD, VSPP, VideoPace, VCOP or RSPNet code for `load_from` and tools/test.py."""

from __future__ import annotations

import argparse

from auxskd_mm.apis import run_tool
from auxskd_mm.launch.outputs import add_overwrite, check_outputs
from auxskd_mm.zoo.convert_checkpoint import convert_checkpoint


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('source', help='original checkpoint (.pth, .pt, .tar)')
    parser.add_argument('target', help='file to write')
    add_overwrite(parser)
    args = parser.parse_args()
    check_outputs(args, [args.target], [args.source])
    result = convert_checkpoint(args.source, args.target)
    print(f'{args.target}: {len(result.state_dict)} tensors of {result.kind}')
    if result.dropped:
        shown = result.dropped[:5] + ['...'] * (len(result.dropped) > 5)
        print(f'left out {len(result.dropped)}: {", ".join(shown)}')


if __name__ == '__main__':
    run_tool(main)
