"""Workarounds for upstream breakages, and nothing else.

Each function names the breakage and its report. It does nothing if the upstream is whole. It returns whether it acted,
so a test can show both cases. :func:`apply` runs the workarounds that ``import auxskd_mm`` needs. It is idempotent.
"""

from __future__ import annotations

import functools
import importlib
import importlib.abc
import importlib.metadata
import importlib.util
import os
import sys
import types
import warnings
from collections.abc import Callable, Mapping
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import InputError

if TYPE_CHECKING:
    from datetime import timedelta
    from types import ModuleType

    from mmengine.config import Config

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


def replace_pkg_resources() -> bool:
    """Resolve ``package::config`` without ``pkg_resources``, which setuptools 82 dropped (open-mmlab/mmcv#3325).

    MMEngine 0.10.7 imports it inside ``is_installed`` and ``get_installed_path``. If ``pkg_resources`` cannot be
    imported, equivalents on ``importlib.metadata`` replace both functions.
    """
    if importlib.util.find_spec('pkg_resources') is not None:
        return False
    import mmengine.config.config as mmengine_config
    import mmengine.utils
    import mmengine.utils.package_utils as package_utils

    if package_utils.is_installed is is_installed:
        return False
    try:
        package_utils.is_installed('mmengine')
        return False  # onedl-mmengine does not need it
    except ImportError:
        pass
    for target in (mmengine_config, mmengine.utils, package_utils):
        for function in (is_installed, get_installed_path):
            if hasattr(target, function.__name__):
                setattr(target, function.__name__, function)
    return True


def is_installed(package: str) -> bool:
    """Whether a distribution or an importable package of this name exists."""
    try:
        importlib.metadata.distribution(package)
        return True
    except importlib.metadata.PackageNotFoundError:
        spec = importlib.util.find_spec(package)
        return spec is not None and spec.origin is not None


def get_installed_path(package: str) -> str:
    """Folder of an installed distribution's top-level module.

    Raises:
        importlib.metadata.PackageNotFoundError: If neither a distribution nor a module has this name.
    """
    try:
        distribution = importlib.metadata.distribution(package)
        top_level = (distribution.read_text('top_level.txt') or package).split()
    except importlib.metadata.PackageNotFoundError:
        top_level = [package]
    for module in [package, *top_level]:
        spec = importlib.util.find_spec(module)
        if spec is not None and spec.origin is not None:
            return os.path.dirname(spec.origin)
    raise importlib.metadata.PackageNotFoundError(package)


def register_config_scope() -> bool:
    """Make ``auxskd_mm::config.py`` a valid base.

    MMEngine knows only a fixed list of packages (open-mmlab/mmengine#1410).
    """
    from mmengine.config import utils as config_utils

    if 'auxskd_mm' in config_utils.MODULE2PACKAGE:
        return False
    config_utils.MODULE2PACKAGE['auxskd_mm'] = 'auxskd_mm'
    return True


def allow_flat_config_names() -> bool:
    """Take ``auxskd_mm::vspp_r21d_k100.py``: MMEngine 0.10.7 insists on a folder between package and config.

    Our configs lie directly in ``configs``, where MMEngine's own lookup would find them. Names with a folder still use
    MMEngine's lookup.
    """
    import mmengine.config.config as mmengine_config
    from mmengine.config import utils as config_utils
    from mmengine.hub import hub

    original = config_utils._get_package_and_cfg_path
    try:
        original('mmaction::flat.py')
        return False
    except ValueError:
        pass

    def package_and_path(cfg_path: str) -> tuple[str, str]:
        package, _, name = cfg_path.partition('::')
        if '/' in name or not name:
            return original(cfg_path)
        return original(f'{package}::folder/{name}')[0], name

    for target in (mmengine_config, config_utils, hub):
        setattr(target, original.__name__, package_and_path)
    return True


def allow_checkpoint_globals() -> bool:
    """Let MMEngine checkpoints load under ``weights_only=True``, torch's default since 2.6 (open-mmlab/mmengine#1655).

    A checkpoint of MMEngine's own hook holds ``HistoryBuffer`` objects with NumPy arrays. It also holds references to
    methods of that class, which pickle writes as ``getattr``. Each of these names gets a stand-in. A stand-in accepts
    only plain numbers or these methods. So a downloaded file cannot run code or pass a crafted state to NumPy.
    """
    import torch

    from .plain_data import safe_globals

    torch.serialization.add_safe_globals([*safe_globals(), (_history_method, 'builtins.getattr')])
    return True


def _history_method(owner: object, name: str) -> object:
    """Replace ``getattr`` for ``HistoryBuffer``: return one of its own statistics.

    Raises:
        InputError: If the name is another one. No checkpoint of MMEngine holds another name.
    """
    from mmengine.logging.history_buffer import HistoryBuffer

    ours = isinstance(owner, type) and issubclass(owner, HistoryBuffer)
    if not ours or name not in ('mean', 'min', 'max', 'current'):
        raise InputError(
            f'the checkpoint asks for attribute {name!r} of {owner!r}; '
            'it is not one that MMEngine wrote, do not trust it'
        )
    return getattr(HistoryBuffer, name)


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


