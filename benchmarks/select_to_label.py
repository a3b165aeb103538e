"""Accuracy at equal labels: videos chosen by tools/select_to_label.py against videos drawn at random.

    python benchmarks/select_to_label.py --features features.npz           # of tools/extract_features.py, with labels
    python benchmarks/select_to_label.py --store-lists LISTS               # train.txt, test.txt (and groups.csv) on a store of maps
    python benchmarks/select_to_label.py --motion-clips 60 --keep DIR      # draws MotionClips, and extracts their features

The labels are hidden from the choice. In each of many splits, a share of the videos (whole groups, where they are known) is
held out. Of the others, each strategy chooses videos; a linear probe learns from their labels alone and is tested on the
held-out part. Random choice is drawn several times per split and averaged. The table has the accuracy of each strategy, and
its difference to random choice with the 95 % interval over the splits, paired by split. The splits share videos, so the
intervals hold for this set of videos and not for new sets.
"""

from __future__ import annotations

import argparse
import csv
import time
from pathlib import Path
from typing import Any

import numpy as np
from machine import machine
from sklearn.linear_model import RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from auxskd_mm.datasets.stores.features import open_stored_features
from auxskd_mm.evaluation.feature_bank import FeatureBank
from auxskd_mm.evaluation.label_choice import choose_to_label
from auxskd_mm.recipes.tables.intervals import interval

ROOT = Path(__file__).resolve().parents[1]
STRATEGIES = ('typical', 'diverse', 'typical, then uncertain')
RIDGE = 10.0


def pooled(path: str, parts: int = 4) -> np.ndarray:
    """Mean over space of the stored maps in each quarter of a video, side by side: float32 (parts * C,)."""
    maps = open_stored_features(path).maps[:, 0].astype(np.float32).mean((2, 3))
    edges = np.linspace(0, len(maps), parts + 1).round().astype(int)
    return np.concatenate([maps[a : max(b, a + 1)].mean(0) for a, b in zip(edges, edges[1:])])


def bank_of_lists(folder: Path, kept: Path) -> tuple[FeatureBank, np.ndarray | None]:
    """Features of the videos of train.txt and test.txt, and their groups if there is a groups.csv."""
    rows = [line.rsplit(' ', 1) for name in ('train', 'test') for line in (folder / f'{name}.txt').open()]
    names = [name for name, _ in rows]
    if not kept.exists():
        features = np.stack([pooled(name) for name in names])
        labels = np.array([int(label) for _, label in rows])
        FeatureBank(features, labels, names, dict(pooling='mean over space in each quarter')).save(kept)
    bank = FeatureBank.load(kept)
    table = folder / 'groups.csv'
    if not table.exists():
        return bank, None
    with table.open(newline='') as file:
        group_of = {row['path']: row['group'] for row in csv.DictReader(file)}
    every = sorted({group_of.get(name, name) for name in names})
    return bank, np.array([every.index(group_of.get(name, name)) for name in names])


def motion_bank(folder: Path, per_class: int, config: str, checkpoint: str | None) -> FeatureBank:
    """Features of MotionClips, extracted once."""
    from auxskd_mm.apis.extract_features import extract_features
    from auxskd_mm.datasets.motion_clips import MotionClipsSettings, make_motion_clips

    kept = folder / 'features.npz'
    if not kept.exists():
        make_motion_clips(folder / 'clips', MotionClipsSettings(train=per_class, val=0, test=0, seed=1), workers=1)
        source = str(folder / 'clips' / 'train.txt')
        extract_features(
            config, checkpoint, source, num_clips=2, pooling='time', data_prefix=str(folder / 'clips'), num_workers=0
        ).save(kept)
    return FeatureBank.load(kept)


