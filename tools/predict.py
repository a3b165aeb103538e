"""Ask a trained pretext model (or recogniser) about videos: the pace, the sped-up segment, the order, the class.

With --timeline, ask about each window of one recording: the scores over time, and the events in it.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tool_start import ToolParser, add_overwrite, add_shared, light_module, refuse_options, start, weights


def parse_args() -> argparse.Namespace:
    choices = light_module('auxskd_mm.choices')
    parser = ToolParser(
        __doc__,
        'python tools/predict.py configs/vspp_r21d_k100.py work_dirs/vspp/epoch_20.pth video.mp4\n'
        '  python tools/predict.py finetune.py epoch_100.pth recording.mp4 --timeline --window 2 --stride 0.5',
    )
    parser.add_argument('config', help='config file')
    parser.add_argument('checkpoint', type=weights, help="its weights; 'none' for random ones")
    parser.add_argument('inputs', nargs='+', help="videos, folders, globs, lists, addresses, webcams ('0')")
    parser.add_argument(
        '--question',
        choices=choices.QUESTIONS,
        default='as_is',
        help="'as_is' shows clips at the pace of the video, 'task' samples as the test does, which may speed up or shuffle",
    )
    parser.add_argument('--num-clips', type=int, help="clips per video, for 'as_is' (4), or per window (1)")
    parser.add_argument('--batch-size', type=int, default=4, help='videos or windows at a time')
    parser.add_argument('--stream-frames', type=int, default=64, help='frames of a webcam or an address for one answer')
    parser.add_argument('--windows', type=int, default=1, help='answers for each webcam or address; 0: until it ends')
    parser.add_argument('--out', default='', help='.json or .yaml file for the probabilities; see --timeline')
    parser.add_argument('--out-dir', default='', help='folder for a picture of each video')
    parser.add_argument('--no-progress', action='store_true', help='no progress bar')
    add_shared(parser, '--device', '--cfg-options')
    add_overwrite(parser)
    timeline = add_timeline(parser)
    args = parser.parse_args()
    if not args.timeline:
        refuse_options(parser, timeline, args, '--timeline')
    for option in ('windows', 'stream_frames') if args.timeline else ():
        if getattr(args, option) != parser.get_default(option):
            name = option.replace('_', '-')
            parser.error(
                f'--{name}: has no effect with --timeline, whose windows --window and --stride name; leave it out'
            )
    if args.question == 'task' and args.num_clips is not None:
        parser.error('--num-clips: has no effect with --question task, whose clips are those of the test; leave it out')
    return args


def add_timeline(parser: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    """Add the options of ``--timeline``, and return their group."""
    group = parser.add_argument_group('timeline of one recording')
    group.add_argument(
        '--timeline',
        action='store_true',
        help='the input is one recording; writes OUT.csv, OUT.events.csv, OUT.json and OUT.png (OUT: --out without its '
        'suffix, or the name of the recording with .timeline, in --out-dir or here)',
    )
    group.add_argument('--window', type=float, default=2.0, help='seconds of a window')
    group.add_argument('--stride', type=float, default=0.5, help='seconds from the start of a window to the next')
    group.add_argument('--task', help='answer to keep of a model with several, such as pace; default: the first')
    per_class = 'a number, and CLASS=number for exceptions'
    group.add_argument('--threshold', nargs='+', default=[], help=f'least score of an event (0.5): {per_class}')
    group.add_argument('--merge-gap', nargs='+', default=[], help=f'longest gap to close in seconds (0.5): {per_class}')
    group.add_argument('--min-length', nargs='+', default=[], help=f'shortest event in seconds (0.5): {per_class}')
    group.add_argument('--background', nargs='+', default=[], metavar='CLASS', help='classes that are no events')
    group.add_argument('--truth', help="file of true events, lines 'start end label' in seconds: prints event F1")
    group.add_argument('--iou', type=float, default=0.5, help='least temporal IoU of an event that is right')
    return group


def main(args: argparse.Namespace) -> None:
    (predict_recording if args.timeline else predict_videos)(args)


def predict_videos(args: argparse.Namespace) -> None:
    """Answer for each video."""
    from auxskd_mm.apis import PretextInferencer, load_config
    from auxskd_mm.launch.outputs import check_folder, check_outputs

    check_outputs(args, [args.out], [args.config, args.checkpoint, *args.inputs])
    check_folder(args, args.out_dir, '*.png')
    inferencer = PretextInferencer(
        load_config(args.config, args.cfg_options),
        args.checkpoint,
        args.device,
        question=args.question,
        num_clips=4 if args.num_clips is None else args.num_clips,
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


def predict_recording(args: argparse.Namespace) -> None:
    """Answer for each window of a recording."""
    from auxskd_mm.apis import init_model, load_config
    from auxskd_mm.apis.timelines import EventRules, predict_timeline, timeline_files, write_timeline
    from auxskd_mm.apis.timelines.report import MERGE_GAP, MIN_LENGTH, THRESHOLD
    from auxskd_mm.datasets.recordings.names import file_stem
    from auxskd_mm.errors import InputError
    from auxskd_mm.evaluation.events import PerClass, read_events
    from auxskd_mm.evaluation.events.f1 import check_iou, f1_table
    from auxskd_mm.launch.outputs import check_outputs

    if args.question != 'as_is':
        raise InputError('--timeline: asks how each window is; leave out --question')
    if len(args.inputs) > 1:
        raise InputError(f'--timeline: takes one recording, not {len(args.inputs)}; run the command for each of them')
    recording = args.inputs[0]
    out = args.out or Path(args.out_dir, f'{file_stem(recording)}.timeline.json')
    check_outputs(args, timeline_files(out), [args.config, args.checkpoint, recording, args.truth])
    check_iou(args.iou)
    rules = EventRules(
        PerClass.parse(args.threshold, THRESHOLD, '--threshold', 1.0),
        PerClass.parse(args.merge_gap, MERGE_GAP, '--merge-gap'),
        PerClass.parse(args.min_length, MIN_LENGTH, '--min-length'),
        args.background,
    )
    truth = read_events(args.truth) if args.truth else None

    def known(names: tuple[str, ...], seconds: float) -> None:
        rules.check(names)
        if truth is not None:
            truth[:] = read_events(args.truth, names, seconds)

    model = init_model(load_config(args.config, args.cfg_options), args.checkpoint, args.device)
    timeline = predict_timeline(
        model,
        recording,
        window=args.window,
        stride=args.stride,
        num_clips=1 if args.num_clips is None else args.num_clips,
        batch_size=args.batch_size,
        task=args.task,
        check=known,
        progress=None if args.no_progress else sys.stderr,
    )
    print(timeline.describe())
    events = rules.events(timeline)
    for event in events:
        print(f'{event.start:9.2f} {event.end:9.2f} {event.label} ({event.score:.2f})')
    print(f'{len(events)} events')
    if truth is not None:
        print(f1_table(events, rules.asked(truth), args.iou))
    print('written: ' + ', '.join(map(str, write_timeline(out, timeline, rules, truth, args.iou))))


if __name__ == '__main__':
    start(parse_args, main)
