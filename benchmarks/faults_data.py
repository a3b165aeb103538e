"""Faults in the input of a training: damaged videos, deleted videos, a loss that is not finite."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import runs
import torch
from faults_training import At, Outcome, Training, in_peace


def _many_clips(data: Path, folder: Path, count: int = 20) -> list[Path]:
    """Make a data folder with this number of links to the clips."""
    clips, names = sorted((data / 'train').rglob('*.mp4')), []
    (folder / 'train').mkdir(parents=True)
    for i in range(count):
        name = folder / 'train' / f'{i:03d}.mp4'
        name.symlink_to(clips[i % len(clips)].resolve())
        names.append(name)
    return names


def corrupt(data: Path, out: Path, tries: int = 1) -> Outcome:
    """One video in twenty is damaged."""
    for number in range(tries):
        folder = out / f'corrupt_data_{number}'
        names = _many_clips(data, folder)
        content = names[3].resolve().read_bytes()
        names[3].unlink()
        names[3].write_bytes(content[: len(content) // 2])
        training = Training(folder, out / f'corrupt_{number}')
        assert training.run() == [0], training.text()[-2000:]
        assert training.text().count('unreadable video left out') == 1, training.text()[-2000:]
        assert '1 of 20 training videos could not be read' in training.text()
    return Outcome(tries, 'left out, replaced, named once and at the end', [0] * tries)


def vanishing(data: Path, out: Path, tries: int = 1) -> Outcome:
    """A video is deleted during the run."""
    for number in range(tries):
        names = _many_clips(data, out / f'vanish_data_{number}')
        training = Training(out / f'vanish_data_{number}', out / f'vanish_{number}')
        assert training.run(At(2, lambda runner, batch, name=names[5]: name.unlink())) == [0], training.text()[-2000:]
        assert 'no such file' in training.text(), training.text()[-2000:]
        assert '1 of 20 training videos could not be read' in training.text()
    return Outcome(tries, 'left out, replaced, named once and at the end', [0] * tries)


def _poison(runner: Any, batch: Any) -> None:
    batch['inputs'] = [clip.float() * float('nan') for clip in batch['inputs']]


def non_finite(data: Path, out: Path, tries: int = 1) -> Outcome:
    """The loss is NaN; the default stops."""
    peace, lost = in_peace(data, out / 'peace'), []
    for number in range(tries):
        training = Training(data, out / f'nan_{number}')
        assert training.run(At(7, _poison)) == [1], training.text()[-2000:]
        lines = [row for row in training.text().splitlines() if row.startswith('error: the loss is nan at iteration 8')]
        assert len(lines) == 1, training.text()[-2000:]
        assert lines[0].count('.mp4') == 4, lines
        lost.append(training.lost())
        training.finish(peace)
    return Outcome(tries, "stops before the step, names the batch's files; resumes, equal to the bit", lost)


def non_finite_skip(data: Path, out: Path, tries: int = 1) -> Outcome:
    """The same with ``default_hooks.non_finite.action=skip``."""
    for number in range(tries):
        training = Training(data, out / f'skip_{number}', **{'default_hooks.non_finite': dict(action='skip')})
        assert training.run(At(7, _poison)) == [0], training.text()[-2000:]
        assert training.text().count('skipped: the loss is nan at iteration 8') == 1
        tensors = runs.tensors_of((training.folder / 'last_checkpoint').read_text())
        assert all(torch.isfinite(value.double()).all() for value in tensors.values())
        assert tensors['state_dict.queue.filled'] == 18
    return Outcome(
        tries, 'leaves the batch out, names its files; weights, statistics and queue stay finite', [1] * tries
    )
