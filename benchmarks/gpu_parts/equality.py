"""Does a GPU compute what the CPU does? Three steps of each method, a resume to the bit, and mixed precision.

The methods are those of tests/runs.py, at their smallest. Random numbers that a model draws on its own device are left out
or fixed: no dropout, and RSPNet's order of the batch.
"""

from __future__ import annotations

import contextlib
import copy
import math
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# Of tests/: the smallest training of each method.
sys.path.append(str(Path(__file__).resolve().parents[2] / 'tests'))

import cpu_amp  # noqa: F401 - registers CpuAmp
import runs
import torch
from features import FEATURES
from tool_runs import tiny_clips
from torch import Tensor, nn

from auxskd_mm.errors import Preempted
from auxskd_mm.models.pretext import rspnet

from .record import Record
from .sizes import Sizes

METHODS = runs.METHODS
STEPS = 3
# Relative error of losses and weights after three steps.
IN_FLOAT64 = 1e-8
# In float32 the GPU may err this many times as much as the CPU does, both against float64 on the CPU; and never more than
# this where the CPU happens to err less.
FLOAT32_FACTOR, FLOAT32_LEAST = 10.0, 1e-4


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Drop what is printed."""
    with open(os.devnull, 'w') as nothing, contextlib.redirect_stdout(nothing), contextlib.redirect_stderr(nothing):
        yield


def runner_of(method: str, data: Path, work: Path, options: dict[str, Any] | None = None) -> Any:
    """Runner of a method's smallest training."""
    config = runs.config_of(method, data, work, options)
    config.log_level = 'ERROR'
    return runs.runner_of(config)


def wide(method: str) -> dict[str, Any]:
    """Options for a network of width 64."""
    head = {'auxskd': 'neck', 'rspnet': 'head_a'}.get(method, 'cls_head')
    return {'model.backbone.base_channels': 8, f'model.{head}.in_channels': 64}


def few_steps(model: nn.Module, batch: Any, device: str, dtype: torch.dtype) -> dict[str, list[float]]:
    """Losses of three SGD steps of a copy of a model, and its weights after them, as numbers.

    The clips are random numbers of twice the length and the side of the batch's. With its own, the last BatchNorm would have
    four values per channel and magnify rounding a million times.
    """
    net = copy.deepcopy(model).to(device)
    data = net.data_preprocessor(copy.deepcopy(batch), True)
    views, (length, height, width) = data['inputs'].shape[:3], data['inputs'].shape[3:]
    generator = torch.Generator().manual_seed(1)
    clips = torch.rand(*views, 2 * length, 2 * height, 2 * width, generator=generator, dtype=torch.float64)
    net, inputs = net.to(dtype).train(), (4 * clips - 2).to(device, dtype)
    teacher = getattr(net, 'teacher', None)
    if teacher is not None:
        teacher.copy_from(net.student_modules())
    optimizer = torch.optim.SGD([p for p in net.parameters() if p.requires_grad], lr=1e-3, momentum=0.9)
    losses = []
    for _ in range(STEPS):
        found = net.loss(inputs, data['data_samples'])
        loss = sum(value for key, value in found.items() if 'loss' in key)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if teacher is not None:
            teacher.update(net.student_modules(), 0.9)
        losses.append(float(loss.detach()))
    weights = torch.cat([p.detach().double().cpu().flatten() for p in net.parameters()])
    return dict(losses=losses, weights=weights.tolist())


def error_of(run: dict[str, list[float]], reference: dict[str, list[float]]) -> float:
    """Largest relative error of losses and weights."""

    def relative(key: str) -> float:
        mine, theirs = (torch.tensor(part[key], dtype=torch.float64) for part in (run, reference))
        return float((mine - theirs).norm() / theirs.norm())

    return max(relative('losses'), relative('weights'))


