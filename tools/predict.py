"""Ask a trained pretext model (or recogniser) about videos: the pace, the sped-up segment, the order, the class."""

from __future__ import annotations

import argparse

from tool_start import CfgOptions, ToolParser, add_overwrite, light_module, start


def parse_args() -> argparse.Namespace:
    choices = light_module('auxskd_mm.choices')
    parser = ToolParser(
        __doc__, 'python tools/predict.py configs/vspp_r21d_k100.py work_dirs/vspp/epoch_18.pth video.mp4'
    )
    parser.add_argument('config', help='config file')
    parser.add_argument('checkpoint', help="its weights; 'none' for random ones")
    parser.add_argument('inputs', nargs='+', help="videos, folders, globs, lists, addresses, webcams ('0')")
    parser.add_argument(
        '--question',
        choices=choices.QUESTIONS,
        default='as_is',
        help="'as_is' shows clips of consecutive frames, 'task' lets the test sampler speed up or shuffle them",
    )
    parser.add_argument('--num-clips', type=int, default=4, help="clips per video, for 'as_is'")
    parser.add_argument('--batch-size', type=int, default=4, help='videos at a time')
    parser.add_argument('--stream-frames', type=int, default=64, help='frames of a webcam or an address for one answer')
    parser.add_argument('--windows', type=int, default=1, help='answers for each webcam or address; 0: until it ends')
    parser.add_argument('--out', default='', help='.json or .yaml file for the probabilities')
    parser.add_argument('--out-dir', default='', help='folder for a picture of each video')
    parser.add_argument('--device', help='default: the accelerator if there is one')
    parser.add_argument('--no-progress', action='store_true', help='no progress bar')
    parser.add_argument('--cfg-options', nargs='+', action=CfgOptions, help='overrides as key=value')
    add_overwrite(parser)
    return parser.parse_args()


def main(args: argparse.Namespace) -> None:
    from auxskd_mm.apis import PretextInferencer, load_config
    from auxskd_mm.launch.outputs import check_folder, check_outputs

    check_outputs(args, [args.out], [args.config, args.checkpoint, *args.inputs])
    check_folder(args, args.out_dir, '*.png')
    inferencer = PretextInferencer(
        load_config(args.config, args.cfg_options),
        None if args.checkpoint == 'none' else args.checkpoint,
        args.device,
        question=args.question,
        num_clips=args.num_clips,
        show_progress=not args.no_progress,
    )
    inferencer(
        args.inputs,
        batch_size=args.batch_size,
        print_result=True,
        pred_out_file=args.out,
        out_dir=args.out_dir,
        stream_frames=args.stream_frames,
        windows=args.windows,
    )


if __name__ == '__main__':
    start(parse_args, main)
