"""Make MotionClips: H.264 clips whose class is the motion alone, in training, validation and test splits with lists.

Runs again where it was interrupted; a folder with other settings is refused.
"""

from __future__ import annotations

import argparse
import os

from auxskd_mm.apis import run_tool
from auxskd_mm.datasets.motion_clips import MOTIONS, MotionClipsSettings, make_motion_clips
from auxskd_mm.launch.outputs import add_overwrite, check_outputs
from auxskd_mm.visualization.motion_sheet import draw_motion_sheet


def main() -> None:
    default = MotionClipsSettings()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument('out', help='folder for the clips, their lists and motion_clips.json')
    helps = dict(
        train='training clips per class',
        val='validation clips per class',
        test='test clips per class',
        width='of a frame in pixels, even',
        height='of a frame in pixels, even',
        frames='frames of a clip',
        fps='frames a second; the motions are defined in seconds',
        seed='which set',
        gop='frames from key frame to key frame',
        qp='H.264 quantiser, 0 (best) to 51',
        slowing='speed in the first frame over that in the last; above 1 the order of parts of a clip can be told (VCOP)',
    )
    for name, text in helps.items():
        value = getattr(default, name)
        parser.add_argument(f'--{name}', type=type(value), default=value, help=text)
    parser.add_argument(
        '--classes', nargs='+', default=list(MOTIONS), metavar='CLASS', help='motions, in the order of their labels'
    )
    parser.add_argument('--workers', type=int, default=os.cpu_count(), help='processes')
    parser.add_argument('--sheet', metavar='PNG', help='draw one clip of each class')
    add_overwrite(parser)
    args = parser.parse_args()
    check_outputs(args, [args.sheet])
    settings = MotionClipsSettings(classes=tuple(args.classes), **{name: getattr(args, name) for name in helps})
    counts = make_motion_clips(args.out, settings, workers=args.workers, progress=True)
    print(f'{args.out}: {counts.written} clips written, {counts.kept} kept, {len(settings.classes)} classes')
    if args.sheet:
        print(draw_motion_sheet(args.out, args.sheet))


if __name__ == '__main__':
    run_tool(main)
