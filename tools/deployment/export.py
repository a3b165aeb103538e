"""Export a model for use elsewhere: ONNX (.onnx) or torch.export (.pt2), with a free batch size, compared with the original."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))
from tool_start import ToolParser, add_overwrite, add_shared, light_module, start, weights


def parse_args() -> argparse.Namespace:
    choices = light_module('auxskd_mm.choices')
    parser = ToolParser(
        __doc__, 'python tools/deployment/export.py configs/vspp_r21d_k100.py work_dirs/vspp/epoch_20.pth vspp.onnx'
    )
    parser.add_argument('config', help='config file')
    parser.add_argument('checkpoint', type=weights, help="its weights; 'none' for random ones")
    parser.add_argument('out', help='.onnx or .pt2 file; <name>.json beside it says how to feed it')
    parser.add_argument(
        '--part',
        choices=choices.EXPORTED_PARTS,
        default='model',
        help="'model': the head's logits; 'feature': the pooled feature; 'backbone': its feature map",
    )
    parser.add_argument('--shape', type=int, nargs=3, metavar=('T', 'H', 'W'), help="default: the pipeline's")
    parser.add_argument('--normalised', action='store_true', help='the caller normalises, not the exported model')
    parser.add_argument('--no-check', action='store_true', help='do not run the file and compare it with the model')
    add_shared(parser, '--cfg-options')
    add_overwrite(parser)
    return parser.parse_args()


def main(args: argparse.Namespace) -> None:
    from auxskd_mm.apis import init_model, load_config
    from auxskd_mm.launch.outputs import check_outputs
    from auxskd_mm.zoo.export import check_export_path, export_model

    config = load_config(args.config, args.cfg_options)
    check_export_path(args.out, not args.no_check)
    check_outputs(args, [args.out, Path(args.out).with_suffix('.json')], [args.config, args.checkpoint])
    model = init_model(
        config,
        args.checkpoint,
        'cpu',
        require='model' if args.part == 'model' else 'backbone',
    )
    done = export_model(
        model, args.out, part=args.part, shape=args.shape, normalise=not args.normalised, check=not args.no_check
    )
    compared = '' if args.no_check else f', at most {done.difference:.2g} from the model'
    print(f'{done.path}: {", ".join(done.outputs)}{compared}')


if __name__ == '__main__':
    start(parse_args, main)
