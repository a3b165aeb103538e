"""Draw confusion matrices of pace, segment, order or relative speed, of a model or of a test's dump."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))
from tool_start import ToolParser, add_overwrite, add_shared, start, weights


def parse_args() -> argparse.Namespace:
    parser = ToolParser(
        __doc__,
        'python tools/visualization/pace_confusion.py configs/vspp_r21d_k100.py work_dirs/vspp/epoch_20.pth --out confusion.png',
    )
    parser.add_argument('config', help='config file, which names the classes')
    parser.add_argument('checkpoint', nargs='?', help="weights to ask about the config's test set; 'none': random ones")
    parser.add_argument('--dump', help='instead of weights: .json of tools/test.py --dump or of tools/predict.py --out')
    parser.add_argument('--out', default='confusion.png', help='PNG file to write')
    add_shared(parser, '--num-workers', '--device', '--cfg-options')
    add_overwrite(parser)
    return parser.parse_args()


def main(args: argparse.Namespace) -> None:
    from auxskd_mm.apis import init_model, load_config
    from auxskd_mm.apis.pictures.feature_pictures import check_picture
    from auxskd_mm.apis.pictures.pretext_confusion import ask_model, draw_pretext_confusion, read_answers
    from auxskd_mm.errors import InputError
    from auxskd_mm.launch.outputs import check_outputs

    if (args.checkpoint is None) == (args.dump is None):
        raise InputError('give either a checkpoint or --dump')
    config = load_config(args.config, args.cfg_options)
    check_picture(args.out)
    check_outputs(args, [args.out], [args.config, args.checkpoint, args.dump])
    if args.dump is not None:
        answers = read_answers(args.dump)
    else:
        model = init_model(config, weights(args.checkpoint), args.device)
        answers = ask_model(model, args.num_workers)
    print(draw_pretext_confusion(answers, config, args.out))


if __name__ == '__main__':
    start(parse_args, main)
