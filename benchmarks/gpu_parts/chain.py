"""Trainings worth having: what pretraining adds to public weights on real sets, all of the network trained.

:func:`pack` makes a folder of small stores and lists, which travels to a machine with a GPU. :func:`run` trains there.
"""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import shutil
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parents[1] / 'warm_start'))

from mmengine.config import Config
from sets import MOTION, SETS, group_splits, motion_splits, pretext_options
from sets import pack as pack_store

from auxskd_mm.errors import InputError
from auxskd_mm.files import write_whole
from auxskd_mm.recipes.plan import Plan, make_plan
from auxskd_mm.recipes.run_recipe import run_plan, table_so_far
from auxskd_mm.recipes.step_records import finished_seconds

from .record import Record
from .sizes import Sizes

RECIPE = Path(__file__).resolve().parents[2] / 'configs' / 'recipes' / 'warm_start_pixels.py'
STORE = '{store}'  # stands for the store in lists that travel
LIMIT = 15e6  # bytes
SEEDS = range(5)
_CRFS = (23, 27, 31)  # of x264: the first that makes all sets small enough


def pack(folders: Sequence[str], out: Path, limit: float = LIMIT) -> int:
    """Pack sets of clips for the chain.

    Args:
        folders: ``FOLDER`` with a ``groups.csv``, or ``FOLDER=GROUPS.csv``. Its name is one of ``SETS``.
        out: Folder to write, one folder for each set.
        limit: Largest size of all in bytes.

    Returns:
        Size in bytes.

    Raises:
        InputError: For an unknown set, a missing file, or sets that are too large at any quality.
    """
    named = [_source(text) for text in folders]
    for crf in _CRFS:
        for folder, table in named:
            target = out / folder.name
            shutil.rmtree(target, ignore_errors=True)
            store = pack_store(folder, target / 'store', layout='mp4', short_side=112, crf=crf).resolve()
            group_splits(str(folder), str(table), store, target / 'lists', SEEDS, 0.25)
            for file in (target / 'lists').glob('*/*.*'):
                write_whole(file, file.read_text(encoding='utf-8').replace(str(store), STORE))
        size = sum(file.stat().st_size for file in out.rglob('*') if file.is_file())
        print(f'{size / 1e6:.1f} MB at crf {crf}', flush=True)
        if size <= limit:
            return size
    raise InputError(f'{out}: {size / 1e6:.1f} MB, more than {limit / 1e6:.0f} MB even at crf {crf}; pack fewer sets')


def _source(text: str) -> tuple[Path, Path]:
    name, _, table = text.partition('=')
    folder = Path(name)
    groups = Path(table) if table else folder / 'groups.csv'
    if folder.name not in SETS or folder.name == MOTION:
        raise InputError(f'--pack {text}: unknown set; the name of the folder is one of {", ".join(SETS)}')
    if not folder.is_dir() or not groups.is_file():
        raise InputError(f'--pack {text}: no such folder, or no {groups}; give FOLDER or FOLDER=GROUPS.csv')
    return folder, groups


def unpack(folder: Path, work: Path) -> list[str]:
    """Write the lists of packed sets for the place where their stores are now.

    Args:
        folder: Folder of :func:`pack`.
        work: Folder to write.

    Returns:
        Names of the sets.

    Raises:
        InputError: If the folder holds no packed set.
    """
    names = sorted(path.parent.name for path in folder.glob('*/lists') if path.parent.name in SETS)
    if not names:
        raise InputError(f'--sets {folder}: no packed set; make one by --pack FOLDER... --out {folder}')
    for name in names:
        shutil.copytree(folder / name / 'lists', work / name / 'lists', dirs_exist_ok=True)
        store = str((folder / name / 'store').resolve())
        for file in (work / name / 'lists').glob('*/*.*'):
            write_whole(file, file.read_text(encoding='utf-8').replace(STORE, store))
    return names


def plan_of(name: str, work: Path, sizes: Sizes) -> Plan:
    """The plan of a set: the recipe at these sizes, on the frames that the study gives the set."""
    content = Config.fromfile(str(RECIPE))
    for phase in content.phases:
        phase.steps = sizes.pretext_steps * phase.steps // content.pretext_steps or 1
    content.evaluations = [
        dict(one, steps={'all': sizes.fine_steps}) for one in content.evaluations if one.name == 'finetune'
    ]
    for init in content.inits:
        init.evaluation_options = {
            key: value for key, value in init.get('evaluation_options', {}).items() if key == 'finetune'
        }
    content.labels.per_class = ('all',)
    clips = SETS[name]
    options: dict[str, Any] = {'all.size': sizes.size, 'finetune.clip_len': clips.clip_len, 'all.precision': 'bfloat16'}
    options |= pretext_options(clips, RECIPE)
    options |= {} if clips.flip else {'all.flip': 0.0}
    options |= {'all.train_dataloader.batch_size': sizes.batch} if sizes.batch < 16 else {}  # a dry run
    lists = str(work / name / ('lists' if name != MOTION else 'motion/lists') / '{seed}')
    plan = make_plan(RECIPE, content, work / name / 'chain', options, seeds=range(sizes.seeds), lists=lists)
    plan.report['title'] = f'{name}: public weights, and pretraining from them'
    return plan


def _work(name: str, work: Path, sizes: Sizes) -> None:
    os.setsid()  # so that the processes of its steps can be ended with it
    run_plan(plan_of(name, work, sizes), jobs=sizes.jobs)


def train(name: str, work: Path, sizes: Sizes, seconds: float) -> dict[str, Any]:
    """Train on a set for so many seconds at most. What is finished then is the result; the rest goes on another time."""
    process = multiprocessing.get_context('spawn').Process(target=_work, args=(name, work, sizes))
    process.start()
    assert process.pid is not None
    try:
        process.join(seconds)
    finally:
        cut = process.is_alive()
        if cut:
            with contextlib.suppress(ProcessLookupError):  # it leads no group yet
                os.killpg(process.pid, signal.SIGKILL)
            process.kill()
            process.join()
    plan = plan_of(name, work, sizes)
    done = {step.row.name for step in plan.steps if step.row is not None and finished_seconds(step.folder) is not None}
    if not done:
        why = (
            f'was finished in {seconds:.0f} s' if cut else f'worked (exit code {process.exitcode}); see the lines above'
        )
        raise RuntimeError(f'no fine-tuning {why}')
    table_so_far(plan)
    table = json.loads((plan.root / 'table.json').read_text(encoding='utf-8'))
    missing = [init.title for init in plan.inits if init.name not in done]
    ended = 'the time' if cut else f'an error, exit code {process.exitcode}' if process.exitcode else ''
    shown = {key: table[key] for key in ('rows', 'columns', 'cells', 'comparisons')}
    return dict(ended=ended, missing=missing, table=shown)


def run(record: Record, sizes: Sizes, work: Path, folder: Path | None) -> None:
    """The chain on each packed set; on a few MotionClips in a dry run without any.

    Raises:
        InputError: If the folder holds no packed set.
    """
    if folder is not None:
        names = unpack(folder, work)
    else:
        names = [MOTION]
        motion_splits(work / MOTION / 'motion', range(sizes.seeds), 2, 1, None)
    for number, name in enumerate(names):
        seconds = (record.left() - 5) / (len(names) - number)
        if record.items.get(name, {}).get('missing'):
            del record.items[name]  # of an earlier start, which ended it before each row had a number
        record.measure(name, lambda name=name, seconds=seconds: train(name, work, sizes, seconds), least=20)
        record.late += [f'{name}: {title}' for title in record.items.get(name, {}).get('missing', ())]
