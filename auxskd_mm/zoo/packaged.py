"""The weights that come with the package: trained on drawn clips, published, tested, and described in a model card."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch

from ..checkpoint_files import PACKAGED, packaged_weights
from ..datasets.motion_clips import MotionClipsSettings, make_motion_clips
from ..errors import InputError
from ..evaluation.pretext.learned import pretext_result, wilson_interval
from ..files import write_whole
from ..recipes.run_recipe import run_recipe
from .metafiles import RESULTS, zoo_files
from .publish import publish_model, without_paths

RECIPE = 'configs/recipes/zoo_motion.py'
WEIGHTS = 'auxskd_mm/zoo/weights'
LARGEST = 5_000_000
# Quantile of the normal distribution for intervals of 95%.
_NORMAL = 1.959964
_ONE_CORE = {
    'all.train_dataloader.num_workers': 0,
    'all.train_dataloader.persistent_workers': False,
    'all.test_dataloader.num_workers': 0,
}


class About(NamedTuple):
    """What only a person can say of packaged weights, for their model card.

    Attributes:
        phase: File of the phase that holds them; '' for its last checkpoint.
        what: Purpose.
        input: Clips that the network takes.
        start: End of the sentence on ``load_from``.
        training: Order of the phases.
        limits: What the weights are not good for.
    """

    phase: str
    what: str
    input: str
    start: str
    training: str
    limits: str


_CLIP = '16 frames of 40 x 40 pixels, RGB in [0, 255]; the config resizes, crops and normalises'
_DRAWN = 'It has seen drawn clips of moving patterns only. On natural video its answers mean little.'
PACKAGED_MODELS = {
    'vspp_motion': About(
        '',
        'A small C3D, pretrained by VSPP: it tells at which of four speeds a quarter of a clip plays, and which quarter.',
        _CLIP,
        '',
        'VSPP in two phases: the speed of whole clips of 8 frames first, then that of a quarter of 16 frames.',
        f'{_DRAWN} It is meant for trying the inferencers, for tests, and as a start for small experiments.',
    ),
    'finetune_motion': About(
        '',
        'A classifier of the ten motions of MotionClips: `vspp_motion`, with all layers fine-tuned.',
        _CLIP.replace('16 frames', '16 of every second frame, twice per video,'),
        '',
        'All layers, from `vspp_motion`.',
        f'{_DRAWN} Its classes are those of MotionClips.',
    ),
    'adapters_motion': About(
        'adapters.pth',
        'Adapters and a head, which make a classifier of the ten motions of the frozen `vspp_motion`.',
        _CLIP.replace('16 frames', '16 of every second frame, twice per video,'),
        ' on top of the same base, which the config loads by itself (`init_cfg`); another base is refused',
        'The adapters and the head, on the frozen `vspp_motion`.',
        f'{_DRAWN} The file holds no base: it works with the packaged `vspp_motion` alone.',
    ),
}


def make_packaged(root: Path, work_dir: Path, seed: int = 0) -> list[str]:
    """Draw the clips, train all packaged weights, publish and test them, and write cards and metafiles.

    Finished steps are kept, so a run that was cut off goes on.

    Args:
        root: Folder of the repository.
        work_dir: Folder for clips and trainings. A relative path is relative to ``root``, as in the protocols.
        seed: Random seed.

    Returns:
        The files that were written, relative to ``root``.

    Raises:
        InputError: If a network is not better than the best constant answer, or a file is too large. Nothing is published
            then.
    """
    clips = work_dir / 'clips'
    make_motion_clips(root / clips, MotionClipsSettings(), workers=1, progress=True)
    # Relative paths in checkpoints and protocols name no machine.
    before = Path.cwd()
    os.chdir(root)
    try:
        options = {'all.data_root': str(clips), **_ONE_CORE}
        states = run_recipe(RECIPE, work_dir / 'runs', options, seed=seed, jobs=1)['phases']
        phases = {state['name']: state for state in states}
        for name in PACKAGED_MODELS:
            check_learned(name, phases[name]['test'], clips / 'test.txt')
        written = [str(publish(name, phases[name])) for name in PACKAGED_MODELS]
        for name in PACKAGED_MODELS:
            protocol = run_test(name, work_dir, clips)
            card = write_card(name, protocol, phases, clips, seed)
            written += [str(protocol), str(card)]
        for path, text in zoo_files(Path()).items():
            if not Path(path).is_file() or Path(path).read_text(encoding='utf-8') != text:
                write_whole(Path(path), text)
                written.append(path)
    finally:
        os.chdir(before)
    return written


def answers(result: Mapping[str, Any], test_list: Path) -> list[dict[str, Any]]:
    """Accuracy of each task of a test, beside its interval and the best constant answer.

    Args:
        result: What ``tools/test.py`` measured: a pretext task, or the accuracy of a classifier.
        test_list: List of the test clips with their labels.

    Returns:
        ``name``, ``score``, ``interval`` (95%) and ``constant`` of each task.
    """
    tested = pretext_result(result)
    if tested is not None:
        return [
            dict(name=name, score=own['score'], interval=tuple(own['interval']), constant=own['best_constant'])
            for name, own in tested.tasks.items()
        ]
    labels = Counter(line.split()[-1] for line in test_list.read_text(encoding='utf-8').splitlines() if line.strip())
    count, score = sum(labels.values()), float(result['acc/top1'])
    interval = wilson_interval(score, count, _NORMAL)
    return [dict(name='class', score=score, interval=interval, constant=max(labels.values()) / count)]


def check_learned(name: str, result: Mapping[str, Any], test_list: Path) -> None:
    """Refuse weights of which a task is not better than the best constant answer, by the whole 95% interval.

    Args:
        name: Name of the weights.
        result: See :func:`answers`.
        test_list: See :func:`answers`.

    Raises:
        InputError: For the first such task.
    """
    for task in answers(result, test_list):
        if task['interval'][0] <= task['constant']:
            raise InputError(
                f'{name}: not published, because its {task["name"]} has {100 * task["score"]:.1f}% (95% interval from '
                f'{100 * task["interval"][0]:.1f}), and the best constant answer {100 * task["constant"]:.1f}%'
            )


def publish(name: str, phase: Mapping[str, Any]) -> Path:
    """Publish the weights of a phase, in place of those that the package has under this name.

    Raises:
        InputError: If the file is larger than 5 MB.
    """
    checkpoint = Path(phase['checkpoint'])
    source = checkpoint.with_name(PACKAGED_MODELS[name].phase or checkpoint.name)
    made = publish_model(source, Path(WEIGHTS, f'{name}.pth'), part='model')
    size = made.stat().st_size
    if size > LARGEST:
        made.unlink()
        raise InputError(f'{name}: {size:,} bytes, expected at most {LARGEST:,}')
    for other in Path(WEIGHTS).glob(f'{name}-*.pth'):
        if other.name != made.name:
            other.unlink()
    return made


def run_test(name: str, work_dir: Path, clips: Path) -> Path:
    """Test the published file with ``tools/test.py``, and keep what it writes as the result of the zoo.

    Raises:
        InputError: If the test fails.
    """
    folder = work_dir / 'tests' / name
    words = [
        'tools/test.py',
        f'configs/demo/{name}.py',
        f'{PACKAGED}{packaged_weights()[name].name}',
        '--work-dir',
        str(folder),
    ]
    options = [f'data_root={clips}', 'test_dataloader.num_workers=0']
    done = subprocess.run([sys.executable, *words, '--cfg-options', *options])
    if done.returncode:
        raise InputError(f'{name}: its test ended with exit code {done.returncode}')
    newest = max(folder.glob('*/*.protocol.json'), key=lambda path: path.stat().st_mtime)
    content = without_paths(json.loads(newest.read_text(encoding='utf-8')))
    return write_whole(Path(RESULTS, f'{name}--motion_clips.protocol.json'), json.dumps(content, indent=1) + '\n')


def write_card(name: str, protocol_file: Path, phases: Mapping[str, Mapping[str, Any]], clips: Path, seed: int) -> Path:
    """Write the model card of packaged weights from the protocol of their test.

    Args:
        name: Name of the weights.
        protocol_file: Protocol with the result.
        phases: States of the recipe's phases by name.
        clips: Folder of the clips.
        seed: Seed of the trainings.
    """
    from jinja2 import Environment, FileSystemLoader

    content = json.loads(protocol_file.read_text(encoding='utf-8'))
    path = packaged_weights()[name]
    state = torch.load(path, weights_only=True)['state_dict']
    # vspp_motion has two phases, and the others start from it.
    own = [phases[one] for one in (['vspp_whole', name] if name == 'vspp_motion' else [name])]
    tasks = [
        dict(
            name=task['name'],
            score=f'{100 * task["score"]:.1f}%',
            interval=f'{100 * task["interval"][0]:.1f} to {100 * task["interval"][1]:.1f}',
            constant=f'{100 * task["constant"]:.1f}%',
        )
        for task in answers(content['result'], clips / 'test.txt')
    ]
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), trim_blocks=True, keep_trailing_newline=True
    )
    text = environment.get_template('card.md.j2').render(
        name=name,
        about=PACKAGED_MODELS[name],
        config=f'configs/demo/{name}.py',
        protocol=content['protocol'],
        protocol_file=f'../../../{protocol_file.as_posix()}',
        numbers=sum(value.numel() for value in state.values()),
        file=path.name,
        address=f'{PACKAGED}{name}',
        megabytes=path.stat().st_size / 1e6,
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        steps=sum(int(one['train']['step']) for one in own),
        minutes=round(sum(float(one['seconds']) for one in own) / 60),
        train=_lines(clips / 'train.txt'),
        videos=_lines(clips / 'test.txt'),
        tasks=tasks,
        seed=seed,
    )
    return write_whole(Path(WEIGHTS, f'{name}.md'), text)


def _lines(path: Path) -> int:
    return len([line for line in path.read_text(encoding='utf-8').splitlines() if line.strip()])
