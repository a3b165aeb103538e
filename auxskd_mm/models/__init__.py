"""Networks, heads, losses and pretext models."""

import mmaction.models  # noqa: F401  (registers MMAction2's own types for nested configs)

from . import backbones, data_preprocessors, heads, losses, modules, pretext, wrappers  # noqa: F401
