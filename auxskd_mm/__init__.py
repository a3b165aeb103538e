"""auxskd_mm: video self-supervision components for MMAction2.

Importing the package registers all components. A stock MMAction2 config needs one line,
``custom_imports = dict(imports=['auxskd_mm'], allow_failed_imports=False)``. It can then use each type as
``auxskd_mm.X``.
"""

from . import compat
from .version import __version__

compat.apply()

from . import datasets, evaluation, hooks, loops, models  # noqa: E402

__all__ = ['__version__', 'compat', 'datasets', 'evaluation', 'hooks', 'loops', 'models']
