"""Pixels of any type and number of channels: what is kept, what black and white are, and how they are shown."""

from .channels import any_channels, ordered, to_channels
from .kinds import PixelKind, check_finite, exact, exact_type, stack_shape
from .value_range import ValueRange, as_pictures, check_value_range

__all__ = [
    'PixelKind',
    'ValueRange',
    'any_channels',
    'as_pictures',
    'check_finite',
    'check_value_range',
    'exact',
    'exact_type',
    'ordered',
    'stack_shape',
    'to_channels',
]
