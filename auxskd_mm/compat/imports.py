"""Faults that keep a library from being imported, or that its import shows."""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.metadata
import importlib.util
import sys
import types
import warnings
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InputError

if TYPE_CHECKING:
    from types import ModuleType

_DRN = 'mmaction.models.localizers.drn'
# The oldest torch, as in setup.py: the first whose check of checkpoints can be told by name what is safe.
OLDEST_TORCH = (2, 6)


def require_torch() -> bool:
    """Name the torch that is needed, where an older one is installed. Otherwise some import fails later.

    Raises:
        InputError: If torch is too old.
    """
    import torch

    version = str(torch.__version__)
    if tuple(int(number) for number in version.split('.')[:2]) < OLDEST_TORCH:
        needed = '.'.join(map(str, OLDEST_TORCH))
        raise InputError(
            f"torch {version} is installed and auxskd_mm needs {needed} or newer: run `pip install --upgrade 'torch>={needed}' "
            'torchvision`'
        )
    return False


def require_mmcv() -> bool:
    """Tell the user how to install mmcv if it is missing.

    pip cannot express "mmcv or mmcv-lite", so neither is a hard requirement.

    Raises:
        InputError: If ``mmcv`` is not installed.
    """
    if importlib.util.find_spec('mmcv') is None:
        raise InputError(
            "mmcv is not installed: run `pip install 'mmcv-lite>=2.0.0,<2.2.0'` (enough for everything here), "
            'or install a full mmcv below 2.2'
        )
    return False


def declare_torchvision_operators() -> bool:
    """Let a CUDA build of torchvision import beside a CPU-only torch, with which it cannot load its operator library.

    The import stops at ``operator torchvision::nms does not exist``. torchvision decorates two operators at import
    time. It is enough for models and transforms to declare the schemas of these two. MMEngine's Runner imports
    torchvision whenever it is installed.
    """
    if 'torchvision' in sys.modules or importlib.util.find_spec('torchvision') is None:
        return False
    try:
        importlib.import_module('torchvision')
        return False
    except RuntimeError as error:
        if 'torchvision::nms' not in str(error):
            raise
    from torch import library

    fragment = library.Library('torchvision', 'FRAGMENT')
    fragment.define('nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor')
    fragment.define('qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor')
    # The declarations live as long as this object does.
    declare_torchvision_operators.fragment = fragment  # type: ignore[attr-defined]  # kept on the function
    for name in [m for m in sys.modules if m == 'torchvision' or m.startswith('torchvision.')]:
        del sys.modules[name]
    importlib.import_module('torchvision')
    return True


def stub_missing_drn() -> bool:
    """Stand in for ``mmaction.models.localizers.drn``, which the PyPI release 1.2.0 lacks (open-mmlab/mmaction2#2714).

    Without this module ``import mmaction.models`` fails. The stub has a ``DRN`` that cannot be built, so a config with
    a ``DRN`` gets a clear error. A source install has the real module and does not change.
    """
    if _DRN in sys.modules:
        return False
    spec = importlib.util.find_spec('mmaction')
    if spec is None or not spec.submodule_search_locations:
        return False
    localizers = Path(next(iter(spec.submodule_search_locations)), 'models', 'localizers')
    if not localizers.is_dir() or (localizers / 'drn').is_dir():
        return False

    class DRN:
        """Placeholder for the localiser that this MMAction2 release was shipped without."""

        def __init__(self, *args: object, **kwargs: object) -> None:
            raise InputError(
                'DRN is missing from the PyPI release of mmaction2 1.2.0: install mmaction2 from source to use it'
            )

    package, module = types.ModuleType(_DRN), types.ModuleType(f'{_DRN}.drn')
    package.__path__ = []
    package.drn = module  # type: ignore[attr-defined]  # a module takes any name
    module.DRN = package.DRN = DRN  # type: ignore[attr-defined]  # a module takes any name
    sys.modules[_DRN], sys.modules[f'{_DRN}.drn'] = package, module
    return True