def divide(generator: np.random.Generator, groups: np.ndarray, share: float) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the pool and of the test part, no group in both."""
    order = generator.permutation(np.unique(groups))
    test = np.isin(groups, order[: max(1, round(share * len(order)))])
    return np.flatnonzero(~test), np.flatnonzero(test)


def probe(bank: FeatureBank, chosen: np.ndarray) -> Any:
    """A ridge classifier (in closed form, since there are thousands of them) on the labels of the chosen rows."""
    return make_pipeline(StandardScaler(), RidgeClassifier(RIDGE)).fit(bank.features[chosen], bank.labels[chosen])


def accuracy(bank: FeatureBank, chosen: np.ndarray, test: np.ndarray) -> float:
    """Accuracy of a linear probe on the labels of the chosen rows. One class alone is predicted as it is."""
    if len(set(bank.labels[chosen].tolist())) < 2:
        return float((bank.labels[test] == bank.labels[chosen[0]]).mean())
    return float(probe(bank, chosen).score(bank.features[test], bank.labels[test]))


def choose(bank: FeatureBank, pool: np.ndarray, count: int, strategy: str, seed: int) -> np.ndarray:
    """Rows that a strategy chooses. It sees labels of its own choice only, as a user who labels in two rounds."""
    features = bank.features[pool]
    if strategy != 'typical, then uncertain':
        return pool[[pick.row for pick in choose_to_label(features, count, strategy, seed=seed)]]
    first = [pick.row for pick in choose_to_label(features, (count + 1) // 2, 'typical', seed=seed)]
    labels = bank.labels[pool][first]
    if len(set(labels.tolist())) < 3:
        return pool[[pick.row for pick in choose_to_label(features, count, 'typical', seed=seed)]]
    table = probe(bank, pool[first]).decision_function(features)
    rest = choose_to_label(features, count - len(first), 'uncertain', labelled=first, probabilities=table)
    return pool[[*first, *(pick.row for pick in rest)]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument('--features', help='.npz with labels')
    source.add_argument(
        '--store-lists', type=Path, help='folder with train.txt and test.txt whose videos are in a store of maps'
    )
    source.add_argument('--motion-clips', type=int, metavar='N', help='draw N clips per class')
    parser.add_argument(
        '--keep',
        type=Path,
        default=Path('work_dirs/select_to_label'),
        help='folder for the features, and for MotionClips',
    )
    parser.add_argument('--config', default=str(ROOT / 'configs' / 'demo' / 'probe_motion.py'), help='for MotionClips')
    parser.add_argument('--checkpoint', help='for MotionClips; default: random weights')
    parser.add_argument('--counts', type=int, nargs='+', default=[10, 20, 40, 80], help='labels')
    parser.add_argument('--splits', type=int, default=40)
    parser.add_argument('--random', type=int, default=5, help='random choices per split')
    parser.add_argument('--test-share', type=float, default=0.3)
    args = parser.parse_args()
    groups = None
    if args.store_lists:
        bank, groups = bank_of_lists(args.store_lists, args.keep / 'features.npz')
    elif args.features:
        bank = FeatureBank.load(args.features)
    else:
        bank = motion_bank(args.keep, args.motion_clips, args.config, args.checkpoint)
    bank.require_labels('features')
    groups = np.arange(len(bank)) if groups is None else groups
    began = time.perf_counter()
    print(
        f'{machine()}\n\n{len(bank)} videos, {len(set(bank.labels.tolist()))} classes, {len(set(groups.tolist()))} groups; '
        f'{bank.features.shape[1]} features; {args.splits} splits, {args.random} random choices in each\n'
    )
    print('| labels | all labels | random | ' + ' | '.join(f'{name} | difference' for name in STRATEGIES) + ' |')
    print('|---|---|---' + '|---|---' * len(STRATEGIES) + '|')
    splits = [divide(np.random.default_rng([7, i]), groups, args.test_share) for i in range(args.splits)]
    whole = np.array([accuracy(bank, pool, test) for pool, test in splits])
    for count in args.counts:
        results: dict[str, list[float]] = {name: [] for name in ('random', *STRATEGIES)}
        for i, (pool, test) in enumerate(splits):
            draws = [
                accuracy(bank, choose(bank, pool, count, 'random', 1000 * i + r), test) for r in range(args.random)
            ]
            results['random'].append(float(np.mean(draws)))
            for name in STRATEGIES:
                results[name].append(accuracy(bank, choose(bank, pool, count, name, i), test))
        base = np.array(results['random'])
        cells = [f'{count}', f'{100 * whole.mean():.1f}', f'{100 * base.mean():.1f}']
        for name in STRATEGIES:
            values = np.array(results[name])
            cells += [f'{100 * values.mean():.1f}', interval((values - base).tolist()).text(signed=True)]
        print('| ' + ' | '.join(cells) + ' |', flush=True)
    print(f'\n{time.perf_counter() - began:.0f} s')


if __name__ == '__main__':
    main()
