"""Make MotionClips: H.264 clips whose class is the motion alone, in training, validation and test splits with lists.

A new run continues after an interruption. A folder with other settings is refused.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))
from tool_start import ToolParser, add_overwrite, light_module, start

HELP = dict(
    train='training clips per class',
    val='validation clips per class',
    test='test clips per class',
    width='of a frame in pixels, even',
    height='of a frame in pixels, even',
    frames='frames of a clip',
    fps='frames per second; the motions are defined in seconds',
    seed='which set',
    gop='frames from key frame to key frame',
    qp='H.264 quantiser, 0 (best) to 51',
    slowing='speed in the first frame over that in the last; above 1 the order of parts of a clip can be told (VCOP)',
)


def parse_args() -> argparse.Namespace:
    settings = light_module('auxskd_mm.datasets.motion_clips.settings')
    default = settings.MotionClipsSettings()
    parser = ToolParser(
        __doc__,
        'python tools/data/make_motion_clips.py data/motion_clips --train 100 --sheet motions.png',
    )
    parser.add_argument('out', help='folder for the clips, their lists and motion_clips.json')
    for name, text in HELP.items():
        value = getattr(default, name)
        parser.add_argument(f'--{name}', type=type(value), default=value, help=text)
    parser.add_argument(
        '--classes',
        nargs='+',
        default=list(settings.MOTIONS),
        metavar='CLASS',
        help='motions, in the order of their labels',
    )
    parser.add_argument('--workers', type=int, default=os.cpu_count(), help='processes; default is one per core')
    parser.add_argument('--sheet', metavar='PNG', help='draw one clip of each class')
    add_overwrite(parser)
    return parser.parse_args()


def main(args: argparse.Namespace) -> None:
    from auxskd_mm.datasets.motion_clips import MotionClipsSettings, make_motion_clips
    from auxskd_mm.launch.outputs import check_outputs
    from auxskd_mm.visualization.motion_sheet import draw_motion_sheet

    check_outputs(args, [args.sheet])
    settings = MotionClipsSettings(classes=tuple(args.classes), **{name: getattr(args, name) for name in HELP})
    counts = make_motion_clips(args.out, settings, workers=args.workers, progress=True)
    print(f'{args.out}: {counts.written} clips written, {counts.kept} kept, {len(settings.classes)} classes')
    if args.sheet:
        print(draw_motion_sheet(args.out, args.sheet))


if __name__ == '__main__':
    start(parse_args, main)
