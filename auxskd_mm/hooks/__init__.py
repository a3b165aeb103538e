"""Hooks."""

from .bad_video_hook import BadVideoHook
from .checked_transfer_hook import CheckedTransferHook
from .skd_distiller_hook import SKDDistillerHook

__all__ = ['BadVideoHook', 'CheckedTransferHook', 'SKDDistillerHook']
