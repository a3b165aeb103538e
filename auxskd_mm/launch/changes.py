"""The list of all that a start changes or adds; ``build_runner`` applies it, check_config prints it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mmengine.config import Config

from ..compat import leave_out_device_ids
from ..stock_configs import adapt_stock_config
from .training_defaults import leave_out_amp, make_safe, mend_loaders, pin_loaders, take_compile_options


@dataclass(frozen=True)
class Change:
    """One change to a config at the start of a run.

    Attributes:
        name: Short name.
        says: One sentence that says what changes and why.
        apply: Function that makes the change in place.
    """

    name: str
    says: str
    apply: Callable[[Config], Any]


# The order is that of their application. Configs based on configs/_base_/default_runtime.py name the types of "safe"
# themselves; the change is for configs of MMAction2 and other packages.
CHANGES = (
    Change(
        'recipe',
        'A config of MMAction2 that a pretext task extends is adapted to clips without action labels, with a line for '
        'each change; load_config has done it already.',
        adapt_stock_config,
    ),
    Change(
        'float32',
        'Mixed precision is left out, since this machine has no accelerator; the numbers mean the same.',
        leave_out_amp,
    ),
    Change(
        'device_ids',
        'The wrapper for several processes gets device_ids=None, which DDP needs on the CPU.',
        leave_out_device_ids,
    ),
    Change(
        'safe',
        "MMEngine's training loop and checkpoint hook become ResumableEpochTrainLoop or ResumableIterTrainLoop and "
        'AtomicCheckpointHook; PreemptionHook and NonFiniteLossHook are added. A run can then be cut off anywhere and '
        'goes on exactly. BadVideoHook reports unreadable videos, and CheckedTransferHook(strict=False) says what a '
        'checkpoint brought and refuses weights that are not finite. default_hooks.preemption=None and '
        'default_hooks.non_finite=None leave those two out.',
        make_safe,
    ),
    Change(
        'loaders',
        'Loaders with num_workers=0 lose persistent_workers and prefetch_factor, which torch refuses there.',
        mend_loaders,
    ),
    Change(
        'pinned',
        'Loaders get pin_memory=True, since there is a CUDA device; a value in the config stays.',
        pin_loaders,
    ),
    Change(
        'compile',
        "compile is applied to the backbones alone; MMEngine's compiles the training step, which Dynamo cannot trace.",
        take_compile_options,
    ),
)
# What a start adds or does without a change to the config.
BESIDE = (
    'ScreenRunner builds the run, unless runner_type names another: ten lines and the progress on the screen, the rest in '
    'the log file. A LinearLR of a single step has its end factor there; MMEngine would keep the start factor to the end.',
    'RunHeadHook prints those lines, and FeatureCheckHook compares the model and its trunk with the stores of feature maps.',
    'SKDDistillerHook, where a config names it, keeps queues out of the synchronisation of buffers.',
    'The text of the config is formatted once and not for each checkpoint.',
    'A folder as load_from becomes the newest whole checkpoint in it.',
    'A deterministic run sets CUBLAS_WORKSPACE_CONFIG.',
    'A FullyShardedModel draws its weights before it is cut into shards, and the Runner does not draw them again.',
)


def apply_changes(config: Config) -> dict[str, Any]:
    """Make all changes in place, and return the result of each function by name."""
    return {change.name: change.apply(config) for change in CHANGES}


def changes_of(config: Config) -> list[Change]:
    """The changes that would alter this config on this machine; the config itself is not changed."""
    trial = copy.deepcopy(config)
    found = []
    for change in CHANGES:
        before = copy.deepcopy(trial.to_dict())
        change.apply(trial)
        if trial.to_dict() != before:
            found.append(change)
    return found


def describe_changes(config: Config) -> str:
    """The changes that a start would make and what it adds, as sections of ``tools/analysis/check_config.py``."""
    lines = [change.says for change in changes_of(config)] or ['nothing: what runs is what the config says']
    sections = ('changed at the start', lines), ('beside the config', BESIDE)
    return '\n'.join(text for title, said in sections for text in (title, *(f'  {line}' for line in said)))
