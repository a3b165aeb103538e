"""Networks, heads, losses and pretext models. Each class can be imported from here."""

import mmaction.models  # noqa: F401  (registers MMAction2's own types for nested configs)

from . import adapters, backbones, data_preprocessors, heads, losses, modules, pretext, pretrained, wrappers  # noqa: F401
from .adapters import *  # noqa: F403
from .backbones import *  # noqa: F403
from .data_preprocessors import *  # noqa: F403
from .heads import *  # noqa: F403
from .layer_decay import LayerDecayConstructor  # noqa: F401
from .losses import *  # noqa: F403
from .modules import *  # noqa: F403
from .pretext import *  # noqa: F403
from .wrappers import *  # noqa: F403

pretrained.check_stock_backbones()
