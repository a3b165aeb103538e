"""Runs the workarounds that the import of the package needs."""

from __future__ import annotations

from .checkpoints import allow_checkpoint_globals
from .configs import allow_flat_config_names, register_config_scope, replace_pkg_resources
from .imports import (
    leave_out_vindlu,
    quiet_missing_operator,
    require_mmcv,
    require_torch,
    stub_missing_drn,
    wait_for_torchvision,
)
from .values import float_scores_of_heads


def apply() -> dict[str, bool]:
    """Run every import-time workaround, and return the workarounds that acted.

    The workarounds for torchvision wait for its import, which takes as long as the import of torch.
    """
    wait_for_torchvision()
    steps = (
        require_torch,
        require_mmcv,
        stub_missing_drn,
        leave_out_vindlu,
        replace_pkg_resources,
        register_config_scope,
        allow_flat_config_names,
        allow_checkpoint_globals,
        quiet_missing_operator,
        float_scores_of_heads,
    )
    return {step.__name__: step() for step in steps}
