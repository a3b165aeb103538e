"""Decode all videos in parallel and report the bad, short and duplicate ones.

The tool also reads some frames of each video by number, as a training does. If these frames differ, the video is bad.

Exit code: 0 if all videos are fine, 3 if some are not, 1 if the input cannot be used.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))
from tool_start import CfgOptions, ToolParser, add_overwrite, refuse_options, start


def parse_args() -> argparse.Namespace:
    parser = ToolParser(__doc__, 'python tools/data/check_videos.py data/kinetics100/train --report videos.csv')
    parser.add_argument('source', nargs='+', help='folders, globs or list files')
    parser.add_argument('--data-prefix', default='', help='folder that the names in a list are relative to')
    parser.add_argument('--report', default='videos.csv', help='.csv or .json file to write')
    parser.add_argument('--min-frames', type=int, help='fewest frames that are not short (default: 16)')
    parser.add_argument('--config', help='config whose clips, at their longest, are to fit; instead of --min-frames')
    overrides = parser.add_argument_group('with --config')
    overrides.add_argument('--cfg-options', nargs='+', action=CfgOptions, help='its overrides as key=value')
    parser.add_argument('--max-pixels', type=int, help='most pixels of a frame (default: 8192 x 8192)')
    parser.add_argument('--workers', type=int, default=None, help='processes; default is one per core')
    parser.add_argument('--good-list', help='file for the paths of the videos that are fine')
    parser.add_argument('--most', type=int, default=20, help='most problems to print; the report has all')
    add_overwrite(parser)
    args = parser.parse_args()
    if not args.config:
        refuse_options(parser, overrides, args, '--config')
    return args


def main(args: argparse.Namespace) -> None:
    from auxskd_mm.apis import load_config
    from auxskd_mm.config.sample_shape import frames_of_config
    from auxskd_mm.datasets.preparation.frame_rates import FrameRate, describe_rates, spread_of
    from auxskd_mm.datasets.preparation.labeled_list import write_lines
    from auxskd_mm.datasets.preparation.value_ranges import describe_values, measure_values
    from auxskd_mm.datasets.preparation.video_check import COMPARED, check_videos, summarize, write_report
    from auxskd_mm.datasets.readers.limits import MAX_PIXELS
    from auxskd_mm.datasets.video_list import UnlabeledVideoDataset
    from auxskd_mm.errors import InputError, check_least
    from auxskd_mm.functional.pixels import PixelKind
    from auxskd_mm.launch.outputs import check_outputs

    check_outputs(args, [args.report, args.good_list], [*args.source, args.config])
    check_least('', 0, most=args.most)
    if args.config and args.min_frames is not None:
        raise InputError('--config and --min-frames: give one of them, both say what is short')
    fps = None
    min_frames = 16 if args.min_frames is None else args.min_frames
    if args.config:
        min_frames, sampler, fps = frames_of_config(load_config(args.config, args.cfg_options))
        rate = '' if fps is None else f' at {fps:g} per second'
        print(f'short: fewer than {min_frames} frames{rate}, which a clip of {sampler} spans', flush=True)
    dataset = UnlabeledVideoDataset(args.source, args.data_prefix, lazy_init=True)
    paths = list(dict.fromkeys(sample['filename'] for sample in dataset.load_data_list()))
    write_report(args.report, [])  # an unusable report file shows before the work, not after it
    reports = check_videos(
        paths,
        min_frames=min_frames,
        max_pixels=MAX_PIXELS if args.max_pixels is None else args.max_pixels,
        fps=fps,
        workers=args.workers,
        progress=sys.stderr,
    )
    write_report(args.report, reports)
    if args.good_list:
        write_lines(args.good_list, [report.path for report in reports if report.status == 'ok'])
    problems = [report for report in reports if report.status != 'ok']
    notes = [report._replace(status='note') for report in reports if report.status == 'ok' and report.reason]
    for found in (problems, notes):
        for report in found[: args.most]:
            print(f'{report.status}: {report.path}: {report.reason}')
        if len(found) > args.most:
            print(f'... and {len(found) - args.most} more')
    print(f'of each video {COMPARED} frames were read in order and again by number, and compared')
    rates = [FrameRate(report.fps, report.varies) for report in reports if report.status != 'bad']
    for line in describe_rates(spread_of(rates)):
        print(line)
    deep = [report.path for report in reports if report.status != 'bad' and report.pixels != str(PixelKind())]
    for line in describe_values(measure_values(deep)) if deep else ():
        print(line)
    print(', '.join(f'{count} {status}' for status, count in summarize(reports).items()) + f' -> {args.report}')
    sys.exit(3 if problems else 0)


if __name__ == '__main__':
    start(parse_args, main)
