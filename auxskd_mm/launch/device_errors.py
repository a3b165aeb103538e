"""One line for errors of a GPU that the user can mend."""

from __future__ import annotations

import torch

from ..errors import is_out_of_memory, reason_of


def device_line(error: BaseException) -> str | None:
    """Return what to do about an error of the device or of this build of torch. None for any other error."""
    if not isinstance(error, (RuntimeError, AssertionError)):
        return None
    text = str(error)
    if is_out_of_memory(error):
        return f'no memory for this batch ({reason_of(error)}); lower the batch_size of the loader in use'
    build = f'torch {torch.__version__} (CUDA {torch.version.cuda})'
    if 'no kernel image is available' in text:
        name, (major, minor) = torch.cuda.get_device_name(), torch.cuda.get_device_capability()
        known = ', '.join(torch.cuda.get_arch_list())
        return (
            f'{build} has no code for {name}, which needs sm_{major}{minor}; it has {known}. Install a newer torch, or an '
            'older one for an older card'
        )
    if 'NVIDIA driver on your system is too old' in text or 'driver version is insufficient' in text:
        return f'{build} needs a newer NVIDIA driver, or install a torch of an older CUDA ({reason_of(error)})'
    if 'does not have a deterministic implementation' in text:
        name = text.split(' ', 1)[0]
        return (
            f'{name} has no deterministic implementation on this device: train without --deterministic, or with a network '
            'without this operation (R2Plus1DVCOP and R3DVCOP have no max pooling)'
        )
    return None
