"""Draw features in the plane: of feature files by class, or of videos at several paces by pace and by class."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))
from tool_start import ToolParser, add_overwrite, add_shared, light_module, named_paths, refuse_options, start, weights


def parse_args() -> argparse.Namespace:
    choices = light_module('auxskd_mm.choices')
    parser = ToolParser(
        __doc__, 'python tools/visualization/embedding.py train.npz test.npz --out embedding.png --method pca'
    )
    parser.add_argument('features', nargs='*', help='.npz files of features, each optionally as NAME=FILE')
    parser.add_argument('--config', help='instead of files: config of the network')
    parser.add_argument('--videos', nargs='+', help='videos, folders, globs, lists (with labels, to have classes)')
    network = parser.add_argument_group('with --config')
    network.add_argument('--checkpoint', type=weights, help="its weights; 'none' for random ones")
    network.add_argument('--paces', type=int, nargs='+', default=[1, 2, 4, 8], help='at which the videos are shown')
    add_shared(network, '--num-workers', '--device', '--cfg-options')
    parser.add_argument('--out', default='embedding.png', help='PNG file to write')
    parser.add_argument('--classes', help='text file with one class name per line')
    parser.add_argument('--method', choices=choices.EMBEDDINGS, default='tsne', help='umap needs umap-learn')
    parser.add_argument('--most', type=int, help='points of a file (1000), or videos (150)')
    parser.add_argument('--seed', type=int, default=0, help='of the method, of random weights, and of what is drawn')
    add_overwrite(parser)
    args = parser.parse_args()
    if not args.config:
        refuse_options(parser, network, args, '--config')
    return args


def main(args: argparse.Namespace) -> None:
    from auxskd_mm.apis import init_model, load_config
    from auxskd_mm.apis.pictures.feature_pictures import check_picture, draw_feature_files, draw_pace_embedding
    from auxskd_mm.errors import InputError
    from auxskd_mm.launch.outputs import check_outputs

    files = named_paths(args.features, lambda path: Path(path).stem, 'file')
    check_outputs(args, [args.out], [*files.values(), args.config, args.checkpoint, args.classes, *(args.videos or [])])
    if bool(args.features) == bool(args.config) or bool(args.config) != bool(args.videos):
        raise InputError('give either feature files, or --config and --videos')
    common = dict(classes=args.classes, method=args.method, seed=args.seed)
    if args.most is not None:
        common['most'] = args.most
    if args.features:
        print(draw_feature_files(files, args.out, **common))
        return
    check_picture(args.out)
    config = load_config(args.config, args.cfg_options)
    model = init_model(config, args.checkpoint, args.device, require='backbone', seed=args.seed)
    print(draw_pace_embedding(model, args.videos, args.out, paces=args.paces, num_workers=args.num_workers, **common))


if __name__ == '__main__':
    start(parse_args, main)
