"""Put a temporal module that was trained on stored features on top of its trunk, for videos.

    python tools/model_converters/join_trunk.py configs/examples/vspp_trunk_small.py work_dirs/vspp/epoch_24.pth joined.pth \\
        --store data/features/train

The config's trunk, frames and grid are compared with those of the store.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))
from tool_start import ToolParser, add_overwrite, add_shared, start


def parse_args() -> argparse.Namespace:
    parser = ToolParser(
        __doc__,
        'python tools/model_converters/join_trunk.py configs/examples/vspp_trunk_small.py epoch_24.pth joined.pth '
        '--store data/features/train',
    )
    parser.add_argument('config', help='config of the model for videos: a trunk with a temporal module')
    parser.add_argument('checkpoint', help='checkpoint of the training on stored features')
    parser.add_argument('out', help='checkpoint to write')
    parser.add_argument('--store', required=True, help='a store of features of this trunk')
    add_shared(parser, '--cfg-options')
    add_overwrite(parser)
    return parser.parse_args()


def main(args: argparse.Namespace) -> None:
    from auxskd_mm.apis import load_config
    from auxskd_mm.apis.join_trunk import join_trunk
    from auxskd_mm.launch.outputs import check_outputs

    config = load_config(args.config, args.cfg_options)
    check_outputs(args, [args.out], [args.config, args.checkpoint])
    print(join_trunk(config, args.checkpoint, args.store, args.out))


if __name__ == '__main__':
    start(parse_args, main)
