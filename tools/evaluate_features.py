"""Retrieval, k-NN and linear probe on features that were extracted before; prints a JSON, or writes it with --out.

GALLERY and QUERIES are .npz files of tools/extract_features.py or of a metric's save_to, with labels.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from tool_start import ToolParser, add_overwrite, add_shared, light_module, refuse_options, start


def parse_args() -> argparse.Namespace:
    choices = light_module('auxskd_mm.choices')
    parser = ToolParser(
        __doc__, 'python tools/evaluate_features.py train.npz test.npz --tasks retrieval knn --out results.json'
    )
    parser.add_argument('gallery', help='features of the training split')
    parser.add_argument('queries', help='features of the test split')
    parser.add_argument(
        '--tasks',
        nargs='+',
        choices=choices.FEATURE_TASKS,
        default=list(choices.FEATURE_TASKS),
        help='what to measure',
    )
    probe = parser.add_argument_group('with --tasks linear')
    probe.add_argument(
        '--group-pattern',
        help='regular expression whose bracket is the group in a path; groups are held out whole when the probe is chosen',
    )
    probe.add_argument('--group-file', help='the same by a CSV with the columns path and group')
    parser.add_argument('--seed', type=int, default=0, help='of the videos that the probe is chosen on')
    add_shared(parser, '--device')
    parser.add_argument('--out', help='JSON file to write')
    add_overwrite(parser)
    args = parser.parse_args()
    if 'linear' not in args.tasks:
        refuse_options(parser, probe, args, '--tasks linear')
    return args


def main(args: argparse.Namespace) -> None:
    from auxskd_mm.evaluation import FeatureBank, KNNMetric, LinearProbeMetric, RetrievalMetric, check_comparable
    from auxskd_mm.evaluation.feature_metric import FeatureMetric, describe
    from auxskd_mm.files import write_whole
    from auxskd_mm.launch.outputs import check_outputs
    from auxskd_mm.records.protocol import protocol_of_comparison, write_protocol

    metrics: dict[str, type[FeatureMetric]] = dict(retrieval=RetrievalMetric, knn=KNNMetric, linear=LinearProbeMetric)
    if args.out:
        protocol = Path(args.out).with_suffix('.protocol.json')
        check_outputs(args, [args.out, protocol], [args.gallery, args.queries, args.group_file])
    gallery, queries = FeatureBank.load(args.gallery), FeatureBank.load(args.queries)
    check_comparable(gallery, queries)
    results: dict[str, Any] = dict(protocol=describe(gallery, queries), features=gallery.protocol)
    for task in args.tasks:
        groups = dict(group_pattern=args.group_pattern, group_file=args.group_file, seed=args.seed)
        metric = metrics[task](device=args.device, **(groups if task == 'linear' else {}))
        results[task] = metric.measure(gallery, queries)
    text = json.dumps(results, indent=1)
    if args.out:
        write_whole(args.out, text + '\n')
        kinds = [metrics[task].measures for task in args.tasks]
        write_protocol(args.out, protocol_of_comparison(args.gallery, args.queries, kinds), results)
    print(text)


if __name__ == '__main__':
    start(parse_args, main)
