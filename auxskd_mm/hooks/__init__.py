"""Hooks."""

from .bad_video_hook import BadVideoHook
from .checked_transfer_hook import CheckedTransferHook, check_transfer

__all__ = ['BadVideoHook', 'CheckedTransferHook', 'check_transfer']
