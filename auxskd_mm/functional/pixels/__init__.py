"""Pixels of any type and number of channels: what is kept, what black and white are, and how they are shown."""

from .channels import last_axis_kept, ordered, to_channels
from .kinds import PixelKind, check_finite, exact, exact_type, stack_shape
from .value_range import ValueRange, as_pictures, check_value_range

__all__ = [
    'PixelKind',
    'ValueRange',
    'as_pictures',
    'check_finite',
    'check_value_range',
    'exact',
    'exact_type',
    'last_axis_kept',
    'ordered',
    'stack_shape',
    'to_channels',
]