def leave_out_vindlu() -> bool:
    """Let ``import mmaction.models`` work beside transformers from 4.56 on.

    MMAction2 1.2.0 imports VindLU, its models of video and text, wherever transformers is installed. These need names that
    ``transformers.modeling_utils`` has no longer. MMAction2's own switch leaves them out, and its placeholders say so to a
    config that names one.
    """
    from mmengine.utils import digit_version

    try:
        version = digit_version(importlib.metadata.version('transformers'))
        from mmaction.utils import dependency
    except ImportError:  # PackageNotFoundError is one; an MMAction2 without the switch
        return False
    if version < digit_version('4.56.0') or 'mmaction.models' in sys.modules or not dependency.WITH_MULTIMODAL:
        return False
    dependency.WITH_MULTIMODAL = False
    return True


def alias_functional_tensor() -> bool:
    """Restore ``torchvision.transforms.functional_tensor`` for pytorchvideo 0.1.5's transforms (pytorchvideo#251)."""
    name = 'torchvision.transforms.functional_tensor'
    if name in sys.modules or importlib.util.find_spec('torchvision') is None:
        return False
    if importlib.util.find_spec(name) is not None:
        return False
    private = 'torchvision.transforms._functional_tensor'
    if importlib.util.find_spec(private) is None:
        return False
    sys.modules[name] = importlib.import_module(private)
    return True


def quiet_missing_operator() -> bool:
    """Keep mmcv-lite from warning at every start that it lacks MultiScaleDeformableAttention (open-mmlab/mmcv#1975).

    This package does not use that operator. The module with the warning is imported once, and this one message is
    suppressed.
    """
    name = 'mmcv.cnn.bricks.transformer'
    if name in sys.modules or importlib.util.find_spec('mmcv._ext') is not None:
        return False
    with warnings.catch_warnings():
        warnings.filterwarnings('ignore', 'Fail to import ``MultiScaleDeformableAttention``', UserWarning)
        importlib.import_module(name)
    return True


class _WhenImported(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Run a workaround at the first import of a module. So ``import auxskd_mm`` does not import that module.

    A question for the module, such as ``importlib.util.find_spec``, is answered without the import: transformers asks for
    torchvision before it imports it.

    Args:
        name: Name of the module.
        workaround: Function that puts the module into ``sys.modules``, or leaves this to the import in progress.
        source: Name of the module that is the new one's source, in the same package; the module itself by default.
    """

    def __init__(self, name: str, workaround: Callable[[], bool], source: str | None = None) -> None:
        self.name, self.workaround, self.source = name, workaround, source or name

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """The module's spec with this object as its loader. None for other modules, and if there is no such module."""
        if name != self.name:
            return None
        others = [finder for finder in sys.meta_path if not isinstance(finder, _WhenImported)]
        found = (finder.find_spec(one, path, target) for one in (name, self.source) for finder in others)
        known = next((spec for spec in found if spec is not None), None)
        if known is None:
            return None
        spec = ModuleSpec(name, self, origin=known.origin)
        spec.submodule_search_locations = known.submodule_search_locations
        spec.has_location = known.has_location
        return spec

    def create_module(self, spec: ModuleSpec) -> Any:
        """Import the module with the workaround."""
        sys.meta_path.remove(self)
        self.workaround()
        module = importlib.import_module(self.name)
        self.spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Do nothing: the module has run already, and it keeps its own spec."""
        module.__spec__ = self.spec


def wait_for_torchvision() -> None:
    """Run the workarounds for torchvision when it is imported. A second call does nothing."""
    transforms = 'torchvision.transforms'
    for late in (
        _WhenImported('torchvision', declare_torchvision_operators),
        _WhenImported(
            f'{transforms}.functional_tensor', alias_functional_tensor, source=f'{transforms}._functional_tensor'
        ),
    ):
        armed = any(isinstance(finder, _WhenImported) and finder.name == late.name for finder in sys.meta_path)
        if late.name not in sys.modules and not armed:
            sys.meta_path.insert(0, late)
