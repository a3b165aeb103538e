"""Explain a config (or recipe) in words, and check on the way that it builds and that its data fit its model."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))
from tool_start import ToolParser, add_shared, start


def parse_args() -> argparse.Namespace:
    parser = ToolParser(__doc__, 'python tools/analysis/check_config.py configs/vspp_r21d_k100.py --gpus 4')
    parser.add_argument('config', help='config file or recipe')
    parser.add_argument('--gpus', type=int, default=1, help='processes that would train, for the effective batch')
    add_shared(parser, '--cfg-options')
    return parser.parse_args()


def main(args: argparse.Namespace) -> None:
    from auxskd_mm.apis import load_config
    from auxskd_mm.config.explain import describe_config
    from auxskd_mm.launch.changes import describe_changes

    config = load_config(args.config, args.cfg_options)
    print(describe_config(config, args.config, gpus=args.gpus))
    if config.get('model') is not None:
        print(describe_changes(config))


if __name__ == '__main__':
    start(parse_args, main)
