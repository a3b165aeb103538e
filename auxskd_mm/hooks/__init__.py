"""Hooks."""

from .bad_video_hook import BadVideoHook
from .checked_transfer_hook import CheckedTransferHook
from .knn_hook import KNNHook
from .skd_distiller_hook import SKDDistillerHook

__all__ = ['BadVideoHook', 'CheckedTransferHook', 'KNNHook', 'SKDDistillerHook']
