"""Recipes: phases run one after the other, the weights of one handed to the next.

A phase is one ``tools/train.py`` (and, if it says so, one ``tools/test.py``), with a command line that is printed and
that a user can run by hand.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmengine.config import Config

from ..errors import InputError

_PHASE_KEYS = {'name', 'config', 'options', 'init_from', 'test'}
_STATE = 'phase.json'


class Phase:
    """One entry of a recipe's ``phases``.

    Args:
        entry: ``dict(name=..., config=..., options={}, init_from=None, test=False)``: a config beside the recipe (or in
            the folder the path gives), overrides as for ``--cfg-options``, the earlier phase whose weights it starts
            from, and whether its ``test_dataloader`` is run at the end.
        folder: Folder that config paths are relative to.

    Raises:
        InputError: For a missing or unknown key, or a config that does not exist.
    """

    def __init__(self, entry: Mapping[str, Any], folder: Path) -> None:
        unknown = set(entry) - _PHASE_KEYS
        if unknown or not {'name', 'config'} <= set(entry):
            raise InputError(
                f'phase {dict(entry)}: needs name and config, may have options, init_from and test; '
                f'unknown: {sorted(unknown)}'
            )
        self.name = str(entry['name'])
        self.config = Path(os.path.normpath(folder / entry['config']))
        self.options = dict(entry.get('options') or {})
        self.init_from = entry.get('init_from')
        self.test = bool(entry.get('test', False))
        if not self.config.is_file():
            raise InputError(f'phase {self.name!r}: no config {self.config}')

    def fingerprint(self, init: str) -> str:
        """Digest of everything that decides what the phase does, config text included."""
        text = Config.fromfile(str(self.config)).pretty_text
        return hashlib.sha256(json.dumps([text, self.options, init], sort_keys=True, default=str).encode()).hexdigest()[
            :16
        ]


def run_recipe(
    recipe: str | Path,
    work_dir: str | Path | None = None,
    options: Mapping[str, Any] | None = None,
    *,
    gpus: int = 0,
    seed: int | None = None,
) -> dict[str, Any]:
    """Run the phases of a recipe that are not finished yet.

    A finished phase is skipped, one that was cut off resumes from its last checkpoint, and one whose config changed
    since it finished is an error rather than a silent mixture.

    Args:
        recipe: Config with ``phases`` (see :class:`Phase`) and optionally ``work_dir``.
        work_dir: Folder of the recipe; a phase works in ``work_dir/<name>``.
        options: Overrides for single phases, keys ``<phase>.<key>`` (or ``all.<key>``).
        gpus: Processes per machine for torchrun; 0 runs in one process without it.
        seed: Random seed of every phase.

    Returns:
        The summary that is also written to ``summary.json`` and ``summary.md``: one row a phase.

    Raises:
        InputError: For a bad recipe, a changed phase, or a phase that failed.
    """
    recipe = Path(recipe)
    if not recipe.is_file():
        raise InputError(f'{recipe}: no such recipe')
    config = Config.fromfile(str(recipe))
    root = Path(work_dir or config.get('work_dir') or Path('work_dirs', recipe.stem))
    phases = _phases(config, recipe, options or {})
    rows: list[dict[str, Any]] = []
    checkpoints: dict[str, Path] = {}
    for number, phase in enumerate(phases, 1):
        print(f'== phase {number} of {len(phases)}: {phase.name}', flush=True)
        row = _run_phase(phase, root / phase.name, checkpoints, gpus, seed)
        checkpoints[phase.name] = Path(row['checkpoint'])
        rows.append(row)
        _write_summary(root, recipe, rows)
    return dict(recipe=str(recipe), phases=rows)


def _phases(config: Config, recipe: Path, options: Mapping[str, Any]) -> list[Phase]:
    entries = config.get('phases')
    if not entries:
        raise InputError(f'{recipe}: has no phases; expected a list of dict(name=..., config=...)')
    phases = [Phase(entry, recipe.parent) for entry in entries]
    names = [phase.name for phase in phases]
    if len(set(names)) < len(names):
        raise InputError(f'{recipe}: two phases have the same name: {names}')
    for i, phase in enumerate(phases):
        if phase.init_from is not None and phase.init_from not in names[:i]:
            raise InputError(
                f'phase {phase.name!r}: init_from={phase.init_from!r} is not an earlier phase ({names[:i]})'
            )
    for key, value in options.items():
        name, _, rest = key.partition('.')
        if name not in [*names, 'all'] or not rest:
            raise InputError(f"--cfg-options {key}: expected '<phase>.<key>' or 'all.<key>', phases are {names}")
        for phase in phases:
            if name in (phase.name, 'all'):
                phase.options[rest] = value
    return phases


def _run_phase(
    phase: Phase, folder: Path, checkpoints: Mapping[str, Path], gpus: int, seed: int | None
) -> dict[str, Any]:
    init = str(checkpoints[phase.init_from]) if phase.init_from else ''
    fingerprint = phase.fingerprint(init)
    state = _read_state(folder)
    if state and state['fingerprint'] != fingerprint:
        raise InputError(
            f'phase {phase.name!r}: its config or options changed since {folder} was made; '
            'move that folder away to run it anew'
        )
    if state.get('finished'):
        print(f'   finished before: {state["checkpoint"]}', flush=True)
        return state
    options = {**phase.options, **({'load_from': init} if init else {})}
    command = [*_launcher(gpus), str(_tool('train.py')), str(phase.config), '--work-dir', str(folder)]
    command += ['--launcher', 'pytorch'] if gpus else []
    command += ['--seed', str(seed)] if seed is not None else []
    resuming = state and _last_checkpoint(folder) is not None
    # A resumed run reads everything from its own checkpoint; load_from would be taken for the file to resume from.
    command += ['--resume'] if resuming else []
    options = {key: value for key, value in options.items() if not (resuming and key == 'load_from')}
    _write_state(folder, dict(name=phase.name, fingerprint=fingerprint, finished=False))
    seconds = float(state.get('seconds', 0.0)) + _call(phase, command, options)
    checkpoint = _last_checkpoint(folder)
    if checkpoint is None:
        raise InputError(
            f'phase {phase.name!r}: trained, but left no checkpoint in {folder}; '
            'does its config switch CheckpointHook off?'
        )
    row: dict[str, Any] = dict(
        name=phase.name,
        fingerprint=fingerprint,
        config=str(phase.config),
        init=init,
        command=_line(command, options),
        checkpoint=str(checkpoint),
        train=_last_scalars(folder),
    )
    if phase.test:
        test = [
            *_launcher(gpus),
            str(_tool('test.py')),
            str(phase.config),
            str(checkpoint),
            '--work-dir',
            str(folder / 'test'),
        ]
        test += ['--launcher', 'pytorch'] if gpus else []
        seconds += _call(phase, test, phase.options)
        row['test'] = _last_metrics(folder / 'test')
    row.update(seconds=round(seconds, 1), finished=True)
    _write_state(folder, row)
    return row


def _call(phase: Phase, command: Sequence[str], options: Mapping[str, Any]) -> float:
    """Run a command with overrides; returns the seconds it took."""
    full = [*command, *(['--cfg-options', *_pairs(options)] if options else [])]
    print(f'   $ {_line(command, options)}', flush=True)
    start = time.time()
    code = subprocess.run(full).returncode
    if code:
        raise InputError(
            f'phase {phase.name!r} ended with exit code {code}; '
            'start the recipe again to go on from its last checkpoint'
        )
    return time.time() - start


def _pairs(options: Mapping[str, Any]) -> list[str]:
    """Overrides in the form that MMEngine's DictAction reads back to the same values."""
    return [f'{key}={_literal(value)}' for key, value in options.items()]


