"""What the command-line tools share: a config with overrides, and one line instead of a traceback for bad input."""

from __future__ import annotations

import argparse
import difflib
import inspect
import logging
import os
import os.path as osp
import pickle
import sys
import zipfile
from collections.abc import Callable, Iterable
from typing import Any

import torch
from mmengine.config import Config, DictAction
from mmengine.config.utils import ConfigParsingError
from mmengine.device import get_device
from mmengine.logging import print_log
from mmengine.registry import OPTIMIZERS
from mmengine.runner import Runner

from ..compat import leave_out_device_ids
from ..errors import InputError, Preempted
from .config_variables import fill_variables
from .launch_checks import lost_process
from .safe_training import compile_backbones, make_safe, pin_loaders, take_compile_options

_TRACEBACK = 'AUXSKD_MM_TRACEBACK'
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
# What a torch file starts with that is not a zip archive (torch before 1.6).
_LEGACY_START = pickle.dumps(torch.serialization.MAGIC_NUMBER, protocol=2)


class CfgOptions(DictAction):
    """MMEngine's ``DictAction`` for ``--cfg-options``, with a usage error for what is not ``key=value``."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        """Read the pairs; see ``argparse.Action``."""
        try:
            super().__call__(parser, namespace, values, option_string)
        except (ValueError, AssertionError):
            text = ' '.join(values)
            raise argparse.ArgumentError(self, f'expected key=value pairs with closed brackets, got: {text}') from None


def run_tool(main: Callable[[], Any]) -> None:
    """Run a tool's ``main``; bad input ends it with exit code 1 and one line on standard error.

    The traceback is shown with ``AUXSKD_MM_TRACEBACK=1``, and for everything that is not the input's fault.
    """
    try:
        main()
    except Preempted as stop:
        _leave(f'preempted: {stop}', stop.code)
    except Exception as error:
        line = describe(error)
        if line is None or os.environ.get(_TRACEBACK) == '1':
            raise
        _leave(f'error: {line}', 1)


def _leave(line: str, code: int) -> None:
    sys.stdout.flush()
    print(line, file=sys.stderr)
    # Straight out: loader workers and process groups must not print their own tracebacks after it.
    sys.stderr.flush()
    os._exit(code)


def describe(error: BaseException) -> str | None:
    """One line for an error that the user can mend, None for any other."""
    text = str(error.args[0] if isinstance(error, KeyError) and error.args else error)
    if text.startswith('Caught '):
        # A loader worker's error arrives with the worker's traceback as its text.
        last = [row for row in text.strip().splitlines() if row.strip()][-1]
        name, _, rest = last.partition(': ')
        worker_error = name.rsplit('.', 1)[-1] in ('InputError', 'VideoReadError')
        return rest if worker_error else None
    if isinstance(error, (InputError, ConfigParsingError, pickle.UnpicklingError)):
        return ' '.join(text.split())
    if isinstance(error, TypeError) and 'unexpected keyword argument' in text:
        return f'unknown config key: {text}'
    if isinstance(error, TypeError) and (
        'required positional argument' in text or 'required keyword-only argument' in text
    ):
        return f'missing config key: {text}'
    if isinstance(error, KeyError) and 'is not in the' in text:
        return 'unknown type in the config: ' + ' '.join(text.split('. More details')[0].split())
    if isinstance(error, KeyError) and 'must contain the key "type"' in text:
        return 'an entry of the config has no type; is its key misspelt? It holds ' + ' '.join(
            text.partition('but got ')[2].removesuffix('\nNone').split()
        )
    if isinstance(error, (FileNotFoundError, IsADirectoryError, PermissionError)):
        return ' '.join(text.split())
    if isinstance(error, RuntimeError) and (line := lost_process(text)):
        return line
    if isinstance(error, RuntimeError) and 'PytorchStreamReader' in text:
        return f'the checkpoint is damaged or not a checkpoint ({text.splitlines()[0][:120]})'
    return None


def load_config(path: str, options: dict[str, Any] | None = None) -> Config:
    """Load a config, merge ``--cfg-options``, fill its variables and refuse keys that nothing reads.

    See :func:`fill_variables` for strings such as ``'train_split{split}.txt'``.

    Args:
        path: Config file, or ``package::path``.
        options: Overrides, dotted keys to values.

    Raises:
        InputError: If the file is missing, cannot be parsed, imports what is not installed or has a misspelt key of the
            Runner's at its top; or if an override fits nothing, or gives a split that does not exist.
    """
    try:
        config = Config.fromfile(_config_file(path))
    except SyntaxError as error:
        raise InputError(f'{path}: line {error.lineno} is not Python ({error.msg})') from None
    except ImportError as error:
        raise InputError(f'{path}: {str(error).split(", the current sys.path")[0]}') from None
    _check_top_level(config.keys(), known=(), where=path)
    if options:
        _check_top_level(
            {key.split('.')[0] for key in options}, known=config.keys(), where='--cfg-options', strict=True
        )
        try:
            config.merge_from_dict(options)
        except (KeyError, TypeError) as error:  # an index beyond a list, a key below what is no dict
            raise InputError(f'--cfg-options: {str(error.args[0])[:200]} ...') from None
    return fill_variables(config, options)


def _config_file(path: str) -> str:
    if '::' not in path:
        if not osp.isfile(path):
            raise InputError(f'{path}: no such config file')
        if not path.endswith(('.py', '.yml', '.yaml', '.json')):
            raise InputError(f'{path}: not a config; expected a .py, .yml or .json file')
        return path
    try:
        return Config._get_cfg_path(path, '')[0]
    except (ValueError, AssertionError, ModuleNotFoundError) as error:
        raise InputError(f'{path}: {error}') from None


def _check_top_level(keys: Iterable[str], known: Iterable[str], where: str, strict: bool = False) -> None:
    """Refuse misspelt top-level keys.

    A config may hold variables of its own; an override must hit something that exists.
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


