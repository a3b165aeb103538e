"""Hooks."""

from .adapter_hook import AdapterHook
from .atomic_checkpoint_hook import AtomicCheckpointHook
from .bad_video_hook import BadVideoHook
from .checked_transfer_hook import CheckedTransferHook
from .clip_sheet_hook import ClipSheetHook
from .fast_step_hook import FastStepHook
from .knn_hook import KNNHook
from .non_finite_loss_hook import NonFiniteLossHook
from .preemption_hook import PreemptionHook
from .probe_head_hook import ProbeHeadHook
from .skd_distiller_hook import SKDDistillerHook
from .sync_buffers_hook import SyncBuffersExceptQueuesHook

__all__ = [
    'AdapterHook',
    'AtomicCheckpointHook',
    'BadVideoHook',
    'CheckedTransferHook',
    'ClipSheetHook',
    'FastStepHook',
    'KNNHook',
    'NonFiniteLossHook',
    'PreemptionHook',
    'ProbeHeadHook',
    'SKDDistillerHook',
    'SyncBuffersExceptQueuesHook',
]
