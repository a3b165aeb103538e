"""One head for each pretext task, and those of the measurements."""

from .clip_class_head import ClipClassHead
from .clip_feature_head import ClipFeatureHead
from .clip_order_head import ClipOrderHead
from .labels import batch_labels, video_groups
from .pace_head import PaceHead
from .pooled_head import PooledHead
from .probe_head import ProbeHead
from .relative_speed_head import RelativeSpeedHead
from .speed_rank_head import SpeedRankHead
from .vspp_head import VSPPHead

__all__ = [
    'ClipClassHead',
    'ClipFeatureHead',
    'ClipOrderHead',
    'PaceHead',
    'PooledHead',
    'ProbeHead',
    'RelativeSpeedHead',
    'SpeedRankHead',
    'VSPPHead',
    'batch_labels',
    'video_groups',
]
