"""Faults in the reading of checkpoints."""

from __future__ import annotations

from ..errors import InputError


def allow_checkpoint_globals() -> bool:
    """Let MMEngine checkpoints load under ``weights_only=True``, torch's default since 2.6 (open-mmlab/mmengine#1655).

    A checkpoint of MMEngine's own hook holds ``HistoryBuffer`` objects with NumPy arrays. It also holds references to
    methods of that class, which pickle writes as ``getattr``. Each of these names gets a stand-in. A stand-in accepts
    only plain numbers or these methods. So a downloaded file cannot run code or pass a crafted state to NumPy.
    """
    import torch

    from ..plain_data import safe_globals

    torch.serialization.add_safe_globals([*safe_globals(), (_history_method, 'builtins.getattr')])
    return True


def _history_method(owner: object, name: str) -> object:
    """Replace ``getattr`` for ``HistoryBuffer``: return one of its own statistics.

    Raises:
        InputError: If the name is another one. No checkpoint of MMEngine holds another name.
    """
    from mmengine.logging.history_buffer import HistoryBuffer

    ours = isinstance(owner, type) and issubclass(owner, HistoryBuffer)
    if not ours or name not in ('mean', 'min', 'max', 'current'):
        raise InputError(
            f'the checkpoint asks for attribute {name!r} of {owner!r}; '
            'it is not one that MMEngine wrote, do not trust it'
        )
    return getattr(HistoryBuffer, name)
