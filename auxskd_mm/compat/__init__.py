"""Workarounds for upstream breakages, and nothing else.

Each function names the breakage and its report. It does nothing if the upstream is whole. It returns whether it acted,
so a test can show both cases. :func:`apply` runs the workarounds that ``import auxskd_mm`` needs. It is idempotent.
"""

from .checkpoints import allow_checkpoint_globals
from .configs import (
    allow_flat_config_names,
    get_installed_path,
    is_installed,
    register_config_scope,
    remember_formatting,
    replace_pkg_resources,
)
from .distributed import leave_out_device_ids, start_process_group
from .imports import (
    OLDEST_TORCH,
    alias_functional_tensor,
    declare_torchvision_operators,
    leave_out_vindlu,
    quiet_missing_operator,
    require_mmcv,
    require_torch,
    stub_missing_drn,
    wait_for_torchvision,
)
from .run import apply
from .values import float_scores_of_heads, opencv_logging, resize_any_channels, whole_hues

__all__ = [
    'OLDEST_TORCH',
    'alias_functional_tensor',
    'allow_checkpoint_globals',
    'allow_flat_config_names',
    'apply',
    'declare_torchvision_operators',
    'float_scores_of_heads',
    'get_installed_path',
    'is_installed',
    'leave_out_device_ids',
    'leave_out_vindlu',
    'opencv_logging',
    'quiet_missing_operator',
    'register_config_scope',
    'remember_formatting',
    'replace_pkg_resources',
    'require_mmcv',
    'require_torch',
    'resize_any_channels',
    'start_process_group',
    'stub_missing_drn',
    'wait_for_torchvision',
    'whole_hues',
]
