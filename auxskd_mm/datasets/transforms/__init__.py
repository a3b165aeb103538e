"""Pipeline transforms."""

from .controls import StillFrames, UnrelatedLabels
from .cropping import ClipRandomCrop, MotionCrop
from .decoding import DecodeClips, OpenVideo
from .features import DecodeFeatures, OpenFeatures
from .marking import MarkSample
from .order_sampling import ClipOrderSample
from .pace_sampling import BlendFrames, PaceSample
from .photometric import ClipColorJitter, ClipRandomGrayscale
from .relative_speed_sampling import RelativeSpeedSample
from .sampling import PretextSampler
from .segment_pace_sampling import SegmentPaceSample
from .time_true import TimedSampleFrames, TimeTrue
from .views import PerView

__all__ = [
    'BlendFrames',
    'ClipColorJitter',
    'ClipOrderSample',
    'ClipRandomCrop',
    'ClipRandomGrayscale',
    'DecodeClips',
    'DecodeFeatures',
    'MarkSample',
    'MotionCrop',
    'OpenFeatures',
    'OpenVideo',
    'PaceSample',
    'PerView',
    'PretextSampler',
    'RelativeSpeedSample',
    'SegmentPaceSample',
    'StillFrames',
    'TimeTrue',
    'TimedSampleFrames',
    'UnrelatedLabels',
]
