"""Write the features of videos by a pretrained backbone: .npy, .npz or .parquet."""

from __future__ import annotations

import argparse
from pathlib import Path

from tool_start import ToolParser, add_overwrite, add_shared, add_windows, light_module, start, weights


def parse_args() -> argparse.Namespace:
    choices = light_module('auxskd_mm.choices')
    parser = ToolParser(
        __doc__,
        'python tools/extract_features.py configs/vspp_r21d_k100.py work_dirs/vspp/epoch_20.pth videos/ --out features.npz',
    )
    parser.add_argument('config', help='config of the pretraining or recognition whose backbone it is')
    parser.add_argument(
        'checkpoint', type=weights, help="its weights; 'none' for the random initial ones, as a baseline"
    )
    parser.add_argument('videos', nargs='+', help='folders, globs, list files or videos')
    parser.add_argument('--out', default='features.npy', help='.npy (names in a .txt beside it), .npz or .parquet')
    parser.add_argument('--data-prefix', default='', help='folder that the names in a list are relative to')
    parser.add_argument('--num-clips', type=int, default=10, help='evenly spread clips per video')
    parser.add_argument(
        '--pooling', choices=list(choices.POOLINGS), default='average', help='how a feature map is pooled'
    )
    parser.add_argument('--batch-size', type=int, default=4, help='videos at a time')
    parser.add_argument('--seed', type=int, default=0, help='of random weights')
    add_shared(parser, '--num-workers', '--device', '--cfg-options')
    add_windows(parser)
    add_overwrite(parser)
    return parser.parse_args()


def main(args: argparse.Namespace) -> None:
    from auxskd_mm.apis import load_config
    from auxskd_mm.apis.extract_features import check_feature_path, extract_features, write_features
    from auxskd_mm.config.feature_pipeline import feature_pipeline
    from auxskd_mm.datasets.recordings.expand import Windows
    from auxskd_mm.launch.outputs import check_outputs
    from auxskd_mm.records.protocol import protocol_of_features, write_protocol

    check_feature_path(args.out)
    out = Path(args.out)
    beside = [
        out.with_suffix(suffix) for suffix in ('.json', '.protocol.json', *(['.txt'] if out.suffix == '.npy' else []))
    ]
    check_outputs(args, [out, *beside], [args.config, args.checkpoint, *args.videos])
    config = load_config(args.config, args.cfg_options)
    bank = extract_features(
        config,
        args.checkpoint,
        args.videos,
        num_clips=args.num_clips,
        pooling=args.pooling,
        data_prefix=args.data_prefix,
        batch_size=args.batch_size,
        num_workers=args.num_workers,
        device=args.device,
        seed=args.seed,
        windows=Windows(args.window, args.stride, args.split_at_cuts),
    )
    write_features(args.out, bank)
    pipeline = feature_pipeline(config, args.num_clips)
    protocol = protocol_of_features(
        config, args.checkpoint, pipeline=pipeline, pooling=args.pooling, videos=args.videos, seed=args.seed
    )
    write_protocol(args.out, protocol)
    print(f'{bank.features.shape[0]} x {bank.features.shape[1]} -> {args.out}')


if __name__ == '__main__':
    start(parse_args, main)
