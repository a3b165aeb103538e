"""Checks of a start with several processes. A fault gives one line on every rank, before a process hangs."""

from __future__ import annotations

import difflib
import gc
import os
import re
from collections.abc import Mapping
from datetime import timedelta

import torch.distributed as dist
from mmengine.config import Config
from mmengine.dist import all_gather_object, get_world_size, init_dist

from ..compat import start_process_group
from ..errors import InputError

_TORCHRUN = ('RANK', 'LOCAL_RANK', 'WORLD_SIZE', 'MASTER_ADDR', 'MASTER_PORT')
_LOST = re.compile(
    r'Connection (closed|reset)|Broken pipe|Connection refused|Socket Timeout|Timed out waiting|'
    r'NCCL (error|communicator was aborted)|ncclRemoteError|ncclInternalError|recvBytes|Gloo connect'
)
_WORKER = re.compile(r'DataLoader worker \(pid\S* [\d, ]+\) (exited unexpectedly|is killed by signal)[^\n]*')


def check_environment(launcher: str, environ: Mapping[str, str] | None = None) -> None:
    """Refuse a launcher whose variables are missing or contradict each other.

    Args:
        launcher: Launcher, as in the tools' ``--launcher``.
        environ: Environment variables. The default is the environment of the process.

    Raises:
        InputError: If a variable is missing or wrong. The message names it.
    """
    environ = os.environ if environ is None else environ
    if launcher != 'pytorch':
        return
    missing = [name for name in _TORCHRUN if not environ.get(name)]
    if missing:
        raise InputError(
            f'--launcher pytorch: {", ".join(missing)} not set; start by tools/dist_train.sh CONFIG GPUS, or by torchrun'
        )
    values = {}
    for name in ('RANK', 'LOCAL_RANK', 'WORLD_SIZE', 'MASTER_PORT'):
        if not environ[name].isdecimal():
            raise InputError(f'{name}={environ[name]!r}: expected a whole number from 0; torchrun sets it')
        values[name] = int(environ[name])
    if not values['LOCAL_RANK'] <= values['RANK'] < values['WORLD_SIZE']:
        raise InputError(
            f'RANK={values["RANK"]}, LOCAL_RANK={values["LOCAL_RANK"]} and WORLD_SIZE={values["WORLD_SIZE"]} contradict '
            'each other: expected LOCAL_RANK <= RANK < WORLD_SIZE; unset them and let torchrun set them'
        )


def start_group(config: Config, launcher: str) -> None:
    """Start the process group if the launcher needs one, and compare the configs of all ranks.

    Args:
        config: Config. It must be the same on every rank.
        launcher: Launcher, as in the tools' ``--launcher``.

    Raises:
        InputError: See :func:`check_environment` and :func:`check_same_config`. Also if the ranks do not find each other.
    """
    if launcher == 'none':
        return
    check_environment(launcher)
    settings = dict((config.get('env_cfg') or {}).get('dist_cfg') or {})
    timeout = settings.get('timeout')
    try:
        if not start_process_group(launcher, timeout=timedelta(seconds=timeout) if timeout else None):
            init_dist(launcher, **{'backend': 'nccl', **settings})
    except (RuntimeError, ValueError, OSError) as error:
        where = f'{os.environ.get("MASTER_ADDR")}:{os.environ.get("MASTER_PORT")}'
        reason = ' '.join(str(error).split())[:160]
        raise InputError(
            f'rank {os.environ.get("RANK", "?")} cannot join the others at {where} ({reason}); is the port free, and '
            'are MASTER_ADDR and PORT the same on all nodes?'
        ) from error
    check_same_config(config)


def end_group() -> None:
    """Leave the process group once all ranks are done. Without a group this does nothing.

    The threads of gloo and NCCL must not outlive the interpreter. A thread that still holds a tensor of the last
    collective then asks for Python's lock. The process dies of SIGABRT after its work is done. So the group ends here.
    All ranks wait for each other first, because the store of the group may live in the rank that is done first.

    Raises:
        RuntimeError: If another rank died after its last step. :func:`lost_process` has one line for it.
    """
    if not (dist.is_available() and dist.is_initialized()):
        return
    dist.barrier()
    gc.collect()  # models wrapped for several processes hold the group, and a Runner is a circle of references
    dist.destroy_process_group()


def check_same_config(config: Config) -> None:
    """Refuse ranks that were started with different configs or overrides.

    Raises:
        InputError: On every rank, with the first lines that differ.
    """
    if get_world_size() == 1:
        return
    texts = all_gather_object(config.pretty_text)
    odd = next((rank for rank, text in enumerate(texts) if text != texts[0]), None)
    if odd is None:
        return
    changes = list(difflib.ndiff(texts[0].splitlines(), texts[odd].splitlines()))
    theirs = [line[2:].strip() for line in changes if line.startswith('+ ')]
    first = [line[2:].strip() for line in changes if line.startswith('- ')]
    raise InputError(
        f"the config of rank {odd} is not rank 0's: {(theirs or ['less'])[0][:120]} against {(first or ['less'])[0][:120]}"
        '; start all nodes with the same config and options'
    )


def lost_process(text: str) -> str | None:
    """Return one line for torch's error about another process that ended. None for any other text."""
    if found := _WORKER.search(text):
        return (
            f'{" ".join(found[0].split())}: a loader process was killed (out of memory, or of /dev/shm?); go on with '
            '--resume, perhaps with a lower train_dataloader.num_workers'
        )
    if _LOST.search(text):
        rank = os.environ.get('RANK', '?')
        return (
            f'rank {rank} lost the connection to another rank, which ended or was killed '
            f'({" ".join(text.split())[:120]}); see the log of that rank, and go on with --resume'
        )
    return None
