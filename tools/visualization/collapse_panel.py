"""Draw the diagnostics of an auxSKD run with the regions that tell a healthy run from a collapsed one."""

from __future__ import annotations

import argparse

from auxskd_mm.apis import run_tool
from auxskd_mm.apis.pictures.feature_pictures import check_picture
from auxskd_mm.launch.outputs import add_overwrite, check_outputs
from auxskd_mm.visualization.collapse_panel import draw_collapse_panel


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('run', help='work dir of a training of auxskd_mm.AuxSKD')
    parser.add_argument('--out', default='collapse.png', help='PNG file to write')
    parser.add_argument('--queue-size', type=int, help="anchors K; default: from the run's config")
    parser.add_argument('--batch-size', type=int, help='samples a step over all GPUs; default: of one, from the config')
    add_overwrite(parser)
    args = parser.parse_args()
    check_picture(args.out)
    check_outputs(args, [args.out])
    print(draw_collapse_panel(args.run, args.out, queue_size=args.queue_size, batch_size=args.batch_size))


if __name__ == '__main__':
    run_tool(main)
