"""Loads a config with its overrides, and refuses keys that nothing reads."""

from __future__ import annotations

import difflib
import inspect
import os.path as osp
import traceback
from collections.abc import Iterable
from typing import Any

from mmengine.config import Config, lazy
from mmengine.config.utils import ConfigParsingError
from mmengine.runner import Runner
from mmengine.utils import import_modules_from_strings

from ..errors import InputError
from ..stock_configs import adapt_stock_config
from .loading.class_count import count_classes
from .loading.copied_variables import merge_variables
from .loading.merge import merge
from .loading.new_style import name_types
from .loading.overrides import Overrides
from .loading.shipped import missing_config
from .loading.variables import matters, refuse_old_places, set_variables, warn_of_late_variables

CONFIG_SUFFIXES = ('.py', '.yml', '.yaml', '.json')
_RUNNER_KEYS = frozenset(inspect.signature(Runner.__init__).parameters) - {'self'} | {
    'auto_scale_lr',
    'custom_imports',
    'runner_type',
    'env_cfg',
    # The Runner looks these up in its config.
    'activation_checkpointing',
    'compile',
    'efficient_conv_bn_eval',
    'find_unused_parameters',
    'model_wrapper_cfg',
    'sync_bn',
}


def load_config(path: str, options: dict[str, Any] | None = None) -> Config:
    """Load a config with ``--cfg-options`` and refuse keys that nothing reads.

    Without options this is ``mmengine.Config.fromfile(path)`` with checks. ``num_classes = None`` is replaced by a
    count, see :func:`count_classes`. Keys of the Runner are merged as in MMEngine. Any other name at the top of the
    config is a variable. An override of a variable also changes the values that use it, see :func:`set_variables`.

    Args:
        path: Config file, or ``package::path``.
        options: Overrides: values by dotted key.

    Raises:
        InputError: If the file is missing, cannot be parsed, imports a module that is not installed, misspells a key of
            the Runner at its top, or if its own code fails. Also if an override fits no key, changes nothing, or gives a
            split that does not exist.
    """
    file = config_file(path)
    config = name_types(read_config(file, path))
    _check_top_level(config.keys(), known=(), where=path)
    refuse_old_places(config, path)
    values: dict[str, Any] = {}
    if options:
        _check_top_level(
            {key.split('.')[0] for key in options}, known=config.keys(), where='--cfg-options', strict=True
        )
        values = options.fit(config) if isinstance(options, Overrides) else dict(options)
        # A dict first and what is in it after, or the dict would take its place.
        values = dict(sorted(values.items(), key=lambda pair: pair[0].count('.')))
    given = {key.split('.')[0] for key in values}
    warn_of_late_variables(config, file, given.union(_RUNNER_KEYS))
    variables = {**{key: config[key] for key in config}, **values}
    values.update(count_classes(variables, lambda count: matters(config, file, 'num_classes', count)))
    if isinstance(options, Overrides):
        options.merged = values
    if values:
        own = {key: value for key, value in values.items() if key.split('.')[0] not in _RUNNER_KEYS}
        try:
            config = set_variables(config, file, own, given)
            merge_variables(config, values, _RUNNER_KEYS)
            merge(config, values)
        except (KeyError, TypeError) as error:  # an index beyond a list, or a key below a value that is not a dict
            raise InputError(f'--cfg-options {str(error.args[0])[:300]}') from None
    adapt_stock_config(config)
    return config


def _fault(error: Exception, path: str) -> InputError | None:
    """One line for an error of a config's own code. None for that of an imported module, and where MMEngine has a line."""
    codes = [(frame.f_code, number) for frame, number in traceback.walk_tb(error.__traceback__)]
    if isinstance(error, (ConfigParsingError, OSError)) or any(
        code is import_modules_from_strings.__code__ for code, _ in codes
    ):
        return None
    # MMEngine runs `_base_ = ...` alone, without a file name.
    places = [
        f'line {number} of {code.co_filename}' if code.co_filename else '_base_'
        for code, number in codes
        if code.co_name == '<module>'
    ]
    text = ' '.join(str(error.args[0] if error.args else error).split())[:200]
    if places and (codes[-1][0].co_filename == lazy.__file__ or "'Lazy" in text):
        return InputError(
            f'{path}: {places[-1]} uses what it imports, which MMEngine takes for the type of a part and has not imported; write '
            '`_base_ = []` above the imports for a config of plain Python'
        )
    where = f' in {places[-1]}' if places else ''
    return InputError(f'{path}: cannot be read ({type(error).__name__}{f": {text}" if text else ""}{where})')


def read_config(file: str, path: str = '') -> Config:
    """Read a config or recipe as it stands: ``mmengine.Config.fromfile`` with one line for bad input.

    Args:
        file: File of the config.
        path: Name of the config for messages. '' takes the file.

    Raises:
        InputError: If the file is of another kind, cannot be parsed, imports a module that is not installed, or its own
            code fails.
    """
    path = path or file
    if not file.endswith(CONFIG_SUFFIXES):
        raise InputError(f'{path}: not a config; expected a .py, .yml or .json file')
    try:
        return Config.fromfile(file)
    except SyntaxError as error:
        raise InputError(f'{path}: line {error.lineno} is not Python ({error.msg})') from None
    except ImportError as error:
        raise InputError(f'{path}: {str(error).split(", the current sys.path")[0]}') from None
    except Exception as error:  # a config is code
        if (fault := _fault(error, path)) is None:
            raise
        raise fault from error


def config_file(path: str) -> str:
    """Return the file of a config's path, or of ``package::path`` in an installed package.

    Raises:
        InputError: If there is no such file.
    """
    if '::' not in path:
        if not osp.isfile(path):
            raise missing_config(path)
        return path
    try:
        return Config._get_cfg_path(path, '')[0]
    except FileNotFoundError:
        raise missing_config(path) from None
    except (ValueError, AssertionError, ModuleNotFoundError) as error:
        raise InputError(f'{path}: {error}') from None


def _check_top_level(keys: Iterable[str], known: Iterable[str], where: str, strict: bool = False) -> None:
    """Refuse misspelt top-level keys.

    A config may define variables. An override must change an existing key.
    """
    allowed = _RUNNER_KEYS | set(known)
    for key in keys:
        if key in allowed:
            continue
        close = difflib.get_close_matches(key, allowed, n=1, cutoff=0.6 if strict else 0.9)
        if strict or close:
            hint = f"; did you mean '{close[0]}'?" if close else ''
            raise InputError(f"{where}: unknown config key '{key}'{hint}")


def set_work_dir(config: Config, config_path: str, work_dir: str | None) -> None:
    """Take the work dir from the command line, else the config, else ``work_dirs/<config name>``."""
    if work_dir is not None:
        config.work_dir = work_dir
    elif config.get('work_dir', None) is None:
        config.work_dir = osp.join('./work_dirs', osp.splitext(osp.basename(config_path))[0])
