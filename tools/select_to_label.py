"""Choose the videos whose labels would help most: a CSV to fill in, and a contact sheet.

Fill in the column label, and give the CSV to tools/data/prepare_folder.py --table, or back to this tool as --labelled.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tool_start import ToolParser, add_overwrite, add_shared, add_windows, light_module, start, weights

if TYPE_CHECKING:
    import numpy as np

    from auxskd_mm.apis.label_choice import Chosen
    from auxskd_mm.evaluation.feature_bank import FeatureBank


def parse_args() -> argparse.Namespace:
    choices = light_module('auxskd_mm.choices')
    parser = ToolParser(__doc__, 'python tools/select_to_label.py my_videos --count 20')
    parser.add_argument('videos', nargs='+', help='folder, or globs, lists and videos')
    parser.add_argument('--count', type=int, default=20, help='videos to choose')
    parser.add_argument(
        '--strategy',
        choices=choices.LABEL_STRATEGIES,
        default='typical',
        help='typical: TypiClust, for few labels; diverse: k-center; uncertain: smallest margin of a classifier',
    )
    parser.add_argument(
        '--features', help='.npz of tools/extract_features.py; is written if it is not there (default: beside --out)'
    )
    parser.add_argument(
        '--config', help='whose backbone makes the features; default: frozen ImageNet weights (extra weights)'
    )
    parser.add_argument(
        '--checkpoint',
        type=weights,
        default='',
        help="weights for --config; 'none' for its initial ones (default: those that come with a name of the zoo)",
    )
    parser.add_argument(
        '--labelled',
        help='CSV with path,label of videos that have labels: none of them is chosen, nor what overlaps them',
    )
    parser.add_argument(
        '--classifier',
        nargs=2,
        metavar=('CONFIG', 'CHECKPOINT'),
        help='for uncertain; default: a linear probe on the features of --labelled',
    )
    parser.add_argument('--num-clips', type=int, help='clips per video; default: those of an existing file, else 4')
    parser.add_argument('--batch-size', type=int, default=4, help='videos at a time')
    add_shared(parser, '--num-workers', '--device')
    parser.add_argument('--seed', type=int, default=0, help='of the clustering')
    parser.add_argument('--out', default='to_label.csv', help='.csv file with the columns path,label')
    parser.add_argument('--sheet', help='.png file (default: OUT.png)')
    add_windows(parser)
    add_overwrite(parser)
    return parser.parse_args()


def main(args: argparse.Namespace) -> None:
    from auxskd_mm.apis.label_choice import cached_features, read_labelled, select_to_label
    from auxskd_mm.apis.zoo_names import config_name
    from auxskd_mm.datasets.recordings.expand import Windows
    from auxskd_mm.errors import InputError
    from auxskd_mm.launch.outputs import check_outputs

    out = Path(args.out)
    if out.suffix != '.csv':
        raise InputError(f'{out}: expected a .csv file')
    sheet = Path(args.sheet or out.with_suffix('.png'))
    features = Path(args.features or out.with_suffix('.features.npz'))
    check_outputs(args, [out, sheet], [args.features, args.labelled, *args.videos])
    if args.classifier and args.strategy != 'uncertain':
        raise InputError(f'--classifier: is for --strategy uncertain, not {args.strategy}')
    if args.count < 1:
        raise InputError(f'--count {args.count}: expected at least 1')
    bank = cached_features(
        features,
        args.videos,
        args.config if args.config is None or args.checkpoint is not None else config_name(args.config),
        args.checkpoint or None,
        num_clips=args.num_clips,
        batch_size=args.batch_size,
        num_workers=args.num_workers,
        device=args.device,
        windows=Windows(args.window, args.stride, args.split_at_cuts),
    )
    folder = args.videos[0] if len(args.videos) == 1 and os.path.isdir(args.videos[0]) else ''
    labelled = read_labelled(args.labelled, bank.names, folder) if args.labelled else None
    chosen = select_to_label(
        bank, args.count, args.strategy, labelled=labelled, probabilities=answers(args, bank), seed=args.seed
    )
    write_choice(chosen, folder, out, sheet, f'{len(chosen)} of {len(bank)} videos to label ({args.strategy})')
    print(f'{len(chosen)} of {len(bank)} videos ({args.strategy}) -> {out}, {sheet}; features: {features}')


def answers(args: argparse.Namespace, bank: FeatureBank) -> np.ndarray | None:
    """Probabilities of ``--classifier``, None without one."""
    from auxskd_mm.apis.label_choice import classifier_probabilities
    from auxskd_mm.apis.zoo_names import config_name

    if not args.classifier:
        return None
    config, checkpoint = args.classifier
    if checkpoint == 'none':  # a name would bring its weights
        return classifier_probabilities(config_name(config), None, bank, args.device, args.batch_size)
    return classifier_probabilities(config, checkpoint, bank, args.device, args.batch_size)


def write_choice(chosen: Sequence[Chosen], folder: str, out: Path, sheet: Path, title: str) -> None:
    """Write the table, with paths relative to the folder if there is one, and the contact sheet."""
    from auxskd_mm.texts import write_table
    from auxskd_mm.visualization.contact_sheet import draw_contact_sheet

    paths = [os.path.relpath(one.path, folder) if folder else os.path.abspath(one.path) for one in chosen]
    write_table(out, [['path', 'label'], *([path, ''] for path in paths)])
    draw_contact_sheet([(one.path, one.why) for one in chosen], sheet, f'{title}, in the order of {out.name}')


if __name__ == '__main__':
    start(parse_args, main)
