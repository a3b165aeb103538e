"""Draw queries and their nearest videos, as thumbnails, right and wrong marked by colour and sign."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))
from tool_start import ToolParser, add_overwrite, start


def parse_args() -> argparse.Namespace:
    parser = ToolParser(__doc__, 'python tools/visualization/retrieval_sheet.py train.npz test.npz --out retrieval.png')
    parser.add_argument('gallery', help='.npz of features to look among (tools/extract_features.py, or a test)')
    parser.add_argument('query', nargs='?', help='.npz of the queries; default: from the gallery, each without itself')
    parser.add_argument('--out', default='retrieval.png', help='PNG file to write')
    parser.add_argument('--classes', help='text file with one class name per line')
    parser.add_argument('--queries', type=int, default=5, help='rows: the first video of each of so many classes')
    parser.add_argument('--neighbours', type=int, default=5, help='nearest videos for each')
    add_overwrite(parser)
    return parser.parse_args()


def main(args: argparse.Namespace) -> None:
    from auxskd_mm.apis.pictures.feature_pictures import draw_retrieval
    from auxskd_mm.launch.outputs import check_outputs

    check_outputs(args, [args.out], [args.gallery, args.query, args.classes])
    print(
        draw_retrieval(
            args.gallery,
            args.query,
            args.out,
            classes=args.classes,
            queries=args.queries,
            neighbours=args.neighbours,
        )
    )


if __name__ == '__main__':
    start(parse_args, main)
