"""Compilation of the backbones, with a way on where the compiler fails."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import torch
from mmengine.logging import print_log
from torch import nn

from ..errors import InputError, reason_of


def compile_backbones(model: nn.Module, options: Mapping[str, Any] | None = None) -> list[str]:
    """Compile the forward pass of each module named ``backbone`` in place, also of a teacher. Checkpoints keep their names.

    The compiler runs in the first step. If it fails there, one line says so and the network goes on without it.

    Args:
        model: The model, without a wrapper.
        options: Options of ``torch.compile``, for instance ``dict(mode='max-autotune')``.

    Returns:
        Names of the modules.

    Raises:
        InputError: If ``torch.compile`` does not know an option or its value.
    """
    names: list[str] = []
    for name, _ in model.named_modules():
        inside = any(name.startswith(f'{outer}.') for outer in names)  # compiled with the network around it
        if name.rsplit('.', 1)[-1] == 'backbone' and not inside:
            names.append(name)
    for name in names:
        _compile(model.get_submodule(name), name, dict(options or {}))
    return names


def _compile(module: nn.Module, name: str, options: dict[str, Any]) -> None:
    try:
        if isinstance(options.get('backend'), str):
            torch._dynamo.lookup_backend(options['backend'])  # torch itself looks at the first step
        module.compile(**options)
    except Exception as error:
        if 'not supported' in str(error):  # this Python or this system
            _report(name, error)
            return
        raise InputError(f'compile={options!r}: torch.compile refuses it ({reason_of(error)})') from None
    compiled: Any = module._compiled_call_impl

    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return compiled(*args, **kwargs)
        except torch._dynamo.exc.TorchDynamoException as error:
            _report(name, error)
        module._compiled_call_impl = None
        return module(*args, **kwargs)

    module._compiled_call_impl = call  # type: ignore[assignment]  # what nn.Module calls in place of forward


def _report(name: str, error: Exception) -> None:
    cause = error
    while isinstance(inner := getattr(cause, 'inner_exception', None), Exception):
        cause = inner
    reason = f'{type(cause).__name__}: {reason_of(cause)}'
    print_log(f'{name} is not compiled and runs as without compile ({reason})', 'current', logging.WARNING)
