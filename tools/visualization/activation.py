"""Draw which places and times of a clip speak for the answer of a pretext head (or of a recogniser)."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))
from tool_start import ToolParser, add_overwrite, add_shared, light_module, refuse_options, start, weights


def parse_args() -> argparse.Namespace:
    choices = light_module('auxskd_mm.choices')
    parser = ToolParser(
        __doc__,
        'python tools/visualization/activation.py configs/vspp_r21d_k100.py work_dirs/vspp/epoch_20.pth video.mp4',
    )
    parser.add_argument('config', help='config file')
    parser.add_argument('checkpoint', type=weights, help="its weights; 'none' for random ones")
    parser.add_argument('videos', nargs='+', help='videos, folders, globs, lists')
    parser.add_argument('--out-dir', default='activation', help='folder for one PNG per video')
    parser.add_argument('--task', help="'pace', 'segment', 'order' or 'class'; default: the first that the head has")
    parser.add_argument('--target', type=int, help='class to explain; default: the most probable')
    parser.add_argument(
        '--layer', help='module of the backbone to map, for a finer, approximate map; default: its output'
    )
    parser.add_argument(
        '--question',
        choices=choices.QUESTIONS,
        default='task',
        help="'task' lets the test sampler speed up or shuffle, 'as_is' shows clips of consecutive frames",
    )
    clips = parser.add_argument_group('with --question as_is')
    clips.add_argument('--num-clips', type=int, default=1, help='clips per video')
    add_shared(parser, '--device', '--cfg-options')
    add_overwrite(parser)
    args = parser.parse_args()
    if args.question != 'as_is':
        refuse_options(parser, clips, args, '--question as_is')
    return args


def main(args: argparse.Namespace) -> None:
    from auxskd_mm.apis import init_model, load_config
    from auxskd_mm.apis.pictures.activation import draw_activations
    from auxskd_mm.launch.outputs import check_folder

    check_folder(args, args.out_dir, '*.png')
    config = load_config(args.config, args.cfg_options)
    model = init_model(config, args.checkpoint, args.device)
    options = dict(task=args.task, target=args.target, layer=args.layer, question=args.question)
    for path in draw_activations(model, args.videos, args.out_dir, num_clips=args.num_clips, **options):
        print(path)


if __name__ == '__main__':
    start(parse_args, main)
