"""Faults of MMEngine with several processes on a machine without an accelerator."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import timedelta

    from mmengine.config import Config


def start_process_group(launcher: str, timeout: timedelta | None = None) -> bool:
    """Start a gloo group on a machine without an accelerator.

    MMEngine's Runner would call ``torch.cuda.set_device``, but it keeps a group that already exists. This function
    handles the environments of torchrun (``launcher='pytorch'``) and Slurm (``'slurm'``).

    Args:
        launcher: Launcher, as in the tools' ``--launcher``.
        timeout: ``datetime.timedelta`` after which a rank stops waiting for the others. None takes torch's default.
    """
    import torch
    import torch.distributed as dist

    if launcher not in ('pytorch', 'slurm') or torch.cuda.is_available() or dist.is_initialized():
        return False
    from mmengine.device import get_device

    if get_device() != 'cpu':
        return False
    if launcher == 'slurm':
        for name, slurm in (('RANK', 'SLURM_PROCID'), ('WORLD_SIZE', 'SLURM_NTASKS'), ('LOCAL_RANK', 'SLURM_LOCALID')):
            os.environ[name] = os.environ[slurm]
        os.environ.setdefault('MASTER_PORT', '29500')
        os.environ.setdefault('MASTER_ADDR', os.environ.get('SLURM_LAUNCH_NODE_IPADDR', '127.0.0.1'))
    if timeout is None:
        dist.init_process_group('gloo')
    else:
        dist.init_process_group('gloo', timeout=timeout)
    return True


def leave_out_device_ids(config: Config) -> bool:
    """Let MMEngine wrap a model for several processes on a machine without an accelerator.

    MMEngine's Runner passes ``device_ids`` to DDP on every device. DDP refuses them for a model on the CPU.

    Args:
        config: Config of a Runner. It gets a ``model_wrapper_cfg``.
    """
    from mmengine.device import get_device

    if config.get('launcher', 'none') == 'none' or get_device() != 'cpu':
        return False
    # The Runner's default.
    wrapper: dict[str, Any] = dict(type='MMDistributedDataParallel', broadcast_buffers=False)
    if config.get('find_unused_parameters'):
        wrapper['find_unused_parameters'] = True
    wrapper = config.get('model_wrapper_cfg') or wrapper
    if 'device_ids' in wrapper or 'DistributedDataParallel' not in str(
        wrapper.get('type', 'MMDistributedDataParallel')
    ):
        return False
    config.model_wrapper_cfg = {**wrapper, 'device_ids': None}
    return True
