"""Faults of MMEngine in finding, naming and writing configs."""

from __future__ import annotations

import functools
import importlib.metadata
import importlib.util
import os
from collections.abc import Mapping
from typing import Any


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
