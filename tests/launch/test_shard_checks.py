"""Settings that would end a training of a model in shards with a traceback, or shard the optimizer twice."""

import pytest
import torch
from mmengine.config import Config

from auxskd_mm.errors import InputError
from auxskd_mm.launch.shard_checks import check_shards

SHARDS = dict(type='auxskd_mm.FullyShardedModel')


def config(wrapper=SHARDS, **optim):
    return Config(dict(model_wrapper_cfg=wrapper, optim_wrapper=optim))


@pytest.mark.parametrize(
    ('optim', 'says'),
    [
        (
            dict(optimizer=dict(type='ZeroRedundancyOptimizer', optimizer_type='AdamW', lr=1.0)),
            "ZeroRedundancyOptimizer: FullyShardedModel shards the optimizer already; .* such as 'AdamW'",
        ),
        (dict(optimizer=dict(type='SGD', lr=1.0, fused=True)), r'optimizer\.fused=True: torch has no fused SGD'),
        (dict(optimizer=dict(type=torch.optim.Adagrad, lr=1.0, fused=True)), 'has no fused Adagrad'),
        (dict(optimizer=dict(type='AdamW', lr=1.0), use_fsdp=True), r'optim_wrapper\.use_fsdp=True: it is for FSDP1'),
    ],
)
def test_what_shards_cannot_have(optim, says):
    with pytest.raises(InputError, match=says) as error:
        check_shards(config(**optim))
    assert '\n' not in str(error.value)
    check_shards(config(dict(type='MMDistributedDataParallel'), **optim))
    check_shards(config(None, **optim))


@pytest.mark.parametrize(
    'hooks',
    [
        dict(default_hooks=dict(non_finite=dict(action='skip'))),
        dict(default_hooks=dict(finite=dict(type='auxskd_mm.NonFiniteLossHook', action='skip'))),
        dict(custom_hooks=[dict(type='auxskd_mm.NonFiniteLossHook', action='skip')]),
    ],
)
def test_batches_that_are_skipped_in_an_accumulated_step(hooks):
    made = config(optimizer=dict(type='SGD', lr=1.0), accumulative_counts=4)
    check_shards(made)
    made.merge_from_dict(hooks)
    with pytest.raises(
        InputError, match=r"action='skip' with optim_wrapper.accumulative_counts=4: .* accumulative_counts=1"
    ):
        check_shards(made)
    made.optim_wrapper.accumulative_counts = 1
    check_shards(made)


@pytest.mark.parametrize('kind', ['Adam', 'AdamW'])
def test_fused_kernels_that_know_shards(kind):
    check_shards(config(optimizer=dict(type=kind, lr=1.0, fused=True)))


def test_the_check_comes_before_the_model(tmp_path):
    import runs

    options = {'model_wrapper_cfg': SHARDS, 'optim_wrapper.optimizer': dict(type='SGD', lr=0.1, fused=True)}
    with pytest.raises(InputError, match='has no fused SGD'):
        runs.runner_of(runs.config_of('vspp', tmp_path, tmp_path / 'run', options))