def float_scores_of_heads() -> bool:
    """Let MMAction2's classification heads train in bfloat16.

    ``BaseHead.loss_by_feat`` turns the scores into a NumPy array for the accuracy in the log, and NumPy has no bfloat16.
    The scores become float32 before, as the cross-entropy does under autocast, so the loss is the same.
    """
    import torch
    from mmaction.models.heads.base import BaseHead

    original = BaseHead.loss_by_feat
    if getattr(original, 'takes_bfloat16', False):
        return False

    @functools.wraps(original)
    def loss_by_feat(head: Any, cls_scores: Any, data_samples: Any) -> Any:
        return original(head, cls_scores.float() if cls_scores.dtype == torch.bfloat16 else cls_scores, data_samples)

    loss_by_feat.takes_bfloat16 = True  # type: ignore[attr-defined]  # marks the function
    BaseHead.loss_by_feat = loss_by_feat  # type: ignore[assignment,method-assign]  # with the same arguments
    return True


def remember_formatting() -> None:
    """Let MMEngine format the text of a config once in a process.

    A run writes the same text into its log, its folder, its message hub and each of its checkpoints. For each, yapf would
    format it again, which takes longer than a few steps of a small network. A second call does nothing.
    """
    import mmengine.config.config as mmengine_config

    real = mmengine_config.FormatCode
    if hasattr(real, 'remembered'):
        return

    @functools.lru_cache(maxsize=8)
    def formatted(text: str, style: tuple[tuple[str, Any], ...], verify: bool) -> Any:
        return real(text, style_config=dict(style), **({'verify': True} if verify else {}))

    def format_code(text: str, style_config: Mapping[str, Any], verify: bool = False) -> Any:
        return formatted(text, tuple(style_config.items()), verify)

    format_code.remembered = formatted  # type: ignore[attr-defined]
    mmengine_config.FormatCode = format_code


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


def resize_any_channels() -> bool:
    """Let MMAction2's ``Resize`` and ``Fuse`` take frames of any number of channels.

    They call ``mmcv.imresize``. OpenCV's resize drops the last dimension of a frame (H, W, 1), and some of its methods
    take at most 4 channels. Frames of 3 channels go through as before.
    """
    import mmcv

    from .functional.pixels import any_channels

    if hasattr(mmcv.imresize, '__wrapped__'):
        return False
    mmcv.imresize = any_channels(mmcv.imresize)
    return True


def opencv_logging() -> ModuleType:
    """Module with OpenCV's ``getLogLevel`` and ``setLogLevel``.

    OpenCV 5 has them in ``cv2.utils.logging`` alone, and OpenCV 4.8 in ``cv2`` itself.
    """
    import cv2

    return getattr(cv2.utils, 'logging', cv2)


def start_process_group(launcher: str, timeout: timedelta | None = None) -> bool:
    """Start a gloo group on a machine without an accelerator.

    MMEngine's Runner would call ``torch.cuda.set_device``, but it keeps a group that already exists. This function
    handles the environments of torchrun (``launcher='pytorch'``) and Slurm (``'slurm'``).

    Args:
        launcher: Launcher, as in the tools' ``--launcher``.
        timeout: ``datetime.timedelta`` after which a rank stops waiting for the others. None takes torch's default.
    """
    import torch
    import torch.distributed as dist

    if launcher not in ('pytorch', 'slurm') or torch.cuda.is_available() or dist.is_initialized():
        return False
    from mmengine.device import get_device

    if get_device() != 'cpu':
        return False
    if launcher == 'slurm':
        for name, slurm in (('RANK', 'SLURM_PROCID'), ('WORLD_SIZE', 'SLURM_NTASKS'), ('LOCAL_RANK', 'SLURM_LOCALID')):
            os.environ[name] = os.environ[slurm]
        os.environ.setdefault('MASTER_PORT', '29500')
        os.environ.setdefault('MASTER_ADDR', os.environ.get('SLURM_LAUNCH_NODE_IPADDR', '127.0.0.1'))
    if timeout is None:
        dist.init_process_group('gloo')
    else:
        dist.init_process_group('gloo', timeout=timeout)
    return True


def leave_out_device_ids(config: Config) -> bool:
    """Let MMEngine wrap a model for several processes on a machine without an accelerator.

    MMEngine's Runner passes ``device_ids`` to DDP on every device. DDP refuses them for a model on the CPU.

    Args:
        config: Config of a Runner. It gets a ``model_wrapper_cfg``.
    """
    from mmengine.device import get_device

    if config.get('launcher', 'none') == 'none' or get_device() != 'cpu':
        return False
    # The Runner's default.
    wrapper: dict[str, Any] = dict(type='MMDistributedDataParallel', broadcast_buffers=False)
    if config.get('find_unused_parameters'):
        wrapper['find_unused_parameters'] = True
    wrapper = config.get('model_wrapper_cfg') or wrapper
    if 'device_ids' in wrapper or 'DistributedDataParallel' not in str(
        wrapper.get('type', 'MMDistributedDataParallel')
    ):
        return False
    config.model_wrapper_cfg = {**wrapper, 'device_ids': None}
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


def apply() -> dict[str, bool]:
    """Run every import-time workaround, and return the workarounds that acted.

    The workarounds for torchvision wait for its import, which takes as long as the import of torch.
    """
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
