"""Train a config. Same options as MMAction2's tools/train.py."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

from tool_start import CfgOptions, ToolParser, add_cfg_file, start

if TYPE_CHECKING:
    from mmengine.config import Config


def parse_args() -> argparse.Namespace:
    parser = ToolParser(
        'Train a model: pretraining or recognition',
        'python tools/train.py configs/vspp_r21d_k100.py --work-dir work_dirs/vspp',
    )
    parser.add_argument('config', help='config file')
    parser.add_argument('--work-dir', help='folder for logs and checkpoints (default: work_dirs/<name of the config>)')
    parser.add_argument(
        '--resume',
        nargs='?',
        type=str,
        const='auto',
        help='checkpoint to resume from; without a value, the latest one in the work dir',
    )
    parser.add_argument('--amp', action='store_true', help='automatic mixed precision')
    parser.add_argument('--no-validate', action='store_true', help='do not evaluate during training')
    parser.add_argument(
        '--auto-scale-lr',
        action='store_true',
        help="scale the learning rate by the actual batch size over the config's auto_scale_lr.base_batch_size",
    )
    parser.add_argument('--seed', type=int, default=None, help='random seed')
    parser.add_argument('--diff-rank-seed', action='store_true', help='another seed on every rank')
    parser.add_argument('--deterministic', action='store_true', help='deterministic algorithms of torch and cuDNN')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=CfgOptions,
        help='overrides as key=value; one that replaces a string is that string, elsewhere [a,b] is a list; '
        'key:=VALUE takes any Python or JSON value',
    )
    add_cfg_file(parser)
    parser.add_argument('--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'], default='none', help='job launcher')
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0, help='set by the launcher')
    args = parser.parse_args()
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    return args


def merge_args(cfg: Config, args: argparse.Namespace) -> None:
    """Write the options into the config."""
    from auxskd_mm.apis import set_work_dir
    from auxskd_mm.errors import InputError
    from auxskd_mm.registry import type_name

    if args.no_validate:
        cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    cfg.launcher = args.launcher
    set_work_dir(cfg, args.config, args.work_dir)
    if args.amp:
        kind = type_name(cfg.optim_wrapper.get('type', 'OptimWrapper'))
        if kind not in ('OptimWrapper', 'AmpOptimWrapper'):
            raise InputError(f'--amp: not supported with optim_wrapper.type={kind!r}')
        cfg.optim_wrapper.type = 'AmpOptimWrapper'
        cfg.optim_wrapper.setdefault('loss_scale', 'dynamic')
    if args.resume is not None:
        cfg.resume = True
        if args.resume != 'auto':
            cfg.load_from = args.resume
    if args.auto_scale_lr:
        if 'base_batch_size' not in cfg.get('auto_scale_lr', {}):
            raise InputError('--auto-scale-lr: the config has no auto_scale_lr.base_batch_size to scale from')
        cfg.auto_scale_lr.enable = True
    # Options that were given win over the config's own, as --work-dir does.
    given = dict(seed=args.seed, diff_rank_seed=args.diff_rank_seed, deterministic=args.deterministic)
    own = cfg.get('randomness', None)
    cfg.randomness = (
        given if own is None else {**own, **{k: v for k, v in given.items() if v is not None and v is not False}}
    )


def main(args: argparse.Namespace) -> None:
    from mmengine.dist import is_main_process

    from auxskd_mm.apis import build_runner, load_config
    from auxskd_mm.config.input_files import check_lists
    from auxskd_mm.config.labeled_lists import check_labeled_lists
    from auxskd_mm.config.loading.merge import merge
    from auxskd_mm.errors import InputError
    from auxskd_mm.launch.process_group import start_group
    from auxskd_mm.launch.resume import choose_checkpoint
    from auxskd_mm.launch.start_checks import check_not_replaced
    from auxskd_mm.records.protocol import protocol_of, write_protocol
    from auxskd_mm.records.provenance import set_init_history

    cfg = load_config(args.config, args.cfg_options)
    merge_args(cfg, args)
    if args.cfg_options:
        merge(cfg, args.cfg_options.merged)  # as in MMAction2, the overrides have the last word
    missing = [key for key in ('model', 'train_dataloader') if cfg.get(key) is None]
    if missing:
        hint = '; a recipe is run by tools/run_recipe.py' if 'phases' in cfg else ''
        raise InputError(f'{args.config}: has no {" and no ".join(missing)} to train with{hint}')
    check_lists(cfg, ['train', 'val'])
    check_labeled_lists(cfg, ['train', 'val'])
    start_group(cfg, args.launcher)
    if args.resume == 'auto':
        choose_checkpoint(cfg)
    set_init_history(cfg)
    runner = build_runner(cfg)
    cfg = runner.cfg  # with the changes of the start
    check_not_replaced(cfg)
    if is_main_process():
        part = 'train' if cfg.get('val_dataloader') is None else 'val'
        write_protocol(os.path.join(runner.log_dir, f'{runner.timestamp}.json'), protocol_of(cfg, None, part=part))
    runner.train()


if __name__ == '__main__':
    start(parse_args, main)
