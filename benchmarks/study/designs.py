"""The tables of the study: which cells each consists of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cells import Cell
from data import BUDGETS, part_of, scene_split

from auxskd_mm.recipes.tables.label_draws import draw_list

# Steps of a whole pretraining, whatever its phases: with the auxiliary phase, the primary one gets what is left.
TOTAL, AUX = 480, 120
# Of the auxiliary phase, chosen on seed 0 among 3e-4 and 1e-3: after the larger one VSPP stayed at chance (table `schedule`).
AUX_LR = 3e-4
LR = 'optim_wrapper.optimizer.lr'
# Steps of fine-tuning by labels per class; 0 is all labels. Real clips need longer.
FINE_TUNE = {1: 40, 5: 60, 20: 80, 0: 160}
REAL_FINE_TUNE = 240
CLIP, SEGMENTS = 8, 2
METHODS = dict(vspp='VSPP', pace='VideoPace', vcop='VCOP', rspnet='RSPNet')
TABLES = ('motion', 'real', 'shift', 'pool', 'ablation', 'schedule', 'shortcuts', 'backbone', 'regression')


@dataclass(frozen=True)
class Clips:
    """Clips for pretraining and for measurements.

    Attributes:
        key: First part of the cells' names.
        train: Store or list of the clips for pretraining.
        test: Store or list of the clips for pretext tests.
        labels: Lists of labelled training clips, by the number of labels per class.
        queries: List of labelled test clips.
        classes: Number of classes.
        crop: Side of the crops in pixels.
    """

    key: str
    train: str
    test: str
    labels: dict[int, str]
    queries: str
    classes: int
    crop: int


def motion(root: Path, seed: int) -> Clips:
    """Return MotionClips with the small sets of labels that a seed draws."""
    stores = root / 'stores'
    full, lists = stores / 'train_labels.txt', root / 'lists' / f'motion{seed}'
    labels = {n: str(draw_list(full, lists / f'{n}.txt', n, seed)) for n in BUDGETS}
    queries = str(stores / 'test_labels.txt')
    return Clips('motion', str(stores / 'train'), str(stores / 'test'), {**labels, 0: str(full)}, queries, 10, 32)


def real(root: Path, seed: int, tennis: str, table: str) -> Clips:
    """Tennis clips split by scene group, the pool of that split with all skateboard clips."""
    lists = scene_split(root, tennis, table, seed)
    train, test = lists / 'pool_store.txt', lists / 'test_tennis.txt'
    labels = {0: str(lists / 'train_labels.txt')}
    return Clips('real', str(train), str(test), labels, str(lists / 'test_labels.txt'), 7, 48)


def pretrain(
    clips: Clips,
    row: str,
    method: str,
    seed: int,
    steps: int,
    init: str | None = None,
    options: dict[str, Any] | None = None,
) -> Cell:
    """One phase of a pretraining."""
    chosen: dict[str, Any] = {
        'train_dataloader.dataset.source': clips.train,
        'crop': clips.crop,
        'sample.clip_len': CLIP,
    }
    if method in ('vspp', 'auxskd'):
        chosen['sample.num_segments'] = SEGMENTS
    if method == 'auxskd':
        chosen['model.queue_size'] = 256
        chosen[LR] = AUX_LR
    chosen['test_dataloader.dataset.source'] = clips.test
    chosen['test_dataloader.dataset.repeat'] = 1
    name = f'{clips.key}/{row}/{seed}/{method}'
    return Cell(name, f'demo/{method}_motion.py', {**chosen, **(options or {})}, seed, steps, init)


def frozen(clips: Clips, row: str, seed: int, init: str | None, still: bool = False) -> Cell:
    """k-NN, linear probe and retrieval."""
    where = 'test_dataloader.dataset'
    options = {
        f'{where}.common.data_root': '',
        f'{where}.gallery.ann_file': clips.labels[0],
        f'{where}.query.ann_file': clips.queries,
        'clip_len': CLIP,
        'num_clips': 1,
        'crop': clips.crop,
    }
    name = f'{clips.key}/{row}/{seed}/frozen'
    return Cell(name, 'demo/probe_motion.py', options, seed, init=init, still=still, labels=clips.labels)


def fine_tunings(clips: Clips, row: str, seed: int, init: str | None, still: bool = False) -> list[Cell]:
    """Fine-tuning with each number of labels."""
    made = []
    for budget, path in clips.labels.items():
        options = {
            'train_dataloader.dataset.data_root': '',
            'train_dataloader.dataset.ann_file': path,
            'test_dataloader.dataset.data_root': '',
            'test_dataloader.dataset.ann_file': clips.queries,
            'crop': clips.crop,
            'clip_len': CLIP,
            'num_classes': clips.classes,
        }
        name = f'{clips.key}/{row}/{seed}/finetune{budget}'
        steps = REAL_FINE_TUNE if clips.key == 'real' else FINE_TUNE[budget]
        made.append(Cell(name, 'demo/finetune_motion.py', options, seed, steps, init, still))
    return made


def chain(
    clips: Clips,
    row: str,
    method: str,
    seed: int,
    aux: dict[str, Any] | None = None,
    primary: dict[str, Any] | None = None,
    both: dict[str, Any] | None = None,
    steps: tuple[int, int] = (AUX, TOTAL - AUX),
) -> list[Cell]:
    """Make the cells of an auxiliary phase, a primary phase and a measurement of the features.

    Args:
        aux: Options of only the auxiliary phase.
        primary: Options of only the primary phase.
        both: Options of the samplers of both phases.
        steps: Numbers of steps of the two phases.
    """
    first = pretrain(clips, row, 'auxskd', seed, steps[0], options={**(both or {}), **(aux or {})})
    second = pretrain(clips, row, method, seed, steps[1], first.name, options={**(both or {}), **(primary or {})})
    return [first, second, frozen(clips, row, seed, second.name)]


def motion_table(root: Path, seeds: Sequence[int]) -> list[Cell]:
    """Every method alone and after auxSKD, with equal steps, by labels per class."""
    made = []
    for seed in seeds:
        clips = motion(root, seed)
        shared = pretrain(clips, 'aux_first', 'auxskd', seed, AUX)  # one auxiliary phase for all that come after it
        alone = pretrain(clips, 'auxskd', 'auxskd', seed, TOTAL)
        rows: list[tuple[str, str | None]] = [('scratch', None), ('auxskd', alone.name)]
        made += [shared, alone]
        for method in METHODS:
            single = pretrain(clips, method, method, seed, TOTAL)
            after = pretrain(clips, f'auxskd_{method}', method, seed, TOTAL - AUX, shared.name)
            made += [single, after]
            rows += [(method, single.name), (f'auxskd_{method}', after.name)]
        for row, init in rows:
            made += [frozen(clips, row, seed, init), *fine_tunings(clips, row, seed, init)]
    return made


def real_table(root: Path, seeds: Sequence[int], tennis: str, table: str) -> list[Cell]:
    """Tennis clips of unseen scenes; the seed is the split."""
    made = []
    for seed in seeds:
        clips = real(root, seed, tennis, table)
        shared = pretrain(clips, 'aux_first', 'auxskd', seed, AUX)
        single = pretrain(clips, 'vspp', 'vspp', seed, TOTAL)
        after = pretrain(clips, 'auxskd_vspp', 'vspp', seed, TOTAL - AUX, shared.name)
        made += [shared, single, after]
        rows = [('scratch', None), ('vspp', single.name), ('auxskd_vspp', after.name)]
        for row, init in rows:
            made += [frozen(clips, row, seed, init), *fine_tunings(clips, row, seed, init)]
        # How much of it single frames show.
        made += [
            frozen(clips, 'scratch_still', seed, None, True),
            *fine_tunings(clips, 'scratch_still', seed, None, True),
        ]
        made.append(frozen(clips, 'auxskd_vspp_still', seed, after.name, True))
    return made


def shift_table(root: Path, seeds: Sequence[int], tennis: str, table: str) -> list[Cell]:
    """Weights of one set of clips on the other; needs the cells of ``motion`` and ``real``."""
    made = []
    for seed in seeds:
        sets = dict(motion=motion(root, seed), real=real(root, seed, tennis, table))
        for source, target in (('motion', 'real'), ('real', 'motion')):
            clips = sets[target]
            only_all = replace(clips, labels={0: clips.labels[0]})
            for row in ('vspp', 'auxskd_vspp'):
                init, name = f'{source}/{row}/{seed}/vspp', f'from_{source}_{row}'
                made += [frozen(only_all, name, seed, init), *fine_tunings(only_all, name, seed, init)]
    return made


def pool_table(root: Path, seeds: Sequence[int]) -> list[Cell]:
    """A tenth and a third of the clips to pretrain on; all of them are in ``motion``."""
    made = []
    for seed in seeds:
        full = motion(root, seed)
        for percent in (10, 30):
            out = root / 'lists' / f'motion{seed}' / f'pool{percent}.txt'
            source = part_of(root / 'stores' / 'train', out, percent / 100, seed)
            clips = replace(full, key=f'pool{percent}', train=str(source))
            single = pretrain(clips, 'vspp', 'vspp', seed, TOTAL)
            made += [single, frozen(clips, 'vspp', seed, single.name)]
            made += chain(clips, 'auxskd_vspp', 'vspp', seed)
    return made


LOSS = 'auxskd_mm.SimilarityDistillationLoss'
INPUT = 'model.data_preprocessor'
RAW: dict[str, Any] = {f'{INPUT}.mean': None, f'{INPUT}.std': None, f'{INPUT}.to_rgb': True}
# One change at a time to auxSKD, then VSPP: options of the auxiliary phase, of the primary one, and of both samplers.
ABLATIONS: dict[str, tuple[str, dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    'queue64': ('queue of 64 anchors, not 256', {'model.queue_size': 64}, {}, {}),
    'queue1024': ('queue of 1,024 anchors, more than clips', {'model.queue_size': 1024}, {}, {}),
    'queue_columns': ('queue starts as in the original, anchors too short', {'model.queue_init': 'columns'}, {}, {}),
    'teacher_soft': (
        'teacher temperature 0.1, not 0.02',
        {'model.loss': dict(type=LOSS, teacher_temperature=0.1)},
        {},
        {},
    ),
    'student_sharp': (
        'student temperature 0.05, not 0.1',
        {'model.loss': dict(type=LOSS, student_temperature=0.05)},
        {},
        {},
    ),
    'momentum09': ('momentum 0.9, not 0.99', {'momentum': 0.9}, {}, {}),
    'momentum0999': ('momentum 0.999', {'momentum': 0.999}, {}, {}),
    'linear_predictor': ('predictor without hidden layer', {'model.predictor.hidden_channels': None}, {}, {}),
    'jitter_frames': ('jitter of each frame, not of the clip', {'jitter.clip_consistent': False}, {}, {}),
    'segments4': (
        'four segments of two frames, not two of four',
        {},
        {},
        {'sample.num_segments': 4},
    ),
    'paces4': ('speeds 1, 2, 3, 4, not 1, 2, 4, 8', {}, {}, {'sample.speeds': (1, 2, 3, 4)}),
    'disjoint': ('segments that share no frame (original: one)', {}, {}, {'sample.disjoint': True}),
    'faithful': ("starts of the original's, which wrap", {}, {}, {'sample.mode': 'faithful'}),
    'early_wrap': (
        "the same with auxSKD's early wrap",
        {'sample.lookahead': 3},
        {},
        {'sample.mode': 'faithful'},
    ),
    'bgr255': ('BGR in 0 to 255, not RGB in -2 to 2', RAW, RAW, {}),
    'faithful_recipe': (
        'all of the faithful recipe together',
        {
            **RAW,
            'jitter.clip_consistent': False,
            'model.queue_init': 'columns',
            'momentum': 0.999,
            'sample.lookahead': 3,
        },
        RAW,
        {'sample.mode': 'faithful'},
    ),
}


def ablation_table(root: Path, seeds: Sequence[int]) -> list[Cell]:
    """One change at a time; the unchanged chain is in ``motion``."""
    made = []
    for seed in seeds:
        clips = replace(motion(root, seed), key='ablation')
        for row, (_, aux, primary, both) in ABLATIONS.items():
            *phases, measured = chain(clips, row, 'vspp', seed, aux, primary, both)
            if primary == RAW:  # features are taken with the input that the weights are used to
                measured = replace(measured, options={**measured.options, **RAW})
            made += [*phases, measured]
    return made


SCHEDULES: dict[str, tuple[str, dict[str, Any], int]] = {
    'lr1e-4': ('learning rate 1e-4, not 3e-4', {LR: 1e-4}, AUX),
    'lr1e-3': ('learning rate 1e-3', {LR: 1e-3}, AUX),
    'batch64': ('batch of 64, not 16', {'train_dataloader.batch_size': 64}, AUX),
    'long': ('480 steps, not 120', {}, TOTAL),
    'long_cool': (
        '480 steps, teacher temperature 0.1 and momentum 0.9',
        {'model.loss': dict(type=LOSS, teacher_temperature=0.1), 'momentum': 0.9},
        TOTAL,
    ),
}


def schedule_table(root: Path, seeds: Sequence[int]) -> list[Cell]:
    """The auxiliary phase trained otherwise, before the same VSPP."""
    made = []
    for seed in seeds:
        clips = replace(motion(root, seed), key='schedule')
        for row, (_, aux, steps) in SCHEDULES.items():
            first, *rest = chain(clips, row, 'vspp', seed, aux, steps=(steps, TOTAL - AUX))
            made += [first, frozen(clips, f'{row}_alone', seed, first.name), *rest]
    return made


def shortcut_table(root: Path, seeds: Sequence[int], tennis: str, table: str) -> list[Cell]:
    """VSPP's pretext accuracy on clips that should and should not change it; weights of ``motion``, ``real``, ``ablation``."""
    made = []
    for seed in seeds:
        for clips in (motion(root, seed), real(root, seed, tennis, table)):
            coarse = (
                clips.test.replace('test_tennis', 'test_tennis_coarse')
                if clips.key == 'real'
                else f'{clips.test}_coarse'
            )
            for row in ('vspp', 'auxskd_vspp'):
                init = f'{clips.key}/{row}/{seed}/vspp'
                plain = pretrain(clips, row, 'vspp', seed, 0, init)
                wraps = {'sample.mode': 'faithful'}
                tests: dict[str, tuple[dict[str, Any], bool]] = dict(
                    still=({}, True), coarse=({'test_dataloader.dataset.source': coarse}, False), wraps=(wraps, False)
                )
                for name, (options, still) in tests.items():
                    where = f'shortcuts/{clips.key}_{row}/{seed}/{name}'
                    made.append(Cell(where, plain.config, {**plain.options, **options}, seed, 0, init, still))
    return made


