"""Merge a checkpoint of adapters (AdapterHook's adapters.pth) with its base into one checkpoint."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))
from tool_start import ToolParser, add_overwrite, light_module, start


def parse_args() -> argparse.Namespace:
    choices = light_module('auxskd_mm.choices')
    parser = ToolParser(
        __doc__,
        'python tools/model_converters/merge_adapters.py vspp_adapters.py work_dirs/vspp/adapters.pth merged.pth '
        '--base base.pth',
    )
    parser.add_argument('config', help='config of the training')
    parser.add_argument('adapters', help='adapters.pth of the training')
    parser.add_argument('target', help='file to write')
    parser.add_argument('--base', help="checkpoint of the base (default: what the config's init_cfg loads)")
    parser.add_argument(
        '--fold',
        choices=choices.ADAPTER_FOLDS,
        help="fold each adapter's scale into its last layer, or linear adapters into the layers before them",
    )
    add_overwrite(parser)
    return parser.parse_args()


def main(args: argparse.Namespace) -> None:
    from auxskd_mm.apis import load_config
    from auxskd_mm.config.parts import model_settings
    from auxskd_mm.launch.outputs import check_outputs
    from auxskd_mm.zoo.merge_adapters import merge_adapters

    check_outputs(args, [args.target], [args.adapters, *([args.base] if args.base else [])])
    model = model_settings(load_config(args.config), pretrained=True)
    print(merge_adapters(model, args.adapters, args.target, args.base, args.fold))


if __name__ == '__main__':
    start(parse_args, main)
