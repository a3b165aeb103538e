"""Linear schedules of a single step."""

from __future__ import annotations

from typing import Any

from mmengine.optim import BaseOptimWrapper, LinearLR
from mmengine.optim.scheduler.param_scheduler import INF
from torch.optim import Optimizer

from ..registry import PARAM_SCHEDULERS, registered


class ReachingLinearLR(LinearLR):
    """MMEngine's ``LinearLR``, whose rate is at ``end_factor`` after the ramp, however short the ramp is.

    A ramp of one step has the start factor and no second step, so MMEngine's keeps the start factor to the end of the
    training: a tenth of the rate, where a warm-up of one epoch meets one batch per epoch. Here that one step has the
    end factor.

    Args:
        optimizer: As of ``LinearLR``, and so are all others.
        start_factor: Times the learning rate in the first step.
        end_factor: Times the learning rate in the last step of the ramp, and after it.
        begin: First step (epoch or iteration) of the ramp.
        end: Step behind the ramp.
        settings: ``by_epoch``, ``last_step`` and ``verbose``.

    Raises:
        ValueError: As ``LinearLR``, for factors outside 0 to 1 and an end that is not behind the beginning.
    """

    def __init__(
        self,
        optimizer: Optimizer | BaseOptimWrapper,
        start_factor: float = 1 / 3,
        end_factor: float = 1.0,
        begin: int = 0,
        end: int = INF,
        **settings: Any,
    ) -> None:
        if end - begin == 1:
            start_factor = end_factor
        super().__init__(optimizer, start_factor=start_factor, end_factor=end_factor, begin=begin, end=end, **settings)


def reaching_schedules(schedules: object) -> Any:
    """``param_scheduler`` of a config with :class:`ReachingLinearLR` in place of MMEngine's ``LinearLR``.

    Args:
        schedules: An entry, a list of them, or a dict of both by optimizer. Schedulers that are built stay.

    Returns:
        The same with new entries. The argument does not change.
    """
    if isinstance(schedules, (list, tuple)):
        return [reaching_schedules(entry) for entry in schedules]
    if not isinstance(schedules, dict):
        return schedules
    if 'type' not in schedules:
        return {name: reaching_schedules(entry) for name, entry in schedules.items()}
    if registered(PARAM_SCHEDULERS, schedules['type']) is LinearLR:
        return dict(schedules, type=ReachingLinearLR)
    return schedules