WHOLE = {'sample.num_segments': 1}
R21D = {'model.backbone.type': 'auxskd_mm.R2Plus1DVCOP'}
BACKBONES: dict[str, tuple[str, dict[str, Any]]] = {
    'c3d': ('C3D, learning rate 1e-3', {}),
    'r21d': ('R(2+1)D, learning rate 1e-3', R21D),
    'r21d_fast': ('R(2+1)D, learning rate 4e-3', {**R21D, LR: 4e-3}),
}


def backbone_table(root: Path, seeds: Sequence[int]) -> list[Cell]:
    """Which small network learns the pace of whole clips, the easiest task here, in the study's steps."""
    made = []
    for seed in seeds:
        clips = replace(motion(root, seed), key='backbone')
        for row, (_, options) in BACKBONES.items():
            made.append(pretrain(clips, row, 'vspp', seed, TOTAL, options={**WHOLE, **options}))
    return made


def cells_of(table: str, root: Path, seeds: Sequence[int], tennis: str, groups: str) -> list[Cell]:
    """All cells of a table, in the order in which they can run."""
    simple = dict(
        motion=motion_table, pool=pool_table, ablation=ablation_table, schedule=schedule_table, backbone=backbone_table
    )
    if table in simple:
        return simple[table](root, seeds)
    return dict(real=real_table, shift=shift_table, shortcuts=shortcut_table)[table](root, seeds, tennis, groups)
