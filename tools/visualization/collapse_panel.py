"""Draw the diagnostics of an auxSKD run with the regions that tell a healthy run from a collapsed one."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))
from tool_start import ToolParser, add_overwrite, start


def parse_args() -> argparse.Namespace:
    parser = ToolParser(__doc__, 'python tools/visualization/collapse_panel.py work_dirs/auxskd --out collapse.png')
    parser.add_argument('run', help='work dir of a training of auxskd_mm.AuxSKD')
    parser.add_argument('--out', default='collapse.png', help='PNG file to write')
    parser.add_argument('--queue-size', type=int, help="anchors K; default: from the run's config")
    parser.add_argument(
        '--batch-size', type=int, help='samples per step over all GPUs; default: of one, from the config'
    )
    add_overwrite(parser)
    return parser.parse_args()


def main(args: argparse.Namespace) -> None:
    from auxskd_mm.apis.pictures.feature_pictures import check_picture
    from auxskd_mm.launch.outputs import check_outputs
    from auxskd_mm.visualization.collapse_panel import draw_collapse_panel

    check_picture(args.out)
    check_outputs(args, [args.out])
    print(draw_collapse_panel(args.run, args.out, queue_size=args.queue_size, batch_size=args.batch_size))


if __name__ == '__main__':
    start(parse_args, main)