def _literal(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        inside = ','.join(_literal(item) for item in value)
        return f'[{inside}]' if isinstance(value, list) else f'({inside})'
    return str(value)


def _line(command: Sequence[str], options: Mapping[str, Any]) -> str:
    import shlex

    words = [Path(word).name if word == sys.executable else word for word in command]
    return shlex.join([*words, *(['--cfg-options', *_pairs(options)] if options else [])])


def _launcher(gpus: int) -> list[str]:
    if gpus < 1:
        return [sys.executable]
    return [sys.executable, '-m', 'torch.distributed.run', '--standalone', f'--nproc_per_node={gpus}']


def _tool(name: str) -> Path:
    """The tool beside the package: in ``.mim`` of an installed one, in ``tools`` of a checkout."""
    package = Path(__file__).resolve().parents[1]
    for folder in (package / '.mim' / 'tools', package.parent / 'tools'):
        if (folder / name).is_file():
            return folder / name
    raise InputError(f'tools/{name} is missing beside the package {package}; install auxskd_mm again')


def _last_checkpoint(folder: Path) -> Path | None:
    pointer = folder / 'last_checkpoint'
    if not pointer.is_file():
        return None
    path = Path(pointer.read_text().strip())
    # The pointer holds the path of the time of writing; a work dir that was moved keeps working.
    return next((candidate for candidate in (path, folder / path.name) if candidate.is_file()), None)


def _last_scalars(folder: Path) -> dict[str, float]:
    """The last value of every scalar that a training logged; training and validation write rows of their own."""
    files = sorted(folder.glob('*/vis_data/scalars.json'))
    rows = [json.loads(line) for line in files[-1].read_text().splitlines() if line.strip()] if files else []
    merged = {key: value for row in rows for key, value in row.items()}
    return {key: value for key, value in merged.items() if isinstance(value, (int, float))}


def _last_metrics(folder: Path) -> dict[str, float]:
    files = sorted(folder.glob('*/*.json'), key=lambda path: path.stat().st_mtime)
    return json.loads(files[-1].read_text()) if files else {}


def _read_state(folder: Path) -> dict[str, Any]:
    path = folder / _STATE
    return json.loads(path.read_text()) if path.is_file() else {}


def _write_state(folder: Path, state: Mapping[str, Any]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    _replace(folder / _STATE, json.dumps(state, indent=2))


def _write_summary(root: Path, recipe: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    _replace(root / 'summary.json', json.dumps(dict(recipe=str(recipe), phases=rows), indent=2))
    lines = [
        f'# {recipe.stem}',
        '',
        '| phase | starts from | minutes | last training values | test |',
        '|---|---|---|---|---|',
    ]
    for row in rows:
        train = ', '.join(f'{key} {value:.4g}' for key, value in row['train'].items() if _shown(key))
        test = ', '.join(
            f'{key} {value:.4g}' for key, value in row.get('test', {}).items() if key.endswith(('_acc', '_chance'))
        )
        start = f'`{Path(row["init"]).parent.name}/{Path(row["init"]).name}`' if row['init'] else 'random weights'
        lines.append(f'| {row["name"]} | {start} | {row["seconds"] / 60:.1f} | {train} | {test or "-"} |')
    _replace(root / 'summary.md', '\n'.join(lines) + '\n')


def _shown(key: str) -> bool:
    return key == 'loss' or key.endswith(('_acc', '_entropy', '_agreement'))


def _replace(path: Path, text: str) -> None:
    """Write whole or not at all."""
    temporary = path.with_suffix(path.suffix + '.tmp')
    temporary.write_text(text)
    os.replace(temporary, path)
