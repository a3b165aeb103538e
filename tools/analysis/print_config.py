"""Print a config as it is after its bases and overrides, whole or a part of it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.append(str(Path(__file__).parents[1]))
from tool_start import CfgOptions, ToolParser, add_overwrite, start

if TYPE_CHECKING:
    from mmengine.config import Config


def parse_args() -> argparse.Namespace:
    parser = ToolParser(__doc__, 'python tools/analysis/print_config.py configs/vspp_r21d_k100.py --key model.backbone')
    parser.add_argument('config', help='config file')
    parser.add_argument('--cfg-options', '--options', nargs='+', action=CfgOptions, help='overrides as key=value')
    parser.add_argument('--key', help='dotted key of a part, e.g. model.backbone or train_dataloader.dataset')
    parser.add_argument('--out', help='.py file to write instead of printing')
    add_overwrite(parser)
    return parser.parse_args()


def main(args: argparse.Namespace) -> None:
    from auxskd_mm.apis import load_config
    from auxskd_mm.files import write_whole
    from auxskd_mm.launch.outputs import check_outputs

    check_outputs(args, [args.out], [args.config])
    text = config_text(load_config(args.config, args.cfg_options), args.key)
    if args.out is None:
        print(text, end='')
        return
    write_whole(args.out, text)


def config_text(config: Config, key: str | None) -> str:
    from mmengine.config import Config

    from auxskd_mm.errors import InputError

    if key is None:
        return config.pretty_text
    value = config
    for name in key.split('.'):
        try:
            value = value[int(name)] if isinstance(value, (list, tuple)) else value[name]
        except (KeyError, IndexError, ValueError, TypeError):
            known = list(value) if isinstance(value, dict) or hasattr(value, 'keys') else range(len(value))
            raise InputError(f"--key {key}: no '{name}'; there are {', '.join(map(str, known))}") from None
    return Config({key.rsplit('.', 1)[-1]: value}).pretty_text


if __name__ == '__main__':
    start(parse_args, main)
