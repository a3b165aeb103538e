"""Test a checkpoint: the command line of MMAction2's tools/test.py with the same options."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING, Any

from tool_start import CfgOptions, ToolParser, add_cfg_file, add_overwrite, start

if TYPE_CHECKING:
    from mmengine.config import Config
    from mmengine.runner import Runner


def parse_args() -> argparse.Namespace:
    parser = ToolParser(
        'Test (and evaluate) a model', 'python tools/test.py configs/vspp_r21d_k100.py work_dirs/vspp/epoch_20.pth'
    )
    parser.add_argument('config', help='config file')
    parser.add_argument('checkpoint', help="checkpoint file; 'none' takes random weights, as a baseline for features")
    parser.add_argument('--work-dir', help='folder for the metrics (default: work_dirs/<name of the config>)')
    parser.add_argument('--dump', type=str, help='.json file to write labels and predictions to')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=CfgOptions,
        help='overrides as key=value; one that replaces a string is that string, elsewhere [a,b] is a list; '
        'key:=VALUE takes any Python or JSON value',
    )
    add_cfg_file(parser)
    add_overwrite(parser)
    parser.add_argument('--show-dir', help='folder for pictures of the predictions')
    parser.add_argument('--show', action='store_true', help='show the predictions in a window')
    parser.add_argument('--interval', type=int, default=1, help='show every n-th sample')
    parser.add_argument('--wait-time', type=float, default=2, help='seconds that a window stays')
    parser.add_argument('--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'], default='none', help='job launcher')
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0, help='set by the launcher')
    args = parser.parse_args()
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    return args


def merge_args(cfg: Config, args: argparse.Namespace) -> None:
    """Write the options into the config."""
    from auxskd_mm.config.parts import as_list
    from auxskd_mm.errors import InputError
    from auxskd_mm.launch.outputs import check_outputs
    from auxskd_mm.registry import type_name

    if cfg.get('test_dataloader') is None or cfg.get('test_evaluator') is None:
        raise InputError(f'{args.config}: has no test_dataloader and test_evaluator to test with')
    if args.show or args.show_dir is not None:
        if 'visualization' not in cfg.get('default_hooks', {}):
            raise InputError("--show, --show-dir: default_hooks has no visualization=dict(type='VisualizationHook')")
        cfg.default_hooks.visualization.update(
            enable=True, show=args.show, wait_time=args.wait_time, out_dir=args.show_dir, interval=args.interval
        )
    if args.dump is not None:
        if not args.dump.endswith('.json'):
            raise InputError(f'--dump {args.dump}: expected a .json file; pickles are not written, they can run code')
        check_outputs(args, [args.dump], [args.config, args.checkpoint])
        cfg.test_evaluator = [
            *as_list(cfg.test_evaluator),
            dict(type='auxskd_mm.DumpPredictions', out_file_path=args.dump),
        ]
    hooks = list(cfg.get('custom_hooks') or [])
    if not any(type_name(hook.get('type')) == 'CheckedTransferHook' for hook in hooks):
        # A number from a head left at random means nothing, whatever config it comes from.
        cfg.custom_hooks = [*hooks, dict(type='auxskd_mm.CheckedTransferHook')]
    cfg.launcher = args.launcher
    cfg.load_from = None if args.checkpoint == 'none' else args.checkpoint
    cfg.resume = False  # a test takes the weights alone, also with the config of a training that goes on


def draw_weights(runner: Runner) -> None:
    """Random weights as a training from scratch would start with, for metrics that compare features."""
    from auxskd_mm.errors import InputError

    others = [name for name, _ in runner.model.named_parameters() if not name.startswith('backbone.')]
    if others:
        raise InputError(
            f"checkpoint 'none': {others[0]} would be random, and the number mean nothing; give a checkpoint, or a "
            "config with cls_head.type='auxskd_mm.ClipFeatureHead'"
        )
    runner._init_model_weights()


def adapters_alone(runner: Runner, checkpoint: str) -> bool:
    """Whether a checkpoint holds adapters without their base."""
    from auxskd_mm.checkpoint_files import read_state
    from auxskd_mm.functional.adapter_state import BASE_DIGEST, is_adapter_key

    with_adapters = any(is_adapter_key(name) for name, _ in runner.model.named_parameters())
    return with_adapters and BASE_DIGEST in read_state(checkpoint)


def write_protocols(runner: Runner, cfg: Config, metrics: dict[str, Any]) -> None:
    """The protocol beside the numbers, and beside the features where they are kept."""
    from auxskd_mm.config.parts import as_list
    from auxskd_mm.records.protocol import protocol_of, write_protocol

    protocol = protocol_of(cfg, cfg.load_from)
    # What a measurement chose by itself, such as the weight decay of a linear probe.
    chosen = {
        key: value for key, value in metrics.items() if 'settings' in key.rpartition('/')[2] or '_settings/' in key
    }
    protocol.update({'chosen': chosen} if chosen else {})
    write_protocol(os.path.join(runner.log_dir, f'{runner.timestamp}.json'), protocol, metrics)
    for folder in {evaluator.get('save_to') for evaluator in as_list(cfg.test_evaluator)} - {None}:
        for name in ('gallery', 'query'):
            write_protocol(os.path.join(folder, name), protocol)


def main(args: argparse.Namespace) -> None:
    from mmengine.dist import is_main_process

    from auxskd_mm.apis import build_runner, load_config, set_work_dir
    from auxskd_mm.config.input_files import check_lists
    from auxskd_mm.config.labeled_lists import check_labeled_lists
    from auxskd_mm.launch.process_group import start_group

    cfg = load_config(args.config, args.cfg_options)
    merge_args(cfg, args)
    set_work_dir(cfg, args.config, args.work_dir)
    check_lists(cfg, ['test'])
    check_labeled_lists(cfg, ['test'])
    start_group(cfg, args.launcher)
    runner = build_runner(cfg)
    cfg = runner.cfg  # with the changes of the start
    if cfg.load_from is None:
        draw_weights(runner)
    elif adapters_alone(runner, cfg.load_from):
        runner._init_model_weights()  # the base, which the config names
    metrics = runner.test()
    if is_main_process():
        write_protocols(runner, cfg, metrics)
        print(f'metrics and protocol -> {os.path.join(runner.log_dir, runner.timestamp)}.json')


if __name__ == '__main__':
    start(parse_args, main)