def against_cpu(method: str, data: Path, work: Path, device: torch.device, batch_size: int) -> dict[str, Any]:
    """Three steps on the device and on the CPU, in float32 and float64."""
    options = {'model.cls_head.dropout': 0.0} if method == 'vcop' else {}
    with quiet(), fixed_order():
        runner = runner_of(method, data, work, {**wide(method), 'train_dataloader.batch_size': batch_size, **options})
        runner.model.init_weights()
        model, batch = runner.model.cpu(), next(iter(runner.build_dataloader(runner.cfg.train_dataloader, seed=0)))
        torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
        exact = few_steps(model, batch, 'cpu', torch.float64)
        errors = {
            'float32 on the CPU': error_of(few_steps(model, batch, 'cpu', torch.float32), exact),
            'float32': error_of(few_steps(model, batch, device.type, torch.float32), exact),
            'float64': error_of(few_steps(model, batch, device.type, torch.float64), exact),
        }
        torch.backends.cudnn.allow_tf32 = True
        errors['float32, TF32 on'] = error_of(few_steps(model, batch, device.type, torch.float32), exact)
    limits = {'float64': IN_FLOAT64, 'float32': max(FLOAT32_LEAST, FLOAT32_FACTOR * errors['float32 on the CPU'])}
    return dict(
        losses=exact['losses'], errors=errors, limits=limits, equal=all(errors[k] <= v for k, v in limits.items())
    )


@contextlib.contextmanager
def fixed_order() -> Iterator[None]:
    """Let RSPNet take the batch in one order on every device."""
    kept = rspnet.random_order

    def order(size: int, device: torch.device) -> Tensor:
        return torch.arange(size, device=device)

    rspnet.random_order = order
    try:
        yield
    finally:
        rspnet.random_order = kept


def resume(method: str, data: Path, work: Path) -> dict[str, Any]:
    """A deterministic run that is cut off in its second epoch and resumed, against one that is not."""
    with quiet():
        runner_of(method, data, work / 'whole').train()
        with contextlib.suppress(Preempted):
            runner = runner_of(method, data, work / 'cut')
            runner.register_hook(runs.SignalAt(5))
            runner.train()
        runner_of(method, data, work / 'cut', dict(resume=True)).train()
    places = runs.unequal(work / 'cut' / 'epoch_2.pth', work / 'whole' / 'epoch_2.pth')
    return dict(equal=not places, places=places[:5])


def mixed_precision(
    method: str, dtype: str, data: Path, work: Path, steps: int, device: torch.device
) -> dict[str, Any]:
    """Losses of many steps in fp16 or bf16, with the optimizer wrapper of a training and a network of width 64."""
    feature = copy.deepcopy(FEATURES[f'amp_{dtype}'])
    feature['optim_wrapper']['optimizer'] = dict(type='SGD', lr=1e-3, momentum=0.9)  # of the configs
    if device.type == 'cpu':  # MMEngine's wrapper refuses it, and the CPU has no products in fp16
        feature['optim_wrapper'].update(type='CpuAmp', dtype='bfloat16')
        feature['optim_wrapper'].pop('loss_scale', None)
    with quiet():
        runner = runner_of(method, data, work, {**feature, **wide(method)})
        batches = list(runner.build_dataloader(runner.cfg.train_dataloader, seed=0))
        model, wrapper = runner.model.train(), runner.build_optim_wrapper(runner.cfg.optim_wrapper)
        teacher = getattr(model, 'teacher', None)
        if teacher is not None:
            teacher.copy_from(model.student_modules())
        losses = []
        for i in range(steps):
            logs = model.train_step(copy.deepcopy(batches[i % len(batches)]), wrapper)
            if teacher is not None:
                teacher.update(model.student_modules(), 0.99)
            losses.append(float(logs['loss'].detach()))
    weights = all(bool(torch.isfinite(p).all()) for p in model.parameters())
    scaler = getattr(wrapper, 'loss_scaler', None)
    return dict(
        steps=len(losses),
        finite=weights and all(map(math.isfinite, losses)),
        not_finite=[i for i, loss in enumerate(losses) if not math.isfinite(loss)][:5],
        first=losses[0],
        last=losses[-1],
        loss_scale=float(scaler.get_scale()) if scaler is not None else None,
    )


def run(record: Record, sizes: Sizes, device: torch.device, work: Path) -> None:
    """All of it. Its measurements say whether something holds; none is a speed."""
    data = tiny_clips(work / 'clips')
    for method in METHODS:
        folder = work / 'steps' / method
        record.measure(
            f'steps of {method}', lambda m=method, f=folder: against_cpu(m, data, f, device, min(8, 2 * sizes.batch))
        )
    for method in ('vspp', 'auxskd', 'rspnet'):
        folder = work / 'resume' / method
        record.measure(f'resume of {method}', lambda m=method, f=folder: resume(m, data, f))
    for dtype in ('fp16', 'bf16'):
        for method in METHODS:
            folder = work / dtype / method
            record.measure(
                f'{dtype} of {method}',
                lambda m=method, f=folder, d=dtype: mixed_precision(m, d, data, f, sizes.amp_steps, device),
            )