def build_runner(config: Config) -> Runner:
    """Runner of a config, or the one it names in ``runner_type``.

    Raises:
        InputError: If ``load_from`` is no checkpoint, or the optimizer's type is unknown.
    """
    from mmaction.registry import RUNNERS

    from ..models.wrappers import FullyShardedModel

    check_checkpoint(config.get('load_from'))
    _check_optimizer(config)
    if _wants_amp(config) and get_device() == 'cpu':
        # MMEngine's AMP wrapper refuses to start without an accelerator; the arithmetic is only faster, not another.
        print_log(
            'no accelerator: training in float32 instead of mixed precision', logger='current', level=logging.WARNING
        )
        for key in ('dtype', 'loss_scale', 'use_fp64'):
            config.optim_wrapper.pop(key, None)
        config.optim_wrapper.type = 'OptimWrapper'
    leave_out_device_ids(config)
    make_safe(config)
    pin_loaders(config)
    compiling = take_compile_options(config)
    runner = RUNNERS.build(config) if 'runner_type' in config else Runner.from_cfg(config)
    if isinstance(runner.model, FullyShardedModel):
        runner._init_model_weights = lambda: None  # done, before there were shards
    if compiling is not None:
        compile_backbones(runner.model, compiling)
    return runner


def check_checkpoint(path: str | None) -> None:
    """Refuse a checkpoint that is missing, truncated or something else; torch's own errors do not say which file.

    Args:
        path: Local file; None, and addresses such as ``https://...``, pass unread.
    """
    if path is None or '://' in path:
        return
    if not osp.isfile(path):
        raise InputError(f'{path}: no such checkpoint file')
    if zipfile.is_zipfile(path):
        return
    with open(path, 'rb') as file:
        start = file.read(len(_LEGACY_START))
    if start != _LEGACY_START:
        raise InputError(
            f'{path}: not a checkpoint of torch, or damaged ({osp.getsize(path)} bytes); copy or download it again'
        )


def _check_optimizer(config: Config) -> None:
    """MMEngine looks the optimizer up without noticing that there is none of its name."""
    optimizer = (config.get('optim_wrapper') or {}).get('optimizer')
    kind = optimizer.get('type') if isinstance(optimizer, dict) else None
    if not isinstance(kind, str):
        return
    with OPTIMIZERS.switch_scope_and_registry(config.get('default_scope')) as registry:
        if registry.get(kind) is None:
            raise InputError(f"optim_wrapper.optimizer.type='{kind}': unknown; expected one such as 'SGD' or 'AdamW'")


def _wants_amp(config: Config) -> bool:
    wrapper = config.get('optim_wrapper') or {}
    return wrapper.get('type') == 'AmpOptimWrapper' and config.get('train_cfg') is not None
