"""The command-line tools as a user runs them: as a process, or (without the seconds of a start) inside this one."""

from __future__ import annotations

import importlib.util
import logging
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from mmengine.utils import ManagerMixin

from auxskd_mm.datasets.motion_clips import MotionClipsSettings, make_motion_clips
from auxskd_mm.launch import tool as command_line

ROOT = Path(__file__).parents[1]
TOOLS = ROOT / 'tools'
sys.path.append(str(TOOLS))
import tool_start  # noqa: E402

CONFIGS = ROOT / 'configs'

# Networks and batches of configs/demo at a size that one core trains in a second.
TINY_VSPP = {
    'model.backbone.base_channels': 2,
    'model.cls_head.in_channels': 16,
    'train_dataloader.batch_size': 4,
    'train_dataloader.num_workers': 0,
    'train_dataloader.persistent_workers': False,
    'train_dataloader.dataset.repeat': 1,
    'train_cfg.max_epochs': 1,
    'default_hooks.logger.interval': 1,
}
TINY_AUXSKD = {
    **{key: value for key, value in TINY_VSPP.items() if 'cls_head' not in key},
    'model.neck.in_channels': 16,
    'model.neck.out_channels': 8,
    'model.predictor.in_channels': 8,
    'model.predictor.hidden_channels': 16,
    'model.predictor.out_channels': 8,
    'model.queue_size': 8,
}
TINY_TEST = {'test_dataloader.batch_size': 4, 'test_dataloader.num_workers': 0, 'test_dataloader.dataset.repeat': 2}


def tiny_clips(folder: Path) -> Path:
    """Write MotionClips of two motions: 8 clips in ``folder/train``, 4 in ``folder/test``."""
    settings = MotionClipsSettings(train=4, val=0, test=2, classes=('translation', 'rotation'), width=64, height=48)
    make_motion_clips(folder, settings)
    return folder


class Ended(NamedTuple):
    """How a tool ended."""

    code: int
    out: str
    err: str

    def error_line(self) -> str:
        """The one line that bad input gets, without its ``error: ``."""
        lines = [line for line in self.err.splitlines() if line.startswith('error: ')]
        assert self.code == 1, (self.code, self.out, self.err)
        assert len(lines) == 1, self.err
        assert 'Traceback' not in self.err + self.out, self.err + self.out
        return lines[0].removeprefix('error: ')


def command_line_of(words: Iterable[Any], options: Mapping[str, Any] | None) -> list[str]:
    """Arguments with overrides as ``--cfg-options``."""
    pairs = [f'{key}={value}'.replace(', ', ',') for key, value in (options or {}).items()]
    return [*map(str, words), *(['--cfg-options', *pairs] if pairs else [])]


def start_tool(
    tool: str | Path,
    *words: Any,
    options: Mapping[str, Any] | None = None,
    cwd: Path,
    python: str | Path = sys.executable,
) -> Ended:
    """Run a tool (path under ``tools``, or a whole one) as a process in the folder ``cwd``."""
    environment = {key: value for key, value in os.environ.items() if key not in ('PYTHONPATH', 'LOCAL_RANK')}
    done = subprocess.run(
        [str(python), str(TOOLS / tool), *command_line_of(words, options)],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**environment, 'OMP_NUM_THREADS': '1'},
    )
    return Ended(done.returncode, done.stdout, done.stderr)


class NotCaptured:
    """Stands for ``capfd`` in fixtures of a whole module, which cannot have it. pytest shows the output if one fails."""

    def readouterr(self) -> tuple[str, str]:
        """Nothing."""
        return '', ''


class _Exit(BaseException):
    pass


def call_tool(
    monkeypatch: Any, capture: Any, tool: str, *words: Any, options: Mapping[str, Any] | None = None
) -> Ended:
    """Run a tool in this process.

    Args:
        monkeypatch: pytest's.
        capture: pytest's ``capfd`` or ``capsys``, or :class:`NotCaptured`.
        tool: Path under ``tools``.
        words: Arguments.
        options: Overrides.
    """

    parent, really_leave = os.getpid(), os._exit

    def leave(code: int) -> None:
        if os.getpid() != parent:  # a forked worker of a pool, which would go on as a second pytest
            really_leave(code)
        raise _Exit(code)

    spec = importlib.util.spec_from_file_location(f'tool_{Path(tool).stem}', TOOLS / tool)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(sys, 'argv', [tool, *command_line_of(words, options)])
    monkeypatch.setenv('LOCAL_RANK', '0')
    forget_runs()
    capture.readouterr()
    code = 0
    try:
        with monkeypatch.context() as patched:
            patched.setattr(command_line.os, '_exit', leave)
            tool_start.start(module.parse_args, module.main)
    except (_Exit, SystemExit) as stop:
        code = stop.args[0]
    finally:
        torch.set_num_threads(1)
        out, err = capture.readouterr()
        forget_runs()
    return Ended(code, out, err)


def forget_runs() -> None:
    """Drop the loggers, hubs and visualisers of earlier runs, which a run started in the same second would share."""
    for manager in _subclasses(ManagerMixin):
        for instance in getattr(manager, '_instance_dict', {}).values():
            if isinstance(instance, logging.Logger):
                for handler in instance.handlers:
                    if isinstance(handler, logging.FileHandler):
                        handler.close()
        getattr(manager, '_instance_dict', {}).clear()


def _subclasses(parent: type) -> Sequence[type]:
    return [kind for child in parent.__subclasses__() for kind in (child, *_subclasses(child))]
