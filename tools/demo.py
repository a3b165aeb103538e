"""The main job on embedded clips: two sets, two verdicts.

The class of the first set is the heading of the objects, and pretraining helps. The class of the second set is their pattern, and
public weights are best as they are.

With --chain it also runs the chain of the papers on MotionClips: auxSKD, VSPP from its backbone, a test, a report, pictures.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

from tool_start import ToolParser, start

ROOT = Path(__file__).resolve().parents[1]
# Short clips of fast motion: packing and steps take half of what 40 frames take.
FRAMES, FPS = 20, 12
# Rows, splits and steps of both sets. They are given, not planned from minutes: a slow machine takes longer, and leaves no row out.
ROWS = ('late_frozen', 'late_still', 'early_frozen', 'early_still', 'early_tuned', 'early_pace', 'early_pace_frozen')
SPLITS, TUNE_STEPS, PRETEXT_STEPS = 3, 100, 200


def parse_args() -> argparse.Namespace:
    parser = ToolParser(__doc__, 'python tools/demo.py work_dirs/demo')
    parser.add_argument('work_dir', nargs='?', default='work_dirs/demo', help='folder for clips, runs and pictures')
    parser.add_argument('--clips', type=int, default=24, help='clips per class of both sets')
    parser.add_argument('--jobs', type=int, help='trainings at a time (default: one per core, at most 8)')
    parser.add_argument(
        '--chain', action='store_true', help='also run auxSKD and VSPP on MotionClips, in about 5 minutes'
    )
    parser.add_argument('--train', type=int, default=32, help='of --chain: training clips of each of the 10 motions')
    parser.add_argument('--test', type=int, default=12, help='of --chain: test clips of each of the 10 motions')
    parser.add_argument('--seed', type=int, default=0, help='of the clips and of --chain')
    return parser.parse_args()


def main(args: argparse.Namespace) -> None:
    began = time.time()
    root = Path(args.work_dir)
    os.environ.setdefault('OMP_NUM_THREADS', '1')  # each training has one core
    verdicts = two_verdicts(root, args)
    if args.chain:
        chain(root, args)
    for title, sentence, report in verdicts:
        print(f'{title}\n  {sentence}\n  report: {report}')
    print(f'done in {(time.time() - began) / 60:.1f} minutes')


def two_verdicts(root: Path, args: argparse.Namespace) -> list[tuple[str, str, Path]]:
    """Draw the two sets, and run the command for own videos on each."""
    from auxskd_mm.datasets.motion_clips import MotionClipsSettings, make_heading_clips, make_pattern_clips
    from auxskd_mm.own_videos.planner import Lengths
    from auxskd_mm.own_videos.run import Settings, own_videos

    size = MotionClipsSettings(frames=FRAMES, fps=FPS, seed=args.seed)
    lengths = Lengths(ROWS, SPLITS, TUNE_STEPS, PRETEXT_STEPS)
    print('drawing two sets of clips', flush=True)
    make_heading_clips(root / 'headings', args.clips, size)
    make_pattern_clips(root / 'patterns', args.clips, size)
    made = []
    for title, folder, name in (
        ('The class is the heading of the objects:', root / 'headings', 'heading'),
        ('The class is the pattern of the objects:', root / 'patterns', 'pattern'),
    ):
        print(f'\n== {title}', flush=True)
        outcome = own_videos(Settings(folder, root / name, jobs=args.jobs, lengths=lengths))
        made.append((title, outcome.answers[-1].sentence, outcome.report))
    return made


def chain(root: Path, args: argparse.Namespace) -> None:
    """The auxiliary phase, VSPP in two steps, and what they are worth, with pictures."""
    from auxskd_mm.apis import load_config
    from auxskd_mm.apis.pictures.browse_clips import browse_clips
    from auxskd_mm.datasets.motion_clips import MotionClipsSettings, make_motion_clips
    from auxskd_mm.recipes.run_recipe import run_recipe
    from auxskd_mm.visualization.motion_sheet import draw_motion_sheet

    clips, pictures = root / 'clips', root / 'pictures'
    counts = make_motion_clips(clips, MotionClipsSettings(train=args.train, val=0, test=args.test), progress=True)
    print(f'== clips: {counts.written} written, {counts.kept} kept in {clips}', flush=True)
    options: dict[str, object] = {'all.train_dataloader.dataset.source': str(clips / 'train')}
    for phase in ('auxskd', 'vspp_whole', 'vspp'):
        options[f'{phase}.test_dataloader.dataset.source'] = str(clips / 'test')
    options['frozen.test_dataloader.dataset.common.data_root'] = str(clips)
    report = dict(classes=str(clips / 'classes.txt'))
    made_by = run_recipe(ROOT / 'configs/recipes/demo_motion.py', root, options, seed=args.seed, report=report)
    made = [draw_motion_sheet(clips, pictures / 'motions.png')]
    for phase in ('auxskd', 'vspp'):
        config = load_config(str(ROOT / f'configs/demo/{phase}_motion.py'))
        config.train_dataloader.dataset.source = str(clips / 'train')
        made.append(browse_clips(config, pictures / f'{phase}_clips.png', number=4, seed=args.seed))
    made += draw_curves(root, pictures)
    print((root / 'summary.md').read_text())
    print('pictures:\n' + '\n'.join(f'  {path}' for path in made))
    print(f'report: {made_by["report"]}')


def draw_curves(root: Path, pictures: Path) -> list[Path]:
    """Training curves of the three phases."""
    from auxskd_mm.visualization import plot_curves

    panels = {
        'auxskd': [
            ['loss_similarity'],
            ['teacher_entropy', 'student_entropy'],
            ['anchor_agreement'],
            ['student_std', 'teacher_std'],
        ],
        'vspp_whole': [['loss_speed'], ['pace_acc']],
        'vspp': [['loss_speed', 'loss_segment'], ['pace_acc', 'segment_acc', 'joint_acc']],
    }
    chance = dict(pace_acc=0.25, segment_acc=0.25, joint_acc=0.0625)
    return [
        plot_curves({phase: root / phase}, own, pictures / f'{phase}_curves.png', chance if phase != 'auxskd' else None)
        for phase, own in panels.items()
    ]


if __name__ == '__main__':
    start(parse_args, main)
