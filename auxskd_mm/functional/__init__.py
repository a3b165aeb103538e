"""Pure functions that the registered components use. They do not depend on the registry, the config or the Runner."""

from .clip_indices import paced_offsets, pecop_indices, segment_pace_indices, segment_window, wrap_indices
from .frame_times import are_even, even_times, frames_at_steps, steps_of_video, without_jumps
from .order_tuples import clip_orders, order_class, order_tuple_indices, order_tuple_span
from .pace import neighbour_frames, pace_indices, pace_positions, pace_span
from .relative_speed import frames_needed, resample_indices, short_video_crop, strided_crop
from .tasks import Task
from .uniform_clips import centred_clips, even_crops, evenly_spread

__all__ = [
    'Task',
    'are_even',
    'centred_clips',
    'clip_orders',
    'even_crops',
    'even_times',
    'evenly_spread',
    'frames_at_steps',
    'frames_needed',
    'neighbour_frames',
    'order_class',
    'order_tuple_indices',
    'order_tuple_span',
    'pace_indices',
    'pace_positions',
    'pace_span',
    'paced_offsets',
    'pecop_indices',
    'resample_indices',
    'segment_pace_indices',
    'segment_window',
    'short_video_crop',
    'steps_of_video',
    'strided_crop',
    'without_jumps',
    'wrap_indices',
]
