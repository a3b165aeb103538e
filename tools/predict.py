"""Ask a trained pretext model (or recogniser) about videos: the pace, the sped-up segment, the order, the class."""

from __future__ import annotations

import argparse

from auxskd_mm.apis import CfgOptions, PretextInferencer, load_config, run_tool
from auxskd_mm.apis.inference import QUESTIONS
from auxskd_mm.launch.outputs import add_overwrite, check_folder, check_outputs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='config file')
    parser.add_argument('checkpoint', help="its weights; 'none' for random ones")
    parser.add_argument('inputs', nargs='+', help="videos, folders, globs, lists, addresses, webcams ('0')")
    parser.add_argument(
        '--question',
        choices=QUESTIONS,
        default='as_is',
        help="'as_is' shows clips of consecutive frames, 'task' lets the test sampler speed up or shuffle them",
    )
    parser.add_argument('--num-clips', type=int, default=4, help="clips a video, for 'as_is'")
    parser.add_argument('--batch-size', type=int, default=4, help='videos at a time')
    parser.add_argument('--stream-frames', type=int, default=64, help='frames of a webcam or an address for one answer')
    parser.add_argument('--windows', type=int, default=1, help='answers for each webcam or address; 0: until it ends')
    parser.add_argument('--out', default='', help='.json or .yaml file for the probabilities')
    parser.add_argument('--out-dir', default='', help='folder for a picture of each video')
    parser.add_argument('--device', help='default: the accelerator if there is one')
    parser.add_argument('--no-progress', action='store_true', help='no progress bar')
    parser.add_argument('--cfg-options', nargs='+', action=CfgOptions, help='overrides as key=value')
    add_overwrite(parser)
    args = parser.parse_args()
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
    run_tool(main)
