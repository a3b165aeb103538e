"""Features of MMEngine with each method: works, or the reason why not. Prints the table of docs/multi_node.md.

    python benchmarks/features.py              # all, on this machine's device; half a minute a method on one core
    python benchmarks/features.py --only zero1 amp_fp16

A pair works if two epochs of its smallest training end with finite losses and changed weights. Accumulation and ZeRO-1
must also end with the weights of the plain run wherever these must be equal.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import socket
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / 'tests'))

import cpu_amp  # noqa: F401
import runs
import torch
from tool_runs import tiny_clips

from auxskd_mm.launch.process_group import start_group
from auxskd_mm.launch.tool import describe
from auxskd_mm.models.wrappers import full_state

_SGD = dict(type='SGD', lr=0.01, momentum=0.9)
FEATURES: dict[str, dict[str, Any]] = {
    'plain': {},
    'accumulation': {'optim_wrapper.accumulative_counts': 2},
    'amp_fp16': {
        'optim_wrapper': dict(
            type='AmpOptimWrapper', dtype='float16', loss_scale=dict(init_scale=128.0), optimizer=_SGD
        )
    },
    'amp_bf16': {'optim_wrapper': dict(type='AmpOptimWrapper', dtype='bfloat16', optimizer=_SGD)},
    'checkpointing': {'model.backbone.with_cp': True},
    'compile': {'compile': dict(backend='aot_eager')},
    'zero1': {'optim_wrapper.optimizer': dict(type='ZeroRedundancyOptimizer', optimizer_type='Adam', lr=1e-3)},
    'fsdp2': {'model_wrapper_cfg': dict(type='auxskd_mm.FullyShardedModel')},
}
RANKS = dict(zero1=2, fsdp2=2)
# What a training imports beyond this file. A rank that imports it for itself takes 5 s longer.
IMPORTED = (
    'auxskd_mm',
    'matplotlib.pyplot',
    'torch._dynamo',
    'torch._inductor.lowering',
    'torch._functorch.aot_autograd',
    'torch.distributed.fsdp',
    'torch.distributed.optim',
)


def train(method: str, feature: str, data: Path, out: Path, connection: Any, rank: int, port: int) -> None:
    """Run one training in its own process, and send 'works' or the reason."""
    log = os.open(out / f'{method}_{feature}_{rank}.log', os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(log, 1)
    os.dup2(log, 2)
    torch.set_num_threads(1)
    try:
        config = runs.config_of(method, data, out / f'{method}_{feature}', FEATURES[feature])
        if config.optim_wrapper.type == 'AmpOptimWrapper' and not torch.cuda.is_available():
            config.optim_wrapper.type = 'CpuAmp'
        world = RANKS.get(feature, 1)
        config.launcher = 'none' if world == 1 else 'pytorch'
        config.experiment_name = f'{method}_{feature}'
        names = dict(RANK=rank, LOCAL_RANK=rank, WORLD_SIZE=world, MASTER_ADDR='127.0.0.1', MASTER_PORT=port)
        if world > 1:
            os.environ.update({key: str(value) for key, value in names.items()})
        start_group(config, config.launcher)
        runner = runs.runner_of(config)
        before = {key: value.clone() for key, value in full_state(runner.model.state_dict()).items() if 'weight' in key}
        runner.train()
        after = full_state(runner.model.state_dict())
        if not all(torch.isfinite(value.double()).all() for value in after.values()):
            connection.send('FAILED: weights are not finite')
        elif all(torch.equal(value, after[key]) for key, value in before.items()):
            connection.send('FAILED: no weight moved')
        else:
            connection.send('works')
    except BaseException as error:
        text = ' '.join(str(error).split())[:300]
        connection.send(f'refused: {describe(error)}' if describe(error) else f'FAILED: {type(error).__name__}: {text}')
    finally:
        os._exit(0)


def outcome(method: str, feature: str, data: Path, out: Path) -> str:
    """Return the result for a pair."""
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = free.getsockname()[1]
    ranks, results, processes = RANKS.get(feature, 1), [], []
    # A rank that was forked from a process with many runs behind it crashed once, in gloo. Ranks are forked from a
    # server that has only imported.
    context = multiprocessing.get_context('fork') if ranks == 1 else multiprocessing.get_context('forkserver')
    multiprocessing.set_forkserver_preload(list(IMPORTED))
    for rank in range(ranks):
        mine, theirs = context.Pipe()
        processes.append(context.Process(target=train, args=(method, feature, data, out, theirs, rank, port)))
        processes[-1].start()
        theirs.close()
        results.append(mine)
    texts = []
    for result, process in zip(results, processes):
        try:
            texts.append(result.recv() if result.poll(180) else 'FAILED: hangs')
        except EOFError:
            texts.append('FAILED: ended without a word')
        process.kill()
        process.join()
    return next((text for text in texts if text != 'works'), 'works')


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--only', nargs='+', choices=list(FEATURES), default=list(FEATURES))
    parser.add_argument('--methods', nargs='+', choices=runs.METHODS, default=list(runs.METHODS))
    args = parser.parse_args()
    torch.set_num_threads(1)
    out = Path(tempfile.mkdtemp())
    data = tiny_clips(out / 'clips')
    print(f'logs: {out}', file=sys.stderr)
    print('| feature | ' + ' | '.join(args.methods) + ' |\n|---|' + '---|' * len(args.methods))
    for feature in args.only:
        print(
            f'| {feature} | ' + ' | '.join(outcome(method, feature, data, out) for method in args.methods) + ' |',
            flush=True,
        )


if __name__ == '__main__':
    main()
