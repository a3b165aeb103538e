"""Sizes of all measurements: those of a GPU, and those of a dry run on the CPU."""

from __future__ import annotations

import argparse
import os
from typing import NamedTuple

import step


class Sizes(NamedTuple):
    """How large the measurements are.

    Attributes:
        batch: Videos per step, as in the configs.
        size: Height and width of a clip.
        channels: ``base_channels`` of R(2+1)D.
        rounds: Steps of each way that are timed.
        videos: Videos of the loader's measurements and of the epoch.
        backend: Of ``torch.compile``.
        most: Largest batch that the search tries.
        room: A made-up limit of the batch that stands for the memory of a card. 0 for none.
        iterations: Of the epoch whose data wait is measured.
        amp_steps: Steps in mixed precision for each method.
        pretext_steps: Steps of each pretraining of the chain.
        fine_steps: Steps of each fine-tuning of the chain.
        seeds: Group splits of the chain, as far as time allows.
        jobs: Steps of the chain at a time.
    """

    batch: int = 30
    size: int = 112
    channels: int = 64
    rounds: int = 8
    videos: int = 16
    backend: str = 'inductor'
    most: int = 4096
    room: int = 0
    iterations: int = 60
    amp_steps: int = 300
    pretext_steps: int = 300
    fine_steps: int = 300
    seeds: int = 3
    jobs: int = max(1, min(12, (os.cpu_count() or 2) - 2))

    def step_args(self, *methods: str, compiled: bool = False, batch: int | None = None) -> argparse.Namespace:
        """Arguments of step.py."""
        numbers = {
            '--batch': batch or self.batch,
            '--size': self.size,
            '--base-channels': self.channels,
            '--rounds': self.rounds,
            '--count': self.videos,
            '--backend': self.backend,
        }
        words = [word for pair in numbers.items() for word in map(str, pair)]
        switches = [*(['--compile'] if compiled else []), *(['--every-way'] if self.room else [])]
        return step.parse_args([*words, '--methods', *methods, *switches])


GPU = Sizes()
DRY = Sizes(
    batch=2,
    size=32,
    channels=4,
    rounds=1,
    videos=2,
    backend='aot_eager',
    most=64,
    room=3,
    iterations=3,
    amp_steps=3,
    pretext_steps=2,
    fine_steps=2,
    seeds=1,
    jobs=2,
)
