"""The main job on an embedded default: MotionClips, auxSKD, VSPP from its backbone, a test, a report and pictures."""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

from tool_start import ToolParser, start

ROOT = Path(__file__).resolve().parents[1]
PHASES = ('auxskd', 'vspp_whole', 'vspp')


def parse_args() -> argparse.Namespace:
    parser = ToolParser(__doc__, 'python tools/demo.py work_dirs/demo')
    parser.add_argument('work_dir', nargs='?', default='work_dirs/demo', help='folder for clips, runs and pictures')
    parser.add_argument('--train', type=int, default=32, help='training clips of each of the 10 motions')
    parser.add_argument('--test', type=int, default=12, help='test clips of each of the 10 motions')
    parser.add_argument(
        '--epochs', type=int, nargs=3, default=[1, 5, 4], help='of the auxiliary phase, of VSPP on whole clips, of VSPP'
    )
    parser.add_argument('--seed', type=int, default=0)
    return parser.parse_args()


def main(args: argparse.Namespace) -> None:
    from auxskd_mm.apis import load_config
    from auxskd_mm.apis.pictures.browse_clips import browse_clips
    from auxskd_mm.datasets.motion_clips import MotionClipsSettings, make_motion_clips
    from auxskd_mm.recipes.run_recipe import run_recipe
    from auxskd_mm.visualization import plot_curves
    from auxskd_mm.visualization.motion_sheet import draw_motion_sheet

    start = time.time()
    # A core for the loader: on two cores, two threads that wait for each other beside it are many times slower than one.
    os.environ.setdefault('OMP_NUM_THREADS', str(max(1, (os.cpu_count() or 2) - 1)))
    root = Path(args.work_dir)
    clips, pictures = root / 'clips', root / 'pictures'
    counts = make_motion_clips(clips, MotionClipsSettings(train=args.train, val=0, test=args.test), progress=True)
    print(f'== clips: {counts.written} written, {counts.kept} kept in {clips}', flush=True)
    options: dict[str, object] = {'all.train_dataloader.dataset.source': str(clips / 'train')}
    for phase, epochs in zip(PHASES, args.epochs):
        options[f'{phase}.epochs'] = epochs
        if phase != 'auxskd':
            options[f'{phase}.test_dataloader.dataset.source'] = str(clips / 'test')
    options['frozen.test_dataloader.dataset.common.data_root'] = str(clips)
    report = dict(classes=str(clips / 'classes.txt'))
    made_by = run_recipe(ROOT / 'configs/recipes/demo_motion.py', root, options, seed=args.seed, report=report)
    made = [draw_motion_sheet(clips, pictures / 'motions.png')]
    for phase in ('auxskd', 'vspp'):
        config = load_config(str(ROOT / f'configs/demo/{phase}_motion.py'))
        config.train_dataloader.dataset.source = str(clips / 'train')
        made.append(browse_clips(config, pictures / f'{phase}_clips.png', number=4, seed=args.seed))
    aux_panels = [
        ['loss_similarity'],
        ['teacher_entropy', 'student_entropy'],
        ['anchor_agreement'],
        ['student_std', 'teacher_std'],
    ]
    made.append(plot_curves({'auxskd': root / 'auxskd'}, aux_panels, pictures / 'auxskd_curves.png'))
    made.append(
        plot_curves(
            {'vspp_whole': root / 'vspp_whole'},
            [['loss_speed'], ['pace_acc']],
            pictures / 'vspp_whole_curves.png',
            dict(pace_acc=0.25),
        )
    )
    task_panels = [['loss_speed', 'loss_segment'], ['pace_acc', 'segment_acc', 'joint_acc']]
    chance = dict(pace_acc=0.25, segment_acc=0.25, joint_acc=0.0625)
    made.append(plot_curves({'vspp': root / 'vspp'}, task_panels, pictures / 'vspp_curves.png', chance))
    print((root / 'summary.md').read_text())
    print('pictures:\n' + '\n'.join(f'  {path}' for path in made))
    print(f'report: {made_by["report"]}')
    print(f'done in {(time.time() - start) / 60:.1f} minutes')


if __name__ == '__main__':
    start(parse_args, main)
